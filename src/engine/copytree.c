/* Layers are laid one over the other from the lowest up, the way an overlay shows them: a whiteout removes what is
 * below, an opaque folder hides it. Sources are the image author's, so they are only reached through handles that
 * cannot leave the layer and never through a symbolic link. The destination is ours alone, or a volume that a container may
 * have and change meanwhile: what is in it is reached in the same way. */
#include "engine/copytree.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/beneath.h"
#include "base/hardlinks.h"
#include "base/io.h"
#include "base/text.h"
#include "sys/overlay.h"

#define DEEPEST 200
#define XATTR_NAMES_MAX 8192
#define XATTR_VALUE_MAX 65536

/* One layer being laid over what is there. */
struct laying {
	const struct copytree_ids *ids;
	int root; /* the destination */
	struct arena a;
	struct hardlinks links;
};

static void laying_end(struct laying *l)
{
	arena_free(&l->a);
}

static uint32_t shifted(const struct copytree_ids *ids, uint32_t id)
{
	return ids->base + (id < ids->size ? id : 0);
}

static bool is_capability(const char *name)
{
	return strcmp(name, "security.capability") == 0;
}

/* user.* and a program's capabilities, which are the image's; trusted.* is the overlay's, the rest of security.* the host's, and ACLs are of ids, which
 * images have none of that would mean somebody. */
static bool is_copied(const char *name, const struct copytree_ids *ids)
{
	if (ids->whole)
		return strncmp(name, "security.", 9) != 0 || is_capability(name);
	if (strncmp(name, "user.", 5) != 0 && !(is_capability(name) && ids->base == 0))
		return false;
	return strncmp(name, "user.overlay.", 13) != 0;
}

static int copy_xattrs(int from, int to, const struct copytree_ids *ids)
{
	char names[XATTR_NAMES_MAX];
	ssize_t len = flistxattr(from, names, sizeof(names));

	for (const char *name = names; len > 0 && name < names + len; name += strlen(name) + 1) {
		CLEANUP_FREE char *value = NULL;
		ssize_t n;

		if (!is_copied(name, ids))
			continue;
		value = malloc(XATTR_VALUE_MAX);
		n = value ? fgetxattr(from, name, value, XATTR_VALUE_MAX) : -1;
		if (n < 0 || fsetxattr(to, name, value, (size_t)n, 0) < 0)
			return -errno;
	}
	return 0;
}

static int copy_attributes(int from, int to, const struct stat *st, const struct copytree_ids *ids)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	int r;

	/* the owner first: chown clears set-uid bits and capabilities */
	if (fchown(to, shifted(ids, st->st_uid), shifted(ids, st->st_gid)) < 0 || fchmod(to, st->st_mode & 07777) < 0)
		return -errno;
	r = copy_xattrs(from, to, ids);
	return r < 0 ? r : futimens(to, times) < 0 ? -errno : 0;
}

/* From where both files stand. */
static int copy_piece(int from, int to, off_t left)
{
	while (left > 0) {
		ssize_t n = sendfile(to, from, NULL, left < 1 << 20 ? (size_t)left : 1 << 20);

		if (n == 0) /* it became shorter */
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		left -= n > 0 ? n : 0;
	}
	return 0;
}

/* Data alone: a data base's file may be mostly holes. */
static int copy_bytes(int from, int to)
{
	off_t end = lseek(from, 0, SEEK_END), data, hole = 0;
	int r = end < 0 ? -errno : 0;

	while (r == 0 && (data = lseek(from, hole, SEEK_DATA)) >= 0) {
		hole = lseek(from, data, SEEK_HOLE);
		if (hole < 0 || lseek(from, data, SEEK_SET) < 0 || lseek(to, data, SEEK_SET) < 0)
			return -errno;
		r = copy_piece(from, to, hole - data);
	}
	return r < 0 ? r : errno == ENXIO && ftruncate(to, end) == 0 ? 0 : -errno;
}

