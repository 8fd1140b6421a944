/* The child of a vfork shares our memory and stack until exec: it only calls async-signal-safe functions, writes
 * nothing but its own locals and one error word, and blocks all signals meanwhile so that no handler of ours runs in
 * it. Descriptors, the program's own among them, are first lifted above every target, then put into place, then the
 * rest is closed.
 *
 * To be born in a cgroup takes clone3, which has no vfork that C could call (the child would return on our stack). A
 * copy of the memory then has to do, with the error word in a page that both share; it costs 0.1 ms where moving the
 * finished process would cost a grace period of the kernel, 8-12 ms. */
#include "sys/spawn.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/io.h"
#include "sys/kernel.h"
#include "sys/ns.h"
#include "sys/signals.h"

#define MAX_FDS 320 /* three times as many are open in the child for a moment, of 1024 */

extern char **environ;

/* *exec_fd: where the program's descriptor is afterwards. */
static int place_fds(const struct spawn_args *a, int *exec_fd)
{
	int lifted[MAX_FDS], highest = 2;

	for (size_t i = 0; i < a->n_fds; i++)
		if (a->fds[i].to > highest)
			highest = a->fds[i].to;
	if (a->exec_fd > 0) {
		*exec_fd = fcntl(a->exec_fd, F_DUPFD_CLOEXEC, highest + 1);
		if (*exec_fd < 0)
			return -errno;
	}
	for (size_t i = 0; i < a->n_fds; i++) {
		int fd = a->fds[i].from;

		lifted[i] = fd < 0 ? openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC) : fd;
		if (lifted[i] >= 0)
			lifted[i] = fcntl(lifted[i], F_DUPFD_CLOEXEC, highest + 1);
		if (lifted[i] < 0)
			return -errno;
	}
	for (int std = 0; std <= 2; std++) {
		int null = openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC);

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

/* In the child: gives only on failure. */
static int become(const struct spawn_args *a, pid_t parent)
{
	char *const *argv = (char *const *)(uintptr_t)a->argv;
	char *const *env = a->env ? (char *const *)(uintptr_t)a->env : environ;
	int r, exec_fd = -1;

	if (a->new_session && setsid() < 0)
		return -errno;
	if (a->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) < 0)
		return -errno;
	if (a->death_signal && prctl(PR_SET_PDEATHSIG, (unsigned long)a->death_signal) < 0)
		return -errno;
	/* a parent killed before that call signals nothing any more (0: it is outside our pid namespace) */
	if (a->death_signal && getppid() != parent && getppid() != 0)
		return -ESRCH;
	if (a->mount_ns > 0 && setns(a->mount_ns, CLONE_NEWNS) < 0)
		return -errno;
	if (a->chdir && chdir(a->chdir) < 0)
		return -errno;
	r = place_fds(a, &exec_fd);
	if (r < 0)
		return r;
	r = signals_reset();
	if (r < 0)
		return r;
	if (a->exec_fd > 0)
		(void)syscall(SYS_execveat, exec_fd, "", argv, env, AT_EMPTY_PATH);
	else if (strchr(a->path, '/'))
		(void)execve(a->path, argv, env);
	else
		(void)execvpe(a->path, argv, env);
	return -errno;
}

static void reap(pid_t child)
{
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
}

/* A child that nobody can be told of must not go on. */
static int pidfd_or_kill(pid_t child)
{
	int fd = (int)syscall(SYS_pidfd_open, child, 0U), r = -errno;

	if (fd >= 0)
		return fd;
	(void)kill(child, SIGKILL);
	reap(child);
	return r;
}

/* The two ways to clone. Each gives 0 with a child that has executed its program, or why there is none; it is reaped
 * then. */

static int spawn_shared(const struct spawn_args *args, pid_t *pid, int *pidfd)
{
	volatile int failed = 0;
	pid_t child, parent = getpid();
	int fd;

	child = vfork();
	if (child == 0) {
		failed = become(args, parent);
		_exit(127);
	}
	if (child < 0)
		return -errno;
	if (failed) {
		reap(child);
		return failed;
	}
	fd = pidfd_or_kill(child);
	if (fd < 0)
		return fd;
	*pid = child;
	*pidfd = fd;
	return 0;
}

