/* Names are taken in the order of their bytes, a folder before what is in it, so the order of the file system has no part
 * in the result. Times are whole seconds and attributes those that a layer may bring (tree.c takes the same from one).
 * Whiteouts, which overlayfs writes as devices 0:0, become ".wh." names; opaque folders are told by the caller, because
 * the attribute that says so can only be read with a right that this process has given up. Sockets have no place in a tar.
 *
 * A part of a tree is looked up as from within it. What is in the kernel's own file systems (proc in a container's tree) is
 * left out.
 *
 * A tree that others write meanwhile (`live`) loses what goes while it is read; a file that got shorter ends in zeros. */
#include "image/worker/pack.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/beneath.h"
#include "base/hardlinks.h"
#include "base/io.h"
#include "base/text.h"
#include "image/folder.h"
#include "image/worker/deflate.h"
#include "image/worker/report.h"
#include "image/worker/tarout.h"
#include "sys/kernelfs.h"
#include "sys/overlay.h"

#define MAX_XATTRS 64
#define MAX_XATTR_BYTES (64U << 10)
#define CHUNK (256U << 10)

struct pack {
	struct task *task;
	struct arena arena;
	struct deflate *out;
	const struct json *opaque, *skip; /* paths */
	bool plain; /* one tree in itself, not packed, to a handle */
	bool live;
	const char *part, *as; /* not all of the tree */
	uint32_t id_base, id_size;
	struct report_packed facts;
	struct hardlinks links;
	struct strbuf path, header;
	char *chunk;
	char names[MAX_XATTR_BYTES], values[MAX_XATTR_BYTES];
	struct tarout_xattr xattrs[MAX_XATTRS];
};

static int no_memory(struct err *e)
{
	return err_errno(e, -ENOMEM, "pack");
}

static int emit(struct pack *p, const struct tarout_entry *en, struct err *e)
{
	sb_reset(&p->header);
	tarout_header(&p->header, en);
	if (sb_error(&p->header) < 0)
		return no_memory(e);
	if (++p->facts.entries > p->task->limits.entries)
		return err_set(e, ERR_LIMIT, "the layer has more than %llu entries (limit 'entries')",
			       (unsigned long long)p->task->limits.entries);
	return deflate_add(p->out, p->header.s, p->header.len, e);
}

/* ---- attributes ---- */

static bool wanted(const char *name)
{
	return !strcmp(name, "security.capability") || (text_starts(name, "user.") && !text_starts(name, "user.overlay."));
}

static int by_xattr(const void *a, const void *b)
{
	return strcmp(((const struct tarout_xattr *)a)->name, ((const struct tarout_xattr *)b)->name);
}

static int take_xattrs(struct pack *p, int fd, struct tarout_entry *en, struct err *e)
{
	ssize_t len = flistxattr(fd, p->names, sizeof(p->names));
	size_t used = 0;

	if (len < 0)
		return errno == ENOTSUP ? 0 : err_errno(e, -errno, "its extended attributes");
	for (const char *name = p->names; name < p->names + len; name += strlen(name) + 1) {
		ssize_t n;

		if (!wanted(name))
			continue;
		if (en->n_xattrs == MAX_XATTRS)
			return err_set(e, ERR_LIMIT, "it has more than %d extended attributes", MAX_XATTRS);
		n = fgetxattr(fd, name, p->values + used, sizeof(p->values) - used);
		if (n < 0)
			return err_errno(e, -errno, "its attribute %s", name);
		p->xattrs[en->n_xattrs++] = (struct tarout_xattr){ name, p->values + used, (size_t)n };
		used += (size_t)n;
	}
	if (en->n_xattrs > 1)
		qsort(p->xattrs, en->n_xattrs, sizeof(*p->xattrs), by_xattr);
	en->xattrs = p->xattrs;
	return 0;
}

/* ---- entries ---- */

#define NOBODY 65534U

