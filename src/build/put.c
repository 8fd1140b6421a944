#include "build/put.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/beneath.h"
#include "base/hardlinks.h"
#include "base/io.h"
#include "base/strbuf.h"
#include "base/text.h"
#include "build/filemode.h"
#include "sys/mnt.h"

#define CHUNK (256U << 10)
#define MOST_LOOKED 200U /* folders in folders; each is open meanwhile */

struct putting {
	const struct put_to *to;
	const struct pick_from *from; /* NULL: a text of ours */
	const char *dest;
	char *chunk;
	struct arena arena;
	struct hardlinks *links; /* by their paths below dest; NULL where that is no matter */
	struct stat into;        /* the folder that dest is in, or is */
};

static void putting_end(struct putting *p)
{
	free(p->chunk);
	arena_free(&p->arena);
}

static int error(struct err *e, int r, const char *what)
{
	if (r == -ENOSPC || r == -EDQUOT)
		return err_set(e, ERR_NOSPACE, "the store's file system is full");
	return err_errno(e, r, "%s", what);
}

/* ---- folders on the way ---- */

static int make_folder(const struct put_to *to, int parent, const char *name, struct err *e)
{
	const struct timespec times[2] = { { .tv_sec = to->epoch }, { .tv_sec = to->epoch } };
	struct timespec before[2];
	struct stat st;

	if (fstat(parent, &st) < 0 || mkdirat(parent, name, 0755) < 0 || fchmodat(parent, name, 0755, 0) < 0)
		return error(e, -errno, "make a folder for it");
	before[0] = st.st_atim;
	before[1] = st.st_mtim;
	if (to->chown && fchownat(parent, name, to->uid, to->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return error(e, -errno, "give a folder its owner");
	if (utimensat(parent, name, times, AT_SYMLINK_NOFOLLOW) < 0 || futimens(parent, before) < 0)
		return error(e, -errno, "set the time of a folder");
	return 0;
}

int put_folder(const struct put_to *to, const char *path, struct err *e)
{
	CLEANUP_FD int at = beneath_open(to->root, ".", BENEATH_IN_ROOT, O_RDONLY | O_DIRECTORY, 0);
	char part[PATH_MAX];

	if (strlen(path) >= sizeof(part))
		return err_errno(e, -ENAMETOOLONG, "%s", path);
	for (const char *p = path; at >= 0 && *p;) {
		size_t len;
		int fd;

		p += strspn(p, "/");
		len = strcspn(p, "/");
		if (!len)
			break;
		memcpy(part, path, (size_t)(p - path) + len);
		part[(size_t)(p - path) + len] = '\0';
		p += len;
		fd = beneath_open(to->root, part, BENEATH_IN_ROOT, O_RDONLY | O_DIRECTORY, 0);
		if (fd == -ENOENT) {
			int r = make_folder(to, at, strrchr(part, '/') ? strrchr(part, '/') + 1 : part, e);

			if (r < 0)
				return err_ctx(e, "%s", part);
			fd = beneath_open(to->root, part, BENEATH_IN_ROOT, O_RDONLY | O_DIRECTORY, 0);
		}
		if (fd == -ENOTDIR)
			return err_set(e, ERR_INVALID, "%s is there, and is no folder", part);
		close_fd(at);
		at = fd;
	}
	return at < 0 ? err_errno(e, at, "%s", path) : take_fd(&at);
}

/* ---- entries ---- */

static int mode_of(const struct putting *p, const struct stat *st, mode_t *out, struct err *e)
{
	*out = st->st_mode & (p->to->left_out ? 01777 : 07777);
	if (!p->to->chmod || p->to->as_source)
		return 0;
	return df_filemode(p->to->chmod, st->st_mode & 07777, S_ISDIR(st->st_mode), out) < 0
		       ? err_set(e, ERR_INVALID, "--chmod=%s is no mode", p->to->chmod)
		       : 0;
}

int put_xattrs(int from, int to, struct err *e)
{
	CLEANUP_FREE char *names = malloc(PICK_XATTRS), *value = malloc(PICK_XATTRS);
	ssize_t len;

	if (!names || !value)
		return err_errno(e, -ENOMEM, "attributes");
	len = pick_list_xattrs(from, names, e);
	if (len < 0)
		return (int)len;
	for (const char *name = names; name < names + len; name += strlen(name) + 1) {
		ssize_t n = pick_wants_xattr(name) ? pick_get_xattr(from, name, value, e) : -ENODATA;

		if (n < 0 && n != -ENODATA)
			return (int)n;
		if (n >= 0 && fsetxattr(to, name, value, (size_t)n, 0) < 0)
			return error(e, -errno, name);
	}
	return 0;
}

#define NOBODY 65534U /* as whom the kernel shows an id that has no place */

static uint32_t shifted(const struct put_to *to, uint32_t id)
{
	uint32_t n = to->ids.size && id >= to->ids.size ? NOBODY : id;

	return to->ids.base + (to->ids.size && n >= to->ids.size ? 0 : n);
}

static uint32_t inside(const struct put_to *to, uint32_t id)
{
	if (!to->from_ids.size)
		return id;
	return id >= to->from_ids.base && id - to->from_ids.base < to->from_ids.size ? id - to->from_ids.base : NOBODY;
}

static uid_t owner(const struct putting *p, const struct stat *st)
{
	return shifted(p->to, p->to->chown && !p->to->as_source ? p->to->uid : inside(p->to, st->st_uid));
}

static gid_t group(const struct putting *p, const struct stat *st)
{
	return shifted(p->to, p->to->chown && !p->to->as_source ? p->to->gid : inside(p->to, st->st_gid));
}

/* What was looked at is not there any more, or something else is. */
static bool gone(const struct putting *p, int error)
{
	return p->from && pick_gone(p->from, error);
}

/* No more than it was long, as pick_digest() has it. */
static int copy_content(const struct putting *p, int from, int to, uint64_t left, struct err *e)
{
	ssize_t n = 1;
	int r;

	for (; left > 0 && n > 0; left -= (uint64_t)n) {
		n = io_read_full(from, p->chunk, left < CHUNK ? (size_t)left : CHUNK);
		if (n < 0)
			return error(e, (int)n, "read it");
		r = io_write_full(to, p->chunk, (size_t)n);
		if (r < 0)
			return error(e, r, "write it");
		if (p->to->bytes)
			*p->to->bytes += (uint64_t)n;
	}
	return 0;
}

/* Fewer blocks than it is long, in a file system that says where they are. */
static bool has_holes(int fd, const struct stat *st)
{
	return st->st_blocks < st->st_size / 512 && (lseek(fd, 0, SEEK_DATA) >= 0 || errno == ENXIO);
}

/* Holes stay holes: a file of a container's may say that it is as long as no disk is. One that got shorter meanwhile ends in one. */
static int copy_parts(const struct putting *p, int from, int to, off_t size, struct err *e)
{
	off_t data = 0, hole;
	int r = ftruncate(to, size) < 0 ? error(e, -errno, "make it as long") : 0;

	while (r == 0 && (data = lseek(from, data, SEEK_DATA)) >= 0 && data < size) {
		hole = lseek(from, data, SEEK_HOLE);
		if (hole <= data) /* one was made there just now */
			hole = data + CHUNK;
		hole = hole > size ? size : hole;
		if (lseek(from, data, SEEK_SET) < 0 || lseek(to, data, SEEK_SET) < 0)
			return error(e, -errno, "look for its parts");
		r = copy_content(p, from, to, (uint64_t)(hole - data), e);
		data = hole;
	}
	return r < 0 || data >= 0 || errno == ENXIO ? r : error(e, -errno, "look for its parts");
}

/* 1: it has gone. */
static int put_file(const struct putting *p, const struct pick_entry *en, int dir, const char *name, struct err *e)
{
	CLEANUP_FD int from = openat(en->dir, en->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	CLEANUP_FD int to = -1;
	struct stat st;
	mode_t mode;
	int r;

	if (from < 0 && gone(p, errno))
		return 1;
	if (from >= 0 && p->from->live && (fstat(from, &st) < 0 || !S_ISREG(st.st_mode)))
		return 1;
	to = from < 0 ? -1 : openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0)
		return error(e, -errno, from < 0 ? "open it" : "make it");
	if (p->to->in_use && has_holes(from, en->st))
		r = copy_parts(p, from, to, en->st->st_size, e);
	else
		r = copy_content(p, from, to, (uint64_t)en->st->st_size, e);
	if (r == 0 && fchown(to, owner(p, en->st), group(p, en->st)) < 0)
		r = error(e, -errno, "give it its owner");
	if (r == 0)
		r = mode_of(p, en->st, &mode, e);
	if (r == 0 && fchmod(to, mode) < 0)
		r = error(e, -errno, "give it its mode");
	if (r == 0 && !p->to->left_out)
		r = put_xattrs(from, to, e);
	if (r < 0 && p->to->in_use) /* half of it is worse than nothing; a stage goes as a whole */
		(void)unlinkat(dir, name, 0);
	return r;
}

static int put_special(const struct putting *p, const struct pick_entry *en, int dir, const char *name, struct err *e)
{
	char target[PATH_MAX];
	mode_t mode;
	ssize_t n;
	int r;

	if (S_ISLNK(en->st->st_mode)) {
		n = readlinkat(en->dir, en->name, target, sizeof(target) - 1);
		if (n < 0 && gone(p, errno))
			return 1;
		if (n < 0)
			return error(e, -errno, "read the link");
		target[n] = '\0';
		r = symlinkat(target, dir, name) < 0 ? error(e, -errno, "make the link") : 0;
	} else {
		r = mode_of(p, en->st, &mode, e);
		/* in a container that runs a link of it may be there by now, and it may lead to a file of the machine's */
		if (r == 0 && (mknodat(dir, name, (en->st->st_mode & S_IFMT) | 0600, en->st->st_rdev) < 0 ||
			       fchmodat(dir, name, mode, AT_SYMLINK_NOFOLLOW) < 0))
			r = error(e, -errno, "make it");
	}
	if (r == 0 && fchownat(dir, name, owner(p, en->st), group(p, en->st), AT_SYMLINK_NOFOLLOW) < 0)
		r = error(e, -errno, "give it its owner");
	return r;
}

/* Something is mounted there, in the tree that we write in. Of a container that runs that is a copy: to remove the file below is no error
 * then, as it is to whoever has the mount, and would take the mount away from the container, too (umount(2) of what is unlinked). */
static bool is_mount(int dir, const char *name)
{
	CLEANUP_FD int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	bool root = false;
	uint64_t id;

	return fd >= 0 && mnt_id(fd, &id, &root) == 0 && root;
}

/* A file is in the way of a file and may be replaced; between files and folders there is no such exchange, and a link where a folder is
 * to be (an image's /lib) is not taken away unasked, as in BuildKit. */
static int look(int dir, const char *name, bool for_folder, bool *exists, struct err *e)
{
	struct stat st;

	*exists = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
	if (!*exists)
		return errno == ENOENT ? 0 : error(e, -errno, "look at its place");
	if (S_ISDIR(st.st_mode))
		return for_folder ? 0 : err_set(e, ERR_INVALID, "there is a folder in its place");
	if (for_folder)
		return err_set(e, ERR_INVALID, "it is a folder, and in its place is %s", S_ISLNK(st.st_mode) ? "a link" : "a file");
	if (is_mount(dir, name))
		return err_set(e, ERR_CONFLICT, "what is in its place is mounted there, and cannot be replaced: write to it, or change it where it comes from");
	return 0;
}

static int remove_old(int dir, const char *name, struct err *e)
{
	return unlinkat(dir, name, 0) < 0 && errno != ENOENT ? error(e, -errno, "remove what is in its place") : 0;
}

static bool unsaid(const struct putting *p, const struct stat *st)
{
	return p->to->archive && st->st_mtim.tv_sec == 0 && st->st_mtim.tv_nsec == 0;
}

static int put_subfolder(const struct putting *p, const struct pick_entry *en, int dir, const char *name, bool exists, struct err *e)
{
	CLEANUP_FD int from = openat(en->dir, en->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), to = -1;
	mode_t mode;
	int r;

	if (from < 0 && !gone(p, errno))
		return error(e, -errno, "open it");
	if (!exists && mkdirat(dir, name, 0700) < 0)
		return error(e, -errno, "make it");
	to = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (to < 0)
		return error(e, -errno, "open what was made");
	if (exists && unsaid(p, en->st))
		return 0;
	if (fchown(to, owner(p, en->st), group(p, en->st)) < 0)
		return error(e, -errno, "give it its owner");
	r = mode_of(p, en->st, &mode, e);
	if (r == 0 && fchmod(to, mode) < 0)
		r = error(e, -errno, "give it its mode");
	return r < 0 || p->to->left_out || from < 0 ? r : put_xattrs(from, to, e);
}

/* A mount is at name, or below it, or that is too deep to be known. The tree is no part of our namespace, where the kernel would keep a mount
 * point from being removed: the mount would go with it, in the container, too. */
static bool has_mount(int dir, const char *name, unsigned int depth)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	CLEANUP_DIR DIR *d = fd < 0 ? NULL : fdopendir(fd);
	bool no_folder = fd < 0 && errno == ENOTDIR;
	struct dirent *de;

	if (fd >= 0 && !d)
		close_fd(fd);
	if (is_mount(dir, name) || (!d && !no_folder))
		return true;
	if (!d)
		return false;
	while ((de = readdir(d)))
		if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0 && (depth >= MOST_LOOKED || has_mount(dirfd(d), de->d_name, depth + 1)))
			return true;
	return false;
}

