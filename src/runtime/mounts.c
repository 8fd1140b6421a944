/* Making and attaching the specification's mounts.
 *
 * Every mount exists detached first: its attributes are in force before anything can see it, and what is attached is
 * the very mount that was checked, not a name for it. Destinations are reached by handles that cannot leave the new
 * root whatever links the image holds (base/beneath.h), and attached by descriptor: nothing is looked up twice.
 *
 * Id-mapped binds: a file the container's root makes in a volume belongs to the host's root, because the mount
 * translates. A file system that cannot do that would show everything as nobody's; that is only let pass where nothing
 * can be created through it: read-only, or the kernel's own words and devices (/proc, /sys, /dev). */
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/beneath.h"
#include "base/defence.h"
#include "base/io.h"
#include "base/text.h"
#include "runtime/internal.h"
#include "sys/kernel.h"
#include "sys/kernelfs.h"
#include "sys/mnt.h"
#include "sys/newfs.h"
#include "sys/ns.h"
#include "sys/overlay_mount.h"

/* Options of a tmpfs among which a mode of its own still fits. */
#define MAX_DATA 30

/* ---- id maps of binds ---- */

static int cannot_map(const char *where, struct err *e)
{
	return err_set(e, ERR_UNSUPPORTED,
		       "%s: its file system cannot be id-mapped; use --userns=host, or :noidmap to bind it as it is",
		       where);
}

static bool is_kernels(int fd)
{
	return kernelfs(fd) || kernelfs_devices(fd);
}

/* One mount of a tree. may_stay: one that cannot be mapped is shown as it is. */
static int idmap_one(int fd, const char *where, int userns, bool may_stay, struct err *e)
{
	struct stat st;
	int r = mnt_idmap(fd, false, userns);

	if (r == 0)
		return 0;
	if (r != -EINVAL && r != -EPERM && r != -EOPNOTSUPP)
		return err_errno(e, r, "mapping ids of %s", where);
	if (fstat(fd, &st) < 0)
		return err_errno(e, -errno, "%s", where);
	return may_stay || S_ISSOCK(st.st_mode) || is_kernels(fd) ? 0 : cannot_map(where, e);
}

char *rt_mount_point(char *line)
{
	char *p = line, *out, *start;

	for (int field = 0; field < 4; field++) {
		p = strchr(p, ' ');
		if (!p)
			return NULL;
		p++;
	}
	start = out = p;
	while (*p && *p != ' ') {
		if (p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] && p[3]) {
			*out++ = (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
			p += 4;
		} else {
			*out++ = *p++;
		}
	}
	*out = '\0';
	return start;
}

/* The part of mount point path that lies below source; NULL when it does not. */
static const char *relative_to(const char *path, const char *source)
{
	size_t len = strlen(source);

	while (len > 0 && source[len - 1] == '/')
		len--;
	if (strncmp(path, source, len) != 0 || path[len] != '/' || !path[len + 1])
		return NULL;
	return path + len + 1;
}

/* What is mounted below and cannot be mapped is there as it is: its files are nobody's in the container, which can do less with them than with a map. */
static int idmap_below(int fd, const char *relative, int userns, struct err *e)
{
	CLEANUP_FD int sub = beneath_open(fd, relative, BENEATH_NOLINKS, O_PATH, 0);

	/* the host has unmounted or covered it since */
	if (sub == -ENOENT || sub == -ENOTDIR)
		return 0;
	if (sub < 0)
		return err_errno(e, sub, "%s", relative);
	return idmap_one(sub, relative, userns, true, e);
}

/* Mount by mount, after mapping them all at once failed. The copy has the host's mounts below source in the same
 * places; the host's mountinfo names them. */