static uint32_t said(const struct pack *p, uint32_t id)
{
	if (!p->id_size)
		return id;
	return id >= p->id_base && id - p->id_base < p->id_size ? id - p->id_base : NOBODY;
}

static void fill(struct pack *p, const struct stat *st, struct tarout_entry *en)
{
	*en = (struct tarout_entry){ .path = sb_str(&p->path), .mode = st->st_mode, .uid = said(p, st->st_uid), .gid = said(p, st->st_gid),
				     .mtime = st->st_mtim.tv_sec };
	if (st->st_uid > p->facts.max_id)
		p->facts.max_id = st->st_uid;
	if (st->st_gid > p->facts.max_id)
		p->facts.max_id = st->st_gid;
}

static int copy_content(struct pack *p, int fd, uint64_t size, struct err *e)
{
	static const char zeros[512];

	for (uint64_t left = size; left > 0;) {
		ssize_t n = io_read_full(fd, p->chunk, left < CHUNK ? (size_t)left : CHUNK);
		int r;

		if (n == 0 && p->live) {
			memset(p->chunk, 0, CHUNK);
			n = left < CHUNK ? (ssize_t)left : CHUNK;
		}
		if (n <= 0)
			return n < 0 ? err_errno(e, (int)n, "read it") : err_set(e, ERR_BUSY, "it got shorter while it was read");
		r = deflate_add(p->out, p->chunk, (size_t)n, e);
		if (r < 0)
			return r;
		left -= (uint64_t)n;
	}
	p->facts.size += size;
	return deflate_add(p->out, zeros, tarout_padding(size), e);
}

/* Who looks again a moment later does not find it, or something else. */
static bool gone(const struct pack *p, int error)
{
	return p->live && (error == ENOENT || error == ENOTDIR || error == ELOOP || error == ENXIO || error == EINVAL);
}

static int add_file(struct pack *p, int dir, const char *name, struct err *e)
{
	CLEANUP_FD int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct tarout_entry en;
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return gone(p, errno) ? 0 : err_errno(e, -errno, "open it");
	if (!S_ISREG(st.st_mode))
		return p->live ? 0 : err_set(e, ERR_BUSY, "it changed while it was read");
	fill(p, &st, &en);
	en.size = (uint64_t)st.st_size;
	r = take_xattrs(p, fd, &en, e);
	if (r == 0)
		r = emit(p, &en, e);
	return r < 0 ? r : copy_content(p, fd, en.size, e);
}

static int add_special(struct pack *p, int dir, const char *name, const struct stat *st, struct err *e)
{
	struct tarout_entry en;
	char target[PATH_MAX];
	ssize_t n;

	fill(p, st, &en);
	if (S_ISLNK(st->st_mode)) {
		n = readlinkat(dir, name, target, sizeof(target));
		if (n < 0 && gone(p, errno))
			return 0;
		if (n < 0 || n == sizeof(target))
			return err_errno(e, n < 0 ? -errno : -ENAMETOOLONG, "read the link");
		target[n] = '\0';
		en.link = target;
	} else if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode)) {
		en.major = major(st->st_rdev);
		en.minor = minor(st->st_rdev);
	}
	return emit(p, &en, e);
}

/* ".wh.NAME" beside where NAME was; or with NULL the mark of the folder that path is. */
static int add_mark(struct pack *p, size_t folder_len, const char *name, struct err *e)
{
	CLEANUP_STRBUF struct strbuf path = STRBUF_INIT;
	struct tarout_entry en = { .mode = S_IFREG | 0600 };

	sb_add(&path, sb_str(&p->path), folder_len);
	if (folder_len)
		sb_putc(&path, '/');
	sb_printf(&path, ".wh.%s", name ? name : ".wh..opq");
	if (sb_error(&path) < 0)
		return no_memory(e);
	en.path = path.s;
	return emit(p, &en, e);
}

/* ---- folders ---- */

static int add_children(struct pack *p, int dir, unsigned int depth, struct err *e);

