/* /dev. A user namespace may not mknod, and a tmpfs made in one opens no device nodes, so the host side makes a
 * detached tmpfs of its own with the nodes in it, owned by the container's (mapped) root. Where the specification has
 * a tmpfs on /dev this is it; a node that belongs elsewhere (all of them where /dev is part of the image) lies on a
 * second one, out of sight, and is bound from there onto an empty file.
 *
 * Where this side may make no nodes either (rt_ctx.bind_nodes) the host's own are bound from where the host has them, if
 * they are what the specification says. Owner and mode are then the host's. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/text.h"
#include "runtime/internal.h"
#include "sys/kernel.h"
#include "sys/mnt.h"
#include "sys/newfs.h"

static const struct oci_device default_devices[] = {
	{ .path = "/dev/null", .type = 'c', .major = 1, .minor = 3 },
	{ .path = "/dev/zero", .type = 'c', .major = 1, .minor = 5 },
	{ .path = "/dev/full", .type = 'c', .major = 1, .minor = 7 },
	{ .path = "/dev/random", .type = 'c', .major = 1, .minor = 8 },
	{ .path = "/dev/urandom", .type = 'c', .major = 1, .minor = 9 },
	{ .path = "/dev/tty", .type = 'c', .major = 5, .minor = 0 },
};

static const struct {
	const char *path, *target;
} links[] = {
	{ "/dev/fd", "/proc/self/fd" },
	{ "/dev/stdin", "/proc/self/fd/0" },
	{ "/dev/stdout", "/proc/self/fd/1" },
	{ "/dev/stderr", "/proc/self/fd/2" },
	{ "/dev/ptmx", "pts/ptmx" },
	{ "/dev/core", "/proc/kcore" }, /* the last: see n_links() */
};

/* A kernel may be built without /proc/kcore; then there is no link to it, as with the peers. */
static size_t n_links(void)
{
	return ARRAY_LEN(links) - (faccessat(AT_FDCWD, "/proc/kcore", F_OK, 0) < 0);
}

const struct oci_device *rt_device_at(const struct oci_linux *l, size_t i)
{
	for (size_t d = 0; d < ARRAY_LEN(default_devices); d++) {
		bool named = false;

		for (size_t j = 0; j < l->n_devices && !named; j++)
			named = !strcmp(l->devices[j].path, default_devices[d].path);
		if (!named && i-- == 0)
			return &default_devices[d];
	}
	return i < l->n_devices ? &l->devices[i] : NULL;
}

/* Does this node lie on the tmpfs that is mounted on /dev? */
static bool on_dev(const struct rt_ctx *c, const struct oci_device *d)
{
	return c->dev_is_tmpfs && text_starts(d->path, "/dev/");
}

/* Where a device's node lies in the tmpfs: its path below /dev, or its whole path when it is elsewhere. */
const char *rt_dev_place(const char *path)
{
	return text_starts(path, "/dev/") ? path + 5 : path + 1;
}

/* What we make is ours already. */
static int give(int dir, const char *name, uid_t uid, gid_t gid)
{
	if (uid == geteuid() && gid == getegid())
		return 0;
	return fchownat(dir, name, uid, gid, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH);
}

/* The folder of path in the tmpfs, made with the owner everything else has. Nobody else can see the tmpfs yet, so
 * there is no race to lose. */