static int idmap_each(int fd, const char *source, int userns, bool read_only, struct err *e)
{
	CLEANUP_FREE char *real = realpath(source, NULL);
	CLEANUP_FREE char *info = NULL;
	char *line, *rest = NULL;
	int r = real ? io_read_file(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &info, NULL) : -errno;

	if (r < 0)
		return err_errno(e, r, "mounts below %s", source);
	r = idmap_one(fd, source, userns, read_only, e);
	for (line = strtok_r(info, "\n", &rest); line && r == 0; line = strtok_r(NULL, "\n", &rest)) {
		char *point = rt_mount_point(line);
		const char *relative = point ? relative_to(point, real) : NULL;

		if (relative)
			r = idmap_below(fd, relative, userns, e);
	}
	return r;
}

int rt_mount_idmap(int fd, const char *source, bool recursive, int userns, bool read_only, struct err *e)
{
	if (!recursive)
		return idmap_one(fd, source, userns, read_only, e);
	if (mnt_idmap(fd, true, userns) == 0)
		return 0;
	/* What is mounted in a tree that is not attached yet cannot be mapped by itself. In /dev and /sys that is /dev/shm and the like: it is bound
	 * as it is, with which the container can do less than with a map. */
	if (is_kernels(fd))
		return 0;
	return idmap_each(fd, source, userns, read_only, e);
}

static int own_userns(const struct rt_ctx *c, const struct oci_mount *m, struct err *e)
{
	/* struct oci_id_map and struct idmap_range say the same; the floors keep their own names for it */
	const struct idmap_range *uid = (const struct idmap_range *)(const void *)m->uid_map;
	const struct idmap_range *gid = (const struct idmap_range *)(const void *)m->gid_map;
	int fd = idmap_userns(c->proc, uid, m->n_uid_map, gid, m->n_gid_map);

	if (fd == -EINVAL)
		return err_set(e, ERR_INVALID, "uidMappings and gidMappings: ranges overlap, or are more than %d", IDMAP_MAX);
	return fd < 0 ? err_errno(e, fd, "uidMappings and gidMappings") : fd;
}

/* A link that is to be copied: its detached mount only carries it to where that is done. So the link that was looked at is the
 * one that is copied, whoever of the two sides opened it. */
static bool is_carried(const struct rt_mount_plan *p, int fd)
{
	struct stat st;

	return (p->o.links & OCI_LINK_COPY) && fstat(fd, &st) == 0 && S_ISLNK(st.st_mode);
}

/* source: the folder on the host that fd shows. */
static int idmap_bind(const struct rt_ctx *c, const struct rt_mount_plan *p, int fd, const char *source, int userns, struct err *e)
{
	CLEANUP_FD int own = -1;

	if (is_carried(p, fd))
		return 0;
	if (p->m->n_uid_map) {
		own = own_userns(c, p->m, e);
		if (own < 0)
			return own;
	}
	return rt_mount_idmap(fd, source, p->o.recursive_bind && p->o.idmap == OCI_IDMAP_RECURSIVE,
			      own >= 0 ? own : userns, p->read_only || (p->o.recursive.set & MOUNT_ATTR_RDONLY), e);
}

/* ---- host side ---- */

/* The folder on the host behind a handle of ours; "" when it is not known. */
static void name_of(int fd, char out[PATH_MAX])
{
	char self[IO_FD_PATH_LEN];
	ssize_t n = readlink(io_fd_path(fd, self), out, PATH_MAX - 1);

	out[n < 0 ? 0 : n] = '\0';
}