static bool is_among(const struct pack *p, const struct json *paths)
{
	json_each(it, paths)
		if (it->type == JSON_STRING && !strcmp(it->str, sb_str(&p->path)))
			return true;
	return false;
}

static int add_folder(struct pack *p, int parent, const char *name, unsigned int depth, struct err *e)
{
	CLEANUP_FD int dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct tarout_entry en;
	struct stat st;
	int r;

	if (dir < 0 || fstat(dir, &st) < 0)
		return gone(p, errno) ? 0 : err_errno(e, -errno, "open it");
	if (depth > p->task->limits.depth)
		return err_set(e, ERR_LIMIT, "its path has more than %llu components (limit 'depth')",
			       (unsigned long long)p->task->limits.depth);
	fill(p, &st, &en);
	r = take_xattrs(p, dir, &en, e);
	if (r == 0)
		r = emit(p, &en, e);
	if (r == 0 && is_among(p, p->opaque))
		r = add_mark(p, p->path.len, NULL, e);
	if (r < 0 || (p->plain && kernelfs(dir)))
		return r;
	return add_children(p, dir, depth + 1, e);
}

static int add_one(struct pack *p, int dir, const char *name, size_t folder_len, unsigned int depth, struct err *e)
{
	const char *first;
	struct stat st;

	if (is_among(p, p->skip))
		return 0;
	if (!p->plain && text_starts(name, ".wh."))
		return err_set(e, ERR_INVALID, "a layer can have no file of that name: it stands for a whiteout there");
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return gone(p, errno) ? 0 : err_errno(e, -errno, "look at it");
	if (S_ISSOCK(st.st_mode))
		return 0;
	if (S_ISDIR(st.st_mode))
		return add_folder(p, dir, name, depth, e);
	if (overlay_is_whiteout(&st))
		return p->plain ? 0 : add_mark(p, folder_len, name, e);
	first = hardlinks_first(&p->links, &p->arena, &st, sb_str(&p->path));
	if (arena_error(&p->arena) < 0)
		return no_memory(e);
	if (first) {
		struct tarout_entry en;

		fill(p, &st, &en);
		en.hard_link = true;
		en.link = first;
		return emit(p, &en, e);
	}
	return S_ISREG(st.st_mode) ? add_file(p, dir, name, e) : add_special(p, dir, name, &st, e);
}

static void cut_path(struct pack *p, size_t len)
{
	p->path.len = len;
	if (p->path.s)
		p->path.s[len] = '\0';
}

static int add_children(struct pack *p, int dir, unsigned int depth, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	size_t n = 0, len = p->path.len;
	const char **names = NULL;
	int r = folder_list(&a, dir, &names, &n, e);

	for (size_t i = 0; r == 0 && i < n; i++) {
		char shown[200];

		if (len)
			sb_putc(&p->path, '/');
		sb_puts(&p->path, names[i]);
		r = sb_error(&p->path) < 0 ? no_memory(e) : add_one(p, dir, names[i], len, depth, e);
		if (r < 0 && depth == 1)
			(void)err_ctx(e, "'%s'", text_escape(sb_str(&p->path), shown, sizeof(shown)));
		if (r == 0)
			cut_path(p, len);
	}
	return r;
}

