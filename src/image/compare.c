/* Both folders are listed and sorted, then walked side by side. A difference is told with what ought to be; where the kind is another one,
 * or a name is missing, nothing below is looked at. Attributes are read through the handle in /proc/self/fd, which is the only way that
 * works for links and devices, too. */
#include "image/compare.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/arena.h"
#include "base/io.h"
#include "base/strbuf.h"
#include "base/text.h"
#include "image/folder.h"

#define BLOCK (128U << 10)
#define SHOWN 300
#define MAX_DEPTH 4096

struct walk {
	compare_fn fn;
	void *data;
	unsigned int found, most, depth;
	bool alone; /* of one thing: not its names, not a folder's time, not what is in it */
	struct strbuf path;
	unsigned char *want_block, *have_block;
	struct err *e;
};

/* One name in both trees. */
struct pair {
	int want, have; /* O_PATH */
	struct stat w, h;
};

PRINTF_LIKE(2, 3)
static void tell(struct walk *v, const char *fmt, ...)
{
	char what[SHOWN], shown[SHOWN];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	v->found++;
	v->fn(v->path.len ? text_escape(v->path.s, shown, sizeof(shown)) : ".", what, v->data);
}

static int could_not(struct walk *v, const char *what)
{
	char shown[SHOWN];

	return err_errno(v->e, -errno, "%s '%s'", what, text_escape(sb_str(&v->path), shown, sizeof(shown)));
}

/* ---- facts ---- */

static const char *kind_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "a file";
	case S_IFDIR:
		return "a folder";
	case S_IFLNK:
		return "a symbolic link";
	case S_IFCHR:
		return "a character device";
	case S_IFBLK:
		return "a block device";
	case S_IFIFO:
		return "a FIFO";
	default:
		return "a socket";
	}
}

static void compare_facts(struct walk *v, const struct stat *w, const struct stat *h)
{
	bool device = S_ISCHR(w->st_mode) || S_ISBLK(w->st_mode), whiteout = S_ISCHR(w->st_mode) && w->st_rdev == 0;

	if (w->st_mode != h->st_mode)
		tell(v, "has the mode %04o, must have %04o", h->st_mode & 07777, w->st_mode & 07777);
	if (w->st_uid != h->st_uid || w->st_gid != h->st_gid)
		tell(v, "belongs to %u:%u, must to %u:%u", h->st_uid, h->st_gid, w->st_uid, w->st_gid);
	if (device && w->st_rdev != h->st_rdev)
		tell(v, "is device %u:%u, must be %u:%u", major(h->st_rdev), minor(h->st_rdev), major(w->st_rdev), minor(w->st_rdev));
	if (!whiteout && !(v->alone && S_ISDIR(w->st_mode)) && (w->st_mtim.tv_sec != h->st_mtim.tv_sec || w->st_mtim.tv_nsec != h->st_mtim.tv_nsec))
		tell(v, "was changed at %lld.%09ld, must at %lld.%09ld", (long long)h->st_mtim.tv_sec, h->st_mtim.tv_nsec,
		     (long long)w->st_mtim.tv_sec, w->st_mtim.tv_nsec);
	if (!v->alone && !S_ISDIR(w->st_mode) && w->st_nlink != h->st_nlink)
		tell(v, "has %lu names, must have %lu", (unsigned long)h->st_nlink, (unsigned long)w->st_nlink);
}

static int compare_link(struct walk *v, const struct pair *p)
{
	char want[PATH_MAX], have[PATH_MAX], shown[SHOWN / 2];
	ssize_t w = readlinkat(p->want, "", want, sizeof(want) - 1), h = readlinkat(p->have, "", have, sizeof(have) - 1);

	if (w < 0 || h < 0)
		return could_not(v, "read the link");
	want[w] = have[h] = '\0';
	if (strcmp(want, have) != 0)
		tell(v, "leads to another place, must to '%s'", text_escape(want, shown, sizeof(shown)));
	return 0;
}

/* ---- attributes ---- */

