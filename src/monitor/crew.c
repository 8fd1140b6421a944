/* The lock is a POSIX record lock: it belongs to the process, survives exec, is not inherited by children, and is lost
 * when the process closes any descriptor of the file. Hence the file is opened once, moved to its number before it is
 * locked, and never duplicated or touched again. It is made with the folder, by the engine, and never by us: a monitor
 * that is late, when somebody is just removing its container, would have a lock of its own and start what nobody knows. */
#include "monitor/crew.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>

#include "base/io.h"
#include "runtime/seal.h"
#include "sys/spawn.h"
#include "wire/frame.h"

#define SELF "/proc/self/exe"
#define LOCK_FILE "lock"
/* All that is kept of the caller's environment is what a program needs to find others. */
#define ENV_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* Whether exec closes what is for the container. */
static int close_passed(unsigned int passed, bool on)
{
	int r = 0;

	for (unsigned int i = 0; r == 0 && i < passed; i++)
		r = io_set_cloexec(MONITOR_PASSED_FD + (int)i, on);
	return r;
}

void crew_inherit(struct crew *c, enum crew_fd last, unsigned int passed)
{
	*c = (struct crew){ .passed = passed };
	(void)syscall(SYS_close_range, (unsigned int)last + 1, MONITOR_PASSED_FD - 1U, 0U);
	(void)syscall(SYS_close_range, MONITOR_PASSED_FD + passed, ~0U, 0U);
	(void)!close_passed(passed, true);
	for (int fd = CREW_SETTINGS; fd <= (int)last; fd++)
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0)
			c->has |= 1U << fd;
}

int crew_reserve(struct crew *c)
{
	int end = c->passed ? MONITOR_PASSED_FD : (int)CREW_END;
	CLEANUP_FD int null = -1;

	/* 0, 1 and 2 first: a caller may have closed them */
	do {
		null = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (null < 0)
			return -errno;
	} while (null <= 2 && fcntl(null, F_SETFD, 0) == 0);
	for (int fd = CREW_SETTINGS; fd < end; fd++)
		if (!(c->has & 1U << fd) && fd != null && dup3(null, fd, O_CLOEXEC) < 0)
			return -errno;
	if (null < end)
		(void)take_fd(&null);
	return 0;
}

void crew_close(struct crew *c, enum crew_fd place)
{
	if (crew_has(c, place))
		close_fd((int)place);
	c->has &= ~(1U << place);
}

int crew_put(struct crew *c, enum crew_fd place, int fd)
{
	CLEANUP_FD int owned = fd;

	if (fd < 0) {
		crew_close(c, place);
		return 0;
	}
	if (dup3(owned, (int)place, O_CLOEXEC) < 0)
		return -errno;
	c->has |= 1U << place;
	return 0;
}

/* Descriptors that exec is to pass on; 0, 1 and 2 become /dev/null so that nobody's terminal or pipe is held. */
static int expose(const struct crew *c)
{
	CLEANUP_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return -errno;
	for (int fd = 0; fd <= 2; fd++)
		if (dup2(null, fd) < 0)
			return -errno;
	if (syscall(SYS_close_range, 3U, ~0U, 1U << 2 /* CLOSE_RANGE_CLOEXEC */) < 0)
		return -errno;
	for (int fd = CREW_SETTINGS; fd < CREW_END; fd++)
		if ((c->has & 1U << fd) && fcntl(fd, F_SETFD, 0) < 0)
			return -errno;
	return 0;
}

/* One that came while the container was being made. */
static volatile sig_atomic_t ended_by;

/* Blocked from here over exec: the keeper reads them. Not earlier, for the container would inherit that. */
static void block_service_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGQUIT);
	sigaddset(set, SIGABRT); /* systemd's, when a watchdog was not fed */
	(void)sigprocmask(SIG_BLOCK, set, NULL);
	if (ended_by)
		(void)raise(ended_by);
	ended_by = 0;
}

