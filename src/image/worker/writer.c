/* The attacker chooses every path, type and link text, in any order, and wants one write, chmod or link outside.
 *
 * - A folder is entered with openat2(RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS) from the root handle, on the full path:
 *   the kernel refuses to leave through "..", absolute or climbing symlinks, whatever was made before and in whatever
 *   order. Symlinks that stay inside are followed, as tar does.
 * - The last component is made with O_EXCL | O_NOFOLLOW, mkdirat, symlinkat, mknodat, linkat without following: it is
 *   never opened through a link. What is there already is removed first (a folder only by something else than one).
 * - The folder handle kept open between entries was reached that way too. When a path changes its meaning meanwhile
 *   (a folder replaced by a link) the handle still is a folder beneath the root or a deleted one; it is dropped
 *   whenever something is replaced, so that names keep meaning what the archive says.
 * - Ownership and times are set by handle or with AT_SYMLINK_NOFOLLOW.
 *
 * Making an entry changes its folder's time. Instead of remembering all folders until the end (memory that the archive
 * controls), a folder's times are read when it is entered and put back when it is left. */
#include "image/worker/writer.h"

#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/beneath.h"
#include "base/io.h"
#include "base/text.h"
#include "sys/overlay.h"

#define IMPLIED_MODE 0755 /* of folders that the archive has no entry for */
#define SPECIAL_BITS (S_ISUID | S_ISGID | S_ISVTX)

const struct timespec writer_no_time[2] = { { 0, 0 }, { 0, 0 } };

void writer_init(struct writer *w, int root, int meta, bool no_nodes)
{
	*w = (struct writer){ .root = root, .meta = meta, .no_nodes = no_nodes, .opaque = -1, .dir = -1 };
}

void writer_close(struct writer *w)
{
	w->dir = close_fd(w->dir);
	w->opaque = close_fd(w->opaque);
}

static int fail(struct err *e, int r, const char *what)
{
	if (r == -ENOSPC || r == -EDQUOT)
		return err_set(e, ERR_NOSPACE, "the store's file system is full");
	if (r == -EXDEV)
		return err_set(e, ERR_INVALID, "its path leads through a symbolic link that leaves the layer; tare does not "
					       "unpack such an archive");
	if (r == -ELOOP)
		return err_set(e, ERR_INVALID, "its path leads through a loop of symbolic links");
	if (r == -ENOTDIR)
		return err_set(e, ERR_INVALID, "a part of its path is no folder");
	return err_errno(e, r, "%s", what);
}

/* The ids that are there are those of the user namespace we are in. */
static int fail_owner(struct err *e, const struct writer_entry *en)
{
	if (errno != EINVAL)
		return fail(e, -errno, "set its owner");
	return err_set(e, ERR_LIMIT, "it belongs to %u:%u, and there are not so many ids here: more have to be set aside in /etc/subuid and /etc/subgid",
		       en->uid, en->gid);
}

/* ---- the open folder ---- */

static int leave_dir(struct writer *w, struct err *e)
{
	int r = 0;

	if (w->dir >= 0 && w->dir_dirty && futimens(w->dir, w->dir_times) < 0)
		r = fail(e, -errno, "set its folder's times");
	w->dir = close_fd(w->dir);
	w->dir_dirty = false;
	return r;
}

static int take_dir(struct writer *w, int fd, const char *path, size_t len, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0) {
		(void)close_fd(fd);
		return fail(e, -errno, "look at its folder");
	}
	w->dir = fd;
	w->dir_sgid = st.st_mode & S_ISGID;
	w->dir_times[0] = st.st_atim;
	w->dir_times[1] = st.st_mtim;
	memcpy(w->dir_path, path, len);
	w->dir_path[len] = '\0';
	return 0;
}

static int open_dir(const struct writer *w, const char *path)
{
	return beneath_open(w->root, path, BENEATH_STRICT, O_RDONLY | O_DIRECTORY, 0);
}