/* Their names, one after the other; none where the file system has no such thing. */
static int attributes(const char *path, char **out, size_t *len)
{
	for (;;) {
		ssize_t n = listxattr(path, NULL, 0);
		CLEANUP_FREE char *names = malloc(n > 0 ? (size_t)n + 1 : 1);

		*len = 0;
		if (!names)
			return -ENOMEM;
		if (n < 0 && errno != ENOTSUP && errno != EPERM)
			return -errno;
		if (n > 0)
			n = listxattr(path, names, (size_t)n);
		if (n < 0 && errno == ERANGE)
			continue;
		if (n > 0)
			*len = (size_t)n;
		names[*len] = '\0';
		*out = take_ptr(names);
		return 0;
	}
}

static bool same_value(struct walk *v, const char *want, const char *have, const char *name)
{
	ssize_t w = getxattr(want, name, v->want_block, BLOCK), h = getxattr(have, name, v->have_block, BLOCK);

	return w >= 0 && w == h && memcmp(v->want_block, v->have_block, (size_t)w) == 0;
}

static bool listed(const char *names, size_t len, const char *name)
{
	for (const char *p = names; p < names + len; p += strlen(p) + 1)
		if (strcmp(p, name) == 0)
			return true;
	return false;
}

static int compare_attributes(struct walk *v, const struct pair *p)
{
	char want[IO_FD_PATH_LEN], have[IO_FD_PATH_LEN], shown[SHOWN / 2];
	CLEANUP_FREE char *w = NULL, *h = NULL;
	size_t nw, nh;
	int r = attributes(io_fd_path(p->want, want), &w, &nw);

	if (r == 0)
		r = attributes(io_fd_path(p->have, have), &h, &nh);
	if (r < 0) {
		errno = -r;
		return could_not(v, "read the attributes of");
	}
	for (const char *name = w; name < w + nw; name += strlen(name) + 1)
		if (!listed(h, nh, name))
			tell(v, "lacks the attribute %s", text_escape(name, shown, sizeof(shown)));
		else if (!same_value(v, want, have, name))
			tell(v, "has another value of the attribute %s", text_escape(name, shown, sizeof(shown)));
	for (const char *name = h; name < h + nh; name += strlen(name) + 1)
		if (!listed(w, nw, name))
			tell(v, "has the attribute %s, which the image has not", text_escape(name, shown, sizeof(shown)));
	return 0;
}

/* ---- contents ---- */

