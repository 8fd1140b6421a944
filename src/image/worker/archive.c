/* Members' offsets come from libarchive: right behind a header it has consumed exactly up to the content, so its
 * position is the content's offset; its skip callback seeks over the content.
 *
 * Names are cleaned like a layer's and never become paths of ours: spool files are numbered. Links exist in what old
 * versions of docker wrote (layers shared between images); they are followed in this table alone, a few steps. */
#include "image/worker/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/beneath.h"
#include "base/io.h"
#include "base/text.h"
#include "image/worker/inflate.h"
#include "image/worker/ring.h"
#include "image/worker/tree.h"

#define MAX_MEMBERS 100000
#define MAX_LINKS 8
#define MAX_DEPTH 16

struct indexer {
	struct archive_index *x;
	struct archive *tar;
	struct source source;
	struct inflate *inflate; /* NULL: the archive is read in place */
	unsigned char *block;
	unsigned int spooled;
	struct err e; /* of a callback */
};

static la_ssize_t give_block(struct archive *tar, void *ctx, const void **data)
{
	struct indexer *ix = ctx;
	ssize_t n = ix->inflate ? inflate_read(ix->inflate, ix->block, RING_BLOCK_SIZE, &ix->e)
				: source_read(&ix->source, ix->block, RING_BLOCK_SIZE, &ix->e);

	*data = ix->block;
	if (n >= 0)
		return (la_ssize_t)n;
	archive_set_error(tar, EIO, "%s", ix->e.msg);
	return ARCHIVE_FATAL;
}

static la_int64_t skip_bytes(struct archive *tar, void *ctx, la_int64_t want)
{
	struct indexer *ix = ctx;
	uint64_t n = (uint64_t)want;

	(void)tar;
	if (ix->inflate || want <= 0)
		return 0;
	if (n > ix->source.left)
		n = ix->source.left; /* truncated: the next read tells */
	ix->source.offset += n;
	ix->source.left -= n;
	return (la_int64_t)n;
}

static int tar_error(struct indexer *ix, struct err *e)
{
	const char *text = archive_error_string(ix->tar);
	char shown[200];

	if (ix->e.code < 0) {
		*e = ix->e;
		return e->code;
	}
	return err_set(e, ERR_INVALID, "it is no tar archive, or a damaged one (%s)",
		       text_escape(text ? text : "unknown", shown, sizeof(shown)));
}

static int add_member(struct archive_index *x, const struct member *m, struct err *e)
{
	if (x->n == MAX_MEMBERS)
		return err_set(e, ERR_LIMIT, "it has more than %d members; is it a root file system? then use tare import",
			       MAX_MEMBERS);
	if (x->n == x->cap) {
		size_t cap = x->cap ? 2 * x->cap : 64;
		struct member *bigger = realloc(x->members, cap * sizeof(*bigger));

		if (!bigger)
			return err_errno(e, -ENOMEM, "table of members");
		x->members = bigger;
		x->cap = cap;
	}
	x->members[x->n] = *m;
	x->members[x->n].number = x->n;
	x->n++;
	return 0;
}

/* The target of a link: a symbolic one is relative to the member's folder, a hard one to the archive. Both are resolved
 * on the names; one that climbs out has no target, which is said when somebody needs it. */
static int link_target(struct archive_index *x, const char *name, const char *link, bool hard, const char **out,
		       struct err *e)
{
	char path[2 * PATH_MAX], clean[PATH_MAX];
	const char *slash = strrchr(name, '/');
	size_t keep = hard || !slash ? 0 : (size_t)(slash - name);
	int r;

	if (strlen(link) >= PATH_MAX)
		return err_set(e, ERR_INVALID, "its link is too long");
	while (!hard && text_starts(link, "../")) { /* each ".." takes one folder of the member's path */
		if (keep == 0)
			return err_set(e, ERR_INVALID, "its link leaves the archive");
		while (keep > 0 && name[keep - 1] != '/')
			keep--;
		keep -= keep > 0;
		link += 3;
	}
	(void)snprintf(path, sizeof(path), "%.*s/%s", (int)keep, name, link);
	r = tree_clean_path(path, MAX_DEPTH, clean, e);
	if (r < 0)
		return r;
	*out = arena_strdup(x->arena, clean);
	return *out ? 0 : err_errno(e, -ENOMEM, "table of members");
}

