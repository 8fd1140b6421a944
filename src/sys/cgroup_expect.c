/* The kernel switches the lock of all cgroups to its slow mode for a move and back some time after it; switching takes an
 * RCU grace period, moves that come before it is back do not wait. So a move that changes nothing, of this process into
 * the cgroup it is in, made when a command begins, takes the wait off the start of a container (kernel:
 * cgroup_attach_lock(), rcu_sync_enter()).
 *
 * A thread, because the wait is one of the kernel's that nothing interrupts. It touches nothing of ours and takes no
 * signal. Its file names are a guess on purpose: looking for the real mounts costs more than what a wrong guess does. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

#include "base/io.h"
#include "sys/cgroup.h"

#define CGROUP_ROOT "/sys/fs/cgroup"
#define CGROUP2_MAGIC 0x63677270

bool cg_is_unified(void)
{
	struct statfs s;

	return statfs(CGROUP_ROOT, &s) == 0 && s.f_type == CGROUP2_MAGIC;
}

/* Our own cgroup.procs in the v1 hierarchy of pids. */
static int open_own(void)
{
	char text[4096], path[sizeof(text) + 64], *p, *end;
	CLEANUP_FD int list = openat(AT_FDCWD, "/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
	ssize_t n = io_read_full(list, text, sizeof(text) - 1);

	if (n < 0)
		return -1;
	text[n] = '\0';
	p = strstr(text, ":pids:");
	end = p ? strchr(p, '\n') : NULL;
	if (!end)
		return -1;
	*end = '\0';
	snprintf(path, sizeof(path), CGROUP_ROOT "/pids%s/cgroup.procs", p + strlen(":pids:"));
	return openat(AT_FDCWD, path, O_WRONLY | O_CLOEXEC);
}

static void *move_nowhere(void *unused)
{
	CLEANUP_FD int fd = open_own();

	if (fd >= 0)
		(void)!write(fd, "0", 1);
	return unused;
}

void cg_expect_join(void)
{
	pthread_attr_t attr;
	sigset_t all, old;
	pthread_t thread;

	/* a user joins none, and only a single thread can enter his namespace */
	if (geteuid() != 0 || cg_is_unified() || pthread_attr_init(&attr) != 0)
		return;
	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (pthread_attr_setstacksize(&attr, (size_t)64 << 10) == 0)
		(void)!pthread_create(&thread, &attr, move_nowhere, NULL);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	(void)pthread_attr_destroy(&attr);
}