static int reopen(int fd)
{
	char path[IO_FD_PATH_LEN];

	return open(io_fd_path(fd, path), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

/* How many bytes at the beginning are the same. */
static size_t same_bytes(const unsigned char *a, const unsigned char *b, size_t len)
{
	size_t i = 0;

	while (i < len && a[i] == b[i])
		i++;
	return i;
}

static int compare_contents(struct walk *v, const struct pair *p)
{
	CLEANUP_FD int want = reopen(p->want), have = reopen(p->have);
	uint64_t at = 0;

	if (want < 0 || have < 0)
		return could_not(v, "open");
	if (p->w.st_size != p->h.st_size) {
		tell(v, "has %llu bytes, must have %llu", (unsigned long long)p->h.st_size, (unsigned long long)p->w.st_size);
		return 0;
	}
	for (;;) {
		ssize_t w = io_read_full(want, v->want_block, BLOCK), h = io_read_full(have, v->have_block, BLOCK);

		if (w < 0) {
			errno = (int)-w;
			return could_not(v, "read");
		}
		if (h < 0) { /* a bad disk is what one wants to know of */
			tell(v, "cannot be read: %s", strerror((int)-h));
			return 0;
		}
		if (w != h || memcmp(v->want_block, v->have_block, (size_t)w) != 0) {
			at += same_bytes(v->want_block, v->have_block, (size_t)(w < h ? w : h));
			tell(v, "has another content from byte %llu on", (unsigned long long)at);
			return 0;
		}
		if (w == 0)
			return 0;
		at += (uint64_t)w;
	}
}

/* ---- folders ---- */

struct names {
	const char **v;
	size_t n;
};

static int list(struct walk *v, struct arena *a, int folder, struct names *out)
{
	char shown[SHOWN];
	int r = folder_list(a, folder, &out->v, &out->n, v->e);

	return r < 0 ? err_ctx(v->e, "list '%s'", text_escape(sb_str(&v->path), shown, sizeof(shown))) : 0;
}

static int compare_one(struct walk *v, const struct pair *p);

/* A name that both have. */
static int descend(struct walk *v, const struct pair *up, const char *name)
{
	CLEANUP_FD int want = openat(up->want, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	CLEANUP_FD int have = openat(up->have, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct pair p = { .want = want, .have = have };

	if (want < 0 || have < 0)
		return could_not(v, "open");
	return compare_one(v, &p);
}

static int compare_names(struct walk *v, const struct pair *p, const struct names *want, const struct names *have)
{
	size_t i = 0, k = 0, len = v->path.len;
	int r = 0;

	while (r == 0 && v->found < v->most && (i < want->n || k < have->n)) {
		int order = i == want->n ? 1 : k == have->n ? -1 : strcmp(want->v[i], have->v[k]);

		sb_printf(&v->path, "%s%s", len ? "/" : "", order > 0 ? have->v[k] : want->v[i]);
		if (sb_error(&v->path) < 0)
			return err_errno(v->e, -ENOMEM, "compare");
		if (order < 0)
			tell(v, "is missing");
		else if (order > 0)
			tell(v, "is not of the image");
		else
			r = descend(v, p, want->v[i]);
		i += order <= 0;
		k += order >= 0;
		v->path.len = len;
		v->path.s[len] = '\0';
	}
	return r;
}

static int compare_folder(struct walk *v, const struct pair *p)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct names want = { 0 }, have = { 0 };
	int r = v->depth == MAX_DEPTH ? err_set(v->e, ERR_LIMIT, "folders are nested more than %d deep", MAX_DEPTH) : 0;

	if (r == 0)
		r = list(v, &a, p->want, &want);
	if (r == 0)
		r = list(v, &a, p->have, &have);
	if (r < 0)
		return r;
	v->depth++;
	r = compare_names(v, p, &want, &have);
	v->depth--;
	return r;
}

static int compare_one(struct walk *v, const struct pair *given)
{
	struct pair p = *given;
	int r;

	if (fstatat(p.want, "", &p.w, AT_EMPTY_PATH) < 0 || fstatat(p.have, "", &p.h, AT_EMPTY_PATH) < 0)
		return could_not(v, "look at");
	if ((p.w.st_mode & S_IFMT) != (p.h.st_mode & S_IFMT)) {
		tell(v, "is %s, must be %s", kind_of(p.h.st_mode), kind_of(p.w.st_mode));
		return 0;
	}
	compare_facts(v, &p.w, &p.h);
	r = compare_attributes(v, &p);
	if (r < 0 || v->found >= v->most)
		return r;
	if (S_ISLNK(p.w.st_mode))
		return compare_link(v, &p);
	if (S_ISREG(p.w.st_mode))
		return compare_contents(v, &p);
	return S_ISDIR(p.w.st_mode) && !v->alone ? compare_folder(v, &p) : 0;
}

static int run(struct walk *v, int want, int have)
{
	struct pair p = { .want = want, .have = have };
	int r;

	v->want_block = malloc(BLOCK);
	v->have_block = malloc(BLOCK);
	r = v->want_block && v->have_block ? compare_one(v, &p) : err_errno(v->e, -ENOMEM, "compare");
	free(v->want_block);
	free(v->have_block);
	sb_free(&v->path);
	return r < 0 ? r : (int)v->found;
}

int compare_trees(int want, int have, unsigned int most, compare_fn fn, void *data, struct err *e)
{
	struct walk v = { .fn = fn, .data = data, .most = most, .path = STRBUF_INIT, .e = e };

	return run(&v, want, have);
}

static void nobody(const char *path, const char *what, void *data)
{
	(void)path;
	(void)what;
	(void)data;
}

int compare_things(int want, int have, struct err *e)
{
	struct walk v = { .fn = nobody, .most = 1, .alone = true, .path = STRBUF_INIT, .e = e };
	int r = run(&v, want, have);

	return r < 0 ? r : r == 0;
}
