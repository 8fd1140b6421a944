/* The sequence inside the container, from clone to exec. What is made here is made by the container's own root in its
 * own namespaces; what only the host may make arrives by descriptor. The host's mount tree is still visible until
 * pivot_root, and is only used there for what is named in the comments.
 *
 * Order, and why:
 *	1. not dumpable, own session, signals at default
 *	2. wait for the id maps; become the mapped root
 *	3. time namespace (its offsets can only be set before anything runs in it)
 *	4. make the detached mounts that belong to our namespaces, while the host side makes its own: proc and sysfs
 *	   must be made while the host's are visible (a user namespace may only mount what it can already see)
 *	5. attach: root at its own name, then the mounts in the specification's order; the cgroup mount needs us to be in our
 *	   cgroup, so that its namespace has the right root. in_place, each is only made now, binds of the host's files too
 *	6. devices, terminal, masks
 *	7. hooks in the runtime's and in the container's namespaces, what is read-only becomes so, then pivot_root: the host's tree is gone
 *	8. sysctl, attributes, command lookup; "created"; the barrier
 *	9. process.c up to exec, with the startContainer hooks */
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/beneath.h"
#include "base/io.h"
#include "runtime/internal.h"
#include "runtime/process_attr.h"
#include "runtime/sync.h"
#include "sys/idmap.h"
#include "sys/kernel.h"
#include "sys/mnt.h"
#include "sys/ns.h"
#include "sys/signals.h"

struct child {
	struct rt_ctx *c;
	int root;    /* the rootfs mount */
	int dev;     /* the tmpfs with nodes to be bound */
	int *mounts; /* by index, n_mount_fds */
	bool joined; /* in our cgroup */
};

static int set_dumpable(bool on, struct err *e)
{
	return prctl(PR_SET_DUMPABLE, on ? 1UL : 0UL) < 0 ? err_errno(e, -errno, "dumpable") : 0;
}

/* A caller without rights can only map our ids and set our limits as long as we are dumpable, and we our clocks. In a user
 * namespace that is joined there is no map to write, but there are others who could look. */
static bool stays_open(const struct rt_ctx *c)
{
	return c->by_child && !c->spec->linux_.ns[OCI_NS_USER].path;
}

static int mapped_root(const struct rt_ctx *c, struct err *e)
{
	if (!c->n_uid && !c->spec->linux_.ns[OCI_NS_USER].path)
		return 0;
	/* where that is denied the caller's groups stay, as nobody's: it is the price of a map without CAP_SETGID */
	if (!c->keep_groups && setgroups(0, NULL) < 0 && !(errno == EPERM && idmap_setgroups_denied(c->proc)))
		return err_errno(e, -errno, "leaving the caller's groups");
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return err_errno(e, -errno, "becoming root of the user namespace (is id 0 mapped?)");
	/* the change of ids has reset it */
	return set_dumpable(stays_open(c), e);
}

