#include "build/pick.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/beneath.h"
#include "base/clock.h"
#include "base/hardlinks.h"
#include "base/io.h"
#include "base/strbuf.h"
#include "base/text.h"
#include "build/glob.h"
#include "image/folder.h"
#include "sys/kernelfs.h"

#define CHUNK (128U << 10)

static int no_memory(struct err *e)
{
	return err_errno(e, -ENOMEM, "files of the context");
}

/* ---- finding ---- */

/* ignore_step() for each part of path. *whole: a folder on the way, or path, is out with all in it. */
static int step_through(const struct ignore *ig, const char *path, bool *whole)
{
	int last = IGNORE_NONE;
	char part[PATH_MAX];

	*whole = false;
	for (size_t i = 0; path[0] && i <= strlen(path) && i < sizeof(part); i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		last = ignore_step(ig, part, last);
		*whole |= ignore_whole(ig, part, last);
	}
	return last;
}

/* Where a handle is, from root on. */
static int path_from_root(struct arena *a, int root, int fd, const char **out)
{
	char base[PATH_MAX], path[PATH_MAX];
	int r = io_path_of(root, base);
	size_t len;

	if (r == 0)
		r = io_path_of(fd, path);
	if (r < 0)
		return r;
	len = strcmp(base, "/") == 0 ? 0 : strlen(base);
	if (strncmp(path, base, len) != 0 || (path[len] != '/' && path[len] != '\0'))
		return -ENOENT;
	*out = arena_strdup(a, path[len] == '/' ? path + len + 1 : "");
	return *out ? 0 : -ENOMEM;
}

static int not_found(const struct pick_from *from, const char *source, struct err *e)
{
	CLEANUP_FD int fd = beneath_open(from->root, source, BENEATH_IN_ROOT, O_PATH | O_NOFOLLOW, 0);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISLNK(st.st_mode))
		return err_set(e, ERR_NOTFOUND, "%s is a link that leads to nothing in the %s", source, from->owners ? "image" : "context");
	return err_set(e, ERR_NOTFOUND, "%s: there is no such file", source);
}

/* path without its first n parts. */
static const char *behind(const char *path, size_t n)
{
	for (; n > 0 && *path; n--) {
		path += strcspn(path, "/");
		path += *path == '/';
	}
	return path;
}

/* Does --exclude leave out all of an item? A folder's own name is no matter to it, what is in one is, unless names above count. */
static bool is_excluded(const struct pick_from *from, const struct pick_item *item)
{
	bool folder = S_ISDIR(item->mode), whole;
	int last;

	if (folder && !from->parents)
		return false;
	last = step_through(from->excludes, from->parents ? item->below : item->name, &whole);
	return whole || (!folder && ignore_out(from->excludes, last));
}

static int add(struct arena *a, const struct pick_from *from, const char *path, const char *source, size_t pivot, struct pick_list *out,
	       struct err *e)
{
	CLEANUP_FD int fd = beneath_open(from->root, path[0] ? path : ".", BENEATH_IN_ROOT, O_PATH, 0);
	struct pick_item *v = arena_grow(a, out->v, out->n, &out->cap, sizeof(*v));
	const char *name = strrchr(path, '/');
	struct pick_item item;
	struct stat st;
	bool whole;
	int r;

	if (fd == -ENOENT || fd == -ELOOP || fd == -ENOTDIR)
		return not_found(from, source, e);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(e, fd < 0 ? fd : -errno, "%s", source);
	if (!v)
		return no_memory(e);
	out->v = v;
	item = (struct pick_item){ .name = name ? name + 1 : path, .below = behind(path, pivot), .mode = st.st_mode };
	r = path_from_root(a, from->root, fd, &item.path);
	if (r < 0)
		return r == -ENOENT ? not_found(from, source, e) : err_errno(e, r, "%s", source);
	item.last = step_through(from->ignore, item.path, &whole);
	if (whole || (!S_ISDIR(st.st_mode) && ignore_out(from->ignore, item.last)))
		return err_set(e, ERR_NOTFOUND, "%s: .dockerignore leaves it out", source);
	if (is_excluded(from, &item))
		out->left_out++;
	else
		out->v[out->n++] = item;
	return 0;
}