/* Where the one may replace the other: a folder with all that is in it for a file, a file or a link for a folder that the source has said. */
static int make_way(const struct putting *p, const struct pick_entry *en, int dir, const char *name, struct err *e)
{
	bool folder = S_ISDIR(en->st->st_mode);
	struct stat st;
	int r;

	if (!p->to->replace || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || S_ISDIR(st.st_mode) == folder || (folder && unsaid(p, en->st)))
		return 0;
	r = has_mount(dir, name, 0) ? -EBUSY : io_remove_tree(dir, name);
	return r == -EBUSY ? err_set(e, ERR_CONFLICT, "what is in its place is mounted there, or something in it, and cannot be removed") :
	       r < 0	   ? error(e, r, "remove what is in its place") : 0;
}

/* The folder that entry goes into, and its name there. */
static int place(const struct putting *p, const struct pick_entry *en, char name[NAME_MAX + 1], struct err *e)
{
	CLEANUP_STRBUF struct strbuf path = STRBUF_INIT;
	int dir;

	sb_puts(&path, p->dest);
	if (en->rel[0])
		sb_printf(&path, "/%s", en->rel);
	if (sb_error(&path) < 0)
		return err_errno(e, -ENOMEM, "path");
	dir = beneath_parent(p->to->root, path.s, BENEATH_IN_ROOT, 0, name);
	return dir < 0 ? error(e, dir, "its place") : dir;
}