static int make_implied(struct writer *w, const char *path, struct err *e);

/* Makes path (the first len bytes) the open folder, with its missing parents. */
static int enter_dir(struct writer *w, const char *path, size_t len, struct err *e)
{
	char copy[PATH_MAX];
	int r, fd;

	if (w->dir >= 0 && strlen(w->dir_path) == len && !memcmp(w->dir_path, path, len))
		return 0;
	r = leave_dir(w, e);
	if (r < 0)
		return r;
	if (len >= sizeof(copy))
		return fail(e, -ENAMETOOLONG, "path");
	memcpy(copy, path, len);
	copy[len] = '\0';
	fd = open_dir(w, copy);
	if (fd == -ENOENT || fd == -ENOTDIR) {
		r = make_implied(w, copy, e);
		if (r < 0)
			return r;
		fd = open_dir(w, copy);
	}
	return fd < 0 ? fail(e, fd, "open its folder") : take_dir(w, fd, path, len, e);
}

/* Splits the last component off and enters its folder. */
static int enter_parent(struct writer *w, const char *path, const char **name, struct err *e)
{
	const char *slash = strrchr(path, '/');

	*name = slash ? slash + 1 : path;
	return enter_dir(w, path, slash ? (size_t)(slash - path) : 0, e);
}

/* ---- folders that hide lower ones ---- */