/* A time namespace takes processes born in it and those that enter it; we enter our own. */
static int time_namespace(const struct rt_ctx *c, struct err *e)
{
	const struct oci_namespace *ns = &c->spec->linux_.ns[OCI_NS_TIME];
	CLEANUP_FD int fd = -1;
	int r;

	if (!ns->wanted || ns->path)
		return 0;
	r = ns_unshare(CLONE_NEWTIME);
	if (r < 0)
		return err_errno(e, r, "time namespace");
	if (c->by_child)
		r = rt_attr_time_offsets(c, 0, e);
	else if (rt_send(c->sock, RT_MSG_TIMENS, 0, -1, e) == 0)
		r = rt_expect(c->sock, RT_MSG_TIMENS, NULL, e);
	else
		r = e->code;
	if (r < 0)
		return r;
	fd = openat(c->proc, "thread-self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
	r = fd < 0 ? -errno : ns_enter(fd, CLONE_NEWTIME);
	return r < 0 ? err_errno(e, r, "entering the time namespace") : 0;
}

/* What the host side makes where it has other rights than the child. */
static int make_root(struct child *k, struct err *e)
{
	pid_t none;
	int r = rt_rootfs_make(k->c, -1, &k->root, &none, e);

	return r == 0 && rt_dev_elsewhere(k->c) ? rt_dev_make(k->c, false, &k->dev, e) : r;
}

/* by_child, what else the host side makes: as the caller, for the container's root may have no way to its folders. The
 * tmpfs on /dev is left for later, it must be that root's. */
static int make_sources(struct child *k, struct err *e)
{
	if (!k->c->by_child)
		return 0;
	return make_root(k, e) < 0 ? e->code : rt_mounts_host(k->c, -1, k->mounts, e);
}

/* Not dumpable before anything of the container can look at us. */
static int enter_namespaces(struct child *k, struct err *e)
{
	struct rt_ctx *c = k->c;
	int r = set_dumpable(stays_open(c), e);

	if (r < 0)
		return r;
	(void)setsid(); /* fails only where we lead a group already */
	r = signals_reset();
	if (r < 0)
		return err_errno(e, r, "signals");
	r = rt_expect(c->sock, RT_MSG_MAPPED, NULL, e);
	if (r == 0)
		r = make_sources(k, e);
	if (r == 0)
		r = mapped_root(c, e);
	if (r == 0)
		r = time_namespace(c, e);
	if (r == 0)
		r = set_dumpable(false, e);
	if (r == 0)
		r = rt_attr_namespaces(c, e);
	return r;
}

static void take_mounts(const struct rt_received *m, int *mounts)
{
	mounts[0] = m->fd;
	for (size_t i = 0; i < m->n_more; i++)
		mounts[i + 1] = m->more[i];
}

/* Everything the host side makes, up to its MOUNTED. */
static int receive_mounts(struct child *k, struct err *e)
{
	for (;;) {
		struct rt_received m;
		int r = rt_recv(k->c->sock, &m, e);

		if (r < 0)
			return r;
		if (m.eof)
			return rt_gone(e, "the host side");
		if (m.type == RT_MSG_MOUNTED)
			return 0;
		if (m.type == RT_MSG_ROOTFS)
			k->root = m.fd;
		else if (m.type == RT_MSG_DEV)
			k->dev = m.fd;
		else if (m.type == RT_MSG_MOUNT && m.arg + m.n_more < k->c->n_mount_fds)
			take_mounts(&m, k->mounts + m.arg);
		else
			return err_set(e, ERR_INTERNAL, "set-up out of step: message %d", (int)m.type);
	}
}

/* In our cgroup now; a cgroup namespace made here has it as its root. */
static int wait_joined(struct child *k, struct err *e)
{
	const struct oci_namespace *ns = &k->c->spec->linux_.ns[OCI_NS_CGROUP];
	int r;

	if (k->joined)
		return 0;
	r = rt_expect(k->c->sock, RT_MSG_JOINED, NULL, e);
	if (r < 0)
		return r;
	k->joined = true;
	if (!ns->wanted || ns->path)
		return 0;
	r = ns_unshare(CLONE_NEWCGROUP);
	return r < 0 ? err_errno(e, r, "cgroup namespace") : 0;
}

/* The new root lies where the caller has it: hooks that come into this mount namespace look for it by that name. What
 * it is was settled when it was made; the name only says where it is attached until pivot_root. Where there is no name,
 * or the container's root has no way to it, "/" will do. */
static int attach_by_name(const struct child *k)
{
	const struct rt_rootfs *rootfs = &k->c->create->rootfs;
	int r = rootfs->kind == RT_ROOTFS_DIR ? mnt_attach_at(k->root, AT_FDCWD, rootfs->path) : -ENOENT;

	return r == 0 || k->c->create->no_pivot ? r : mnt_attach_at(k->root, AT_FDCWD, "/");
}

static bool own_mounts(const struct rt_ctx *c)
{
	return c->spec->linux_.ns[OCI_NS_MOUNT].wanted;
}

/* Nothing mounted from here on may reach the host. */
static int attach_root(struct child *k, struct err *e)
{
	int r;

	if (!own_mounts(k->c))
		return rt_host_root_attach(k->c->create->rootfs.path, k->root, k->dev, e);
	r = mnt_propagation("/", true, MS_SLAVE);

	if (r == 0)
		r = mnt_propagation("/", false, MS_PRIVATE);
	if (r < 0)
		return err_errno(e, r, "making the mount namespace private");
	r = attach_by_name(k);
	/* only so that its nodes can be bound: before 6.15 a detached mount cannot be copied. Behind the root, which must not lie
	 * on it: it goes again (furnish()) */
	if (r == 0 && k->dev >= 0)
		r = mnt_attach_at(k->dev, AT_FDCWD, "/");
	return r < 0 ? err_errno(e, r, "attaching the root file system") : 0;
}

static int attach_mounts(struct child *k, struct err *e)
{
	for (size_t i = 0; i < k->c->n_mounts; i++) {
		const struct rt_mount_plan *p = &k->c->mounts[i];
		int r = 0;

		if (p->late || (p->kind == RT_MOUNT_CGROUP && !p->by_host))
			r = wait_joined(k, e);
		if (r == 0)
			r = rt_mount_attach(k->c, i, k->root, k->mounts, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int alloc_mounts(struct child *k, struct err *e)
{
	k->mounts = malloc((k->c->n_mount_fds + 1) * sizeof(*k->mounts));
	if (!k->mounts)
		return err_errno(e, -ENOMEM, "mounts");
	for (size_t i = 0; i < k->c->n_mount_fds; i++)
		k->mounts[i] = -1;
	return 0;
}

static int build_tree(struct child *k, struct err *e)
{
	int r = k->c->in_place ? make_root(k, e) : rt_mounts_child(k->c, k->mounts, e);

	if (r == 0 && !k->c->by_child)
		r = receive_mounts(k, e);
	if (r == 0)
		r = attach_root(k, e);
	if (r == 0)
		r = attach_mounts(k, e);
	return r;
}

static int console(struct child *k, struct err *e)
{
	CLEANUP_FD int master = -1;
	int r;

	if (!k->c->process || !k->c->process->terminal)
		return 0;
	r = rt_console(k->c, k->root, !k->c->dev_is_bind, &master, e);
	return r < 0 ? r : rt_send(k->c->sock, RT_MSG_CONSOLE, 0, master, e);
}

static int close_dev(struct child *k, struct err *e)
{
	CLEANUP_FD int dev = -1;
	int r;

	if (!k->c->dev_read_only)
		return 0;
	dev = beneath_open(k->root, "dev", BENEATH_IN_ROOT, O_PATH | O_DIRECTORY, 0);
	r = dev < 0 ? dev : mnt_setattr(dev, false, MOUNT_ATTR_RDONLY, 0, 0);
	return r < 0 ? err_errno(e, r, "read-only /dev") : 0;
}

/* What lay over the host's root would be what pivot_root's umount2() takes away, instead of the host's root; who enters the
 * mount namespace, as exec does, would then be in that. */
static int drop_dev(struct child *k, struct err *e)
{
	int r = k->dev >= 0 && own_mounts(k->c) ? mnt_detach_fd(k->c->proc, k->dev) : 0;

	k->dev = close_fd(k->dev);
	return r < 0 ? err_errno(e, r, "the device nodes' own file system") : 0;
}

static int furnish(struct child *k, struct err *e)
{
	int r = rt_dev_bind(k->c, k->root, k->dev, e);

	if (r == 0)
		r = drop_dev(k, e);
	if (r == 0)
		r = console(k, e);
	if (r == 0)
		r = rt_mask(k->c, k->root, k->mounts, e);
	for (size_t i = 0; i < k->c->n_mount_fds; i++)
		k->mounts[i] = close_fd(k->mounts[i]);
	return r;
}

/* Last: mount points had to be made in it, by hooks too. */
static int close_tree(struct child *k, struct err *e)
{
	int r = close_dev(k, e);

	if (r < 0 || !k->c->spec->root_readonly)
		return r;
	r = mnt_setattr(k->root, false, MOUNT_ATTR_RDONLY, 0, 0);
	return r < 0 ? err_errno(e, r, "read-only root file system") : 0;
}

static bool has_early_hooks(const struct oci_spec *s)
{
	return s->hooks[OCI_HOOK_PRESTART].n || s->hooks[OCI_HOOK_CREATE_RUNTIME].n;
}

static int hooks_before_pivot(struct child *k, struct err *e)
{
	const struct rt_ctx *c = k->c;

	if (has_early_hooks(c->spec) &&
	    (rt_send(c->sock, RT_MSG_READY, 0, -1, e) < 0 || rt_expect(c->sock, RT_MSG_READY, NULL, e) < 0))
		return e->code;
	/* in the new root, as the peers have it */
	if (c->spec->hooks[OCI_HOOK_CREATE_CONTAINER].n && fchdir(k->root) < 0)
		return err_errno(e, -errno, "entering the root file system");
	return rt_hooks(c, OCI_HOOK_CREATE_CONTAINER, "creating", c->process ? c->process->env : NULL, e);
}

/* Over "/", or the kernel would take us for one in a chroot and refuse it user namespaces. */
static int chroot_over(struct child *k, struct err *e)
{
	int r = rt_hide_whole(k->c, k->c->create->rootfs.path, e);

	if (r < 0)
		return r;
	r = mnt_attach_at(k->root, AT_FDCWD, "/");
	if (r == 0 && (chroot(".") < 0 || chdir("/") < 0))
		r = -errno;
	return r < 0 ? err_errno(e, r, "chroot") : 0;
}

static int change_root(struct child *k, struct err *e)
{
	const char *wanted = k->c->spec->linux_.rootfs_propagation;
	unsigned long value;
	int r;

	if (fchdir(k->root) < 0)
		return err_errno(e, -errno, "entering the root file system");
	if (!own_mounts(k->c)) {
		r = chroot(".") < 0 || chdir("/") < 0 ? err_errno(e, -errno, "chroot") : 0;
	} else if (k->c->create->no_pivot) {
		r = chroot_over(k, e);
	} else {
		r = mnt_pivot_to_cwd();
		r = r < 0 ? err_errno(e, r, "pivot_root") : 0;
	}
	if (r < 0)
		return r;
	if (!wanted || !*wanted)
		return 0;
	value = oci_propagation(wanted);
	if (!value)
		return err_set(e, ERR_INVALID, "linux.rootfsPropagation: unknown \"%s\"", wanted);
	r = mnt_propagation("/", value & MS_REC, value & ~(unsigned long)MS_REC);
	return r < 0 ? err_errno(e, r, "linux.rootfsPropagation %s", wanted) : 0;
}

static int create(struct child *k, struct err *e)
{
	struct rt_ctx *c = k->c;
	int r = rt_close_others(c, e);

	if (r == 0)
		r = alloc_mounts(k, e);
	if (r == 0)
		r = enter_namespaces(k, e);
	if (r == 0)
		r = build_tree(k, e);
	if (r == 0)
		r = furnish(k, e);
	if (r == 0)
		r = wait_joined(k, e);
	if (r == 0)
		r = hooks_before_pivot(k, e);
	if (r == 0)
		r = rt_process_make_cwd(c, k->root, e);
	if (r == 0)
		r = close_tree(k, e);
	if (r == 0)
		r = change_root(k, e);
	if (r == 0)
		r = rt_attr_sysctl(c, e);
	if (r == 0)
		r = rt_process_prepare(c, e);
	if (r == 0 && c->process)
		r = rt_command_find(c->process, e);
	return r;
}

/* A created container that waits for its start can be ended like any process, not by SIGKILL only. */
static int may_end(const struct rt_ctx *c, struct err *e)
{
	int r = c->create->barrier == RT_BARRIER_FIFO && getpid() == 1 ? signals_let_end() : 0;

	return r < 0 ? err_errno(e, r, "signals") : 0;
}

/* The error goes where somebody listens: the creator, or the starter behind the fifo. */
static _Noreturn void fail(const struct rt_ctx *c, int gate, const struct err *e)
{
	if (gate >= 0)
		(void)!io_write_full(gate, e, sizeof(*e));
	else
		rt_send_error(c->sock, e);
	(void)prctl(PR_SET_NAME, RT_FAILED_NAME);
	rt_exit(e->cls == ERR_CMD_MISSING ? 127 : e->cls == ERR_CMD_NOEXEC ? 126 : 125);
}

void rt_child_main(struct rt_ctx *c)
{
	struct child k = { .c = c, .root = -1, .dev = -1 };
	struct err e = { 0 };
	int gate = -1;

	if (create(&k, &e) < 0 || may_end(c, &e) < 0 || rt_send(c->sock, RT_MSG_CREATED, 0, -1, &e) < 0)
		fail(c, -1, &e);
	k.root = close_fd(k.root);
	if (c->create->barrier == RT_BARRIER_FIFO)
		c->sock = close_fd(c->sock);
	if (rt_barrier_wait(c, &gate, &e) < 0)
		fail(c, gate, &e);
	(void)!rt_process_exec(c, &e);
	fail(c, gate, &e);
}