static int set_time(int dir, const char *name, const struct stat *st, struct err *e)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };

	return utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? error(e, -errno, "set its time") : 0;
}

/* One more name of a file that is there: first, below dest. */
static int put_name(const struct putting *p, const char *first, int dir, const char *name, struct err *e)
{
	const struct pick_entry en = { .rel = first };
	char known[NAME_MAX + 1];
	CLEANUP_FD int at = place(p, &en, known, e);

	if (at < 0)
		return at;
	return linkat(at, known, dir, name, 0) < 0 && !gone(p, errno) ? error(e, -errno, "give the file one more name") : 0;
}

/* The old one stays until the new one is whole. */
static int put_over(const struct putting *p, const struct pick_entry *en, int dir, const char *name, struct err *e)
{
	char random[17], beside[sizeof(".tare-cp-") + sizeof(random)];
	int r = text_random_hex(8, random);

	if (r < 0)
		return error(e, r, "make up a name");
	(void)snprintf(beside, sizeof(beside), ".tare-cp-%s", random);
	r = put_file(p, en, dir, beside, e);
	if (r != 0)
		return r < 0 ? r : 0;
	r = set_time(dir, beside, en->st, e);
	if (r == 0 && renameat(dir, beside, dir, name) < 0)
		r = error(e, -errno, "put it in its place");
	if (r < 0)
		(void)unlinkat(dir, beside, 0);
	return r;
}

