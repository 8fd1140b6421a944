/* Both folders are listed and walked side by side. A folder's place in the list is kept while what is in it is looked at, and given up when
 * there was nothing. */
#include "image/changes.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/strbuf.h"
#include "base/text.h"
#include "image/compare.h"
#include "image/folder.h"

#define MAX_DEPTH 4096

struct walk {
	struct arena *a;
	const char *const *skip;
	struct change *v;
	size_t n, cap;
	struct strbuf path;
	unsigned int depth;
	struct err *e;
};

static int could_not(struct walk *w, int error, const char *what)
{
	char shown[300];

	return err_errno(w->e, -error, "%s '%s'", what, text_escape(sb_str(&w->path), shown, sizeof(shown)));
}

static int note(struct walk *w, char kind)
{
	struct change *more = arena_grow(w->a, w->v, w->n, &w->cap, sizeof(*more));
	const char *path = arena_strdup(w->a, sb_str(&w->path));

	if (!more || !path)
		return err_errno(w->e, -ENOMEM, "list of changes");
	w->v = more;
	w->v[w->n++] = (struct change){ kind, path };
	return 0;
}

static bool is_skipped(const struct walk *w)
{
	for (const char *const *s = w->skip; s && *s; s++)
		if (strcmp(*s, sb_str(&w->path) + 1) == 0)
			return true;
	return false;
}

static int compare(struct walk *w, int old, int new);

/* The folders old and new; -1: there is none. */
static int walk_folders(struct walk *w, int old, int new)
{
	CLEANUP_ARENA struct arena scratch = ARENA_INIT;
	const char **was = NULL, **is = NULL;
	size_t n_was = 0, n_is = 0, i = 0, k = 0, len = w->path.len;
	int r = w->depth++ == MAX_DEPTH ? err_set(w->e, ERR_LIMIT, "folders are nested more than %d deep", MAX_DEPTH) : 0;

	if (r == 0 && old >= 0)
		r = folder_list(&scratch, old, &was, &n_was, w->e);
	if (r == 0 && new >= 0)
		r = folder_list(&scratch, new, &is, &n_is, w->e);
	while (r == 0 && (i < n_was || k < n_is)) {
		int order = i == n_was ? 1 : k == n_is ? -1 : strcmp(was[i], is[k]);
		CLEANUP_FD int a = order <= 0 ? openat(old, was[i], O_PATH | O_NOFOLLOW | O_CLOEXEC) : -1;
		CLEANUP_FD int b = order >= 0 ? openat(new, is[k], O_PATH | O_NOFOLLOW | O_CLOEXEC) : -1;

		sb_printf(&w->path, "/%s", order <= 0 ? was[i] : is[k]);
		if (sb_error(&w->path) < 0)
			return err_errno(w->e, -ENOMEM, "list of changes");
		if ((order <= 0 && a < 0) || (order >= 0 && b < 0))
			r = could_not(w, errno, "open");
		else if (!is_skipped(w))
			r = compare(w, a, b);
		i += order <= 0;
		k += order >= 0;
		w->path.len = len;
		w->path.s[len] = '\0';
	}
	w->depth--;
	return r;
}

static bool is_folder(int fd)
{
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

/* One name: -1 where it is not. */
static int compare(struct walk *w, int old, int new)
{
	size_t before = w->n;
	bool kept, folder = is_folder(new);
	int r;

	if (new < 0)
		return note(w, 'D');
	if (old < 0) {
		r = note(w, 'A');
		return r < 0 || !folder ? r : walk_folders(w, -1, new);
	}
	r = compare_things(old, new, w->e);
	if (r < 0 || (r > 0 && !folder))
		return r < 0 ? r : 0;
	kept = r == 0;
	r = note(w, 'C');
	if (r < 0 || !folder)
		return r;
	r = walk_folders(w, is_folder(old) ? old : -1, new);
	if (r == 0 && !kept && w->n == before + 1)
		w->n = before;
	return r;
}

static int by_path(const void *a, const void *b)
{
	const struct change *x = a, *y = b;

	return strcmp(x->path, y->path);
}

int changes_list(struct arena *a, int old, int new, const char *const *skip, struct change **out, size_t *n, struct err *e)
{
	struct walk w = { .a = a, .skip = skip, .path = STRBUF_INIT, .e = e };
	int r = sb_reserve(&w.path, 256) ? walk_folders(&w, old, new) : err_errno(e, -ENOMEM, "list of changes");

	sb_free(&w.path);
	if (w.n > 1)
		qsort(w.v, w.n, sizeof(*w.v), by_path);
	*out = w.v;
	*n = w.n;
	return r;
}
