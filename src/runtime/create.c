/* The host side of create. Between the clone and "created" the two sides work at the same time: the child makes its own
 * mounts while this side maps ids, makes the rootfs, the binds and /dev. The child is in its cgroup from its first instruction
 * on (clone.c), unless systemd moves it there: it only waits for that where it must, before its cgroup mount, else before the
 * barrier.
 *
 * A caller who may not mount (a user without rights) has the child do that, too, with the rights it has over its own
 * mount namespace (rt_ctx.by_child): then this side only maps ids and makes the cgroup.
 *
 * If anything fails the child is killed by its pidfd and reaped, and a cgroup made here is removed; mounts and
 * namespaces die with the child. */
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "runtime/internal.h"
#include "runtime/process_attr.h"
#include "runtime/sync.h"
#include "runtime/unit.h"
#include "sys/caps.h"
#include "sys/kernel.h"
#include "sys/mnt.h"
#include "sys/netdev.h"
#include "sys/ns.h"
#include "sys/proc.h"
#include "sys/sock.h"

#define FILESYSTEMS_MAX (64U << 10)

struct creation {
	struct rt_ctx ctx;
	bool made_cgroup;
	bool attach; /* to be moved into its cgroup by systemd */
	int join[OCI_NS_COUNT], join_flags[OCI_NS_COUNT];
	size_t n_join;
	int sock;
	pid_t pid;
	int pidfd;
	pid_t helper; /* of the scratch namespace, to be reaped */
	int console;
	uint64_t below; /* rt_host_root_below()'s */
};

void rt_process_close(struct rt_process *p)
{
	p->pidfd = close_fd(p->pidfd);
	p->console = close_fd(p->console);
	p->barrier = close_fd(p->barrier);
}

/* Processes are told apart by what /proc says of their numbers. */
static bool proc_is_ours(void)
{
	char link[16], number[TEXT_U64_LEN];
	ssize_t n = readlink("/proc/self", link, sizeof(link) - 1);

	link[n > 0 ? n : 0] = '\0';
	return !strcmp(link, text_of_u64((uint64_t)getpid(), number));
}

/* A procfs of our own: of our pid namespace, not overmounted, not shared with a container. Where a new one may not be made (inside
 * another container, or without rights) the one at /proc has to do. fsopen(2) alone asks for the right to mount at all. (A copy of
 * the mount at /proc would be 10 us cheaper, but may be read-only. The mount at /proc itself is what a process should not find itself in
 * whose working folder is one of the runtime's descriptors: ".." leads out of it, CVE-2024-21626.) */