static int put_other(struct putting *p, const struct pick_entry *en, int dir, const char *name, bool exists, struct err *e)
{
	const char *first = p->links ? hardlinks_first(p->links, &p->arena, en->st, en->rel) : NULL;
	int r = 0;

	if (arena_error(&p->arena) < 0)
		return error(e, -ENOMEM, "its names");
	if (exists && !first && p->to->in_use && S_ISREG(en->st->st_mode))
		return put_over(p, en, dir, name, e);
	if (exists)
		r = remove_old(dir, name, e);
	if (r < 0 || first)
		return r < 0 ? r : put_name(p, first, dir, name, e);
	r = S_ISREG(en->st->st_mode) ? put_file(p, en, dir, name, e) : put_special(p, en, dir, name, e);
	return r != 0 ? (r < 0 ? r : 0) : set_time(dir, name, en->st, e);
}

/* It lies where it is to go: by way of a folder that both have. */
static bool is_same(const struct pick_entry *en, int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_dev == en->st->st_dev && st.st_ino == en->st->st_ino;
}

static int put_entry(const struct pick_entry *en, void *data, struct err *e)
{
	struct putting *p = data;
	bool folder = S_ISDIR(en->st->st_mode), exists;
	CLEANUP_FD int dir = -1;
	char name[NAME_MAX + 1];
	int r;

	if (folder && !en->rel[0] && !p->to->itself) /* the content alone is taken */
		return 0;
	if (folder && p->to->in_use && en->st->st_dev == p->into.st_dev && en->st->st_ino == p->into.st_ino)
		return err_set(e, ERR_INVALID, "a folder cannot be copied into itself");
	if (p->to->left_out && !folder && !S_ISREG(en->st->st_mode) && !S_ISLNK(en->st->st_mode)) {
		p->to->left_out(en->rel, p->to->data);
		return 0;
	}
	dir = place(p, en, name, e);
	if (dir < 0)
		return dir;
	if (p->from->live && !folder && is_same(en, dir, name))
		return 0;
	r = make_way(p, en, dir, name, e);
	if (r == 0)
		r = look(dir, name, folder, &exists, e);
	if (r < 0)
		return r;
	return folder ? put_subfolder(p, en, dir, name, exists, e) : put_other(p, en, dir, name, exists, e);
}

