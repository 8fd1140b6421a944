/* The clone, with what has to be entered before it. Namespaces named by a path must be joined by a process that then
 * clones, because a pid namespace only takes one's children and because what is made new must be owned by a user namespace
 * that is joined. That process is an intermediate one: it enters, clones with CLONE_PARENT, so that the child is ours all the
 * same, reports and ends.
 *
 * Into a running container (exec) nothing is made new, so root does without it: this side enters the pid namespace for as
 * long as the clone takes, and the child, which nobody in there may look at, the others. Who has rights over that pid
 * namespace only inside its user namespace takes the way above.
 *
 * Order of joining: the others first, with the rights we have in the user namespace that owns them, the user namespace
 * last; what was refused before is tried again inside it (rights one only has there).
 *
 * The child joins the container's cgroup before anything else: of v2 it is born there, into v1's hierarchies it moves itself,
 * which alone does not wait for the kernel (sys/cgroup_self.c).
 *
 * A cgroup namespace is entered by the child itself when it is born in a cgroup: where cgroup2 is mounted with nsdelegate,
 * as systemd does, the kernel lets nobody clone from a cgroup that is outside of the namespace he is in. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/defence.h"
#include "runtime/internal.h"
#include "runtime/sync.h"
#include "sys/kernel.h"
#include "sys/ns.h"
#include "sys/sock.h"

/* v2's folder to be born in, or -1. */
static int birthplace(const struct rt_clone *how)
{
	return how->cgroup && !how->unborn ? cg_clone_fd(how->cgroup) : -1;
}

/* What is left for the child. */
static int late_flag(const struct rt_clone *how)
{
	return birthplace(how) >= 0 ? CLONE_NEWCGROUP : 0;
}

static int join_late(const struct rt_clone *how)
{
	int r = 0;

	if (how->pidfd >= 0 && how->pidfd_flags & late_flag(how))
		r = ns_enter(how->pidfd, CLONE_NEWCGROUP);
	for (size_t i = 0; r == 0 && i < how->n_join; i++)
		if (how->join_flags[i] & late_flag(how))
			r = ns_enter(how->join[i], CLONE_NEWCGROUP);
	return r;
}

