/* Masked and read-only paths. What hides a file is a bind of /dev/null, what hides a folder is one empty read-only
 * tmpfs for all of them. The null device is opened once, in the host's tree (which is still visible here) and judged
 * by what the descriptor is, S_IFCHR 1:3, before that descriptor is bound: an image or a volume cannot put something
 * else in its place (CVE-2025-31133). The places to hide are handles below the new root; below /proc and /sys they are
 * looked for on the file system that was mounted there, not by that name again: who holds the root, too, may have given
 * the name to another folder meanwhile, and find the whole procfs under a name without masks. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/beneath.h"
#include "base/io.h"
#include "base/text.h"
#include "runtime/internal.h"
#include "sys/kernel.h"
#include "sys/mnt.h"
#include "sys/newfs.h"

struct masks {
	const struct rt_ctx *c;
	int root;
	const int *mounts;
	int null;  /* O_PATH */
	int empty; /* the tmpfs; attached after the first use */
	bool empty_used;
};

static void masks_close(struct masks *m)
{
	m->null = close_fd(m->null);
	m->empty = close_fd(m->empty);
}

static int open_null(struct err *e)
{
	CLEANUP_FD int fd = openat(AT_FDCWD, "/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(e, -errno, "/dev/null");
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return err_set(e, ERR_DENIED, "the host's /dev/null is not the null device");
	return take_fd(&fd);
}

static int open_empty(struct err *e)
{
	static const char *const data[] = { "size=4k", "nr_inodes=2", "mode=555", NULL };

	return newfs_mount("tmpfs", "tmpfs", data,
			   MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, e);
}

static int mask_folder(struct masks *m, int target, struct err *e)
{
	CLEANUP_FD int copy = -1;
	int r;

	if (m->empty < 0) {
		m->empty = open_empty(e);
		if (m->empty < 0)
			return m->empty;
	}
	if (m->empty_used) {
		/* before 6.15 only an attached mount can be copied, so the first use attaches the mount itself */
		copy = mnt_clone_tree(m->empty, "", false);
		if (copy < 0)
			return err_errno(e, copy, "copy of the empty folder");
	}
	r = mnt_attach(m->empty_used ? copy : m->empty, target);
	m->empty_used = true;
	return r < 0 ? err_errno(e, r, "attaching the empty folder") : 0;
}

static int mask_file(struct masks *m, int target, struct err *e)
{
	CLEANUP_FD int copy = -1;
	int r;

	if (m->null < 0) {
		m->null = open_null(e);
		if (m->null < 0)
			return m->null;
	}
	copy = mnt_clone_tree(m->null, "", false);
	if (copy < 0)
		return err_errno(e, copy, "copy of /dev/null");
	r = mnt_setattr(copy, false, MOUNT_ATTR_RDONLY, 0, MS_PRIVATE);
	if (r == 0)
		r = mnt_attach(copy, target);
	return r < 0 ? err_errno(e, r, "attaching /dev/null") : 0;
}

static bool is_below(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return strncmp(path, folder, len) == 0 && (path[len] == '/' || !path[len]);
}

/* A path that leads up again, "/proc/../x", is none of the anchor's. */
static int open_place(const struct masks *m, const char *path)
{
	for (size_t i = strstr(path, "..") ? 0 : m->c->n_mounts; i-- > 0;) {
		const struct rt_mount_plan *p = &m->c->mounts[i];

		if (p->anchor && m->mounts[i] >= 0 && is_below(path, p->m->destination))
			return beneath_open(m->mounts[i], path + strlen(p->m->destination), BENEATH_IN_ROOT, O_PATH, 0);
	}
	return beneath_open(m->root, path, BENEATH_IN_ROOT, O_PATH, 0);
}

static int mask_path(struct masks *m, const char *path, struct err *e)
{
	CLEANUP_FD int target = open_place(m, path);
	struct stat st;

	if (target == -ENOENT || target == -ENOTDIR)
		return 0;
	if (target < 0 || fstat(target, &st) < 0)
		return err_errno(e, target < 0 ? target : -errno, "open");
	return S_ISDIR(st.st_mode) ? mask_folder(m, target, e) : mask_file(m, target, e);
}

static int make_read_only(const struct masks *m, const char *path, struct err *e)
{
	CLEANUP_FD int target = open_place(m, path), copy = -1;
	int r;

	if (target == -ENOENT || target == -ENOTDIR)
		return 0;
	if (target < 0)
		return err_errno(e, target, "open");
	copy = mnt_clone_tree(target, "", true);
	if (copy < 0)
		return err_errno(e, copy, "copy");
	r = mnt_setattr(copy, true, MOUNT_ATTR_RDONLY, 0, MS_PRIVATE);
	if (r == 0)
		r = mnt_attach(copy, target);
	return r < 0 ? err_errno(e, r, "attaching") : 0;
}

static bool named_before(const char *const *list, const char *const *at)
{
	while (list < at)
		if (!strcmp(*list++, *at))
			return true;
	return false;
}

int rt_mask(const struct rt_ctx *c, int root, const int *mounts, struct err *e)
{
	const char *const *masked = c->spec->linux_.masked_paths, *const *readonly = c->spec->linux_.readonly_paths;
	CLEANUP(masks_close) struct masks m = { .c = c, .root = root, .mounts = mounts, .null = -1, .empty = -1 };

	/* read-only first: a copy of a tree would not take later masks along, and a mask stays visible in it */
	for (; readonly && *readonly; readonly++)
		if (make_read_only(&m, *readonly, e) < 0)
			return err_ctx(e, "read-only path %s", *readonly);
	for (const char *const *at = masked; at && *at; at++)
		if (!named_before(masked, at) && mask_path(&m, *at, e) < 0)
			return err_ctx(e, "masked path %s", *at);
	return 0;
}

/* ---- what a chroot leaves ---- */

/* "… ROOT POINT OPTIONS [TAG…] - TYPE SOURCE …" */
static bool is_whole(const char *line)
{
	const char *type = strstr(line, " - "), *root = line;

	for (int field = 0; field < 3 && root; field++) {
		root = strchr(root, ' ');
		root = root ? root + 1 : NULL;
	}
	return type && root && text_starts(root, "/ ") && (text_starts(type + 3, "proc ") || text_starts(type + 3, "sysfs "));
}

/* One that is locked, as everything inherited is below a user namespace, is covered instead. */
static int take_away(const char *point, struct err *e)
{
	CLEANUP_FD int cover = -1;
	int r = mnt_detach(point);

	/* gone with one that lay above it */
	if (r == 0 || r == -ENOENT)
		return 0;
	if (r != -EINVAL && r != -EPERM)
		return err_errno(e, r, "unmounting the host's %s", point);
	cover = newfs_mount("tmpfs", "tmpfs", NULL, MOUNT_ATTR_RDONLY, e);
	r = cover < 0 ? cover : mnt_attach_at(cover, AT_FDCWD, point);
	return r < 0 ? err_errno(e, r, "covering the host's %s", point) : 0;
}

int rt_hide_whole(const struct rt_ctx *c, const char *rootfs, struct err *e)
{
	CLEANUP_FREE char *info = NULL;
	char *line, *rest = NULL;
	int r = io_read_file(c->proc, "thread-self/mountinfo", MOUNTINFO_MAX, &info, NULL);

	if (r < 0)
		return err_errno(e, r, "mountinfo");
	for (line = strtok_r(info, "\n", &rest); line && r == 0; line = strtok_r(NULL, "\n", &rest)) {
		bool whole = is_whole(line);
		const char *point = rt_mount_point(line);

		if (whole && point && !is_below(point, rootfs))
			r = take_away(point, e);
	}
	return r;
}
