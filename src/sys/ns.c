/* Why raw: glibc's clone3 wrapper insists on a stack, and its fork() runs atfork handlers and resets state we don't
 * use. A copy of the memory (no CLONE_VM) is what lets the parent go on: write id maps, join a v1 cgroup, make host
 * mounts, run hooks while the child builds.
 *
 * Why a vfork-like helper for the scratch namespace: the caller must keep its own mount namespace, setns() back
 * would lose a chroot, and a plain fork would have to send every mount back. Sharing memory is safe here because the
 * helper stays in the host's user and pid namespaces: nobody of the container can reach it. */
#include "sys/ns.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/kernel.h"

#define SCRATCH_STACK (256U * 1024)

pid_t ns_clone(const struct ns_clone *args, int *pidfd)
{
	int fd = -1;
	struct k_clone_args ca = {
		.flags = args->flags | K_CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&fd,
		/* with CLONE_PARENT the parent's own exit signal counts and none may be given */
		.exit_signal = (args->flags & K_CLONE_PARENT) ? 0 : SIGCHLD,
	};
	long pid;

	if (args->cgroup >= 0) {
		ca.flags |= K_CLONE_INTO_CGROUP;
		ca.cgroup = (uint64_t)args->cgroup;
	}
	pid = syscall(SYS_clone3, &ca, sizeof(ca));
	if (pid < 0)
		return -errno;
	if (pid > 0)
		*pidfd = fd;
	return (pid_t)pid;
}

struct scratch {
	int (*fn)(void *);
	void *arg;
	volatile int result;
};

static int scratch_main(void *p)
{
	struct scratch *s = p;

	s->result = s->fn(s->arg);
	return 0;
}

int ns_run_scratch(int (*fn)(void *), void *arg, pid_t *pid)
{
	struct scratch s = { .fn = fn, .arg = arg, .result = -ECANCELED };
	sigset_t all, old;
	char *stack;
	int child;

	stack = mmap(NULL, SCRATCH_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (stack == MAP_FAILED)
		return -errno;
	sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, &old); /* no handler of ours runs on the helper's stack */
	child = clone(scratch_main, stack + SCRATCH_STACK, CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_NEWNS, &s);
	if (child < 0)
		s.result = -errno;
	else
		*pid = child;
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	(void)munmap(stack, SCRATCH_STACK); /* vfork: the helper has left its memory for good */
	return s.result;
}

void ns_reap(pid_t pid)
{
	if (pid <= 0)
		return;
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
}

int ns_enter(int fd, int flags)
{
	return setns(fd, flags) < 0 ? -errno : 0;
}

/* Not to come back would be worse than to fail. */
int ns_write_in(int netns, const char *path, const char *text)
{
	CLEANUP_FD int home = openat(AT_FDCWD, "/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	CLEANUP_FD int fd = -1;
	int r = home < 0 ? -errno : ns_enter(netns, CLONE_NEWNET);

	if (r < 0)
		return r;
	fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	r = fd < 0 ? -errno : write(fd, text, strlen(text)) < 0 ? -errno : 0;
	if (ns_enter(home, CLONE_NEWNET) < 0)
		abort();
	return r;
}

bool ns_user_is_initial(void)
{
	/* linux/proc_ns.h: PROC_USER_INIT_INO, the same on every machine */
	const ino_t initial = 0xeffffffd;
	struct stat st;

	return stat("/proc/self/ns/user", &st) < 0 || st.st_ino == initial;
}

int ns_user_parent(int fd)
{
	int parent = ioctl(fd, NS_GET_PARENT); /* CLOEXEC by itself */

	return parent < 0 ? -errno : parent;
}

int ns_user_owner(int fd, uid_t *owner)
{
	return ioctl(fd, NS_GET_OWNER_UID, owner) < 0 ? -errno : 0;
}

bool ns_mount_is_ours(int fd)
{
	static const char *const ours[] = { "/proc/self/ns/mnt", "/proc/1/ns/mnt" };
	struct stat st, other;

	if (fstat(fd, &st) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (stat(ours[i], &other) == 0 && st.st_ino == other.st_ino && st.st_dev == other.st_dev)
			return true;
	return false;
}

int ns_unshare(int flags)
{
	return unshare(flags) < 0 ? -errno : 0;
}
