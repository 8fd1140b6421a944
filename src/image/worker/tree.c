/* libarchive parses the tar dialects (pax, GNU, ustar, sparse) and hands out entries; nothing of its own extraction is
 * used. Its answers are untrusted like the archive: names are cleaned and checked, numbers ranged, attributes filtered
 * by an allow list.
 *
 * Whiteouts (image-spec layer.md): ".wh.NAME" hides NAME of lower layers, ".wh..wh..opq" all of a folder's; other
 * ".wh..wh." names are AUFS' own bookkeeping and are left out. A character device 0:0 is what overlayfs reads as a
 * whiteout, so an entry that is one is treated as one. */
#include "image/worker/tree.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/text.h"
#include "image/worker/writer.h"

#define MAX_XATTRS 64
#define MAX_XATTR_BYTES (64U << 10)
#define MAX_ID 0xfffffffeLL /* (uid_t)-1 means "unchanged" to the kernel */
#define DENSITY_GRACE 50000U
#define WHITEOUT ".wh."
#define WHITEOUT_META ".wh..wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"

struct tree {
	struct task *task;
	struct ring *from;
	struct archive *archive;
	struct writer writer;
	struct tree_facts *facts;
	uint64_t devices;
	bool at_end;   /* the stream has no more bytes */
	bool unpadded; /* it ended with the last byte of a file */
	char path[PATH_MAX], link[PATH_MAX];
	struct writer_xattr xattrs[MAX_XATTRS];
};

int tree_clean_path(const char *raw, uint64_t depth, char out[PATH_MAX], struct err *e)
{
	size_t used = 0;
	uint64_t n = 0;

	for (const char *p = raw; *p;) {
		size_t len = strcspn(p, "/");

		if (len == 2 && p[0] == '.' && p[1] == '.')
			return err_set(e, ERR_INVALID, "its name has a '..' component; tare does not unpack such an archive");
		if (len > 0 && !(len == 1 && *p == '.')) {
			if (used + len + 2 > PATH_MAX)
				return err_set(e, ERR_INVALID, "its name is longer than %d bytes", PATH_MAX - 1);
			if (++n > depth)
				return err_set(e, ERR_LIMIT, "its path has more than %llu components (limit 'depth')",
					       (unsigned long long)depth);
			if (used > 0)
				out[used++] = '/';
			memcpy(out + used, p, len);
			used += len;
		}
		p += len;
		p += *p == '/';
	}
	out[used] = '\0';
	return 0;
}

/* ---- entries ---- */

static int check_id(int64_t id, const char *what, uint32_t *out, uint32_t *max, struct err *e)
{
	if (id < 0 || id > MAX_ID)
		return err_set(e, ERR_INVALID, "its %s %lld is out of range", what, (long long)id);
	*out = (uint32_t)id;
	if (*out > *max)
		*max = *out;
	return 0;
}

/* What an image may bring: its users' attributes and file capabilities. trusted.* and user.overlay.* steer overlayfs,
 * other security.* belong to the host's own policy. */
static bool wanted_xattr(const char *name)
{
	return !strcmp(name, "security.capability") ||
	       (text_starts(name, "user.") && !text_starts(name, "user.overlay."));
}

static int take_xattrs(struct tree *t, struct archive_entry *ae, struct writer_entry *en, struct err *e)
{
	const char *name;
	const void *value;
	size_t len, total = 0;

	if (archive_entry_xattr_reset(ae) == 0)
		return 0;
	while (archive_entry_xattr_next(ae, &name, &value, &len) == ARCHIVE_OK) {
		if (!name || !wanted_xattr(name))
			continue;
		total += strlen(name) + len;
		if (en->n_xattrs == MAX_XATTRS || total > MAX_XATTR_BYTES)
			return err_set(e, ERR_LIMIT, "it has more extended attributes than any file system keeps");
		t->xattrs[en->n_xattrs++] = (struct writer_xattr){ name, value, len };
	}
	en->xattrs = t->xattrs;
	return 0;
}

