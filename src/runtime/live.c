/* Going into a container that runs, to change its mounts.
 *
 * The container is hostile, and looks on. So what is mounted is made detached first, with all its attributes, partly here
 * and partly by a helper in all of the container's namespaces (a file system that shows a namespace must be made in it).
 * Then a second helper attaches it: it is in the container's user and mount namespaces only, so no process there can
 * see, signal or trace it, and nothing can stop it halfway. It has the rights of the container's root, no more: a
 * mount point it makes belongs to that one. Places are found by handles that cannot leave the container's root nor pass
 * through magic links, however often links there change; what was checked is what is mounted on, or unmounted.
 *
 * Undoing goes by the same handles. A handle of a mount names it for umount2(2) through our own procfs, the container's
 * is not asked. */
#include "runtime/live.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/beneath.h"
#include "base/log.h"
#include "runtime/live_impl.h"
#include "runtime/sync.h"
#include "sys/mnt.h"
#include "sys/proc.h"

/* ---- going in ---- */

static _Noreturn void helper_main(struct rt_ctx *c, rt_live_fn fn, void *data)
{
	struct err e = { 0 };
	int r = rt_become_root(c, &e);

	(void)umask(022);
	if (r == 0)
		r = fn(c, data, &e);
	if (r == 0)
		r = rt_send(c->sock, RT_MSG_CREATED, 0, -1, &e);
	if (r < 0)
		rt_send_error(c->sock, &e);
	_exit(r < 0);
}

/* Takes what the helper sends until it says that it is done. */
static int attend(int sock, int *fds, size_t n, struct err *e)
{
	for (;;) {
		struct rt_received m;
		int r = rt_recv(sock, &m, e);

		if (r < 0)
			return r;
		if (m.eof)
			return rt_gone(e, "the helper in the container");
		if (m.type == RT_MSG_CREATED)
			return 0;
		if (m.type != RT_MSG_MOUNT || m.arg >= n || m.fd < 0 || m.n_more || fds[m.arg] >= 0) {
			rt_received_close(&m);
			return err_set(e, ERR_INTERNAL, "out of step: message %d", (int)m.type);
		}
		fds[m.arg] = m.fd;
	}
}

int rt_live_inside(struct rt_live_job *j, bool everywhere, rt_live_fn fn, void *data, int *fds, size_t n, struct err *e)
{
	int all = rt_other_namespaces(&j->ctx, j->live->pid);
	struct rt_clone how = { .pidfd = j->init,
				.pidfd_flags = everywhere ? all : all & (CLONE_NEWUSER | CLONE_NEWNS) };
	CLEANUP_FD int sock = -1, pidfd = -1;
	pid_t pid;
	int r;

	if (!(all & CLONE_NEWNS))
		return err_set(e, ERR_UNSUPPORTED, "the container has the host's mounts");
	pid = rt_clone_linked(&how, &j->ctx.sock, &sock, &pidfd, e);
	if (pid == 0)
		helper_main(&j->ctx, fn, data);
	if (pid < 0)
		return pid;
	r = attend(sock, fds, n, e);
	(void)!proc_signal(pidfd, SIGKILL); /* it has ended, or is of no more use */
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	return r;
}

int rt_live_open(struct rt_live_job *j, const struct rt_live *l, struct err *e)
{
	static const int no_stdio[3] = { -1, -1, -1 };
	bool may_mount;

	*j = (struct rt_live_job){ .live = l, .init = -1 };
	j->ctx = (struct rt_ctx){ .arena = ARENA_INIT, .proc = -1, .sock = -1, .agent = -1 };
	j->create.rootfs = (struct rt_rootfs){ .kind = RT_ROOTFS_DIR, .path = l->rootfs };
	j->ctx.id = l->id;
	j->ctx.bundle = l->bundle;
	j->ctx.spec = l->spec;
	j->ctx.create = &j->create;
	j->ctx.stdio = no_stdio;
	j->init = proc_open_checked(l->pid, l->start_time);
	if (j->init < 0)
		return j->init == -ESRCH ? err_set(e, ERR_BUSY, "the container is not running any more") :
					   err_errno(e, j->init, "process %d", (int)l->pid);
	j->ctx.proc = rt_open_proc(&may_mount, e);
	if (j->ctx.proc < 0)
		return j->ctx.proc;
	return may_mount ? 0 : err_set(e, ERR_DENIED, "the mounts and devices of a container that runs: only root can change them");
}

void rt_live_close(struct rt_live_job *j)
{
	close_fd(j->init);
	close_fd(j->ctx.proc);
	arena_free(&j->ctx.arena);
}

int rt_live_root(struct err *e)
{
	int root = openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return root < 0 ? err_errno(e, -errno, "the container's root") : root;
}

/* ---- mounts ---- */

struct mounting {
	struct rt_live_job job;
	struct oci_spec spec; /* the container's, with these mounts */
	int *fds;             /* detached mounts, then attached ones */
};

static void mounting_close(struct mounting *m)
{
	for (size_t i = 0; m->fds && i < m->job.ctx.n_mount_fds; i++)
		close_fd(m->fds[i]);
	rt_live_close(&m->job);
}
#define CLEANUP_MOUNTING CLEANUP(mounting_close)

