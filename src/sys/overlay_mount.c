/* The layers of an image as one detached mount that never shows in a mount table.
 *
 * Each lower becomes an id-mapped copy (open_tree + mount_setattr) and the overlay is mounted over these, so that a layer
 * unpacked once with the ids of its image serves every map. There are two ways to hand the copies to overlayfs:
 *
 *   by descriptor (lowerdir+ with FSCONFIG_SET_FD and detached mounts: Linux 6.15), and
 *   by name, on every kernel we support: before 6.15 overlayfs refuses detached lowers ("failed to clone lowerpath"),
 *   so they must be attached somewhere in the mounter's mount namespace. That is a scratch namespace which lives as
 *   long as the call (sys/ns.h), on a tmpfs of its own. The names are one byte each, because an fsconfig string ends
 *   at 255 bytes: 127 lowers fit.
 *
 * Which one works is found by trying, once per process. The overlay's superblock belongs to the host's user
 * namespace: the container's root can set neither trusted.overlay attributes nor open a device node on it (nodev).
 * upper and work are given as /proc/self/fd/N: no length limit, no character that has to be escaped, and a container
 * that reads its mountinfo learns no path of the host. */
#include "sys/overlay_mount.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/io.h"
#include "sys/kernel.h"
#include "sys/mnt.h"
#include "sys/ns.h"

#define MAX_NAMED_LOWERS 127U

static bool by_fd = true; /* until it turned out that it does not work */

void overlay_mount_by_name(void)
{
	by_fd = false;
}

/* An id-mapped (userns >= 0) detached copy of one lower. */
static int lower_copy(const char *path, int userns, struct err *e)
{
	CLEANUP_FD int fd = mnt_clone_tree(AT_FDCWD, path, false);
	int r;

	if (fd < 0)
		return err_errno(e, fd, "layer %s", path);
	if (userns >= 0) {
		r = mnt_idmap(fd, false, userns);
		if (r == -EINVAL || r == -EOPNOTSUPP)
			return err_set(
				e, ERR_UNSUPPORTED,
				"layer %s: its file system cannot be id-mapped; use --userns=host or another store",
				path);
		if (r < 0)
			return err_errno(e, r, "mapping ids of layer %s", path);
	}
	return take_fd(&fd);
}

static int userns_of(const struct overlay_args *args, size_t lower)
{
	return args->each ? args->each[lower] : args->userns;
}

static int overlay_error(int fs, int r, struct err *e)
{
	char why[200];

	mnt_fs_message(fs, why, sizeof(why));
	return why[0] ? err_errno(e, r, "overlay of the image's layers: %s", why)
		      : err_errno(e, r, "overlay of the image's layers");
}

/* The folders behind the two names; they stay open until the mount is made, because before 6.5 the name is only
 * looked up then. */
struct upper {
	int fd[2];
};

static void upper_close(struct upper *u)
{
	u->fd[0] = close_fd(u->fd[0]);
	u->fd[1] = close_fd(u->fd[1]);
}