static int copy_file(int src_dir, const char *name, int dst_dir, const char *as, const struct stat *st, const struct copytree_ids *ids)
{
	CLEANUP_FD int from = openat(src_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	CLEANUP_FD int to = openat(dst_dir, as, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r;

	if (from < 0 || to < 0)
		return -errno;
	r = copy_bytes(from, to);
	return r < 0 ? r : copy_attributes(from, to, st, ids);
}

/* What is in its place stays until the new one is whole. */
static int replace_file(int src_dir, int dst_dir, const char *name, const struct stat *st, const struct copytree_ids *ids)
{
	char random[17], beside[sizeof(".tare-new-") + sizeof(random)];
	int r = text_random_hex(8, random);

	if (r < 0)
		return r;
	(void)snprintf(beside, sizeof(beside), ".tare-new-%s", random);
	r = copy_file(src_dir, name, dst_dir, beside, st, ids);
	if (r == 0 && renameat(dst_dir, beside, dst_dir, name) < 0)
		r = -errno;
	if (r == -EISDIR) {
		r = io_remove_tree(dst_dir, name);
		if (r == 0 && renameat(dst_dir, beside, dst_dir, name) < 0)
			r = -errno;
	}
	if (r < 0)
		(void)unlinkat(dst_dir, beside, 0);
	return r;
}

static int copy_link(int src_dir, int dst_dir, const char *name, const struct stat *st, const struct copytree_ids *ids)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	char target[PATH_MAX];
	ssize_t n = readlinkat(src_dir, name, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	if (symlinkat(target, dst_dir, name) < 0 ||
	    fchownat(dst_dir, name, shifted(ids, st->st_uid), shifted(ids, st->st_gid), AT_SYMLINK_NOFOLLOW) < 0 ||
	    utimensat(dst_dir, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

static int copy_special(int dst_dir, const char *name, const struct stat *st)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	int r = io_remove_tree(dst_dir, name);

	if (r < 0 || S_ISSOCK(st->st_mode)) /* which is nothing without who listens */
		return r;
	if (mknodat(dst_dir, name, st->st_mode & (S_IFMT | 0600), st->st_rdev) < 0 || fchownat(dst_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fchmodat(dst_dir, name, st->st_mode & 07777, 0) < 0 || utimensat(dst_dir, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

/* One more name of a file that was copied. A container that has the volume may have put a link in the place of one of its folders since. */
static int link_again(const struct laying *l, const char *first, int dst, const char *name)
{
	char last[NAME_MAX + 1];
	CLEANUP_FD int at = beneath_parent(l->root, first, BENEATH_NOLINKS, 0, last);

	return at < 0 ? at : linkat(at, last, dst, name, 0) < 0 ? -errno : 0;
}

static int apply(struct laying *l, int src, int dst, const char *path, unsigned int depth, bool existed);

static int apply_folder(struct laying *l, int src_dir, int dst_dir, const char *path, unsigned int depth)
{
	const char *name = strrchr(path, '/') + 1;
	CLEANUP_FD int src = openat(src_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), dst = -1;
	bool existed = false;
	struct stat st;
	int r = 0;

	if (src < 0)
		return -errno;
	if ((!l->ids->whole && overlay_is_opaque(src)) || (fstatat(dst_dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode)))
		r = io_remove_tree(dst_dir, name);
	if (r < 0)
		return r;
	if (mkdirat(dst_dir, name, 0700) < 0) {
		if (errno != EEXIST)
			return -errno;
		existed = true;
	}
	dst = openat(dst_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return dst < 0 ? -errno : apply(l, src, dst, path, depth + 1, existed);
}

/* path: from the destination on, "./a/b". */
static int apply_entry(struct laying *l, int src, int dst, const char *path, unsigned int depth)
{
	const char *name = strrchr(path, '/') + 1, *first;
	struct stat st;
	int r;

	if (fstatat(src, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return apply_folder(l, src, dst, path, depth);
	if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode) && l->ids->whole)
		return copy_special(dst, name, &st);
	if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode)) /* a whiteout, or what hides what is below; that of a tar replaces nothing */
		return l->ids->tar ? 0 : io_remove_tree(dst, name);
	first = hardlinks_first(&l->links, &l->a, &st, path);
	if (arena_error(&l->a) < 0)
		return -ENOMEM;
	if ((l->ids->tar || l->ids->whole) && !first && S_ISREG(st.st_mode))
		return replace_file(src, dst, name, &st, l->ids);
	r = io_remove_tree(dst, name);
	if (r < 0 || first)
		return r < 0 ? r : link_again(l, first, dst, name);
	return S_ISREG(st.st_mode) ? copy_file(src, name, dst, name, &st, l->ids) : copy_link(src, dst, name, &st, l->ids);
}

/* Lays the open folder src over the open folder dst, which may have been there before. */
static int apply(struct laying *l, int src, int dst, const char *path, unsigned int depth, bool existed)
{
	CLEANUP_DIR DIR *d = NULL;
	struct dirent *entry;
	struct stat st;
	int r = 0, copy = io_dup(src);

	if (copy < 0)
		return copy;
	d = fdopendir(copy);
	if (!d) {
		close_fd(copy);
		return -ENOMEM;
	}
	if (depth > DEEPEST)
		return -ELOOP;
	while (r == 0 && (entry = readdir(d))) {
		const char *below;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		below = arena_printf(&l->a, "%s/%s", path, entry->d_name);
		r = below ? apply_entry(l, src, dst, below, depth) : -ENOMEM;
	}
	if (r == 0 && fstat(src, &st) < 0)
		r = -errno;
	if (r < 0 || (existed && l->ids->tar && st.st_mtim.tv_sec == 0 && st.st_mtim.tv_nsec == 0))
		return r;
	return copy_attributes(src, dst, &st, l->ids);
}

static int empty(int dirfd, const char *name, const struct copytree_ids *ids)
{
	int r = io_remove_tree(dirfd, name);

	if (r < 0)
		return r;
	if (mkdirat(dirfd, name, 0755) < 0 || fchownat(dirfd, name, ids->base, ids->base, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

/* Does this layer hide what the ones below it have at path: a whiteout or an opaque folder on the way? */
static bool hides(int layer, const char *path)
{
	char part[PATH_MAX];
	size_t at = 0;

	while (path[at]) {
		CLEANUP_FD int fd = -1;
		struct stat st;

		at += strcspn(path + at, "/");
		(void)snprintf(part, sizeof(part), "%.*s", (int)at, path);
		fd = beneath_open(layer, part, BENEATH_NOLINKS, O_PATH | O_NOFOLLOW, 0);
		if (fd < 0)
			return false;
		if (fstat(fd, &st) < 0 || !S_ISDIR(st.st_mode))
			return true;
		fd = close_fd(fd);
		fd = beneath_open(layer, part, BENEATH_NOLINKS, O_RDONLY | O_DIRECTORY, 0);
		if (fd >= 0 && overlay_is_opaque(fd))
			return true;
		at += path[at] == '/';
	}
	return false;
}

int copytree_from_layers(const int *lowers, size_t n, const char *path, int dirfd, const char *name,
			 const struct copytree_ids *ids, struct err *e)
{
	for (size_t i = n; i-- > 0;) {
		CLEANUP(laying_end) struct laying l = { .ids = ids, .a = ARENA_INIT };
		CLEANUP_FD int src = -1, dst = -1;
		int r = hides(lowers[i], path) ? empty(dirfd, name, ids) : 0;

		if (r < 0)
			return err_errno(e, r, "empty %s", name);
		src = beneath_open(lowers[i], path, BENEATH_NOLINKS, O_RDONLY | O_DIRECTORY, 0);
		if (src < 0)
			continue;
		dst = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		l.root = dst;
		r = dst < 0 ? -errno : apply(&l, src, dst, ".", 0, true);
		if (r < 0)
			return ids->tar || ids->whole ? err_errno(e, r, "its files") : err_errno(e, r, "copy /%s of the image", path);
	}
	return 0;
}