static int spawn_in_cgroup(const struct spawn_args *args, pid_t *pid, int *pidfd)
{
	const struct ns_clone how = { .flags = K_CLONE_VFORK, .cgroup = args->cgroup };
	volatile int *failed = mmap(NULL, sizeof(*failed), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t child, parent = getpid();
	int fd = -1, r;

	if (failed == MAP_FAILED)
		return -errno;
	child = ns_clone(&how, &fd);
	if (child == 0) {
		*failed = become(args, parent);
		_exit(127);
	}
	r = child < 0 ? (int)child : *failed;
	(void)munmap((void *)(uintptr_t)failed, sizeof(*failed));
	if (r < 0) {
		if (child > 0)
			reap(child);
		close_fd(fd);
		return r;
	}
	*pid = child;
	*pidfd = fd;
	return 0;
}

int spawn(const struct spawn_args *args, pid_t *pid, int *pidfd)
{
	sigset_t all, old;
	int r;

	if (args->n_fds > MAX_FDS)
		return -E2BIG;
	sigfillset(&all);
	if (sigprocmask(SIG_BLOCK, &all, &old) < 0)
		return -errno;
	r = args->cgroup > 0 ? spawn_in_cgroup(args, pid, pidfd) : spawn_shared(args, pid, pidfd);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	return r;
}

int spawn_wait(int pidfd, int timeout_ms, int *status)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	siginfo_t info = { 0 };
	int64_t end = clock_ms() + timeout_ms;
	int r;

	while ((r = poll(&p, 1, timeout_ms)) < 0 && errno == EINTR) {
		int64_t left = end - clock_ms();

		if (timeout_ms >= 0)
			timeout_ms = left > 0 ? (int)left : 0;
	}
	if (r < 0)
		return -errno;
	if (r == 0)
		return -ETIMEDOUT;
	if (waitid(3 /* P_PIDFD */, (id_t)pidfd, &info, WEXITED) < 0)
		return -errno;
	*status = info.si_code == CLD_EXITED ? info.si_status << 8 : info.si_status;
	return 0;
}

#define CLOSER_STACK (16U * 1024)

struct closer {
	int fd;
	volatile bool ours; /* the caller has closed it: the last close is the closer's */
};

/* It shares our memory, errno included: nothing here fails, and nothing else is touched. Other descriptors first, so that nobody who waits
 * for the end of a pipe waits for this. */
static int closer_main(void *arg)
{
	const struct closer *c = arg;
	const struct timespec moment = { .tv_nsec = 50000 };
	unsigned int fd = (unsigned int)c->fd;

	if (fd > 0)
		(void)syscall(SYS_close_range, 0U, fd - 1, 0U);
	(void)syscall(SYS_close_range, fd + 1, ~0U, 0U);
	for (int i = 0; !c->ours && i < 200; i++) /* ten milliseconds: the caller may be gone */
		(void)nanosleep(&moment, NULL);
	return 0; /* and its end closes fd */
}

void spawn_close(int *fd)
{
	char *stack = mmap(NULL, CLOSER_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	struct closer *c = (void *)stack; /* at the end that the stack does not come to */
	sigset_t all, old;

	if (stack == MAP_FAILED) {
		*fd = close_fd(*fd);
		return;
	}
	*c = (struct closer){ .fd = *fd };
	sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, &old); /* no handler of ours runs on its stack */
	if (clone(closer_main, stack + CLOSER_STACK, CLONE_VM, c) < 0) {
		(void)munmap(stack, CLOSER_STACK);
		c = NULL;
	}
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	*fd = close_fd(*fd);
	if (c)
		c->ours = true; /* the stack stays as long as we do: when it is through, nobody tells */
}

/* The first line that is in the pipe; whoever still holds its other end is not waited for. */
static void first_line(int from, char *out, size_t len)
{
	ssize_t n = io_set_nonblock(from, true) < 0 ? 0 : read(from, out, len - 1);

	out[n > 0 ? n : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

int spawn_tool(const char *const *argv, int in, int timeout_ms, char *said, size_t len)
{
	CLEANUP_FD int from = -1, to = -1, pidfd = -1;
	int pair[2], status, r;
	pid_t pid;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return -errno;
	from = pair[0];
	to = pair[1];
	r = spawn(&(const struct spawn_args){ .path = argv[0],
					      .argv = argv,
					      .fds = (const struct spawn_fd[]){ { in, 0 }, { to, 1 }, { to, 2 } },
					      .n_fds = 3 },
		  &pid, &pidfd);
	to = close_fd(to);
	if (r < 0)
		return r;
	/* it has a line to say, for which the pipe has room */
	if (spawn_wait(pidfd, timeout_ms, &status) < 0) {
		if (kill(pid, SIGKILL) == 0)
			(void)!spawn_wait(pidfd, -1, &status);
		return -ETIMEDOUT;
	}
	first_line(from, said, len);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

pid_t spawn_fork(int *pidfd)
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid > 0 && pidfd) {
		int fd = pidfd_or_kill(pid);

		if (fd < 0)
			return fd;
		*pidfd = fd;
	}
	return pid;
}
