/* The child of a vfork shares our memory and stack until exec: it only calls async-signal-safe functions, writes
 * nothing but its own locals and one error word, and blocks all signals meanwhile so that no handler of ours runs in
 * it. Descriptors are first lifted above every target, then put into place, then the rest is closed. */
#include "sys/spawn.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define MAX_FDS 64

extern char **environ;

static int place_fds(const struct spawn_args *a)
{
	int lifted[MAX_FDS], highest = 2;

	for (size_t i = 0; i < a->n_fds; i++)
		if (a->fds[i].to > highest)
			highest = a->fds[i].to;
	if (a->exec_fd > highest)
		highest = a->exec_fd;
	for (size_t i = 0; i < a->n_fds; i++) {
		int fd = a->fds[i].from;

		lifted[i] = fd < 0 ? open("/dev/null", O_RDWR | O_CLOEXEC) : fd;
		if (lifted[i] >= 0)
			lifted[i] = fcntl(lifted[i], F_DUPFD_CLOEXEC, highest + 1);
		if (lifted[i] < 0)
			return -errno;
	}
	for (int std = 0; std <= 2; std++) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		if (null < 0 || (null != std && dup2(null, std) < 0))
			return -errno;
		if (null == std && fcntl(std, F_SETFD, 0) < 0)
			return -errno;
	}
	/* everything not placed below vanishes at exec */
	if (syscall(SYS_close_range, 3U, ~0U, 1U << 2 /* CLOSE_RANGE_CLOEXEC */) < 0)
		return -errno;
	for (size_t i = 0; i < a->n_fds; i++)
		if (dup2(lifted[i], a->fds[i].to) < 0)
			return -errno;
	return 0;
}

static void reset_signals(void)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		(void)sigaction(sig, &dfl, NULL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* In the child: gives only on failure. */
static int become(const struct spawn_args *a)
{
	char *const *argv = (char *const *)(uintptr_t)a->argv;
	char *const *env = a->env ? (char *const *)(uintptr_t)a->env : environ;
	int r;

	if (a->new_session && setsid() < 0)
		return -errno;
	if (a->death_signal && prctl(PR_SET_PDEATHSIG, (unsigned long)a->death_signal) < 0)
		return -errno;
	if (a->chdir && chdir(a->chdir) < 0)
		return -errno;
	r = place_fds(a);
	if (r < 0)
		return r;
	reset_signals();
	if (a->exec_fd > 0)
		(void)syscall(SYS_execveat, a->exec_fd, "", argv, env, AT_EMPTY_PATH);
	else if (strchr(a->path, '/'))
		(void)execve(a->path, argv, env);
	else
		(void)execvpe(a->path, argv, env);
	return -errno;
}

int spawn(const struct spawn_args *args, pid_t *pid, int *pidfd)
{
	volatile int failed = 0;
	sigset_t all, old;
	pid_t child;
	int fd;

	if (args->n_fds > MAX_FDS)
		return -E2BIG;
	sigfillset(&all);
	if (sigprocmask(SIG_BLOCK, &all, &old) < 0)
		return -errno;
	child = vfork();
	if (child == 0) {
		failed = become(args);
		_exit(127);
	}
	if (child < 0)
		failed = -errno;
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	if (child > 0 && failed)
		(void)waitpid(child, NULL, 0);
	if (failed)
		return failed;
	fd = (int)syscall(SYS_pidfd_open, child, 0U);
	if (fd < 0)
		return -errno;
	*pid = child;
	*pidfd = fd;
	return 0;
}

int spawn_wait(int pidfd, int timeout_ms, int *status)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	siginfo_t info = { 0 };
	int r;

	do
		r = poll(&p, 1, timeout_ms);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	if (r == 0)
		return -ETIMEDOUT;
	if (waitid(3 /* P_PIDFD */, (id_t)pidfd, &info, WEXITED) < 0)
		return -errno;
	*status = info.si_code == CLD_EXITED ? info.si_status << 8 : info.si_status;
	return 0;
}

pid_t spawn_fork(int *pidfd)
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid > 0 && pidfd) {
		int fd = (int)syscall(SYS_pidfd_open, pid, 0U);

		if (fd < 0)
			return -errno;
		*pidfd = fd;
	}
	return pid;
}