static int list_opaque(struct writer *w, const char *path, struct err *e)
{
	int r;

	if (w->opaque < 0)
		w->opaque = openat(w->meta, "opaque", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (w->opaque < 0)
		return fail(e, -errno, "make the list of opaque folders");
	r = io_write_full(w->opaque, path, strlen(path) + 1);
	return r < 0 ? fail(e, r, "write the list of opaque folders") : 0;
}

int writer_opaque(struct writer *w, const char *path, struct err *e)
{
	int r = enter_dir(w, path, strlen(path), e);

	return r < 0 ? r : list_opaque(w, *path ? path : ".", e);
}

/* A folder of the archive's path that has no entry of its own (yet). A whiteout there means that the lower layers'
 * folder was removed before: the new one hides it. */
static int make_implied_one(struct writer *w, const char *path, struct err *e)
{
	const char *name;
	struct stat st;
	int r = enter_parent(w, path, &name, e);

	if (r < 0)
		return r;
	if (fstatat(w->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		if (!overlay_is_whiteout(&st))
			return S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode) ? 0 : fail(e, -ENOTDIR, "path");
		if (unlinkat(w->dir, name, 0) < 0)
			return fail(e, -errno, "replace a whiteout");
		r = list_opaque(w, path, e);
		if (r < 0)
			return r;
	}
	w->dir_dirty = true;
	if (mkdirat(w->dir, name, IMPLIED_MODE) < 0 || utimensat(w->dir, name, writer_no_time, 0) < 0)
		return fail(e, -errno, "make its folder");
	return 0;
}

static int make_implied(struct writer *w, const char *path, struct err *e)
{
	char prefix[PATH_MAX];

	for (const char *end = path; *end;) {
		int r;

		end += *end == '/';
		end += strcspn(end, "/");
		memcpy(prefix, path, (size_t)(end - path));
		prefix[end - path] = '\0';
		r = make_implied_one(w, prefix, e);
		if (r < 0)
			return r;
	}
	return leave_dir(w, e);
}

/* ---- entries ---- */

/* Removes what is in the way of name. */
static int make_way(struct writer *w, const char *name, struct err *e)
{
	int r = io_remove_tree(w->dir, name);

	w->dir_dirty = true;
	if (r == -ELOOP)
		return err_set(e, ERR_LIMIT, "it replaces a tree that is too deep");
	return r < 0 ? fail(e, r, "replace an earlier entry") : 0;
}

static int set_xattrs(int fd, const struct writer_entry *en, struct err *e)
{
	for (size_t i = 0; i < en->n_xattrs; i++) {
		const struct writer_xattr *x = &en->xattrs[i];
		char shown[100];

		if (fsetxattr(fd, x->name, x->value, x->len, 0) == 0)
			continue;
		if (errno == ENOTSUP)
			return err_set(e, ERR_UNSUPPORTED, "the store's file system has no extended attributes (%s)",
				       text_escape(x->name, shown, sizeof(shown)));
		return fail(e, -errno, text_escape(x->name, shown, sizeof(shown)));
	}
	return 0;
}

static bool needs_owner(const struct writer *w, const struct writer_entry *en)
{
	return en->uid != 0 || en->gid != 0 || w->dir_sgid;
}

/* Owner, mode, attributes and times of what fd is open on, made with the permissions `made`. The order matters: a
 * change of owner clears set-id bits and file capabilities. */
static int set_meta_fd(int fd, const struct writer_entry *en, bool owner, mode_t made, struct err *e)
{
	const struct timespec times[2] = { en->mtime, en->mtime };
	int r;

	if (owner && fchown(fd, en->uid, en->gid) < 0)
		return fail_owner(e, en);
	if ((en->mode & 07777) != made && fchmod(fd, en->mode & 07777) < 0)
		return fail(e, -errno, "set its mode");
	r = set_xattrs(fd, en, e);
	if (r < 0)
		return r;
	return futimens(fd, times) < 0 ? fail(e, -errno, "set its times") : 0;
}

/* The same for what cannot be opened: links, devices, fifos; mode is what it was made with. The name was just made
 * here and nobody else writes here, so fchmodat(), which follows links, meets none. */
static int set_meta_at(const struct writer *w, const char *name, const struct writer_entry *en, struct err *e)
{
	const struct timespec times[2] = { en->mtime, en->mtime };

	if (needs_owner(w, en)) {
		if (fchownat(w->dir, name, en->uid, en->gid, AT_SYMLINK_NOFOLLOW) < 0)
			return fail_owner(e, en);
		if (!S_ISLNK(en->mode) && (en->mode & SPECIAL_BITS) && fchmodat(w->dir, name, en->mode & 07777, 0) < 0)
			return fail(e, -errno, "set its mode");
	}
	return utimensat(w->dir, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? fail(e, -errno, "set its times") : 0;
}

int writer_file_begin(struct writer *w, const struct writer_entry *en, struct err *e)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	const char *name;
	int fd, r = enter_parent(w, en->path, &name, e);

	if (r < 0)
		return r;
	w->dir_dirty = true;
	fd = openat(w->dir, name, flags, en->mode & 0777);
	if (fd < 0 && errno == EEXIST) {
		r = make_way(w, name, e);
		if (r < 0)
			return r;
		fd = openat(w->dir, name, flags, en->mode & 0777);
	}
	return fd < 0 ? fail(e, -errno, "make it") : fd;
}

int writer_file_end(struct writer *w, int fd, const struct writer_entry *en, struct err *e)
{
	return set_meta_fd(fd, en, needs_owner(w, en), en->mode & 0777, e);
}

/* mkdir, or an existing folder taken as it is. */
static int make_folder(struct writer *w, const char *name, const struct writer_entry *en, struct err *e)
{
	struct stat st;
	int r;

	if (mkdirat(w->dir, name, en->mode & 0777) == 0)
		return 0;
	if (errno != EEXIST)
		return fail(e, -errno, "make it");
	if (fstatat(w->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(e, -errno, "look at it");
	if (S_ISDIR(st.st_mode))
		return 0;
	/* applied one after the other, the earlier entry had hidden the lower layers' folder */
	r = make_way(w, name, e);
	if (r == 0)
		r = list_opaque(w, en->path, e);
	if (r == 0 && mkdirat(w->dir, name, en->mode & 0777) < 0)
		r = fail(e, -errno, "make it");
	return r;
}

static int add_folder(struct writer *w, const struct writer_entry *en, struct err *e)
{
	CLEANUP_FD int fd = -1;
	const char *name = ".";
	int r;

	if (*en->path) {
		r = enter_parent(w, en->path, &name, e);
		w->dir_dirty = true;
		if (r == 0)
			r = make_folder(w, name, en, e);
	} else {
		r = enter_dir(w, "", 0, e);
	}
	if (r < 0)
		return r;
	fd = openat(w->dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail(e, -errno, "open it");
	if (!*en->path) { /* the root's own times must not be put back to what they were */
		r = leave_dir(w, e);
		if (r < 0)
			return r;
	}
	return set_meta_fd(fd, en, true, ~(mode_t)0, e);
}

/* What an entry other than a file or folder is made with; -errno. */
static int make_node(struct writer *w, const char *name, const struct writer_entry *en)
{
	mode_t type = en->mode & S_IFMT;

	if (type == S_IFLNK)
		return symlinkat(en->link, w->dir, name) < 0 ? -errno : 0;
	return mknodat(w->dir, name, type | (en->mode & 07777), en->device) < 0 ? -errno : 0;
}

static int add_node(struct writer *w, const struct writer_entry *en, struct err *e)
{
	const char *name;
	int r = enter_parent(w, en->path, &name, e);

	if (r < 0)
		return r;
	w->dir_dirty = true;
	if (w->no_nodes && (S_ISCHR(en->mode) || S_ISBLK(en->mode)))
		return make_way(w, name, e);
	r = make_node(w, name, en);
	if (r == -EEXIST) {
		r = make_way(w, name, e);
		if (r < 0)
			return r;
		r = make_node(w, name, en);
	}
	if (r < 0)
		return fail(e, r, "make it");
	return set_meta_at(w, name, en, e);
}

/* link(2) of a target that must exist in this layer; both ends are reached beneath the root. */
static int add_hard_link(struct writer *w, const struct writer_entry *en, struct err *e)
{
	CLEANUP_FD int from = -1;
	char target[NAME_MAX + 1];
	const char *name;
	int r;

	from = beneath_parent(w->root, en->link, BENEATH_STRICT, 0, target);
	if (from == -ENOENT)
		return err_set(e, ERR_INVALID, "the target of the hard link is not in the layer");
	if (from < 0)
		return fail(e, from, "find the target of the hard link");
	r = enter_parent(w, en->path, &name, e);
	if (r < 0)
		return r;
	w->dir_dirty = true;
	if (linkat(from, target, w->dir, name, 0) == 0)
		return 0;
	if (errno == EEXIST && strcmp(en->path, en->link) != 0) {
		r = make_way(w, name, e);
		if (r < 0)
			return r;
		if (linkat(from, target, w->dir, name, 0) == 0)
			return 0;
	}
	if (errno == EEXIST)
		return 0; /* a link to itself */
	if (errno == ENOENT)
		return err_set(e, ERR_INVALID, "the target of the hard link is not in the layer");
	if (errno == EPERM)
		return err_set(e, ERR_INVALID, "it is a hard link to a folder");
	return fail(e, -errno, "link it");
}

int writer_add(struct writer *w, const struct writer_entry *en, struct err *e)
{
	if (en->hard_link)
		return add_hard_link(w, en, e);
	if (S_ISDIR(en->mode))
		return add_folder(w, en, e);
	return add_node(w, en, e);
}

int writer_whiteout(struct writer *w, const char *path, struct err *e)
{
	const char *name;
	struct stat st;
	int r = enter_parent(w, path, &name, e);

	if (r < 0)
		return r;
	if (fstatat(w->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return S_ISDIR(st.st_mode) ? list_opaque(w, path, e) : 0;
	w->dir_dirty = true;
	return mknodat(w->dir, name, S_IFCHR, makedev(0, 0)) < 0 ? fail(e, -errno, "make a whiteout") : 0;
}

int writer_finish(struct writer *w, struct err *e)
{
	return leave_dir(w, e);
}