static int leave_folder(const struct pick_entry *en, void *data, struct err *e)
{
	struct putting *p = data;
	const struct stat of_epoch = { .st_atim.tv_sec = p->to->epoch, .st_mtim.tv_sec = p->to->epoch };
	CLEANUP_FD int dir = -1;
	char name[NAME_MAX + 1];

	if ((!en->rel[0] && !p->to->itself) || unsaid(p, en->st))
		return 0;
	dir = place(p, en, name, e);
	return dir < 0 ? dir : set_time(dir, name, p->to->folders ? &of_epoch : en->st, e);
}

/* ---- items ---- */

/* The folder above dest, made where missing. */
static int open_above(const struct put_to *to, const char *dest, struct err *e)
{
	CLEANUP_FREE char *path = strdup(dest);
	char *slash = path ? strrchr(path, '/') : NULL;

	if (!path)
		return err_errno(e, -ENOMEM, "path");
	if (slash)
		*slash = '\0';
	return put_folder(to, slash ? path : "", e);
}

int put_item(const struct put_to *to, const struct pick_from *from, const struct pick_item *item, const char *dest, struct err *e)
{
	CLEANUP_FD int folder = S_ISDIR(item->mode) && !to->itself ? put_folder(to, dest, e) : open_above(to, dest, e);
	CLEANUP(putting_end) struct putting p = { .to = to, .from = from, .dest = dest, .chunk = malloc(CHUNK) };
	const struct pick_visitor v = { .enter = put_entry, .leave = leave_folder, .data = &p };
	struct timespec times[2];
	struct stat st;
	int r;

	if (from->owners && S_ISDIR(item->mode))
		p.links = arena_new(&p.arena, struct hardlinks);
	if (folder < 0 || !p.chunk || arena_error(&p.arena) < 0 || fstat(folder, &st) < 0)
		return folder < 0 ? folder : err_errno(e, -ENOMEM, "copy");
	p.into = st;
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	r = pick_walk(from, item, &v, e);
	return r == 0 && !to->in_use && futimens(folder, times) < 0 ? error(e, -errno, "set the time of a folder") : r;
}

int put_text(const struct put_to *to, const char *text, const char *dest, struct err *e)
{
	const struct stat st = { .st_mode = S_IFREG | 0644, .st_mtim = { .tv_sec = to->epoch } };
	const struct pick_entry en = { .rel = "", .st = &st };
	CLEANUP_FD int folder = open_above(to, dest, e), dir = -1, fd = -1;
	struct putting p = { .to = to, .dest = dest };
	struct timespec times[2];
	char name[NAME_MAX + 1];
	struct stat above;
	bool exists;
	mode_t mode;
	int r;

	if (folder < 0 || fstat(folder, &above) < 0)
		return folder < 0 ? folder : error(e, -errno, "its folder");
	dir = place(&p, &en, name, e);
	r = dir < 0 ? dir : look(dir, name, false, &exists, e);
	if (r == 0 && exists)
		r = remove_old(dir, name, e);
	if (r == 0)
		r = mode_of(&p, &st, &mode, e);
	if (r < 0)
		return r;
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	r = fd < 0 ? -errno : io_write_full(fd, text, strlen(text));
	if (r == 0 && (fchown(fd, owner(&p, &st), group(&p, &st)) < 0 || fchmod(fd, mode) < 0))
		r = -errno;
	if (r < 0)
		return error(e, r, "write it");
	times[0] = above.st_atim;
	times[1] = above.st_mtim;
	r = set_time(dir, name, &st, e);
	return r == 0 && futimens(folder, times) < 0 ? error(e, -errno, "set the time of a folder") : r;
}