struct search {
	struct arena *a;
	const struct pick_from *from;
	const struct glob *glob;
	size_t pivot; /* parts of a path before "/./" */
	struct pick_list *out;
};

static int search(const struct search *s, int dir, const char *at, int above, unsigned int depth, struct err *e)
{
	const char **names = NULL;
	size_t n;
	int r = folder_list(s->a, dir, &names, &n, e);

	for (size_t i = 0; r == 0 && i < n; i++) {
		const char *path = at[0] ? arena_printf(s->a, "%s/%s", at, names[i]) : names[i];
		CLEANUP_FD int fd = -1;
		int last;

		if (!path)
			return no_memory(e);
		last = ignore_step(s->from->ignore, path, above);
		if (ignore_whole(s->from->ignore, path, last))
			continue;
		if (glob_matches(s->glob, path) && !ignore_out(s->from->ignore, last))
			r = add(s->a, s->from, path, path, s->pivot, s->out, e);
		if (r < 0 || !glob_matches_below(s->glob, path) || depth > s->from->max_depth)
			continue;
		fd = openat(dir, names[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0)
			r = search(s, fd, path, last, depth + 1, e);
	}
	return r;
}

/* Without slashes around it, and without "." and "..", which end at the root. */
static char *clean(struct arena *a, const char *source)
{
	char *out = arena_alloc(a, strlen(source) + 2);
	size_t n = 0;

	for (const char *p = source; out && *p;) {
		size_t len = strcspn(p, "/");

		if (len == 2 && p[0] == '.' && p[1] == '.') {
			while (n > 0 && out[--n] != '/')
				;
		} else if (len > 0 && !(len == 1 && *p == '.')) {
			if (n > 0)
				out[n++] = '/';
			memcpy(out + n, p, len);
			n += len;
		}
		p += len;
		p += *p == '/';
	}
	if (out)
		out[n] = '\0';
	return out;
}

/* How many parts of the source stand before its "/./". */
static int pivot_of(struct arena *a, const char *source, size_t *out)
{
	const char *at = strstr(source, "/./"), *head = at ? arena_strndup(a, source, (size_t)(at - source)) : "";
	const char *before = head ? clean(a, head) : NULL;

	*out = before && *before ? 1 : 0;
	for (; before && *before; before++)
		*out += *before == '/';
	return before ? 0 : -ENOMEM;
}

int pick_source(struct arena *a, const struct pick_from *from, const char *source, struct pick_list *out, struct err *e)
{
	struct search s = { .a = a, .from = from, .out = out };
	CLEANUP_FD int root = -1;
	const char *path = clean(a, source);
	int r;

	if (!path || pivot_of(a, source, &s.pivot) < 0)
		return no_memory(e);
	if (!glob_is_pattern(path))
		return add(a, from, path, source, s.pivot, out, e);
	root = openat(from->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = root < 0 ? err_errno(e, -errno, "open the context") : glob_compile(a, path, false, &s.glob, e);
	if (r == 0)
		r = search(&s, root, "", IGNORE_NONE, 1, e);
	return r;
}

/* ---- walking ---- */

struct walk {
	const struct pick_from *from;
	const struct pick_visitor *v;
	struct strbuf path; /* from root */
	size_t item;        /* how much of that is the item's own, its slash too */
	const char *above;  /* what --exclude sees before the path below the item */
};

/* The last patterns that fit a path. */
struct fits {
	int ignore, excludes;
};

static int walk_folder(struct walk *w, int dir, struct fits above, unsigned int depth, struct err *e);

/* What fits w->path, its folder being known. *whole: nothing of it, and nothing in it, is taken. True: it is out itself. */
static bool is_out(const struct walk *w, struct fits above, struct fits *out, bool *whole)
{
	const struct ignore *ignore = w->from->ignore, *excludes = w->from->excludes;
	const char *path = sb_str(&w->path), *rel = path + w->item;
	char as[PATH_MAX];

	if (excludes->n && w->above[0]) { /* one that is too long is no file's */
		(void)snprintf(as, sizeof(as), "%s/%s", w->above, rel);
		rel = as;
	}
	*out = (struct fits){ ignore_step(ignore, path, above.ignore), ignore_step(excludes, rel, above.excludes) };
	*whole = ignore_whole(ignore, path, out->ignore) || ignore_whole(excludes, rel, out->excludes);
	return ignore_out(ignore, out->ignore) || ignore_out(excludes, out->excludes);
}

/* Is anything below a folder that is out itself in all the same? */
static bool has_some(struct walk *w, int dir, struct fits above, unsigned int depth)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	size_t n = 0, len = w->path.len;
	bool found = false;
	const char **names = NULL;
	struct err ignored;

	if (depth > w->from->max_depth || folder_list(&a, dir, &names, &n, &ignored) < 0)
		return false;
	for (size_t i = 0; !found && i < n; i++) {
		CLEANUP_FD int fd = openat(dir, names[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		struct fits fits;
		bool whole;

		sb_printf(&w->path, "%s%s", len ? "/" : "", names[i]);
		found = !is_out(w, above, &fits, &whole) || (fd >= 0 && !whole && has_some(w, fd, fits, depth + 1));
		w->path.len = len;
		if (w->path.s)
			w->path.s[len] = '\0';
	}
	return found;
}

bool pick_gone(const struct pick_from *from, int error)
{
	return from->live && (error == ENOENT || error == ENOTDIR || error == ELOOP || error == ENXIO || error == EINVAL);
}

static int visit_folder(struct walk *w, const struct pick_entry *en, struct fits fits, bool out, unsigned int depth, struct err *e)
{
	CLEANUP_FD int fd = openat(en->dir, en->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r;

	if (fd < 0)
		return pick_gone(w->from, errno) ? 0 : err_errno(e, -errno, "open it");
	if (depth > w->from->max_depth)
		return err_set(e, ERR_LIMIT, "it is more than %llu folders deep", (unsigned long long)w->from->max_depth);
	if (out && !has_some(w, fd, fits, depth))
		return 0;
	r = w->v->enter(en, w->v->data, e);
	if (r == 0 && !(w->from->live && kernelfs(fd)))
		r = walk_folder(w, fd, fits, depth + 1, e);
	return r == 0 && w->v->leave ? w->v->leave(en, w->v->data, e) : r;
}

static int visit(struct walk *w, int dir, const char *name, struct fits above, unsigned int depth, struct err *e)
{
	const char *rel = sb_str(&w->path) + w->item;
	struct pick_entry en = { .rel = rel, .dir = dir, .name = name };
	struct fits fits;
	bool whole, out = is_out(w, above, &fits, &whole);
	struct stat st;

	if (whole)
		return 0;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return pick_gone(w->from, errno) ? 0 : err_errno(e, -errno, "look at it");
	en.st = &st;
	if (S_ISDIR(st.st_mode)) {
		CLEANUP_FREE char *kept = strdup(rel); /* path grows meanwhile */

		en.rel = kept;
		return kept ? visit_folder(w, &en, fits, out, depth, e) : no_memory(e);
	}
	if (out)
		return 0;
	if (S_ISSOCK(st.st_mode))
		return w->from->live ? 0 : err_set(e, ERR_INVALID, "it is a socket, and a layer can have none: list it in .dockerignore");
	return w->v->enter(&en, w->v->data, e);
}

static int walk_folder(struct walk *w, int dir, struct fits above, unsigned int depth, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	size_t n = 0, len = w->path.len;
	const char **names = NULL;
	int r = folder_list(&a, dir, &names, &n, e);

	for (size_t i = 0; r == 0 && i < n; i++) {
		char shown[200];

		sb_printf(&w->path, "%s%s", len ? "/" : "", names[i]);
		r = sb_error(&w->path) < 0 ? no_memory(e) : visit(w, dir, names[i], above, depth, e);
		if (r < 0 && depth == 1)
			(void)err_ctx(e, "%s", text_tame(sb_str(&w->path), shown, sizeof(shown)));
		w->path.len = len;
		if (w->path.s)
			w->path.s[len] = '\0';
	}
	return r;
}

static int walk_tree(struct walk *w, int fd, const struct pick_item *item, const struct stat *st, struct err *e)
{
	const struct pick_entry en = { .rel = "", .dir = fd, .name = ".", .st = st };
	bool whole;
	const struct fits fits = { item->last, w->above[0] ? step_through(w->from->excludes, w->above, &whole) : IGNORE_NONE };
	int r = w->v->enter(&en, w->v->data, e);

	if (r == 0)
		r = walk_folder(w, fd, fits, 1, e);
	return r == 0 && w->v->leave ? w->v->leave(&en, w->v->data, e) : r;
}

int pick_walk(const struct pick_from *from, const struct pick_item *item, const struct pick_visitor *v, struct err *e)
{
	struct walk w = { .from = from, .v = v, .path = STRBUF_INIT, .above = from->parents ? item->below : "" };
	CLEANUP_FD int fd = -1;
	char name[NAME_MAX + 1];
	struct stat st;
	int r;

	if (S_ISDIR(item->mode)) {
		fd = beneath_open(from->root, item->path[0] ? item->path : ".", BENEATH_NOLINKS, O_RDONLY | O_DIRECTORY, 0);
		if (fd < 0 || fstat(fd, &st) < 0)
			return err_errno(e, fd < 0 ? fd : -errno, "%s", item->path);
		sb_puts(&w.path, item->path);
		w.item = item->path[0] ? w.path.len + 1 : 0;
		r = walk_tree(&w, fd, item, &st, e);
		sb_free(&w.path);
		return r;
	}
	fd = beneath_parent(from->root, item->path, BENEATH_NOLINKS, 0, name);
	if (fd < 0 || fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(e, fd < 0 ? fd : -errno, "%s", item->path);
	if (S_ISSOCK(st.st_mode))
		return err_set(e, ERR_INVALID, "%s is a socket, and a layer can have none", item->path);
	const struct pick_entry en = { .rel = "", .dir = fd, .name = name, .st = &st };
	return v->enter(&en, v->data, e);
}

/* ---- digest ---- */

bool pick_wants_xattr(const char *name)
{
	return !strcmp(name, "security.capability") || (text_starts(name, "user.") && !text_starts(name, "user.overlay."));
}

ssize_t pick_list_xattrs(int fd, char *names, struct err *e)
{
	ssize_t len = flistxattr(fd, names, PICK_XATTRS);

	if (len < 0 && errno == EOPNOTSUPP)
		return 0;
	return len < 0 ? err_errno(e, -errno, "list its attributes") : len;
}

ssize_t pick_get_xattr(int fd, const char *name, char *value, struct err *e)
{
	ssize_t n = fgetxattr(fd, name, value, PICK_XATTRS);

	if (n < 0 && errno == ENODATA)
		return -ENODATA;
	return n < 0 ? err_errno(e, -errno, "read its attribute %s", name) : n;
}

static int digest_xattrs(int fd, struct key *k, struct err *e)
{
	CLEANUP_FREE char *names = malloc(PICK_XATTRS), *value = malloc(PICK_XATTRS);
	ssize_t len;

	if (!names || !value)
		return no_memory(e);
	len = pick_list_xattrs(fd, names, e);
	if (len < 0)
		return (int)len;
	for (const char *name = names; name < names + len; name += strlen(name) + 1) {
		ssize_t n = pick_wants_xattr(name) ? pick_get_xattr(fd, name, value, e) : -ENODATA;

		if (n < 0 && n != -ENODATA)
			return (int)n;
		if (n < 0)
			continue;
		key_add(k, name);
		key_add_number(k, n);
		sha256_add(&k->sum, value, (size_t)n);
	}
	return 0;
}

/* No more than it was long: one that others write to would have no end. */
static int digest_content(int fd, const struct stat *st, struct key *k, struct err *e)
{
	CLEANUP_FREE char *buf = malloc(CHUNK);
	uint64_t left = (uint64_t)st->st_size;
	ssize_t n = 1;

	if (!buf)
		return no_memory(e);
	key_add_number(k, st->st_size);
	for (; left > 0 && n > 0; left -= (uint64_t)n) {
		n = io_read_full(fd, buf, left < CHUNK ? (size_t)left : CHUNK);
		if (n < 0)
			return err_errno(e, (int)n, "read it");
		sha256_add(&k->sum, buf, (size_t)n);
	}
	return 0;
}

static void add_seen(struct key *seen, const struct pick_entry *en)
{
	key_add(seen, en->rel);
	key_add_number(seen, (int64_t)en->st->st_ino);
	key_add_number(seen, en->st->st_size);
	key_add_number(seen, en->st->st_ctim.tv_sec);
	key_add_number(seen, en->st->st_ctim.tv_nsec);
}

struct digesting {
	const struct pick_from *from;
	struct key *k, *seen;
	struct arena arena;
	struct hardlinks *links; /* NULL where that is no matter */
};

static int open_entry(const struct pick_entry *en, struct err *e)
{
	int fd = openat(en->dir, en->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	return fd < 0 ? err_errno(e, -errno, "open it") : fd;
}

/* Attributes and content have a digest of their own, which may be known from before: nothing of them changes without the times. */
static int digest_file(struct digesting *d, const struct pick_entry *en, struct err *e)
{
	struct digests *known = d->from->digests;
	CLEANUP_FD int fd = -1;
	unsigned char sum[32];
	char hex[65];
	struct key own;
	int64_t began;
	int r;

	if (!known || !digests_find(known, en->st, sum)) {
		began = clock_now_ns();
		fd = open_entry(en, e);
		if (fd < 0)
			return fd;
		key_begin(&own, "file", NULL);
		r = digest_xattrs(fd, &own, e);
		if (r == 0)
			r = digest_content(fd, en->st, &own, e);
		if (r < 0)
			return r;
		sha256_end(&own.sum, sum);
		if (known)
			digests_add(known, en->st, began, fd, sum);
	}
	sha256_hex(sum, hex);
	key_add(d->k, hex);
	return 0;
}

/* A digest of their own here, too: otherwise an attribute's value could be what an entry behind it looks like. */
static int digest_folder(struct digesting *d, const struct pick_entry *en, struct err *e)
{
	CLEANUP_FD int fd = open_entry(en, e);
	unsigned char sum[32];
	char hex[65];
	struct key own;
	int r;

	if (fd < 0)
		return fd;
	key_begin(&own, "folder", NULL);
	r = digest_xattrs(fd, &own, e);
	sha256_end(&own.sum, sum);
	sha256_hex(sum, hex);
	key_add(d->k, hex);
	return r;
}

static int digest_link(struct digesting *d, const struct pick_entry *en, struct err *e)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(en->dir, en->name, target, sizeof(target) - 1);

	if (n < 0)
		return err_errno(e, -errno, "read the link");
	target[n] = '\0';
	key_add(d->k, target);
	return 0;
}

static int digest_one(const struct pick_entry *en, void *data, struct err *e)
{
	struct digesting *d = data;
	const char *first = d->links ? hardlinks_first(d->links, &d->arena, en->st, en->rel) : NULL;

	if (arena_error(&d->arena) < 0)
		return no_memory(e);
	add_seen(d->seen, en);
	key_add(d->k, en->rel);
	if (first) { /* all else is said */
		key_add(d->k, "=");
		key_add(d->k, first);
		return 0;
	}
	key_add_number(d->k, en->st->st_mode);
	if (d->from->owners) {
		key_add_number(d->k, en->st->st_uid);
		key_add_number(d->k, en->st->st_gid);
		key_add_number(d->k, en->st->st_mtim.tv_sec);
	}
	if (S_ISCHR(en->st->st_mode) || S_ISBLK(en->st->st_mode))
		key_add_number(d->k, (int64_t)en->st->st_rdev);
	if (S_ISLNK(en->st->st_mode))
		return digest_link(d, en, e);
	if (S_ISDIR(en->st->st_mode))
		return digest_folder(d, en, e);
	return S_ISREG(en->st->st_mode) ? digest_file(d, en, e) : 0;
}

int pick_digest(const struct pick_from *from, const struct pick_item *item, struct key *k, struct key *seen, struct err *e)
{
	struct digesting d = { .from = from, .k = k, .seen = seen };
	const struct pick_visitor v = { .enter = digest_one, .data = &d };
	int r;

	if (from->owners && S_ISDIR(item->mode))
		d.links = arena_new(&d.arena, struct hardlinks);
	key_add(k, item->name);
	r = pick_walk(from, item, &v, e);
	arena_free(&d.arena);
	return r;
}

static int see_one(const struct pick_entry *en, void *data, struct err *e)
{
	(void)e;
	add_seen(data, en);
	return 0;
}

int pick_seen(const struct pick_from *from, const struct pick_item *item, struct key *seen, struct err *e)
{
	const struct pick_visitor v = { .enter = see_one, .data = seen };

	return pick_walk(from, item, &v, e);
}
