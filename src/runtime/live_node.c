/* A device node in a container that runs.
 *
 * Without a user namespace it is made where it shall be (mknod), and is the container's to keep, like those it began
 * with. In a user namespace, and where the place is on a nodev mount, such a node opens nothing: there it is made on a
 * tmpfs of the host's that nobody sees, and bound onto an empty file. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include "base/beneath.h"
#include "runtime/live_impl.h"
#include "sys/kernel.h"
#include "sys/mnt.h"
#include "sys/newfs.h"
#include "sys/ns.h"

#define NODE_NAME "node"

struct node {
	const struct oci_device *d;
	uid_t uid; /* outside */
	gid_t gid;
	bool user;
	int fs;	  /* the tmpfs it is made on */
	int tree; /* a detached mount of the node alone */
};

static dev_t number_of(const struct oci_device *d)
{
	return makedev((unsigned int)d->major, (unsigned int)d->minor);
}

static mode_t type_of(const struct oci_device *d)
{
	return d->type == 'b' ? S_IFBLK : S_IFCHR;
}

static bool is_node(int fd, const struct oci_device *d)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == type_of(d) && st.st_rdev == number_of(d);
}

/* The folder may be the container's, who may put something else there at once: whose owner is changed is that of a handle
 * which is known to be the node. */
static int make(const struct node *n, int dir, const char *name)
{
	CLEANUP_FD int fd = -1;
	mode_t mode = n->d->mode & 07777, umask_before = umask(0);
	int r = mknodat(dir, name, type_of(n->d) | mode, number_of(n->d)) < 0 ? -errno : 0;

	(void)umask(umask_before);
	if (r < 0)
		return r;
	fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || !is_node(fd, n->d))
		return -EBUSY;
	if (fchownat(fd, "", n->uid, n->gid, AT_EMPTY_PATH) == 0)
		return 0;
	r = -errno;
	(void)unlinkat(dir, name, 0);
	return r;
}

/* Before 6.15 only what is attached can be copied: for that it is, in a mount namespace of the helper's. */
static int copy_tree(void *data)
{
	struct node *n = data;
	int r = mnt_propagation("/", true, MS_PRIVATE);

	if (r == 0)
		r = mnt_attach_at(n->fs, AT_FDCWD, "/");
	n->tree = r < 0 ? r : mnt_clone_tree(n->fs, NODE_NAME, false);
	return n->tree < 0 ? n->tree : 0;
}

static int make_tree(struct node *n, struct err *e)
{
	static const char *const options[] = { "mode=0700", NULL };
	pid_t helper = 0;
	int r;

	n->fs = newfs_mount("tmpfs", "tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, e);
	if (n->fs < 0)
		return n->fs;
	r = make(n, n->fs, NODE_NAME);
	if (r == 0)
		r = ns_run_scratch(copy_tree, n, &helper);
	ns_reap(helper);
	return r < 0 ? err_errno(e, r, "making the node") : 0;
}

/* ---- inside ---- */

static int open_parent(int root, const char *path, mode_t dirmode, char name[NAME_MAX + 1], struct err *e)
{
	int dir = beneath_parent(root, path, BENEATH_IN_ROOT, dirmode, name);

	return dir < 0 ? err_errno(e, dir, "%s", path) : dir;
}

static int bind_node(const struct node *n, int dir, const char *name, struct err *e)
{
	CLEANUP_FD int target = -1;
	int r = mknodat(dir, name, S_IFREG | 0600, 0) < 0 ? -errno : 0;

	if (r == 0) {
		target = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		r = target < 0 ? -errno : mnt_attach(n->tree, target);
		if (r < 0)
			(void)unlinkat(dir, name, 0);
	}
	return r == -EEXIST ? r : r < 0 ? err_errno(e, r, "%s", n->d->path) : 0;
}

static int put(struct rt_ctx *c, void *data, struct err *e)
{
	const struct node *n = data;
	CLEANUP_FD int root = rt_live_root(e), dir = -1;
	char name[NAME_MAX + 1];
	struct statvfs fs;
	int r;

	(void)c;
	dir = root < 0 ? root : open_parent(root, n->d->path, 0755, name, e);
	if (dir < 0)
		return dir;
	if (fstatvfs(dir, &fs) < 0)
		return err_errno(e, -errno, "%s", n->d->path);
	if (n->user || fs.f_flag & ST_NODEV) {
		r = bind_node(n, dir, name, e);
	} else {
		r = make(n, dir, name);
		if (r < 0 && r != -EEXIST)
			return err_errno(e, r, "%s", n->d->path);
	}
	return r == -EEXIST ? err_set(e, ERR_CONFLICT, "%s: the container has something there already", n->d->path) : r;
}

/* Only the empty file that was made for the mount. */
static int remove_point(int dir, const char *name)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISREG(st.st_mode) || st.st_size)
		return 0;
	return unlinkat(dir, name, 0) < 0 ? -errno : 0;
}

