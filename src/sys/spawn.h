/* The one way to start another program, and the one fork(). posix_spawn semantics (the parent's memory is shared
 * until exec, so it is cheap from a large process). */
#ifndef TARE_SYS_SPAWN_H
#define TARE_SYS_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/cleanup.h"

struct spawn_fd {
	int from; /* ours; -1 = /dev/null */
	int to;   /* in the new program */
};

struct spawn_args {
	const char *path;        /* absolute, or searched in PATH when it has no slash; "/proc/self/exe" works */
	int exec_fd;             /* > 0: executed instead of path, by fexecve */
	const char *const *argv; /* NULL-terminated */
	const char *const *env;  /* NULL = ours */
	const struct spawn_fd *fds; /* every other fd is closed; 0, 1, 2 not named are /dev/null */
	size_t n_fds;
	bool new_session;
	bool no_new_privs;
	int death_signal; /* PR_SET_PDEATHSIG, 0 = none */
	const char *chdir;
	int cgroup; /* > 0: a v2 cgroup's descriptor, the program is born in it */
	int mount_ns; /* > 0: a mount namespace's descriptor, entered before path and chdir are looked up */
};

/* Starts it with signals at default and none blocked. pidfd is given to the caller. A failure of exec itself is
 * returned here (-ENOENT, -EACCES…), not as an exit code. */
int spawn(const struct spawn_args *args, pid_t *pid, int *pidfd) MUST_CHECK;

/* Waits at most timeout_ms (-1: for ever) and reaps; *status as waitpid's. -ETIMEDOUT leaves it running. */
int spawn_wait(int pidfd, int timeout_ms, int *status) MUST_CHECK;

/* Runs a small program to its end, input from fd in (-1: none), and gives its exit code (128 + N for signal N). The first line of what
 * it says, on either stream, goes to said: for a message. -ENOENT: not in PATH; -ETIMEDOUT: it was killed after timeout_ms. */
int spawn_tool(const char *const *argv, int in, int timeout_ms, char *said, size_t len) MUST_CHECK;

/* Closes *fd, which becomes -1, in a process that is made for it and that nobody waits for: for a descriptor whose last close makes the
 * kernel wait. Where no process can be made it is closed here. */
void spawn_close(int *fd);

/* A plain fork for programs that go on in the child with our memory (the monitor's halves). pidfd may be NULL.
 * Gives 0 in the child, the pid in the parent, -errno. */
pid_t spawn_fork(int *pidfd) MUST_CHECK;

#endif