int rt_open_proc(bool *may_mount, struct err *e)
{
	CLEANUP_FD int fs = -1;
	int fd;

	if (!proc_is_ours())
		return err_set(e, ERR_UNSUPPORTED, "/proc shows another pid namespace than the one we are in: mount a procfs there first "
						   "(unshare(1) has --mount-proc)");
	fs = mnt_fsopen("proc");
	fd = fs < 0 ? fs : mnt_fsmount(fs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (may_mount)
		*may_mount = fs != -EPERM;
	if (fd < 0)
		fd = openat(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_errno(e, -errno, "/proc") : fd;
}

int rt_outside_uid(const struct rt_ctx *c, uint32_t id, const char *what, uid_t *out, struct err *e)
{
	*out = id;
	if (c->n_uid && !idmap_outside(c->uid_map, c->n_uid, id, out))
		return err_set(e, ERR_INVALID, "%s %u is not mapped in linux.uidMappings", what, id);
	if (c->by_child)
		*out = id;
	return 0;
}

int rt_outside_gid(const struct rt_ctx *c, uint32_t id, const char *what, gid_t *out, struct err *e)
{
	*out = id;
	if (c->n_gid && !idmap_outside(c->gid_map, c->n_gid, id, out))
		return err_set(e, ERR_INVALID, "%s %u is not mapped in linux.gidMappings", what, id);
	if (c->by_child)
		*out = id;
	return 0;
}

/* ---- what is asked for ---- */

/* The kernel registers its file system only when it is in use. */
static bool has_selinux(void)
{
	CLEANUP_FREE char *text = NULL;

	return io_read_file(AT_FDCWD, "/proc/filesystems", FILESYSTEMS_MAX, &text, NULL) == 0 && strstr(text, "\tselinuxfs\n");
}

static int check_supported(const struct rt_create_args *a, struct err *e)
{
	const char *handler = oci_annotation(a->spec, "run.oci.handler");
	const struct oci_linux *l = &a->spec->linux_;

	if (handler)
		return err_set(e, ERR_UNSUPPORTED, "annotations.run.oci.handler: \"%s\" is a handler of crun's; here programs are executed",
			       handler);
	if (!l->ns[OCI_NS_MOUNT].wanted && a->rootfs.kind != RT_ROOTFS_DIR)
		return err_set(e, ERR_UNSUPPORTED,
			       "linux.namespaces: a container without an own \"mount\" namespace is not supported");
	if (!l->ns[OCI_NS_MOUNT].wanted && l->ns[OCI_NS_USER].wanted)
		return err_set(e, ERR_INVALID,
			       "linux.namespaces: a \"user\" namespace needs a \"mount\" namespace, the host's mounts are not its own");
	if (l->ns[OCI_NS_MOUNT].path && l->ns[OCI_NS_USER].wanted && !l->ns[OCI_NS_USER].path)
		return err_set(e, ERR_INVALID,
			       "linux.namespaces: a new \"user\" namespace has no rights over a \"mount\" namespace that is joined by path");
	if (l->mount_label && *l->mount_label && !has_selinux())
		return err_set(e, ERR_UNSUPPORTED, "linux.mountLabel: SELinux is not enabled in this kernel");
	if (l->n_net_devices && geteuid() != 0)
		return err_set(e, ERR_UNSUPPORTED, "linux.netDevices: only root may move the host's network devices");
	if (l->n_time_offsets && (!l->ns[OCI_NS_TIME].wanted || l->ns[OCI_NS_TIME].path))
		return err_set(e, ERR_INVALID, "linux.timeOffsets needs a new \"time\" namespace");
	return 0;
}

/* What takes rights over the host. Without any, a user namespace gives those that a container needs. */
static int check_rights(struct rt_ctx *c, struct err *e)
{
	c->bind_nodes = c->by_child || !ns_user_is_initial();
	if (!c->by_child || c->spec->linux_.ns[OCI_NS_USER].wanted)
		return 0;
	if (cap_effective(CAP_SYS_ADMIN))
		return 0;
	return err_set(e, ERR_DENIED,
		       "linux.namespaces: who may not mount here (root may, with CAP_SYS_ADMIN) needs a \"user\" namespace "
		       "(`spec --rootless` shows how)");
}

static int read_maps(struct rt_ctx *c, struct err *e)
{
	const struct oci_linux *l = &c->spec->linux_;
	const struct oci_namespace *user = &l->ns[OCI_NS_USER];

	/* the same three numbers in the same order under two floors' names */
	_Static_assert(sizeof(struct oci_id_map) == sizeof(struct idmap_range) &&
			       offsetof(struct oci_id_map, host_id) == offsetof(struct idmap_range, outside),
		       "id maps differ");
	if (!user->wanted) {
		if (l->n_uid_map || l->n_gid_map)
			return err_set(e, ERR_INVALID, "linux.uidMappings needs a \"user\" namespace");
		return 0;
	}
	if (user->path) {
		if (l->n_uid_map || l->n_gid_map)
			return err_set(e, ERR_INVALID,
				       "linux.uidMappings: a user namespace that is joined has its own map");
		return 0;
	}
	if (!l->n_uid_map || !l->n_gid_map)
		return err_set(e, ERR_INVALID,
			       "linux.namespaces: a new \"user\" namespace needs uidMappings and gidMappings");
	c->uid_map = (const struct idmap_range *)(const void *)l->uid_map;
	c->gid_map = (const struct idmap_range *)(const void *)l->gid_map;
	c->n_uid = l->n_uid_map;
	c->n_gid = l->n_gid_map;
	return 0;
}

void rt_find_owned(struct rt_ctx *c)
{
	const struct oci_namespace *ns = c->spec->linux_.ns;

	for (int i = 0; i < OCI_NS_COUNT; i++)
		c->own[i] = !ns[OCI_NS_USER].wanted || (ns[i].wanted && (!ns[i].path || ns[OCI_NS_USER].path));
}

int rt_plan(struct rt_ctx *c, struct err *e)
{
	bool may_mount;
	int r = read_maps(c, e);

	if (r == 0)
		r = c->proc = rt_open_proc(&may_mount, e);
	if (r < 0)
		return r;
	c->by_child = !may_mount;
	c->in_place = c->in_place && may_mount;
	r = check_rights(c, e);
	rt_find_owned(c);
	return r < 0 ? r : rt_plan_mounts(c, e);
}

bool rt_fd_inherited(long fd)
{
	int flags = fd < 0 || fd > INT_MAX ? -1 : fcntl((int)fd, F_GETFD);

	return flags >= 0 && !(flags & FD_CLOEXEC);
}

unsigned int rt_listen_fds(void)
{
	const char *s = getenv("LISTEN_FDS");
	uint32_t n = 0;

	if (!s || text_u32(s, &n) < 0 || n >= 1024)
		return 0;
	for (uint32_t i = 0; i < n; i++)
		if (!rt_fd_inherited(3 + (long)i))
			return 0;
	return n;
}

/* An id map is put on mounts by who stands above it. An overlay of layers may take a helper, which only the host side can collect. */
static bool may_be_in_place(const struct rt_create_args *a)
{
	const struct oci_namespace *ns = a->spec->linux_.ns;

	return a->rootfs.kind == RT_ROOTFS_DIR && ns[OCI_NS_MOUNT].wanted && !ns[OCI_NS_MOUNT].path && !ns[OCI_NS_USER].wanted;
}

static int plan(struct creation *k, const struct rt_create_args *a, struct err *e)
{
	struct rt_ctx *c = &k->ctx;
	int r;

	c->id = a->id;
	c->bundle = a->bundle;
	c->spec = a->spec;
	c->process = a->spec->process;
	c->create = a;
	c->stdio = a->stdio;
	c->pass = a->pass;
	c->listen_fds = a->pass ? a->pass->listen : rt_listen_fds();
	c->keep_fds = a->pass ? a->pass->n : a->preserve_fds + c->listen_fds;
	c->no_new_keyring = a->no_new_keyring;
	c->plain_newlines = a->plain_newlines;
	c->keep_groups = rt_keeps_groups(c->spec);
	c->in_place = may_be_in_place(a);
	r = check_supported(a, e);
	if (r == 0)
		r = rt_delegate_check(c, e);
	if (r == 0)
		r = rt_landlock_check(c->spec, e);
	if (r == 0 && c->process)
		r = rt_process_check(c->process, e);
	if (r == 0)
		r = rt_plan(c, e);
	/* for all hooks, that a bad name shows at once */
	if (r == 0)
		r = rt_hook_output(c->spec, c->hook_out, e);
	return r < 0 ? r : rt_filter_plan(c, e);
}

static int open_joined(struct creation *k, struct err *e)
{
	for (int i = 0; i < OCI_NS_COUNT; i++) {
		const struct oci_namespace *ns = &k->ctx.spec->linux_.ns[i];
		int fd;

		if (!ns->wanted || !ns->path)
			continue;
		fd = openat(AT_FDCWD, ns->path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return err_errno(e, -errno, "linux.namespaces: %s: %s", oci_ns_name((enum oci_ns)i), ns->path);
		/* pivot_root in there would take the host's root away from everybody */
		if (i == OCI_NS_MOUNT && ns_mount_is_ours(fd)) {
			close_fd(fd);
			return err_set(e, ERR_INVALID,
				       "linux.namespaces: mount: %s is the host's: leave \"mount\" out to use the host's mounts", ns->path);
		}
		k->join[k->n_join] = fd;
		k->join_flags[k->n_join++] = oci_ns_flag((enum oci_ns)i);
	}
	return 0;
}

/* Who has no rights over devices cannot have rules for them enforced either. What his containers can open is what is
 * bound into them: they can make no nodes. */
static int apply_limits(struct creation *k, struct cg_resources *r, struct err *e)
{
	struct cg_resources rules = { .devices = r->devices, .n_devices = r->n_devices };
	int rc;

	if (!k->ctx.create->rootless)
		return cg_apply(k->ctx.cgroup, r, e);
	r->n_devices = 0;
	rc = cg_apply(k->ctx.cgroup, r, e);
	if (rc < 0)
		return rc;
	rc = cg_apply(k->ctx.cgroup, &rules, e);
	if (rc != -EPERM && rc != -EACCES)
		return rc;
	log_debug("%s: left out: %s", k->ctx.id, e->msg);
	*e = (struct err){ 0 };
	return 0;
}

static int make_cgroups(struct creation *k, struct err *e)
{
	const struct rt_create_args *a = k->ctx.create;
	struct cg_resources resources;
	bool existed = true;
	int r = 0;

	if (a->cgroup) {
		r = cg_create(a->cgroup, &k->ctx.cgroup, &existed, e);
		k->made_cgroup = r == 0 && !existed;
		if (r == 0)
			r = rt_resources(&k->ctx.arena, k->ctx.spec, &resources, e);
		if (r == 0)
			r = apply_limits(k, &resources, e);
	}
	return r < 0 ? err_ctx(e, "cgroup") : 0;
}

/* ---- the clone ---- */

/* cgroup: made by the child once it is in its cgroup; time: made by the child, offsets first. */
static uint64_t new_namespaces(const struct oci_spec *s)
{
	uint64_t flags = 0;

	for (int i = 0; i < OCI_NS_COUNT; i++) {
		const struct oci_namespace *ns = &s->linux_.ns[i];

		if (ns->wanted && !ns->path && i != OCI_NS_CGROUP && i != OCI_NS_TIME)
			flags |= (uint64_t)(unsigned int)oci_ns_flag((enum oci_ns)i);
	}
	return flags;
}

/* Set by the process that enters a user namespace: in there it is not ours to set, without rights. */
static bool limits_inherited(const struct rt_ctx *c)
{
	return c->by_child && c->spec->linux_.ns[OCI_NS_USER].path;
}

static int set_own_limits(void *arg, struct err *e)
{
	return rt_process_host(arg, getpid(), e);
}

static int clone_child(struct creation *k, struct err *e)
{
	struct rt_clone how = { .flags = new_namespaces(k->ctx.spec),
				.before = limits_inherited(&k->ctx) ? set_own_limits : NULL,
				.arg = &k->ctx,
				.cgroup = k->ctx.cgroup,
				.join = k->join,
				.join_flags = k->join_flags,
				.n_join = k->n_join,
				.pidfd = -1 };

	k->pid = rt_clone_linked(&how, &k->ctx.sock, &k->sock, &k->pidfd, e);
	k->attach = k->pid == -EACCES && how.cgroup && k->ctx.create->unit;
	if (k->attach) {
		close_fd(k->sock);
		*e = (struct err){ 0 };
		how.cgroup = NULL;
		k->pid = rt_clone_linked(&how, &k->ctx.sock, &k->sock, &k->pidfd, e);
	}
	if (k->pid == 0)
		rt_child_main(&k->ctx);
	return k->pid < 0 ? k->pid : 0;
}

/* ---- while the child builds ---- */

/* The child opens it by name as the container's root. Where that is not ours to give away to, its mode lets everybody
 * write: nobody else has a way to it, the container's folder is the caller's alone. */
static int own_fifo(struct creation *k, struct err *e)
{
	const struct rt_ctx *c = &k->ctx;
	char path[32];
	uid_t uid;
	gid_t gid;

	if (c->create->barrier != RT_BARRIER_FIFO || !c->n_uid)
		return 0;
	if (!idmap_outside(c->uid_map, c->n_uid, 0, &uid) || !idmap_outside(c->gid_map, c->n_gid, 0, &gid))
		return err_set(e, ERR_INVALID, "linux.uidMappings, linux.gidMappings: id 0 must be mapped");
	if (fchownat(c->create->fifo_fd, "", uid, gid, AT_EMPTY_PATH) == 0)
		return 0;
	if (errno != EPERM)
		return err_errno(e, -errno, "exec fifo");
	snprintf(path, sizeof(path), "self/fd/%d", c->create->fifo_fd);
	return fchmodat(c->proc, path, 0622, 0) < 0 ? err_errno(e, -errno, "exec fifo") : 0;
}

/* The map of a user namespace that was joined: the child shows it. */
static int read_joined_map(struct creation *k, const char *which, const struct idmap_range **map, size_t *n,
			   struct err *e)
{
	struct idmap_range *m = arena_array(&k->ctx.arena, IDMAP_MAX, sizeof(*m));
	int r = m ? idmap_read(k->ctx.proc, k->pid, which, m, IDMAP_MAX, n) : -ENOMEM;

	*map = m;
	return r < 0 ? err_errno(e, r, "%s of the joined user namespace", which) : 0;
}

static int map_ids(struct creation *k, struct err *e)
{
	struct rt_ctx *c = &k->ctx;
	int r;

	if (c->spec->linux_.ns[OCI_NS_USER].path && (read_joined_map(k, "uid_map", &c->uid_map, &c->n_uid, e) < 0 ||
						     read_joined_map(k, "gid_map", &c->gid_map, &c->n_gid, e) < 0))
		return e->code;
	if (own_fifo(k, e) < 0)
		return e->code;

	if (!c->spec->linux_.ns[OCI_NS_USER].path && c->n_uid && rt_write_maps(c, k->pid, e) < 0)
		return e->code;
	r = limits_inherited(c) ? 0 : rt_process_host(c, k->pid, e);
	return r < 0 ? r : rt_send(k->sock, RT_MSG_MAPPED, 0, -1, e);
}

/* The container's process owns its cgroup where it sees it as its own, and may write to it (config-linux.md, "Cgroup
 * ownership"). */
static int give_cgroup(struct creation *k, struct err *e)
{
	const struct rt_ctx *c = &k->ctx;
	const struct oci_namespace *ns = &c->spec->linux_.ns[OCI_NS_CGROUP];
	uint32_t uid = c->process ? c->process->user.uid : 0;
	bool writable = false;
	int r;

	for (size_t i = 0; i < c->n_mounts && !writable; i++)
		writable = c->mounts[i].kind == RT_MOUNT_CGROUP && !c->mounts[i].read_only &&
			   !strcmp(c->mounts[i].m->destination, "/sys/fs/cgroup");
	if (!writable || !c->cgroup || !ns->wanted || ns->path)
		return 0;
	if (c->n_uid && !idmap_outside(c->uid_map, c->n_uid, uid, &uid))
		return 0;
	r = cg_give(c->cgroup, uid, e);
	if (r != -EPERM || !c->create->rootless)
		return r;
	/* a user can give nothing away to the ids that are set aside for him */
	*e = (struct err){ 0 };
	return 0;
}

static int time_offsets(struct creation *k, struct err *e)
{
	const struct oci_namespace *ns = &k->ctx.spec->linux_.ns[OCI_NS_TIME];

	if (!ns->wanted || ns->path || k->ctx.by_child)
		return 0;
	if (rt_expect(k->sock, RT_MSG_TIMENS, NULL, e) < 0 || rt_attr_time_offsets(&k->ctx, k->pid, e) < 0)
		return e->code;
	return rt_send(k->sock, RT_MSG_TIMENS, 0, -1, e);
}

int rt_net_devices(const struct rt_ctx *c, pid_t pid, struct err *e)
{
	const struct oci_linux *l = &c->spec->linux_;
	CLEANUP_FD int netns = -1;
	char path[48];

	if (!l->n_net_devices)
		return 0;
	snprintf(path, sizeof(path), "%d/ns/net", (int)pid);
	netns = openat(c->proc, path, O_RDONLY | O_CLOEXEC);
	if (netns < 0)
		return err_errno(e, -errno, "the container's network namespace");
	for (size_t i = 0; i < l->n_net_devices; i++)
		if (netdev_move(l->net_devices[i].name, netns, l->net_devices[i].new_name, e) < 0)
			return err_ctx(e, "linux.netDevices.%s", l->net_devices[i].name);
	return 0;
}

/* The map as mount_setattr() wants it: the child's own user namespace; -1 without one. */
static int open_userns(struct creation *k, struct err *e)
{
	char path[48];
	int fd;

	snprintf(path, sizeof(path), "%d/ns/user", (int)k->pid);
	fd = openat(k->ctx.proc, path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_errno(e, -errno, "the container's user namespace") : fd;
}

static int send_fd(struct creation *k, enum rt_msg type, size_t index, int *fd, struct err *e)
{
	int r = rt_send(k->sock, type, (uint32_t)index, *fd, e);

	*fd = close_fd(*fd);
	return r;
}

/* What was made, neighbours together: each message wakes the child. */
static int send_made(struct creation *k, int *fds, struct err *e)
{
	size_t n = k->ctx.n_mount_fds, count;
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i += count ? count : 1) {
		for (count = 0; i + count < n && count < RT_MAX_FDS && fds[i + count] >= 0; count++)
			;
		if (count)
			r = rt_send_fds(k->sock, RT_MSG_MOUNT, (uint32_t)i, fds + i, count, e);
	}
	return r;
}

static int host_root(struct creation *k, int userns, struct err *e)
{
	struct rt_ctx *c = &k->ctx;
	CLEANUP_FD int root = -1, dev = -1;
	int r = rt_rootfs_make(c, userns, &root, &k->helper, e);

	if (r == 0)
		r = send_fd(k, RT_MSG_ROOTFS, 0, &root, e);
	if (r == 0 && rt_dev_elsewhere(c)) {
		r = rt_dev_make(c, false, &dev, e);
		if (r == 0)
			r = send_fd(k, RT_MSG_DEV, 0, &dev, e);
	}
	return r;
}

static int host_mounts(struct creation *k, int userns, int *fds, struct err *e)
{
	const struct rt_ctx *c = &k->ctx;
	int r = c->in_place ? 0 : host_root(k, userns, e);

	if (r == 0)
		r = rt_mounts_host(c, userns, fds, e);
	if (r == 0)
		r = send_made(k, fds, e);
	return r < 0 ? r : rt_send(k->sock, RT_MSG_MOUNTED, 0, -1, e);
}

static int send_mounts(struct creation *k, struct err *e)
{
	bool user = k->ctx.spec->linux_.ns[OCI_NS_USER].wanted && !k->ctx.by_child;
	CLEANUP_FD int userns = user ? open_userns(k, e) : -1;
	CLEANUP_FREE int *fds = malloc((k->ctx.n_mount_fds + 1) * sizeof(*fds));
	int r;

	if (k->ctx.by_child)
		return 0;
	if (user && userns < 0)
		return userns;
	if (!fds)
		return err_errno(e, -ENOMEM, "mounts");
	for (size_t i = 0; i < k->ctx.n_mount_fds; i++)
		fds[i] = -1;
	r = host_mounts(k, userns, fds, e);
	for (size_t i = 0; i < k->ctx.n_mount_fds; i++)
		close_fd(fds[i]);
	return r;
}

/* By its birth, or by systemd. */
static int joined(struct creation *k, struct err *e)
{
	int r = rt_attr_all_cpus(k->pid, e);

	return r < 0 ? r : rt_send(k->sock, RT_MSG_JOINED, 0, -1, e);
}

static int early_hooks(struct creation *k, struct err *e)
{
	const struct rt_ctx *c = &k->ctx;
	int r = rt_run_hooks(c->spec, OCI_HOOK_PRESTART, c->id, k->pid, c->bundle, "creating", e);

	if (r == 0)
		r = rt_run_hooks(c->spec, OCI_HOOK_CREATE_RUNTIME, c->id, k->pid, c->bundle, "creating", e);
	return r < 0 ? r : rt_send(k->sock, RT_MSG_READY, 0, -1, e);
}

/* Serves the child until it waits at its barrier. */
static int serve(struct creation *k, struct err *e)
{
	const char *watch = rt_watch(k->ctx.spec, k->ctx.create->cgroup);

	for (;;) {
		struct rt_received m;
		int r = rt_wait_unless_stuck(k->sock, -1, watch, e);

		if (r == 0)
			r = rt_recv(k->sock, &m, e);
		if (r < 0)
			return r;
		if (m.eof)
			return rt_gone(e, "the container's process");
		if (m.type == RT_MSG_CREATED)
			return rt_delegate(&k->ctx, k->pid, e);
		if (m.type == RT_MSG_CONSOLE && k->console < 0 && m.fd >= 0)
			k->console = m.fd;
		else if (m.type == RT_MSG_READY)
			r = early_hooks(k, e);
		else
			return err_set(e, ERR_INTERNAL, "set-up out of step: message %d", (int)m.type);
		if (r < 0)
			return r;
	}
}

static int work(struct creation *k, struct err *e)
{
	struct rt_ctx *c = &k->ctx;
	/* while it is still the caller's by its ids: systemd asks for that */
	int r = k->attach ? rt_scope_attach(c->create->unit, c->create->unit_user, "", k->pid, e) : 0;

	if (r == 0)
		r = map_ids(k, e);

	if (r == 0)
		r = give_cgroup(k, e);
	if (r == 0)
		r = time_offsets(k, e);
	if (r == 0)
		r = rt_net_devices(c, k->pid, e);
	if (r == 0)
		r = rt_rdt(c, k->pid, false, e);
	if (r == 0)
		r = send_mounts(k, e);
	if (r == 0)
		r = joined(k, e);
	if (r == 0 && c->create->meanwhile)
		r = c->create->meanwhile(k->pid, c->create->data, e);
	return r == 0 ? serve(k, e) : r;
}

static void undo(struct creation *k, struct err *e)
{
	struct err ignored;

	if (k->pid > 0) {
		rt_last_word(k->sock, e);
		(void)rt_blame(k->ctx.spec, k->ctx.create->cgroup, e);
		(void)!proc_signal(k->pidfd, SIGKILL);
		while (waitpid(k->pid, NULL, __WALL) < 0 && errno == EINTR)
			;
	}
	(void)!rt_host_root_clear(k->ctx.create->rootfs.path, k->below, &ignored);
	if (k->made_cgroup)
		(void)!cg_remove(k->ctx.create->cgroup, &ignored);
}

static void release(struct creation *k)
{
	ns_reap(k->helper);
	for (size_t i = 0; i < k->n_join; i++)
		close_fd(k->join[i]);
	close_fd(k->sock);
	close_fd(k->pidfd);
	close_fd(k->console);
	close_fd(k->ctx.proc);
	close_fd(k->ctx.agent);
	rt_hook_output_close(k->ctx.hook_out);
	cg_close(k->ctx.cgroup);
	arena_free(&k->ctx.arena);
}

static int hand_over(struct creation *k, struct rt_process *out, struct err *e)
{
	struct rt_process p = RT_PROCESS_INIT;
	int r = proc_look(k->pid, &p.start_time, &p.code);

	if (r < 0)
		return err_errno(e, r, "the container's process");
	p.pid = k->pid;
	p.pidfd = take_fd(&k->pidfd);
	p.console = take_fd(&k->console);
	p.watch = rt_watch(k->ctx.spec, k->ctx.create->cgroup);
	if (k->ctx.create->barrier == RT_BARRIER_SOCKET)
		p.barrier = take_fd(&k->sock);
	*out = p;
	return 0;
}

int rt_create(const struct rt_create_args *args, struct rt_process *out, struct err *e)
{
	struct creation k = { .ctx = { .arena = ARENA_INIT, .proc = -1, .sock = -1, .agent = -1 },
			      .sock = -1,
			      .pid = -1,
			      .pidfd = -1,
			      .console = -1 };
	int r = plan(&k, args, e);

	if (r == 0)
		r = rt_host_root_below(args->spec, args->rootfs.path, &k.below, e);
	if (r == 0)
		r = open_joined(&k, e);
	if (r == 0)
		r = make_cgroups(&k, e);
	if (r == 0)
		r = clone_child(&k, e);
	if (r == 0) {
		log_debug("%s: process %d cloned, namespaces %#llx", k.ctx.id, (int)k.pid,
			  (unsigned long long)new_namespaces(k.ctx.spec));
		r = work(&k, e);
	}
	if (r == 0)
		log_debug("%s: set up, cgroup %s", k.ctx.id, args->cgroup ? args->cgroup : "none");
	if (r == 0)
		r = hand_over(&k, out, e);
	if (r < 0)
		undo(&k, e);
	release(&k);
	return r;
}