static int take_link(struct tree *t, struct archive_entry *ae, struct writer_entry *en, struct err *e)
{
	const char *hard = archive_entry_hardlink(ae), *soft = archive_entry_symlink(ae);
	char shown[200];
	int r;

	if (hard) {
		if (*hard == '/')
			return err_set(e, ERR_INVALID, "it is a hard link to the absolute path '%s'; tare does not unpack such "
						       "an archive", text_escape(hard, shown, sizeof(shown)));
		r = tree_clean_path(hard, t->task->limits.depth, t->link, e);
		if (r == 0 && !t->link[0])
			r = err_set(e, ERR_INVALID, "it is a hard link to the root");
		if (r < 0)
			return err_ctx(e, "hard link to '%s'", text_escape(hard, shown, sizeof(shown)));
		en->hard_link = true;
		en->link = t->link;
		return 0;
	}
	if (!S_ISLNK(en->mode))
		return 0;
	if (!soft || !*soft || strlen(soft) >= PATH_MAX)
		return err_set(e, ERR_INVALID, "it is a symbolic link with no or too long a target");
	en->link = soft;
	return 0;
}

static int check_type(struct tree *t, struct archive_entry *ae, struct writer_entry *en, struct err *e)
{
	const struct image_limits *limits = &t->task->limits;

	switch (en->mode & S_IFMT) {
	case S_IFREG:
		if (archive_entry_size(ae) < 0 || (uint64_t)archive_entry_size(ae) > limits->file_bytes)
			return err_set(e, ERR_LIMIT, "it is larger than %llu bytes (limit 'file')",
				       (unsigned long long)limits->file_bytes);
		return 0;
	case S_IFCHR:
	case S_IFBLK:
		if (++t->devices > limits->devices)
			return err_set(e, ERR_LIMIT, "the layer has more than %llu device nodes (limit 'devices')",
				       (unsigned long long)limits->devices);
		en->device = makedev((unsigned int)archive_entry_rdevmajor(ae), (unsigned int)archive_entry_rdevminor(ae));
		return 0;
	case S_IFDIR:
	case S_IFLNK:
	case S_IFIFO:
		return 0;
	default:
		return err_set(e, ERR_UNSUPPORTED, "it is of a type that tar does not define");
	}
}

static int convert(struct tree *t, struct archive_entry *ae, struct writer_entry *en, struct err *e)
{
	const char *name = archive_entry_pathname(ae);
	int r;

	*en = (struct writer_entry){ .path = t->path, .mode = archive_entry_mode(ae) };
	if (!name)
		return err_set(e, ERR_INVALID, "it has no name");
	r = tree_clean_path(name, t->task->limits.depth, t->path, e);
	if (r == 0)
		r = check_id(archive_entry_uid(ae), "user id", &en->uid, &t->facts->max_id, e);
	if (r == 0)
		r = check_id(archive_entry_gid(ae), "group id", &en->gid, &t->facts->max_id, e);
	if (r == 0)
		r = take_link(t, ae, en, e);
	if (r < 0 || en->hard_link)
		return r;
	if (archive_entry_mtime_is_set(ae)) {
		en->mtime.tv_sec = archive_entry_mtime(ae);
		en->mtime.tv_nsec = archive_entry_mtime_nsec(ae);
		if (en->mtime.tv_nsec < 0 || en->mtime.tv_nsec > 999999999)
			en->mtime.tv_nsec = 0;
	}
	r = check_type(t, ae, en, e);
	return r < 0 ? r : take_xattrs(t, ae, en, e);
}