int crew_service_signals(void)
{
	sigset_t set;
	int fd;

	block_service_signals(&set);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int crew_become_keeper(const struct crew *c, const char *id, bool service)
{
	const char *argv[] = { "tare-monitor", service ? "service" : "keeper", id, NULL };
	const char *env[] = { ENV_PATH, NULL };
	int r = expose(c);
	sigset_t set;

	if (r < 0)
		return r;
	if (service)
		block_service_signals(&set);
	(void)execve(SELF, (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)env);
	return -errno;
}

int crew_spawn_worker(const struct crew *c, const char *id, int link, pid_t *pid, int *pidfd)
{
	const char *argv[] = { "tare-monitor", "worker", id, NULL };
	const char *env[] = { ENV_PATH, NULL };
	struct spawn_fd fds[CREW_END];
	size_t n = 0;

	for (int fd = CREW_SETTINGS; fd < CREW_END; fd++)
		if ((c->has & 1U << fd) && fd != CREW_LOCK && fd != CREW_LINK)
			fds[n++] = (struct spawn_fd){ .from = fd, .to = fd };
	fds[n++] = (struct spawn_fd){ .from = link, .to = CREW_LINK };
	return spawn(&(struct spawn_args){ .path = SELF, .argv = argv, .env = env, .fds = fds, .n_fds = n }, pid, pidfd);
}

int crew_seal(const struct crew *c, const struct oci_spec *spec, const char *command, struct err *e)
{
	const char *argv[] = { "tare-monitor", command, NULL };
	int r;

	if (!rt_seal_needed(spec))
		return 0;
	for (int fd = CREW_SETTINGS; fd <= CREW_SESSION; fd++)
		if (crew_has(c, (enum crew_fd)fd) && fcntl(fd, F_SETFD, 0) < 0)
			return err_errno(e, -errno, "descriptor %d", fd);
	r = close_passed(c->passed, false);
	if (r < 0)
		return err_errno(e, r, "descriptors for the container");
	r = rt_seal_self((char *const *)(uintptr_t)argv, e);
	for (int fd = CREW_SETTINGS; r == 0 && fd <= CREW_SESSION; fd++)
		r = io_set_cloexec(fd, true);
	return r == 0 ? close_passed(c->passed, true) : r;
}

static int wait_for_lock(int fd, unsigned int seconds)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int r;

	if (fcntl(fd, F_SETLK, &lock) == 0)
		return 0;
	if ((errno != EAGAIN && errno != EACCES) || !seconds)
		return errno == EACCES ? -EAGAIN : -errno;
	(void)alarm(seconds); /* its handler interrupts */
	r = fcntl(fd, F_SETLKW, &lock) < 0 ? -errno : 0;
	(void)alarm(0);
	return r == -EINTR ? -EAGAIN : r;
}

int crew_take_lock(struct crew *c, unsigned int seconds)
{
	int r;

	if (!crew_has(c, CREW_LOCK)) {
		r = openat(CREW_STATE_DIR, LOCK_FILE, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
		if (r < 0)
			return -errno;
		r = crew_put(c, CREW_LOCK, r);
		if (r < 0)
			return r;
	}
	return wait_for_lock(CREW_LOCK, seconds);
}

/* By the lock's name: whoever removes the folder removes that first. Never by opening it. */
bool crew_forgotten(void)
{
	return faccessat(CREW_STATE_DIR, LOCK_FILE, F_OK, 0) < 0 && errno == ENOENT;
}

static void note(int sig)
{
	if (sig == SIGTERM || sig == SIGINT || sig == SIGQUIT)
		ended_by = sig;
}

void crew_quiet(void)
{
	static const int restarting[] = { SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2,
					  SIGPIPE, SIGTSTP, SIGTTIN, SIGTTOU, SIGXFSZ };
	struct sigaction sa = { .sa_handler = note, .sa_flags = SA_RESTART };

	for (size_t i = 0; i < ARRAY_LEN(restarting); i++)
		(void)sigaction(restarting[i], &sa, NULL);
	sa.sa_flags = 0;
	(void)sigaction(SIGALRM, &sa, NULL);
	(void)setsid();
	(void)prctl(PR_SET_NAME, "tare-monitor"); /* exec of /proc/self/exe would call us "exe" */
}