/* /proc or /sys, however many slashes it is written with. */
static bool is_masked_tree(const char *destination)
{
	const char *name = destination + strspn(destination, "/");
	size_t len = strcspn(name, "/");

	return !name[len + strspn(name + len, "/")] &&
	       ((len == 4 && !strncmp(name, "proc", len)) || (len == 3 && !strncmp(name, "sys", len)));
}

/* In what was planned as for a new container: what can only be part of one. */
static int check_late(const struct oci_mount *m, struct err *e)
{
	if (m->type && (!strcmp(m->type, "cgroup") || !strcmp(m->type, "cgroup2")))
		return err_set(e, ERR_UNSUPPORTED, "mount on %s: control groups are mounted when a container is created, or not at all",
			       m->destination);
	if (m->type && (!strcmp(m->type, "proc") || !strcmp(m->type, "sysfs")) && is_masked_tree(m->destination))
		return err_set(e, ERR_UNSUPPORTED, "mount on %s: it would cover what is masked and read-only there", m->destination);
	return 0;
}

static int plan(struct mounting *m, const struct rt_live *l, const struct oci_mount *mounts, size_t n, struct err *e)
{
	struct rt_ctx *c = &m->job.ctx;
	int r = rt_live_open(&m->job, l, e);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = check_late(&mounts[i], e);
	if (r < 0)
		return r;
	m->spec = *l->spec;
	m->spec.mounts = mounts;
	m->spec.n_mounts = n;
	c->spec = &m->spec;
	rt_find_owned(c);
	r = rt_plan_mounts(c, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		if (c->mounts[i].kind == RT_MOUNT_CHANGE)
			return err_set(e, ERR_UNSUPPORTED, "mount on %s: \"remount\" of a container that runs is not supported: remove it, "
							   "and add it anew", mounts[i].destination);
	if (c->dev_is_tmpfs || c->dev_is_bind)
		return err_set(e, ERR_UNSUPPORTED, "mount on /dev: it is made when a container is created");
	m->fds = arena_array(&c->arena, c->n_mount_fds + 1, sizeof(*m->fds));
	if (!m->fds)
		return err_errno(e, -ENOMEM, "mounts");
	for (size_t i = 0; i < c->n_mount_fds; i++)
		m->fds[i] = -1;
	return 0;
}

static int make_by_host(struct mounting *m, struct err *e)
{
	struct rt_ctx *c = &m->job.ctx;
	bool user = c->spec->linux_.ns[OCI_NS_USER].wanted;
	CLEANUP_FD int userns = -1;
	char path[48];

	if (user) {
		snprintf(path, sizeof(path), "%d/ns/user", (int)m->job.live->pid);
		userns = openat(c->proc, path, O_RDONLY | O_CLOEXEC);
		if (userns < 0)
			return err_errno(e, -errno, "the container's user namespace");
	}
	return rt_mounts_host(c, userns, m->fds, e);
}

static int make_inside(struct rt_ctx *c, void *data, struct err *e)
{
	int *fds = data, r = rt_close_others(c, e);

	for (size_t i = 0; i < c->n_mount_fds; i++)
		fds[i] = -1;
	if (r == 0)
		r = rt_mounts_child(c, fds, e);
	for (size_t i = 0; r == 0 && i < c->n_mounts; i++)
		if (fds[i] >= 0)
			r = rt_send(c->sock, RT_MSG_MOUNT, (uint32_t)i, fds[i], e);
	return r;
}

static int attach_all(struct rt_ctx *c, void *data, struct err *e)
{
	CLEANUP_FD int root = rt_live_root(e);
	int *fds = data, r = root < 0 ? root : 0;
	size_t n = 0;

	for (; r == 0 && n < c->n_mounts; n++)
		r = rt_mount_place(c, &c->mounts[n], root, &fds[n], e);
	if (r == 0)
		return 0;
	/* the one that failed is not attached */
	for (size_t i = n > 0 ? n - 1 : 0; i-- > 0;)
		if (fds[i] >= 0 && mnt_detach_fd(c->proc, fds[i]) < 0)
			(void)err_ctx(e, "(and %s stays mounted)", c->mounts[i].m->destination);
	return r;
}

int rt_live_mount(const struct rt_live *l, const struct oci_mount *mounts, size_t n, struct err *e)
{
	CLEANUP_MOUNTING struct mounting m = { .fds = NULL };
	struct rt_ctx *c = &m.job.ctx;
	bool inside = false;
	int r = plan(&m, l, mounts, n, e);

	if (r == 0)
		r = make_by_host(&m, e);
	for (size_t i = 0; r == 0 && i < c->n_mounts; i++)
		inside = inside || (!c->mounts[i].by_host && !c->mounts[i].on_root);
	if (r == 0 && inside)
		r = rt_live_inside(&m.job, true, make_inside, m.fds, m.fds, c->n_mounts, e);
	return r == 0 ? rt_live_inside(&m.job, false, attach_all, m.fds, NULL, 0, e) : r;
}

/* ---- unmounting ---- */

struct place {
	const char *destination;
	int fd;
	uint64_t id;
};

struct unmounting {
	const struct oci_mount *mounts;
	size_t n;
	bool gone_too;
};

/* gone_too: fd -1 where no mount is. */
static int open_place(int root, const char *path, bool gone_too, struct place *out, struct err *e)
{
	/* a mount may be one of a link (src-nofollow) */
	CLEANUP_FD int fd = beneath_open(root, path, BENEATH_IN_ROOT, O_PATH | O_NOFOLLOW, 0);
	bool is_root = false;
	int r = fd < 0 ? fd : mnt_id(fd, &out->id, &is_root);

	*out = (struct place){ .destination = path, .fd = -1, .id = out->id };
	if (r == 0 && !is_root) {
		close_fd(fd);
		fd = beneath_open(root, path, BENEATH_IN_ROOT, O_PATH, 0);
		r = fd < 0 ? fd : mnt_id(fd, &out->id, &is_root);
	}
	if (gone_too && (r == 0 ? !is_root : r == -ENOENT || r == -ENOTDIR || r == -ELOOP))
		return 0;
	if (r < 0)
		return err_errno(e, r, "%s", path);
	if (!is_root)
		return err_set(e, ERR_INVALID, "%s: is no mount point", path);
	out->fd = take_fd(&fd);
	return 0;
}

/* Is it this mount that path leads to, too, or that is of a link there? */
static bool is_mount_of(int root, const char *path, uint64_t id)
{
	for (int nofollow = 0; nofollow <= O_NOFOLLOW; nofollow += O_NOFOLLOW) {
		CLEANUP_FD int fd = beneath_open(root, path, BENEATH_IN_ROOT, O_PATH | nofollow, 0);
		uint64_t other;
		bool is_root;

		if (fd >= 0 && mnt_id(fd, &other, &is_root) == 0 && other == id && is_root)
			return true;
	}
	return false;
}

static bool is_one_of(int root, const char *const *paths, uint64_t id)
{
	for (; paths && *paths; paths++)
		if (is_mount_of(root, *paths, id))
			return true;
	return false;
}

static int refuse_vital(const struct rt_ctx *c, int root, const struct place *p, struct err *e)
{
	static const char *const vital[] = { "/", "/proc", "/sys", "/dev", "/dev/pts", NULL };

	if (is_one_of(root, vital, p->id))
		return err_set(e, ERR_DENIED, "%s: the container can't be without it", p->destination);
	if (is_one_of(root, c->spec->linux_.masked_paths, p->id))
		return err_set(e, ERR_DENIED, "%s: hides what linux.maskedPaths wants hidden", p->destination);
	if (is_one_of(root, c->spec->linux_.readonly_paths, p->id))
		return err_set(e, ERR_DENIED, "%s: keeps what linux.readonlyPaths wants read-only", p->destination);
	return 0;
}

static int find_places(const struct rt_ctx *c, int root, const struct unmounting *u, struct place *places, struct err *e)
{
	for (size_t i = 0; i < u->n; i++) {
		int r = open_place(root, u->mounts[i].destination, u->gone_too, &places[i], e);

		if (r == 0 && places[i].fd >= 0)
			r = refuse_vital(c, root, &places[i], e);
		if (r < 0)
			return r;
		for (size_t k = 0; k < i; k++)
			if (places[i].fd >= 0 && places[k].fd >= 0 && places[k].id == places[i].id)
				return err_set(e, ERR_INVALID, "%s: named twice", places[i].destination);
	}
	return 0;
}

/* Nothing is unmounted before all of it is known to be what may be. A mount below one that went before is gone with it. */
static int detach_all(struct rt_ctx *c, void *data, struct err *e)
{
	const struct unmounting *u = data;
	CLEANUP_FD int root = rt_live_root(e);
	struct place *places = arena_array(&c->arena, u->n + 1, sizeof(*places));
	int r = root < 0 ? root : 0;

	if (!places)
		return err_errno(e, -ENOMEM, "mounts");
	if (r == 0)
		r = find_places(c, root, u, places, e);
	if (r < 0)
		return r;
	for (size_t i = u->n; i-- > 0;) {
		if (places[i].fd < 0)
			continue;
		r = mnt_detach_fd(c->proc, places[i].fd);
		if (r == -EINVAL && !is_mount_of(root, places[i].destination, places[i].id))
			r = 0;
		if (r == 0)
			continue;
		(void)err_errno(e, r, "%s", places[i].destination);
		for (size_t k = i + 1; k < u->n; k++)
			(void)err_ctx(e, "(%s is unmounted)", places[k].destination);
		return r;
	}
	return 0;
}

int rt_live_unmount(const struct rt_live *l, const struct oci_mount *mounts, size_t n, bool gone_too, struct err *e)
{
	struct unmounting u = { mounts, n, gone_too };
	CLEANUP_LIVE_JOB struct rt_live_job j;
	int r = rt_live_open(&j, l, e);

	return r == 0 ? rt_live_inside(&j, false, detach_all, &u, NULL, 0, e) : r;
}