static int take_away(struct rt_ctx *c, void *data, struct err *e)
{
	const struct node *n = data;
	CLEANUP_FD int root = rt_live_root(e), dir = -1, fd = -1;
	char name[NAME_MAX + 1];
	bool mounted;
	uint64_t id;
	int r;

	if (root < 0)
		return root;
	dir = beneath_parent(root, n->d->path, BENEATH_IN_ROOT, 0, name);
	fd = dir < 0 ? dir : openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (dir == -ENOENT || (dir >= 0 && fd < 0 && errno == ENOENT))
		return 0;
	if (fd < 0)
		return err_errno(e, dir < 0 ? dir : -errno, "%s", n->d->path);
	if (!is_node(fd, n->d))
		return err_set(e, ERR_CONFLICT, "%s: is another file now", n->d->path);
	r = mnt_id(fd, &id, &mounted);
	if (r == 0 && mounted) {
		r = mnt_detach_fd(c->proc, fd);
		if (r == 0)
			r = remove_point(dir, name);
	} else if (r == 0) {
		r = unlinkat(dir, name, 0) < 0 ? -errno : 0;
	}
	return r < 0 ? err_errno(e, r, "%s", n->d->path) : 0;
}

/* ---- outside ---- */

/* The map of the container's user namespace, whoever made it. */
static int read_map(struct rt_live_job *j, const char *which, const struct idmap_range **map, size_t *n, struct err *e)
{
	struct idmap_range *m = arena_array(&j->ctx.arena, IDMAP_MAX, sizeof(*m));
	int r = m ? idmap_read(j->ctx.proc, j->live->pid, which, m, IDMAP_MAX, n) : -ENOMEM;

	*map = m;
	return r < 0 ? err_errno(e, r, "%s", which) : 0;
}

static int outside_owner(struct rt_live_job *j, struct node *n, struct err *e)
{
	struct rt_ctx *c = &j->ctx;

	if (n->user && (read_map(j, "uid_map", &c->uid_map, &c->n_uid, e) < 0 ||
			read_map(j, "gid_map", &c->gid_map, &c->n_gid, e) < 0))
		return e->code;
	if (rt_outside_uid(c, n->d->uid, "uid", &n->uid, e) < 0 || rt_outside_gid(c, n->d->gid, "gid", &n->gid, e) < 0)
		return e->code;
	return 0;
}

int rt_live_node(const struct rt_live *l, const struct oci_device *d, struct err *e)
{
	struct node n = { .d = d, .user = l->spec->linux_.ns[OCI_NS_USER].wanted, .fs = -1, .tree = -1 };
	CLEANUP_LIVE_JOB struct rt_live_job j;
	int r = rt_live_open(&j, l, e);

	if (r == 0)
		r = outside_owner(&j, &n, e);
	if (r == 0)
		r = make_tree(&n, e);
	if (r == 0)
		r = rt_live_inside(&j, false, put, &n, NULL, 0, e);
	close_fd(n.tree);
	close_fd(n.fs);
	return r;
}

int rt_live_no_node(const struct rt_live *l, const struct oci_device *d, struct err *e)
{
	struct node n = { .d = d };
	CLEANUP_LIVE_JOB struct rt_live_job j;
	int r = rt_live_open(&j, l, e);

	return r == 0 ? rt_live_inside(&j, false, take_away, &n, NULL, 0, e) : r;
}