static int make_parent(int dev, const char *path, uid_t uid, gid_t gid, const char **name, struct err *e)
{
	CLEANUP_FD int dir = openat(dev, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	for (;;) {
		size_t len = strcspn(path, "/");
		char part[NAME_MAX + 1];
		int next;

		if (!path[len])
			break;
		if (!len || len > NAME_MAX)
			return err_set(e, ERR_INVALID, "its path is not clean");
		memcpy(part, path, len);
		part[len] = '\0';
		if (mkdirat(dir, part, 0755) == 0 && give(dir, part, uid, gid) < 0)
			return err_errno(e, -errno, "folder %s", part);
		next = openat(dir, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			return err_errno(e, -errno, "folder %s", part);
		close_fd(dir);
		dir = next;
		path += len + 1;
	}
	*name = path;
	return take_fd(&dir);
}

static int make_node(const struct rt_ctx *c, int dev, const struct oci_device *d, uid_t root_uid, gid_t root_gid,
		     struct err *e)
{
	mode_t mode = d->has_mode ? d->mode & 07777 : 0666;
	const char *name = rt_dev_place(d->path);
	CLEANUP_FD int folder = -1;
	int dir = dev;
	mode_t type;
	uid_t uid;
	gid_t gid;

	type = d->type == 'b' ? S_IFBLK : d->type == 'p' ? S_IFIFO : S_IFCHR;
	if (rt_outside_uid(c, d->uid, "uid", &uid, e) < 0 || rt_outside_gid(c, d->gid, "gid", &gid, e) < 0)
		return e->code;
	if (strchr(name, '/')) {
		dir = folder = make_parent(dev, name, root_uid, root_gid, &name, e);
		if (dir < 0)
			return dir;
	}
	if (mknodat(dir, name, type | mode, type == S_IFIFO ? 0 : makedev((unsigned int)d->major, (unsigned int)d->minor)) < 0)
		return err_errno(e, -errno, "mknod");
	return give(dir, name, uid, gid) < 0 ? err_errno(e, -errno, "owner") : 0;
}

static int make_links(int dev, uid_t uid, gid_t gid, struct err *e)
{
	for (size_t i = 0, n = n_links(); i < n; i++) {
		const char *name = rt_dev_place(links[i].path);

		if (symlinkat(links[i].target, dev, name) < 0 && errno != EEXIST)
			return err_errno(e, -errno, "link %s", links[i].path);
		if (give(dev, name, uid, gid) < 0)
			return err_errno(e, -errno, "link %s", links[i].path);
	}
	return 0;
}

static const struct rt_mount_plan *dev_plan(const struct rt_ctx *c)
{
	for (size_t i = 0; i < c->n_mounts; i++)
		if (c->mounts[i].kind == RT_MOUNT_DEV)
			return &c->mounts[i];
	return NULL;
}

/* Its options, but uid and gid: they are the container's ids, and this tmpfs counts in the host's. */
static int make_tmpfs(const struct rt_mount_plan *p, uid_t uid, gid_t gid, struct err *e)
{
	static const char *const none[] = { "mode=755", NULL };
	const char *data[16];
	size_t n = 0;
	int fd;

	for (const char *const *o = p ? p->data : none; *o; o++) {
		if (text_starts(*o, "uid=") || text_starts(*o, "gid="))
			continue;
		if (n + 1 >= ARRAY_LEN(data))
			return err_set(e, ERR_LIMIT, "more than %zu options", ARRAY_LEN(data) - 1);
		data[n++] = *o;
	}
	data[n] = NULL;
	fd = newfs_mount("tmpfs", "tmpfs", data, MOUNT_ATTR_NOSUID, e);
	if (fd >= 0 && give(fd, "", uid, gid) < 0) {
		close_fd(fd);
		return err_errno(e, -errno, "owner");
	}
	return fd;
}

static int make_nodes(const struct rt_ctx *c, int dev, bool for_dev, uid_t uid, gid_t gid, struct err *e)
{
	const struct oci_device *d;
	mode_t mask = umask(0); /* their modes are meant as they are */
	int r = 0;

	for (size_t i = 0; r == 0 && (d = rt_device_at(&c->spec->linux_, i)); i++) {
		if (d->path[0] != '/')
			r = err_set(e, ERR_INVALID, "linux.devices: \"%s\" is not absolute", d->path);
		else if (!c->bind_nodes && on_dev(c, d) == for_dev && make_node(c, dev, d, uid, gid, e) < 0)
			r = err_ctx(e, "device %s", d->path);
	}
	(void)umask(mask);
	return r;
}

int rt_dev_make(const struct rt_ctx *c, bool for_dev, int *fd, struct err *e)
{
	CLEANUP_FD int dev = -1;
	uid_t uid;
	gid_t gid;

	if (rt_outside_uid(c, 0, "uid", &uid, e) < 0 || rt_outside_gid(c, 0, "gid", &gid, e) < 0)
		return err_ctx(e, "/dev");
	dev = make_tmpfs(for_dev ? dev_plan(c) : NULL, uid, gid, e);
	if (dev < 0)
		return err_ctx(e, "tmpfs for /dev");
	if (make_nodes(c, dev, for_dev, uid, gid, e) < 0 || (for_dev && make_links(dev, uid, gid, e) < 0))
		return e->code;
	*fd = take_fd(&dev);
	return 0;
}

bool rt_dev_elsewhere(const struct rt_ctx *c)
{
	const struct oci_device *d;

	for (size_t i = 0; !c->dev_is_bind && !c->bind_nodes && (d = rt_device_at(&c->spec->linux_, i)); i++)
		if (!on_dev(c, d))
			return true;
	return false;
}

/* The host's node of this path, when it is that device. */
static int open_host_node(const struct oci_device *d, struct err *e)
{
	CLEANUP_FD int fd = openat(AT_FDCWD, d->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	mode_t type = d->type == 'b' ? S_IFBLK : d->type == 'p' ? S_IFIFO : S_IFCHR;
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return err_set(e, ERR_DENIED, "only root may make device nodes, and the host has none there to be bound");
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(e, -errno, "the host's node");
	if ((st.st_mode & S_IFMT) != type ||
	    (type != S_IFIFO && st.st_rdev != makedev((unsigned int)d->major, (unsigned int)d->minor)))
		return err_set(e, ERR_DENIED, "only root may make device nodes, and the host's is not %c %lld:%lld", d->type,
			       (long long)d->major, (long long)d->minor);
	return take_fd(&fd);
}

static int bind_node(const struct rt_ctx *c, int root, int dev, const struct oci_device *d, struct err *e)
{
	CLEANUP_FD int node = -1, tree = -1, target = -1;
	int r;

	if (c->bind_nodes) {
		node = open_host_node(d, e);
		if (node < 0)
			return node;
	}
	tree = node >= 0 ? mnt_clone_tree(node, "", false) : mnt_clone_tree(dev, rt_dev_place(d->path), false);
	if (tree < 0)
		return err_errno(e, tree, "copy of the node");
	r = node >= 0 ? mnt_setattr(tree, false, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, 0, MS_PRIVATE) : 0;
	if (r < 0)
		return err_errno(e, r, "mount attributes");
	target = rt_mount_target(root, d->path, tree, false, e);
	if (target < 0)
		return target;
	r = mnt_attach(tree, target);
	return r < 0 ? err_errno(e, r, "attaching the node") : 0;
}

/* /dev's links where it is a folder of the image. */
static int link_in_root(int root, struct err *e)
{
	for (size_t i = 0, n = n_links(); i < n; i++) {
		char name[NAME_MAX + 1];
		CLEANUP_FD int dir = beneath_parent(root, links[i].path, BENEATH_IN_ROOT, 0755, name);

		if (dir < 0)
			return err_errno(e, dir, "link %s", links[i].path);
		if (symlinkat(links[i].target, dir, name) < 0 && errno != EEXIST)
			return err_errno(e, -errno, "link %s", links[i].path);
	}
	return 0;
}

int rt_dev_bind(const struct rt_ctx *c, int root, int dev, struct err *e)
{
	const struct oci_device *d;

	if (c->dev_is_bind)
		return 0;
	for (size_t i = 0; (d = rt_device_at(&c->spec->linux_, i)); i++)
		if ((c->bind_nodes || !on_dev(c, d)) && bind_node(c, root, dev, d, e) < 0)
			return err_ctx(e, "device %s", d->path);
	return c->dev_is_tmpfs ? 0 : link_in_root(root, e);
}