/* upper and work must lie on one mount of the mount namespace that mounts: opened here, in it. */
static int config_upper(int fs, const struct overlay_args *args, int base, struct upper *u, struct err *e)
{
	const char *const paths[] = { args->upper, args->work };
	static const char *const keys[] = { "upperdir", "workdir" };

	if (!args->upper)
		return 0;
	for (size_t i = 0; i < 2; i++) {
		char name[IO_FD_PATH_LEN];
		int r;

		u->fd[i] = openat(base, paths[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (u->fd[i] < 0)
			return err_errno(e, -errno, "%s %s", keys[i], paths[i]);
		r = mnt_fsconfig(fs, keys[i], io_fd_path(u->fd[i], name));
		if (r < 0)
			return overlay_error(fs, r, e);
	}
	return 0;
}

/* A detached copy of the folder with upper and work, mapped; -1 without. */
static int base_view(const struct overlay_args *args, struct err *e)
{
	CLEANUP_FD int fd = mnt_clone_tree(AT_FDCWD, args->base, false);
	int r;

	if (fd < 0)
		return err_errno(e, fd, "%s", args->base);
	r = args->base_userns >= 0 ? mnt_idmap(fd, false, args->base_userns) : 0;
	return r < 0 ? err_errno(e, r, "mapping ids of %s", args->base) : take_fd(&fd);
}

/* What becomes a layer has to be whole in itself: no folder that is only a name for one of another layer, no file
 * without its content. */
static int config_layer(int fs, struct err *e)
{
	int r = mnt_fsconfig(fs, "redirect_dir", "off");

	if (r == 0)
		r = mnt_fsconfig(fs, "metacopy", "off");
	return r < 0 ? overlay_error(fs, r, e) : 0;
}

/* The kernel marks a work folder whose upper may have lost something with the machine, and takes it no more. Who mounts it as volatile again
 * does not mind. */
static int config_volatile(int fs, const struct upper *u, struct err *e)
{
	static const char mark[] = "work/incompat/volatile", in_mark[] = "work/incompat/volatile/dirty";
	int r;

	if (unlinkat(u->fd[1], mark, AT_REMOVEDIR) < 0 && errno == ENOTEMPTY &&
	    (unlinkat(u->fd[1], in_mark, 0) < 0 || unlinkat(u->fd[1], mark, AT_REMOVEDIR) < 0))
		return err_errno(e, -errno, "workdir: remove %s", mark);
	r = mnt_fsconfig(fs, "volatile", NULL);
	return r < 0 ? overlay_error(fs, r, e) : 0;
}

static int finish_overlay(int fs, const struct overlay_args *args, int base, struct err *e)
{
	CLEANUP(upper_close) struct upper u = { { -1, -1 } };
	int r = config_upper(fs, args, base, &u, e);

	if (r == 0 && args->base && !args->of_user) /* with userxattr both are off, and may not be said to be */
		r = config_layer(fs, e);
	if (r == 0 && args->upper && args->is_volatile)
		r = config_volatile(fs, &u, e);
	if (r < 0)
		return r;
	if (args->of_user) {
		r = mnt_fsconfig(fs, "userxattr", NULL);
		if (r < 0)
			return overlay_error(fs, r, e);
	}
	(void)!mnt_fsconfig(fs, "source", "overlay"); /* what mount tables show */
	r = mnt_fsmount(fs, MOUNT_ATTR_NODEV);
	return r < 0 ? overlay_error(fs, r, e) : r;
}

/* By descriptor; the copies stay open until the mount is made, else they are gone by then. Gives -EOPNOTSUPP and no
 * message when this kernel takes no such lowers: some refuse the option, some the detached mount. */
static int overlay_by_fd(const struct overlay_args *args, int *lowers, struct err *e)
{
	CLEANUP_FD int fs = mnt_fsopen("overlay"), base = args->base ? base_view(args, e) : AT_FDCWD;
	int r;

	if (fs < 0)
		return err_errno(e, fs, "overlay file system");
	if (base < 0 && args->base)
		return base;
	for (size_t i = 0; i < args->n_lower; i++) {
		lowers[i] = lower_copy(args->lower[i], userns_of(args, i), e);
		if (lowers[i] < 0)
			return lowers[i];
		if (mnt_fsconfig_fd(fs, "lowerdir+", lowers[i]) < 0)
			return -EOPNOTSUPP;
	}
	r = finish_overlay(fs, args, base, e);
	return r == -EINVAL ? -EOPNOTSUPP : r;
}

static int try_by_fd(const struct overlay_args *args, struct err *e)
{
	CLEANUP_FREE int *lowers = malloc(args->n_lower * sizeof(*lowers));
	int fd;

	if (!lowers)
		return err_errno(e, -ENOMEM, "overlay file system");
	for (size_t i = 0; i < args->n_lower; i++)
		lowers[i] = -1;
	fd = overlay_by_fd(args, lowers, e);
	for (size_t i = 0; i < args->n_lower; i++)
		close_fd(lowers[i]);
	return fd;
}

struct named {
	const struct overlay_args *args;
	struct err *e;
};

/* The n-th name: one byte that means nothing in a lowerdir string. */
static char lower_name(size_t n)
{
	unsigned char c = (unsigned char)('A' + n);

	return (char)(c >= '\\' ? c + 1 : c);
}

/* A tmpfs of the scratch namespace's own, over its "/" (absolute names still mean what lies under it), as the current
 * folder. Only "/" itself must not pass mounts on to the host; that is cheaper than the whole tree. */
static int scratch_folder(struct err *e)
{
	CLEANUP_FD int fs = mnt_fsopen("tmpfs"), fd = -1;
	int r = mnt_propagation("/", false, MS_PRIVATE);

	if (r < 0)
		return err_errno(e, r, "scratch mount namespace: making / private");
	fd = fs < 0 ? fs : mnt_fsmount(fs, 0);
	r = fd < 0 ? fd : mnt_attach_at(fd, AT_FDCWD, "/");
	if (r < 0)
		return err_errno(e, r, "scratch mount namespace: tmpfs");
	if (fchdir(fd) < 0)
		return err_errno(e, -errno, "scratch mount namespace");
	return take_fd(&fd);
}

static int attach_lower(const struct named *n, size_t i, struct err *e)
{
	CLEANUP_FD int lower = lower_copy(n->args->lower[i], userns_of(n->args, i), e);
	char name[2] = { lower_name(i), '\0' };
	int r;

	if (lower < 0)
		return lower;
	if (mkdir(name, 0700) < 0)
		return err_errno(e, -errno, "scratch mount namespace: mkdir");
	r = mnt_attach_at(lower, AT_FDCWD, name);
	return r < 0 ? err_errno(e, r, "attaching layer %s", n->args->lower[i]) : 0;
}

/* The folder with upper and work, by a name that no lower has. */
static int attach_base(const struct named *n, struct err *e)
{
	CLEANUP_FD int view = base_view(n->args, e);
	int r;

	if (view < 0)
		return view;
	if (mkdir("1", 0700) < 0)
		return err_errno(e, -errno, "scratch mount namespace: mkdir");
	r = mnt_attach_at(view, AT_FDCWD, "1");
	return r < 0 ? err_errno(e, r, "attaching %s", n->args->base) : take_fd(&view);
}

/* In the scratch namespace: gives the overlay's fd. */
static int overlay_by_name(void *arg)
{
	const struct named *n = arg;
	CLEANUP_FD int folder = scratch_folder(n->e), fs = -1, base = AT_FDCWD;
	char lowerdir[2 * MAX_NAMED_LOWERS + 1] = "";
	int r;

	if (folder < 0)
		return folder;
	for (size_t i = 0; i < n->args->n_lower; i++) {
		r = attach_lower(n, i, n->e);
		if (r < 0)
			return r;
		lowerdir[2 * i] = lower_name(i);
		lowerdir[2 * i + 1] = i + 1 < n->args->n_lower ? ':' : '\0';
	}
	if (n->args->base) {
		base = attach_base(n, n->e);
		if (base < 0)
			return base;
	}
	fs = mnt_fsopen("overlay");
	if (fs < 0)
		return err_errno(n->e, fs, "overlay file system");
	r = mnt_fsconfig(fs, "lowerdir", lowerdir);
	if (r < 0)
		return overlay_error(fs, r, n->e);
	return finish_overlay(fs, n->args, base, n->e);
}

bool overlay_at(int fd)
{
	struct statfs st;

	return fstatfs(fd, &st) == 0 && (unsigned long)st.f_type == OVERLAYFS_SUPER_MAGIC;
}

bool overlay_at_path(const char *path)
{
	struct statfs st;

	return statfs(path, &st) == 0 && (unsigned long)st.f_type == OVERLAYFS_SUPER_MAGIC;
}

static int mount_layers(const struct overlay_args *args, pid_t *helper, struct err *e)
{
	struct named n = { .args = args, .e = e };

	if (!args->n_lower)
		return err_set(e, ERR_INVALID, "rootfs: no layers");
	/* overlayfs wants two lowers or an upper; one folder alone is that folder, read-only */
	if (args->n_lower == 1 && !args->upper)
		return lower_copy(args->lower[0], userns_of(args, 0), e);
	if (by_fd) {
		int fd = try_by_fd(args, e);

		if (fd != -EOPNOTSUPP)
			return fd;
		by_fd = false;
	}
	if (args->n_lower > MAX_NAMED_LOWERS)
		return err_set(e, ERR_LIMIT, "rootfs: %zu layers; this kernel takes at most %u", args->n_lower,
			       MAX_NAMED_LOWERS);
	return ns_run_scratch(overlay_by_name, &n, helper);
}

/* Of an overlay on an overlay the kernel's words, that ids cannot be mapped or that arguments are wrong, lead nowhere. */
int overlay_mount(const struct overlay_args *args, pid_t *helper, struct err *e)
{
	const char *writable = args->base ? args->base : args->upper;
	int fd = mount_layers(args, helper, e);

	if (fd < 0 && writable && overlay_at_path(writable))
		return err_set(e, ERR_UNSUPPORTED,
			       "%s is on an overlay, and no other can be laid on that: the store has to be on another file system, in a container on a volume",
			       writable);
	return fd;
}

/* ---- a part ---- */

struct part {
	int whole;
	const char *path;
};

static int clone_part(const struct part *p)
{
	CLEANUP_FD int at = beneath_open(p->whole, p->path, BENEATH_STRICT, O_PATH, 0);

	return at < 0 ? at : mnt_clone_tree(at, "", false);
}

/* What "/" was is under it, in a namespace that goes. */
static int clone_attached(void *data)
{
	const struct part *p = data;
	int r = mnt_propagation("/", false, MS_PRIVATE);

	if (r == 0)
		r = mnt_attach_at(p->whole, AT_FDCWD, "/");
	return r < 0 ? r : clone_part(p);
}

/* Before 6.15 nothing can be copied out of a detached mount: then the whole is attached for that moment. */
int overlay_part(int whole, const char *path, pid_t *helper)
{
	struct part part = { .whole = whole, .path = path };
	int fd = by_fd ? clone_part(&part) : -EINVAL;

	return fd == -EINVAL ? ns_run_scratch(clone_attached, &part, helper) : fd;
}