/* The root itself, only where it is not as every root is: most layers say nothing of it. */
static int add_root(struct pack *p, struct err *e)
{
	CLEANUP_FD int root = openat(p->task->input, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct tarout_entry en;
	struct stat st;
	int r;

	if (root < 0 || fstat(root, &st) < 0)
		return err_errno(e, -errno, "look at the root");
	fill(p, &st, &en);
	en.path = ".";
	r = take_xattrs(p, root, &en, e);
	if (r < 0 || ((st.st_mode & 07777) == 0755 && !st.st_uid && !st.st_gid && !en.n_xattrs))
		return r;
	return emit(p, &en, e);
}

static int add_part(struct pack *p, struct err *e)
{
	CLEANUP_FD int dir = -1;
	char name[NAME_MAX + 1] = ".";

	dir = p->part[strlen(p->part) - 1] == '/' ? beneath_open(p->task->input, p->part, BENEATH_IN_ROOT, O_RDONLY | O_DIRECTORY, 0)
						  : beneath_parent(p->task->input, p->part, BENEATH_IN_ROOT, 0, name);
	if (dir < 0)
		return err_errno(e, dir, "open it");
	sb_puts(&p->path, p->as);
	return sb_error(&p->path) < 0 ? no_memory(e) : add_one(p, dir, name, 0, 1, e);
}

static int write_all(struct pack *p, struct err *e)
{
	int r = p->part ? add_part(p, e) : add_root(p, e);

	if (r == 0 && !p->part)
		r = add_children(p, p->task->input, 1, e);
	if (r < 0)
		return r;
	sb_reset(&p->header);
	tarout_end(&p->header);
	return sb_error(&p->header) < 0 ? no_memory(e) : deflate_add(p->out, p->header.s, p->header.len, e);
}

static int write_to(struct pack *p, int fd, struct err *e)
{
	int r = deflate_new(fd, p->plain, &p->out, e);

	if (r == 0)
		r = write_all(p, e);
	return r < 0 ? r : deflate_end(p->out, p->facts.diff_id, p->facts.blob, &p->facts.blob_size, e);
}

static int pack_out(struct pack *p, struct err *e)
{
	int r;

	(void)signal(SIGPIPE, SIG_IGN); /* who reads may go: that is told as an error */
	r = write_to(p, WORKER_LANES_FD, e);
	return r < 0 ? r : report_packed(p->task, &p->facts, e);
}

static int pack_into(struct pack *p, struct err *e)
{
	static const char staged[] = "blobs/packing";
	CLEANUP_FD int fd = openat(p->task->staging, staged, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	char final[sizeof("blobs/") + 64];
	int r;

	if (fd < 0)
		return err_errno(e, -errno, "make the blob");
	r = write_to(p, fd, e);
	if (r < 0)
		return r;
	(void)snprintf(final, sizeof(final), "blobs/%s", digest_hex(p->facts.blob));
	if (renameat2(p->task->staging, staged, p->task->staging, final, 0) < 0)
		return err_errno(e, -errno, "name the blob");
	return report_packed(p->task, &p->facts, e);
}

static int read_request(struct pack *p, const struct json *doc, struct err *e)
{
	int r = json_get_array(doc, "request", "opaque", &p->opaque, e);

	if (r == 0)
		r = json_get_array(doc, "request", "skip", &p->skip, e);
	if (r == 0)
		r = json_get_bool(doc, "request", "plain", &p->plain, e);
	if (r == 0)
		r = json_get_str(doc, "request", "part", &p->part, e);
	if (r == 0 && p->part && !*p->part)
		r = err_set(e, ERR_INVALID, "request.part: it is empty");
	p->as = "";
	if (r == 0)
		r = json_get_str(doc, "request", "as", &p->as, e);
	if (r == 0)
		r = json_get_u32(doc, "request", "idBase", &p->id_base, e);
	if (r == 0)
		r = json_get_u32(doc, "request", "idSize", &p->id_size, e);
	return r < 0 ? r : json_get_bool(doc, "request", "live", &p->live, e);
}

int pack_run(struct task *t, const struct json *doc, struct err *e)
{
	struct pack *p = calloc(1, sizeof(*p));
	int r = p ? read_request(p, doc, e) : no_memory(e);
	bool plain = p && p->plain; /* an archive for people, who asked for no layer */

	if (r == 0) {
		p->task = t;
		p->chunk = malloc(CHUNK);
		r = !p->chunk ? no_memory(e) : p->plain ? pack_out(p, e) : pack_into(p, e);
	}
	if (p) {
		deflate_free(p->out);
		sb_free(&p->path);
		sb_free(&p->header);
		arena_free(&p->arena);
		free(p->chunk);
	}
	free(p);
	return r < 0 && !plain ? err_ctx(e, "layer") : r < 0 ? r : 0;
}