static int write_at(int fd, const char *data, size_t len, off_t at)
{
	while (len > 0) {
		ssize_t n = pwrite(fd, data, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
		at += n;
	}
	return 0;
}

static int tar_error(struct tree *t, struct err *e)
{
	const char *text = archive_error_string(t->archive);
	char shown[200];

	return err_set(e, ERR_INVALID, "its tar data is damaged (%s)",
		       text_escape(text ? text : "unknown", shown, sizeof(shown)));
}

/* A tar that was never closed ends with its last file's last byte, without what fills the block and without an end mark
 * (umoci insert writes such layers). Nothing of the entry is missing, and the stream's digest is checked as ever. */
static bool ends_unpadded(struct tree *t, int64_t end, int64_t size)
{
	t->unpadded = t->at_end && end == size;
	return t->unpadded;
}

/* The content; holes stay holes. */
static int copy_content(struct tree *t, int fd, int64_t size, struct err *e)
{
	int64_t end = 0;

	for (;;) {
		const void *data;
		la_int64_t at;
		size_t len;
		int r = archive_read_data_block(t->archive, &data, &len, &at);

		if (r == ARCHIVE_EOF || (r != ARCHIVE_OK && ends_unpadded(t, end, size)))
			break;
		if (r != ARCHIVE_OK)
			return tar_error(t, e);
		if (at < 0 || at > size || (int64_t)len > size - at)
			return err_set(e, ERR_INVALID, "its content goes beyond its size");
		r = write_at(fd, data, len, at);
		if (r == -ENOSPC || r == -EDQUOT)
			return err_set(e, ERR_NOSPACE, "the store's file system is full");
		if (r < 0)
			return err_errno(e, r, "write it");
		if (at + (int64_t)len > end)
			end = at + (int64_t)len;
	}
	if (end < size && ftruncate(fd, size) < 0)
		return err_errno(e, -errno, "give it its size");
	t->facts->size += (uint64_t)size;
	return 0;
}

static int add_file(struct tree *t, struct archive_entry *ae, const struct writer_entry *en, struct err *e)
{
	CLEANUP_FD int fd = -1;
	int r;

	if (!*en->path)
		return err_set(e, ERR_INVALID, "the root of the layer is no folder");
	fd = writer_file_begin(&t->writer, en, e);
	if (fd < 0)
		return fd;
	r = copy_content(t, fd, archive_entry_size(ae), e);
	return r < 0 ? r : writer_file_end(&t->writer, fd, en, e);
}

/* AUFS' bookkeeping: a component that starts with ".wh..wh.", except the mark of opaque folders. */
static bool is_aufs_own(const char *path)
{
	for (const char *p = path; p; p = strchr(p, '/')) {
		p += *p == '/';
		if (text_starts(p, WHITEOUT_META) && strcmp(p, WHITEOUT_OPAQUE) != 0)
			return true;
	}
	return false;
}

/* 1 when the name was one of the whiteout names and is dealt with. */
static int add_whiteout(struct tree *t, struct err *e)
{
	char *slash = strrchr(t->path, '/'), *name = slash ? slash + 1 : t->path;
	int r;

	if (is_aufs_own(t->path))
		return 1;
	if (!text_starts(name, WHITEOUT))
		return 0;
	if (!strcmp(name, WHITEOUT_OPAQUE)) {
		*(slash ? slash : t->path) = '\0';
		r = writer_opaque(&t->writer, t->path, e);
		return r < 0 ? r : 1;
	}
	memmove(name, name + strlen(WHITEOUT), strlen(name + strlen(WHITEOUT)) + 1);
	if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
		return err_set(e, ERR_INVALID, "it is a whiteout of no name");
	r = writer_whiteout(&t->writer, t->path, e);
	return r < 0 ? r : 1;
}

/* A million empty files pack into a few MB and cost a minute: beyond what any real layer has without bringing bytes, the
 * number of entries must be earned by the size of the layer. */
static int check_count(struct tree *t, struct err *e)
{
	const struct image_limits *limits = &t->task->limits;
	uint64_t n = ++t->facts->entries, weight = atomic_load_explicit(&t->from->weight, memory_order_relaxed);

	if (n > limits->entries)
		return err_set(e, ERR_LIMIT, "the layer has more than %llu entries (limit 'entries')",
			       (unsigned long long)limits->entries);
	if (n > DENSITY_GRACE && (n - DENSITY_GRACE) / limits->density > weight >> 20)
		return err_set(e, ERR_LIMIT, "the layer has more than %llu entries, too many for its size (limit 'density')",
			       (unsigned long long)n - 1);
	return 0;
}

static int add_entry(struct tree *t, struct archive_entry *ae, struct err *e)
{
	struct writer_entry en;
	int r;

	r = check_count(t, e);
	if (r == 0)
		r = convert(t, ae, &en, e);
	if (r < 0)
		return r;
	r = t->task->files ? 0 : add_whiteout(t, e);
	if (r != 0)
		return r < 0 ? r : 0;
	if (!*en.path && (en.hard_link || !S_ISDIR(en.mode)))
		return err_set(e, ERR_INVALID, "the root of the layer is no folder");
	if (!en.hard_link && S_ISREG(en.mode))
		return add_file(t, ae, &en, e);
	if (!en.hard_link && S_ISCHR(en.mode) && en.device == makedev(0, 0) && !t->task->files)
		return writer_whiteout(&t->writer, en.path, e);
	return writer_add(&t->writer, &en, e);
}

/* ---- the stream ---- */

static la_ssize_t next_block(struct archive *a, void *ctx, const void **data)
{
	struct tree *t = ctx;
	size_t len;

	*data = ring_take(t->from, &len);
	t->at_end = len == 0;
	if (!task_cancelled(t->task))
		return (la_ssize_t)len;
	archive_set_error(a, EIO, "given up");
	return ARCHIVE_FATAL;
}

static int read_entries(struct tree *t, struct err *e)
{
	struct archive_entry *ae;

	while (!t->unpadded) {
		int r = archive_read_next_header(t->archive, &ae);
		char shown[200];

		if (r == ARCHIVE_EOF)
			break;
		if (r != ARCHIVE_OK && r != ARCHIVE_WARN) /* a warning is about a name's charset: it is kept as it is */
			return tar_error(t, e);
		r = add_entry(t, ae, e);
		if (r < 0) {
			const char *name = archive_entry_pathname(ae);

			return err_ctx(e, "entry '%s'", text_escape(name ? name : "", shown, sizeof(shown)));
		}
	}
	return 0;
}

/* libarchive stops at tar's end mark; what pads the layer behind it still belongs to its digest. */
static void drain(struct ring *from)
{
	size_t len;

	do
		(void)ring_take(from, &len);
	while (len > 0);
}

static int open_archive(struct tree *t, struct err *e)
{
	t->archive = archive_read_new();
	if (!t->archive || archive_read_support_format_tar(t->archive) != ARCHIVE_OK ||
	    archive_read_support_format_empty(t->archive) != ARCHIVE_OK)
		return err_errno(e, -ENOMEM, "libarchive");
	if (archive_read_open(t->archive, t, NULL, next_block, NULL) != ARCHIVE_OK)
		return tar_error(t, e);
	return 0;
}

int tree_write(struct task *task, struct ring *from, int fs, int meta, struct tree_facts *facts, struct err *e)
{
	struct tree *t = calloc(1, sizeof(*t));
	int r;

	*facts = (struct tree_facts){ 0 };
	if (!t)
		return err_errno(e, -ENOMEM, "layer");
	t->task = task;
	t->from = from;
	t->facts = facts;
	writer_init(&t->writer, fs, meta, t->task->no_nodes);
	r = open_archive(t, e);
	if (r == 0)
		r = read_entries(t, e);
	if (r == 0)
		r = writer_finish(&t->writer, e);
	if (r == 0)
		drain(from);
	writer_close(&t->writer);
	(void)archive_read_free(t->archive);
	free(t);
	return r;
}