/* part: where the part is that subpath says; "" without one. */
static int clone_source(const struct rt_mount_plan *p, int dir, const char *path, char part[PATH_MAX])
{
	CLEANUP_FD int link = -1, whole = -1;

	if (p->o.subpath) {
		whole = openat(dir, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		link = whole < 0 ? -errno : beneath_open(whole, p->o.subpath, BENEATH_STRICT, O_PATH, 0);
		if (link < 0)
			return link;
		name_of(link, part);
		return mnt_clone_tree(link, "", p->o.recursive_bind);
	}
	if (!(p->o.links & (OCI_LINK_SOURCE | OCI_LINK_COPY)))
		return mnt_clone_tree(dir, path, p->o.recursive_bind);
	link = openat(dir, path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return link < 0 ? -errno : mnt_clone_tree(link, "", p->o.recursive_bind);
}

/* "/proc/PID/root/…", and *len is up to there: its process is in another mount namespace, or nobody can say. */
static bool is_of_other(const char *source, pid_t *pid, int *len)
{
	struct stat theirs, ours;
	char file[32];
	int n;

	*len = 0;
	if (sscanf(source, "/proc/%d/root/%n", &n, len) != 1 || *len == 0)
		return false;
	*pid = (pid_t)n;
	(void)snprintf(file, sizeof(file), "/proc/%d/ns/mnt", n);
	return stat(file, &theirs) < 0 || stat("/proc/self/ns/mnt", &ours) < 0 || theirs.st_ino != ours.st_ino || theirs.st_dev != ours.st_dev;
}

/* A folder in another process's root: the kernel copies mounts of one's own namespace alone, so a helper goes there. It looks up no more than a
 * folder that is no link, in the root that namespace has: what it finds is that container's in any case. Never from here: the process makes of
 * its root what it likes (chroot(2)), and a link in there that begins with "/" would lead through ours. */
struct visit {
	const char *path;
	pid_t pid;
	bool recursive;
	int fd;
};

static int visit_other(void *data)
{
	struct visit *v = data;
	CLEANUP_FD int ns = -1, folder = -1;
	char file[32];

	(void)snprintf(file, sizeof(file), "/proc/%d/ns/mnt", (int)v->pid);
	ns = open(file, O_RDONLY | O_CLOEXEC);
	if (ns < 0 || setns(ns, CLONE_NEWNS) < 0)
		return -errno;
	folder = open(v->path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	v->fd = folder < 0 ? -errno : mnt_clone_tree(folder, "", v->recursive);
	return v->fd < 0 ? v->fd : 0;
}

static int clone_of_other(const char *path, pid_t pid, bool recursive)
{
	struct visit v = { .path = path, .pid = pid, .recursive = recursive, .fd = -1 };
	pid_t helper = 0;
	int r = ns_run_scratch(visit_other, &v, &helper);

	ns_reap(helper);
	return r < 0 ? r : v.fd;
}

/* What lies at its subpath. */
static int part_of(const struct rt_mount_plan *p, int whole, const char *what, struct err *e)
{
	pid_t helper = 0;
	int part = overlay_part(whole, p->o.subpath, &helper);

	ns_reap(helper);
	if (part == -EXDEV)
		return err_set(e, ERR_DENIED, "%s: a link on the way to %s leads out of it", what, p->o.subpath);
	return part < 0 ? err_errno(e, part, "%s: /%s", what, p->o.subpath) : part;
}

/* An image's files. Without a folder to write to the file system itself is read-only: whoever may remount in the container gets no layer to
 * write into, which is why there are two lowers at least (mount_plan.c). */
static int bind_layers(const struct rt_mount_plan *p, int userns, struct err *e)
{
	const struct overlay_args args = {
		.lower = p->o.lower, .n_lower = p->o.n_lower, .userns = p->o.idmap != OCI_IDMAP_NO ? userns : -1, .base_userns = -1,
		.of_user = p->o.userxattr,
	};
	CLEANUP_FD int whole = -1;
	pid_t helper = 0;

	whole = overlay_mount(&args, &helper, e);
	ns_reap(helper);
	if (whole < 0)
		return err_ctx(e, "image %s", p->m->source);
	return p->o.subpath ? part_of(p, whole, p->m->source, e) : take_fd(&whole);
}

static int bind_host(const struct rt_ctx *c, const struct rt_mount_plan *p, int userns, struct err *e)
{
	CLEANUP_FD int fd = -1, bundle = -1;
	char part[PATH_MAX] = "";
	pid_t pid;
	int r, len;

	if (p->o.n_lower)
		return bind_layers(p, userns, e);
	if (p->m->source[0] != '/') {
		bundle = openat(AT_FDCWD, c->bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (bundle < 0)
			return err_errno(e, -errno, "bundle %s", c->bundle);
	}
	if (is_of_other(p->m->source, &pid, &len))
		fd = clone_of_other(p->m->source + len - 1, pid, p->o.recursive_bind);
	else
		fd = clone_source(p, bundle >= 0 ? bundle : AT_FDCWD, p->m->source, part);
	if (fd == -EINVAL && c->bind_nodes && !p->o.recursive_bind)
		return err_set(e, ERR_DENIED, "bind source %s: there are mounts in it that only root may leave out: "
					      "use \"rbind\"", p->m->source);
	if (fd == -EXDEV && p->o.subpath)
		return err_set(e, ERR_DENIED, "bind source %s: a link on the way to %s leads out of it", p->m->source, p->o.subpath);
	if (fd < 0)
		return err_errno(e, fd, "bind source %s%s%s", p->m->source, p->o.subpath ? "/" : "", p->o.subpath ? p->o.subpath : "");
	if (p->o.idmap != OCI_IDMAP_NO) {
		r = idmap_bind(c, p, fd, *part ? part : p->m->source, userns, e);
		if (r < 0)
			return r;
	}
	return take_fd(&fd);
}

/* A mount without others below it, as nearly all are: what it gets in one call. */
static bool is_plain(const struct rt_mount_plan *p)
{
	return !p->o.n_propagation && !p->o.recursive_bind;
}

static uint64_t plain_attr(const struct rt_mount_plan *p)
{
	return (p->o.attr.set & ~p->o.recursive.clear) | p->o.recursive.set | (p->read_only ? MOUNT_ATTR_RDONLY : 0);
}

/* A new file system was made as it is to be (make_fs()). */
static bool born_finished(const struct rt_mount_plan *p)
{
	return p->kind == RT_MOUNT_FS && is_plain(p) && !p->o.attr.clear && !p->o.recursive.clear;
}

/* A file system made anew. The kernel only says EPERM where one shows a namespace that is not ours. */
static int make_fs(const struct rt_ctx *c, const struct rt_mount_plan *p, struct err *e)
{
	int fd = newfs_mount(p->m->type, p->m->source, p->data, born_finished(p) ? plain_attr(p) : 0, e);

	if (fd != -EPERM || p->shows == OCI_NS_COUNT || (c->spec->linux_.ns[p->shows].wanted && c->own[p->shows]))
		return fd;
	return err_set(e, ERR_DENIED,
		       "%s shows the \"%s\" namespace, which is the host's here, and only its root may do that: give the "
		       "container one of its own, or bind the host's %s",
		       p->m->type, oci_ns_name(p->shows), p->m->destination);
}

/* A volume that is a file system of its own (x-tare.volume). */
static int make_volume(const struct rt_mount_plan *p, int userns, struct err *e)
{
	CLEANUP_FD int fd = newfs_mount(p->m->type, p->m->source, p->data, born_finished(p) ? plain_attr(p) : 0, e);
	int r = fd;

	if (r >= 0 && p->o.idmap != OCI_IDMAP_NO)
		r = rt_mount_idmap(fd, p->m->source, false, userns, p->read_only || (p->o.recursive.set & MOUNT_ATTR_RDONLY), e);
	if (r >= 0 && p->o.subpath)
		r = part_of(p, fd, p->m->source, e);
	if (r < 0)
		return err_ctx(e, "volume %s, %s", p->o.volume, p->m->source ? p->m->source : "no device");
	return p->o.subpath ? r : take_fd(&fd);
}

static int make_one(const struct rt_ctx *c, const struct rt_mount_plan *p, int userns, int *fd, struct err *e)
{
	switch (p->kind) {
	case RT_MOUNT_DEV:
		return rt_dev_make(c, true, fd, e);
	case RT_MOUNT_BIND:
		*fd = bind_host(c, p, userns, e);
		return *fd < 0 ? *fd : 0;
	case RT_MOUNT_FS:
	case RT_MOUNT_CGROUP:
	case RT_MOUNT_CHANGE:
	default:
		*fd = p->o.volume ? make_volume(p, userns, e) : make_fs(c, p, e);
		return *fd < 0 ? *fd : 0;
	}
}

int rt_mount_finish(const struct rt_mount_plan *p, int fd, uint64_t more, struct err *e)
{
	const struct oci_mount_options *o = &p->o;
	int r = 0;

	if (born_finished(p))
		return 0;
	if (is_plain(p)) {
		r = mnt_setattr(fd, false, plain_attr(p) | more, (o->attr.clear | o->recursive.clear) & ~more, MS_PRIVATE);
		return r < 0 ? err_errno(e, r, "mount attributes") : 0;
	}
	/* nothing passes between the host's mounts and the container's unless asked for */
	if (!o->n_propagation || p->slave)
		r = mnt_setattr(fd, true, 0, 0, p->slave ? MS_SLAVE : MS_PRIVATE);
	for (size_t i = 0; i < o->n_propagation && r == 0; i++)
		r = mnt_setattr(fd, o->propagation[i] & MS_REC, 0, 0, o->propagation[i] & ~(unsigned long)MS_REC);
	if (r == 0)
		r = mnt_setattr(fd, false, o->attr.set, o->attr.clear, 0);
	if (r == 0)
		r = mnt_setattr(fd, true, o->recursive.set, o->recursive.clear, 0);
	more |= p->read_only ? MOUNT_ATTR_RDONLY : 0;
	if (r == 0 && more)
		r = mnt_setattr(fd, false, more, 0, 0);
	return r < 0 ? err_errno(e, r, "mount attributes") : 0;
}

static int make_finished(const struct rt_ctx *c, const struct rt_mount_plan *p, int userns, int *fd, struct err *e)
{
	int r = make_one(c, p, userns, fd, e);

	return r < 0 ? r : rt_mount_finish(p, *fd, 0, e);
}

int rt_mounts_host(const struct rt_ctx *c, int userns, int *fds, struct err *e)
{
	for (size_t i = 0; i < c->n_mounts; i++) {
		const struct rt_mount_plan *p = &c->mounts[i];
		int r;

		if (!p->by_host)
			continue;
		r = p->kind == RT_MOUNT_CGROUP ? rt_cgmount_host(c, i, fds, e) : make_finished(c, p, userns, &fds[i], e);
		if (r < 0)
			return err_ctx(e, "mount on %s", p->m->destination);
	}
	return 0;
}

/* ---- child ---- */

int rt_mounts_child(const struct rt_ctx *c, int *fds, struct err *e)
{
	for (size_t i = 0; i < c->n_mounts; i++) {
		const struct rt_mount_plan *p = &c->mounts[i];

		if (!p->by_host && !p->late && (p->kind == RT_MOUNT_FS || p->kind == RT_MOUNT_DEV) && make_finished(c, p, -1, &fds[i], e) < 0)
			return err_ctx(e, "mount on %s", p->m->destination);
	}
	return 0;
}

/* A source inside the rootfs: found below the new root, so that its links end there, too. */
int rt_mount_on_root(const struct rt_ctx *c, const struct rt_mount_plan *p, int root, struct err *e)
{
	const char *relative = p->m->source + strlen(c->create->rootfs.path);
	int nofollow = p->o.links & (OCI_LINK_SOURCE | OCI_LINK_COPY) ? O_NOFOLLOW : 0;
	CLEANUP_FD int source = beneath_open(root, relative, BENEATH_IN_ROOT, O_PATH | nofollow, 0), fd = -1;
	int r;

	fd = source < 0 ? source : mnt_clone_tree(source, "", p->o.recursive_bind);
	if (fd < 0)
		return err_errno(e, fd, "bind source %s", p->m->source);
	r = p->o.idmap != OCI_IDMAP_NO ? idmap_bind(c, p, fd, p->m->source, -1, e) : 0;
	if (r == 0)
		r = rt_mount_finish(p, fd, 0, e);
	return r < 0 ? r : take_fd(&fd);
}

static int copy_up(int root, const char *destination, int fd, struct err *e)
{
	CLEANUP_FD int from = beneath_open(root, destination, BENEATH_IN_ROOT, O_RDONLY | O_DIRECTORY, 0);
	CLEANUP_FD int to = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (from == -ENOENT)
		return 0;
	if (from < 0 || to < 0)
		return err_errno(e, from < 0 ? from : -errno, "tmpcopyup");
	return rt_copy_up(from, to, e);
}

/* A tmpfs that is given no mode takes that of the folder it covers: /tmp stays /tmp. 1 and *mode, or 0. */
static int covered_mode(const struct rt_mount_plan *p, int root, mode_t *mode, struct err *e)
{
	CLEANUP_FD int covered = -1;
	struct stat st;

	if (p->kind != RT_MOUNT_FS || strcmp(p->m->type, "tmpfs") != 0 || p->o.tmpcopyup)
		return 0;
	for (const char *const *o = p->data; *o; o++)
		if (text_starts(*o, "mode="))
			return 0;
	covered = beneath_open(root, p->m->destination, BENEATH_IN_ROOT, O_PATH | O_DIRECTORY, 0);
	if (covered == -ENOENT)
		return 0;
	if (covered < 0 || fstat(covered, &st) < 0)
		return err_errno(e, covered < 0 ? covered : -errno, "mount point");
	*mode = st.st_mode & 07777;
	return 1;
}

static int cover_mode(const struct rt_mount_plan *p, int root, int fd, struct err *e)
{
	mode_t mode;
	int r = covered_mode(p, root, &mode, e);

	/* on a read-only mount it cannot be set, nor can anything be made there */
	if (r > 0 && fchmodat(fd, ".", mode, 0) < 0 && errno != EROFS)
		return err_errno(e, -errno, "mode");
	return r < 0 ? r : 0;
}

/* in_place, what is covered is known before the file system is made: then the mode is one of its options, and shown. */
static int make_in_place(const struct rt_ctx *c, const struct rt_mount_plan *p, int root, int *fd, struct err *e)
{
	struct rt_mount_plan own = *p;
	const char *data[MAX_DATA + 2];
	char option[16];
	size_t n = 0;
	mode_t mode;
	int r = covered_mode(p, root, &mode, e);

	while (r > 0 && p->data[n] && n < MAX_DATA) {
		data[n] = p->data[n];
		n++;
	}
	if (r > 0 && !p->data[n]) {
		(void)snprintf(option, sizeof(option), "mode=%o", mode);
		data[n] = option;
		data[n + 1] = NULL;
		own.data = data;
	}
	return r < 0 ? r : make_finished(c, &own, -1, fd, e);
}

static bool on_procfs(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

/* What may lie over the container's /proc: another procfs as a whole, and the files that say how big the machine is. */
static bool may_cover_proc(const char *destination, int tree)
{
	static const char *const files[] = { "cpuinfo", "diskstats", "loadavg", "meminfo",  "net/dev",
					     "slabinfo", "stat",     "swaps",   "uptime",   "sys/crypto/fips_enabled",
					     "sys/kernel/ns_last_pid" };

	if (!strcmp(destination, "/proc") || !strcmp(destination, "/proc/"))
		return tree >= 0 && on_procfs(tree);
	for (size_t i = 0; text_starts(destination, "/proc/") && i < ARRAY_LEN(files); i++)
		if (!strcmp(destination + strlen("/proc/"), files[i]))
			return true;
	return false;
}

int rt_mount_target(int root, const char *destination, int tree, bool itself, struct err *e)
{
	CLEANUP_FD int target = -1;
	struct stat source = { .st_mode = S_IFDIR }, st;
	bool is_dir;

	if (tree >= 0 && fstat(tree, &source) < 0)
		return err_errno(e, -errno, "its source");
	is_dir = S_ISDIR(source.st_mode);
	target = itself ? beneath_mountpoint_itself(root, destination, is_dir) : beneath_mountpoint(root, destination, is_dir);
	if (target == -ELOOP)
		return err_set(e, ERR_INVALID, "mount point: links there lead in a circle, or through a process's files in /proc");
	if (target == -EROFS)
		return err_set(e, ERR_DENIED, "mount point: it is missing, and can't be made on a read-only file system");
	if (target < 0 || fstat(target, &st) < 0)
		return err_errno(e, target < 0 ? target : -errno, "mount point");
	if (is_dir && S_ISLNK(st.st_mode))
		return err_set(e, ERR_INVALID, "the source is a folder, which dest-nofollow can't mount on the link that is there: mount a file");
	if (is_dir != S_ISDIR(st.st_mode))
		return err_set(e, ERR_INVALID, is_dir ? "the source is a folder, but in the container a file is there: mount a file" :
							"the source is a file, but in the container a folder is there: mount a folder");
	/* whatever name led there: what we or others write to /proc later must reach the kernel (CVE-2019-19921) */
	if (defence(proc_place) && on_procfs(target) && !may_cover_proc(destination, tree))
		return err_set(e, ERR_DENIED, "it is, or leads to, a place in /proc, which nothing may be mounted over");
	return take_fd(&target);
}

static bool is_ordinary_only(const struct rt_mount_plan *p)
{
	return defence(proc_place) && p->kind == RT_MOUNT_FS && (!strcmp(p->m->type, "proc") || !strcmp(p->m->type, "sysfs"));
}

/* What masks and labels rely on is where it is looked for, not where a link of the image leads (CVE-2019-19921). That is
 * said of the handle which is mounted on: by name it could have become a link since. */
static int ordinary(const struct rt_mount_plan *p, int root, int *target, struct err *e)
{
	char path[PATH_MAX];

	if (!is_ordinary_only(p))
		return 0;
	/* a slash at the end would follow the link */
	(void)snprintf(path, sizeof(path), "%.*s", (int)text_path_len(p->m->destination), p->m->destination);
	close_fd(*target);
	*target = beneath_open(root, path, BENEATH_IN_ROOT, O_PATH | O_NOFOLLOW | O_DIRECTORY, 0);
	if (*target == -ENOTDIR || *target == -ELOOP)
		return err_set(e, ERR_DENIED, "%s must be mounted on ordinary directory, and the image has a link there",
			       p->m->type);
	return *target < 0 ? err_errno(e, *target, "mount point") : 0;
}

static int attach(const struct rt_mount_plan *p, int root, int fd, struct err *e)
{
	CLEANUP_FD int target = -1;
	int r;

	if (p->o.tmpcopyup) {
		r = copy_up(root, p->m->destination, fd, e);
		if (r < 0)
			return r;
	}
	if (cover_mode(p, root, fd, e) < 0)
		return e->code;
	target = rt_mount_target(root, p->m->destination, fd, p->o.links & OCI_LINK_DESTINATION, e);
	if (target < 0 || ordinary(p, root, &target, e) < 0)
		return e->code;
	r = mnt_attach(fd, target);
	return r < 0 ? err_errno(e, r, "attaching") : 0;
}

static int copy_link(const struct rt_mount_plan *p, int root, int fd, struct err *e)
{
	char name[NAME_MAX + 1], target[PATH_MAX], there[PATH_MAX];
	CLEANUP_FD int folder = beneath_place(root, p->m->destination, name);
	ssize_t n = readlinkat(fd, "", target, sizeof(target) - 1);

	if (folder < 0 || n < 0)
		return err_errno(e, folder < 0 ? folder : -errno, "copy-symlink");
	target[n] = '\0';
	if (symlinkat(target, folder, name) == 0)
		return 0;
	if (errno != EEXIST)
		return err_errno(e, -errno, "copy-symlink");
	if (readlinkat(folder, name, there, sizeof(there)) == n && !memcmp(target, there, (size_t)n))
		return 0;
	return err_set(e, ERR_CONFLICT, "copy-symlink: what is there is not the same link as the source: remove it");
}

/* Options of a superblock, when there are any; "ro" and the like are the mount's alone. */
static int reconfigure(const struct rt_mount_plan *p, int fd, struct err *e)
{
	CLEANUP_FD int fs = p->data[0] ? mnt_fspick(fd) : -1;
	char why[200];
	int r = 0;

	if (!p->data[0])
		return 0;
	if (fs < 0)
		return err_errno(e, fs, "remount");
	for (const char *const *o = p->data; r == 0 && *o; o++)
		r = newfs_option(fs, *o, e);
	if (r < 0)
		return r;
	r = mnt_reconfigure(fs);
	if (r == 0)
		return 0;
	mnt_fs_message(fs, why, sizeof(why));
	return why[0] ? err_errno(e, r, "remount: %s", why) : err_errno(e, r, "remount");
}

/* What is named is set or cleared, everything else stays as it is: a remount takes no protection away by saying nothing. */
static int change(const struct rt_mount_plan *p, int root, struct err *e)
{
	CLEANUP_FD int fd = beneath_open(root, p->m->destination, BENEATH_IN_ROOT, O_PATH, 0);
	const struct oci_mount_options *o = &p->o;
	bool is_root = false;
	uint64_t id;
	int r = fd < 0 ? fd : mnt_id(fd, &id, &is_root);

	if (r < 0)
		return err_errno(e, r, "remount");
	if (!is_root)
		return err_set(e, ERR_INVALID, "remount: nothing is mounted there");
	r = reconfigure(p, fd, e);
	if (r < 0)
		return r;
	r = mnt_setattr(fd, false, o->attr.set, o->attr.clear, 0);
	if (r == 0)
		r = mnt_setattr(fd, true, o->recursive.set, o->recursive.clear, 0);
	for (size_t i = 0; i < o->n_propagation && r == 0; i++)
		r = mnt_setattr(fd, o->propagation[i] & MS_REC, 0, 0, o->propagation[i] & ~(unsigned long)MS_REC);
	return r < 0 ? err_errno(e, r, "remount") : 0;
}

int rt_mount_place(const struct rt_ctx *c, const struct rt_mount_plan *p, int root, int *fd, struct err *e)
{
	int r;

	if (p->on_root)
		*fd = rt_mount_on_root(c, p, root, e);
	else if (((c->in_place && !p->by_host) || p->late) && make_in_place(c, p, root, fd, e) < 0)
		return err_ctx(e, "mount on %s", p->m->destination);
	if (*fd < 0) {
		r = *fd;
	} else if (is_carried(p, *fd)) {
		r = copy_link(p, root, *fd, e);
		*fd = close_fd(*fd);
	} else {
		r = attach(p, root, *fd, e);
	}
	return r < 0 ? err_ctx(e, "mount on %s", p->m->destination) : 0;
}

int rt_mount_attach(const struct rt_ctx *c, size_t i, int root, int *fds, struct err *e)
{
	const struct rt_mount_plan *p = &c->mounts[i];
	CLEANUP_FD int fd = -1;
	struct stat st;

	if (p->kind == RT_MOUNT_CHANGE)
		return change(p, root, e) < 0 ? err_ctx(e, "mount on %s", p->m->destination) : 0;
	if (p->kind == RT_MOUNT_CGROUP)
		return rt_cgmount_attach(c, i, root, fds, e) < 0 ? err_ctx(e, "mount on %s", p->m->destination) : 0;
	fd = take_fd(&fds[i]);
	if (rt_mount_place(c, p, root, &fd, e) < 0)
		return e->code;
	/* below a link nothing would be found, so nothing masked: then names below the root count */
	if (p->anchor && fd >= 0 && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		fds[i] = take_fd(&fd);
	return 0;
}