static int spool_content(struct indexer *ix, struct member *m, struct err *e)
{
	CLEANUP_FD int fd = -1;
	char name[32];

	m->spool = ++ix->spooled;
	(void)snprintf(name, sizeof(name), "spool/m-%u", m->spool);
	fd = openat(ix->x->task->staging, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(e, -errno, "spool");
	for (;;) {
		const void *data;
		la_int64_t at;
		size_t len;
		int r = archive_read_data_block(ix->tar, &data, &len, &at);

		if (r == ARCHIVE_EOF)
			return 0;
		if (r != ARCHIVE_OK)
			return tar_error(ix, e);
		r = io_write_full(fd, data, len);
		if (r == -ENOSPC || r == -EDQUOT)
			return err_set(e, ERR_NOSPACE, "the store's file system is full");
		if (r < 0)
			return err_errno(e, r, "spool");
	}
}

static int index_entry(struct indexer *ix, struct archive_entry *ae, struct err *e)
{
	const char *raw = archive_entry_pathname(ae), *hard = archive_entry_hardlink(ae);
	const char *soft = archive_entry_symlink(ae);
	struct archive_index *x = ix->x;
	struct member m = { 0 };
	char clean[PATH_MAX];
	int r = tree_clean_path(raw ? raw : "", MAX_DEPTH, clean, e);

	if (r < 0 || (!hard && archive_entry_filetype(ae) == AE_IFDIR))
		return r;
	m.name = arena_strdup(x->arena, clean);
	if (!m.name)
		return err_errno(e, -ENOMEM, "table of members");
	if (hard || archive_entry_filetype(ae) == AE_IFLNK) {
		r = link_target(x, clean, hard ? hard : soft ? soft : "", hard != NULL, &m.link, e);
		return r < 0 ? r : add_member(x, &m, e);
	}
	if (archive_entry_filetype(ae) != AE_IFREG || archive_entry_size(ae) < 0)
		return err_set(e, ERR_INVALID, "it is neither file, folder nor link");
	if (archive_entry_sparse_count(ae) > 0)
		return err_set(e, ERR_UNSUPPORTED, "it is a sparse member, which no tool writes around images");
	m.size = (uint64_t)archive_entry_size(ae);
	m.offset = (uint64_t)archive_filter_bytes(ix->tar, 0);
	if (ix->inflate || ix->source.stream)
		r = spool_content(ix, &m, e);
	return r < 0 ? r : add_member(x, &m, e);
}

static int index_all(struct indexer *ix, struct err *e)
{
	struct archive_entry *ae;
	char shown[200];

	for (;;) {
		int r = archive_read_next_header(ix->tar, &ae);

		if (r == ARCHIVE_EOF)
			return 0;
		if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
			return tar_error(ix, e);
		r = index_entry(ix, ae, e);
		if (r < 0) {
			const char *name = archive_entry_pathname(ae);

			return err_ctx(e, "member '%s'", text_escape(name ? name : "", shown, sizeof(shown)));
		}
	}
}

/* Later members of the same name win, as in tar; qsort is not stable, so the position decides. */
static int by_name(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int c = strcmp(x->name, y->name);

	if (c != 0)
		return c;
	return x->number < y->number ? 1 : -1;
}

static int index_tar(struct indexer *ix, struct err *e)
{
	int r;

	ix->tar = archive_read_new();
	if (!ix->tar || archive_read_support_format_tar(ix->tar) != ARCHIVE_OK)
		return err_errno(e, -ENOMEM, "libarchive");
	if (archive_read_open2(ix->tar, ix, NULL, give_block, skip_bytes, NULL) != ARCHIVE_OK)
		return tar_error(ix, e);
	r = index_all(ix, e);
	if (r == 0 && ix->x->n > 0)
		qsort(ix->x->members, ix->x->n, sizeof(*ix->x->members), by_name);
	return r;
}

/* Is it packed? A file that is not is read in place; anything else goes through the decoder. */
static int prepare(struct indexer *ix, const struct stat *st, struct err *e)
{
	struct source *s = &ix->source;
	off_t at = S_ISREG(st->st_mode) ? lseek(ix->x->task->input, 0, SEEK_CUR) : 0;
	int r;

	s->fd = ix->x->task->input;
	s->stream = !S_ISREG(st->st_mode);
	s->offset = (uint64_t)at;
	s->left = S_ISREG(st->st_mode) && st->st_size > at ? (uint64_t)(st->st_size - at) : 0;
	if (!s->stream && s->left == 0)
		return err_set(e, ERR_INVALID, "it is empty");
	r = inflate_new(source_read, s, &ix->inflate, e);
	if (r < 0 || s->stream || inflate_packing(ix->inflate) != PACKING_NONE)
		return r;
	inflate_free(ix->inflate);
	ix->inflate = NULL;
	s->left += s->offset - (uint64_t)at;
	s->offset = (uint64_t)at;
	return 0;
}

int archive_open(struct task *t, struct arena *a, struct archive_index *out, struct err *e)
{
	struct indexer ix = { .x = out };
	struct stat st;
	int r;

	*out = (struct archive_index){ .task = t, .arena = a };
	if (fstat(t->input, &st) < 0)
		return err_errno(e, -errno, "look at it");
	if (S_ISDIR(st.st_mode)) {
		out->folder = true;
		return 0;
	}
	ix.block = malloc(RING_BLOCK_SIZE);
	if (!ix.block)
		return err_errno(e, -ENOMEM, "buffers");
	r = prepare(&ix, &st, e);
	if (r == 0)
		r = index_tar(&ix, e);
	(void)archive_read_free(ix.tar);
	inflate_free(ix.inflate);
	free(ix.block);
	return r;
}

/* ---- members ---- */

static const struct member *find(const struct archive_index *x, const char *name)
{
	size_t low = 0, high = x->n;

	while (low < high) { /* the first of equal names: the latest */
		size_t mid = (low + high) / 2;

		if (strcmp(x->members[mid].name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < x->n && !strcmp(x->members[low].name, name) ? &x->members[low] : NULL;
}

bool archive_has(const struct archive_index *x, const char *name)
{
	CLEANUP_FD int fd = -1;

	if (!x->folder)
		return find(x, name) != NULL;
	fd = beneath_open(x->task->input, name, BENEATH_STRICT, O_RDONLY | O_NONBLOCK, 0);
	return fd >= 0;
}

void member_close(struct member_file *m)
{
	if (m->own)
		m->fd = close_fd(m->fd);
	*m = (struct member_file)MEMBER_FILE_INIT;
}

static int missing(const char *name, struct err *e)
{
	char shown[200];

	return err_set(e, ERR_INVALID, "'%s' is missing: the archive is not complete", text_escape(name, shown, sizeof(shown)));
}

static int open_in_folder(const struct archive_index *x, const char *name, struct member_file *out, struct err *e)
{
	CLEANUP_FD int fd = beneath_open(x->task->input, name, BENEATH_STRICT, O_RDONLY | O_NONBLOCK, 0);
	struct stat st;

	if (fd == -ENOENT)
		return missing(name, e);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(e, fd < 0 ? fd : -errno, "open %s", name);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_INVALID, "%s is no regular file", name);
	out->source = (struct source){ .fd = fd, .left = (uint64_t)st.st_size };
	out->own = true;
	out->fd = take_fd(&fd);
	return 0;
}

int archive_member(const struct archive_index *x, const char *name, struct member_file *out, struct err *e)
{
	const struct member *m;

	*out = (struct member_file)MEMBER_FILE_INIT;
	if (x->folder)
		return open_in_folder(x, name, out, e);
	m = find(x, name);
	for (int i = 0; m && m->link && i < MAX_LINKS; i++)
		m = find(x, m->link);
	if (!m || m->link)
		return missing(name, e);
	out->fd = x->task->input;
	if (m->spool) {
		(void)snprintf(out->spooled, sizeof(out->spooled), "spool/m-%u", m->spool);
		out->fd = openat(x->task->staging, out->spooled, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (out->fd < 0)
			return err_errno(e, -errno, "spool");
		out->own = true;
	}
	out->source = (struct source){ .fd = out->fd, .offset = m->spool ? 0 : m->offset, .left = m->size };
	return 0;
}

int archive_text(const struct archive_index *x, const char *name, size_t max, const char **out, size_t *len,
		 struct err *e)
{
	CLEANUP_MEMBER struct member_file m = MEMBER_FILE_INIT;
	char shown[200];
	ssize_t n;
	char *text;
	int r = archive_member(x, name, &m, e);

	if (r < 0)
		return r;
	(void)text_escape(name, shown, sizeof(shown));
	if (m.source.left > max)
		return err_set(e, ERR_LIMIT, "'%s' is larger than %zu bytes", shown, max);
	*len = (size_t)m.source.left;
	text = arena_alloc(x->arena, *len + 1);
	if (!text)
		return err_errno(e, -ENOMEM, "read '%s'", shown);
	n = source_read(&m.source, text, *len, e);
	if (n < 0)
		return err_ctx(e, "'%s'", shown);
	*out = text;
	return 0;
}