static int join_all(const struct rt_clone *how)
{
	int early = how->pidfd_flags & ~late_flag(how);
	bool refused[OCI_NS_COUNT] = { false };
	int r;

	if (how->pidfd >= 0 && early) {
		r = ns_enter(how->pidfd, early);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < how->n_join; i++) {
		if (how->join_flags[i] == CLONE_NEWUSER || how->join_flags[i] & late_flag(how))
			continue;
		r = ns_enter(how->join[i], how->join_flags[i]);
		if (r < 0 && r != -EPERM)
			return r;
		refused[i] = r < 0;
	}
	for (size_t i = 0; i < how->n_join; i++) {
		if (how->join_flags[i] != CLONE_NEWUSER)
			continue;
		r = ns_enter(how->join[i], CLONE_NEWUSER);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < how->n_join; i++) {
		r = refused[i] ? ns_enter(how->join[i], how->join_flags[i]) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

struct born {
	int error;
	pid_t pid;
	struct err before; /* why the preparation failed */
};

/* The intermediate process. Gives only in the child it makes. */
static void between(const struct rt_clone *how, int sock)
{
	struct ns_clone nc = { .flags = how->flags | K_CLONE_PARENT, .cgroup = birthplace(how) };
	struct born b = { 0 };
	int pidfd = -1;

	b.error = how->before ? how->before(how->arg, &b.before) : 0;
	/* the child inherits it: from here on it may be somebody else's to look at, of a container that sees the host's
	 * processes, or of root in the container's pid namespace (CVE-2016-9962) */
	if (b.error == 0 && defence(dumpable) && prctl(PR_SET_DUMPABLE, 0UL) < 0)
		b.error = -errno;
	if (b.error == 0)
		b.error = join_all(how);
	if (b.error == 0) {
		b.pid = ns_clone(&nc, &pidfd);
		if (b.pid == 0) {
			close_fd(sock);
			return;
		}
		b.error = b.pid < 0 ? b.pid : 0;
	}
	(void)!sock_send_fds(sock, &b, sizeof(b), &pidfd, pidfd >= 0 ? 1 : 0);
	_exit(0);
}

static void discard(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
}

static pid_t clone_between(const struct rt_clone *how, int *pidfd, struct err *e)
{
	CLEANUP_FD int ours = -1, theirs = -1, child = -1;
	struct ns_clone plain = { .cgroup = -1 };
	struct born b = { .error = -EIO };
	int pair[2], middle_fd = -1, r = sock_pair(SOCK_SEQPACKET, pair);
	size_t n_fds = 1;
	pid_t middle;

	if (r < 0)
		return err_errno(e, r, "socket pair");
	ours = pair[0];
	theirs = pair[1];
	middle = ns_clone(&plain, &middle_fd);
	if (middle < 0)
		return err_errno(e, middle, "clone");
	if (middle == 0) {
		ours = close_fd(ours);
		between(how, theirs);
		theirs = -1;
		return 0;
	}
	close_fd(middle_fd);
	theirs = close_fd(theirs);
	if (sock_recv_fds(ours, &b, sizeof(b), &child, &n_fds) != (ssize_t)sizeof(b) && !b.error)
		b.error = -EIO;
	while (waitpid(middle, NULL, __WALL) < 0 && errno == EINTR)
		;
	if (b.before.code) {
		*e = b.before;
		return e->code;
	}
	if (b.error == 0 && n_fds != 1 && b.pid > 0)
		discard(b.pid); /* it is there, but nobody could watch it */
	if (b.error < 0 || n_fds != 1)
		return err_errno(e, b.error < 0 ? b.error : -EIO, "entering the named namespaces");
	*pidfd = take_fd(&child);
	return b.pid;
}

static bool only_enters(const struct rt_clone *how)
{
	return how->pidfd >= 0 && !how->n_join && !how->flags && !how->before;
}

/* The child of one who is in the pid namespace for its children; the other namespaces are left for it. -EPERM: that is not
 * ours to enter from here. */
static pid_t clone_inside(const struct rt_clone *how, int *pidfd)
{
	struct ns_clone nc = { .cgroup = birthplace(how) };
	CLEANUP_FD int own = openat(AT_FDCWD, "/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	bool other_pids = how->pidfd_flags & CLONE_NEWPID;
	int dumpable = prctl(PR_GET_DUMPABLE), r;
	pid_t pid;

	if (own < 0)
		return -EPERM;
	/* into our own first: who has no rights over that (root of a user namespace) could not come back */
	r = other_pids ? ns_enter(own, CLONE_NEWPID) : 0;
	if (r == 0 && other_pids)
		r = ns_enter(how->pidfd, CLONE_NEWPID);
	if (r < 0)
		return r;
	/* the child inherits it: whoever is in there already may look at it at once (CVE-2016-9962) */
	if (defence(dumpable))
		(void)prctl(PR_SET_DUMPABLE, 0UL);
	pid = ns_clone(&nc, pidfd);
	if (pid == 0)
		return 0;
	if (dumpable == 1)
		(void)prctl(PR_SET_DUMPABLE, 1UL);
	r = other_pids ? ns_enter(own, CLONE_NEWPID) : 0;
	if (r == 0 || pid < 0)
		return pid;
	discard(pid);
	*pidfd = close_fd(*pidfd);
	return r;
}

static int enter_others(const struct rt_clone *how)
{
	int flags = how->pidfd_flags & ~(CLONE_NEWPID | late_flag(how));

	return flags ? ns_enter(how->pidfd, flags) : 0;
}

/* *inside: the child still has to enter what is not the pid namespace. */
static pid_t clone_named(const struct rt_clone *how, int *pidfd, bool *inside, struct err *e)
{
	struct ns_clone nc = { .flags = how->flags, .cgroup = birthplace(how) };
	pid_t pid = only_enters(how) ? clone_inside(how, pidfd) : -EPERM;

	*inside = pid != -EPERM;
	if (*inside)
		return pid < 0 ? err_errno(e, pid, "cloning into the container's namespaces") : pid;
	if (how->n_join || how->pidfd >= 0)
		return clone_between(how, pidfd, e);
	pid = ns_clone(&nc, pidfd);
	return pid < 0 ? err_errno(e, pid, "cloning into new namespaces") : pid;
}

/* As one of ours still, while nobody of the container can do anything to it. */
static int join_cgroup(const struct rt_clone *how, struct err *e)
{
	if (!how->cgroup || cg_join_self(how->cgroup, birthplace(how) >= 0, e) == 0)
		return 0;
	return err_ctx(e, "cgroup");
}

static pid_t clone_linked(const struct rt_clone *how, int *child_sock, int *sock, int *pidfd, struct err *e)
{
	int pair[2], r = sock_pair(SOCK_SEQPACKET, pair);
	bool inside;
	pid_t pid;

	if (r < 0)
		return err_errno(e, r, "socket pair");
	pid = clone_named(how, pidfd, &inside, e);
	if (pid == 0) {
		close_fd(pair[0]);
		r = join_cgroup(how, e);
		if (r == 0 && ((inside && (r = enter_others(how)) < 0) || (r = join_late(how)) < 0))
			(void)err_errno(e, r, "entering the container's namespaces");
		if (r < 0) {
			rt_send_error(pair[1], e);
			_exit(125);
		}
		*child_sock = pair[1];
		return 0;
	}
	close_fd(pair[1]);
	*sock = pair[0];
	return pid;
}

pid_t rt_clone_linked(const struct rt_clone *how, int *child_sock, int *sock, int *pidfd, struct err *e)
{
	struct rt_clone again = *how;
	pid_t pid = clone_linked(how, child_sock, sock, pidfd, e);

	/* beside v1 there may be a reason against the birth alone; else it is met once more, and told */
	again.unborn = pid < 0 && birthplace(how) >= 0 && !cg_only_v2(how->cgroup);
	if (!again.unborn)
		return pid;
	*sock = close_fd(*sock);
	*e = (struct err){ 0 };
	return clone_linked(&again, child_sock, sock, pidfd, e);
}
