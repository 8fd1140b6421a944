#include "engine/namelist.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"

static int add(struct namelist *l, const char *name)
{
	l->v = arena_grow(l->a, l->v, l->n, &l->cap, sizeof(*l->v));
	if (!l->v || !(l->v[l->n] = arena_strdup(l->a, name)))
		return -ENOMEM;
	l->n++;
	return 0;
}

static int read_folder(struct namelist *l, int parent, const char *name, bool (*ours)(const char *name))
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_DIR DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int r = 0;

	if (!d) {
		r = -errno;
		close_fd(fd);
		return r;
	}
	while (r == 0 && (entry = readdir(d)))
		if (ours(entry->d_name))
			r = add(l, entry->d_name);
	return r;
}

static int read_rows(struct namelist *l, struct catalog *c, const char *sql, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(c, &s, e, sql, "");

	while (r == 0 && (r = cat_step(s, e)) == 1) {
		r = add(l, cat_text(s, 0));
		if (r < 0)
			return err_errno(e, r, "list names");
	}
	return r;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int namelist_orphans(struct namelist *out, int parent, const char *name, bool (*ours)(const char *name), struct catalog *c, const char *sql,
		     struct err *e)
{
	struct namelist rows = { .a = out->a };
	size_t n = 0;
	int r = read_folder(out, parent, name, ours);

	if (r < 0)
		return err_errno(e, r, "list folders");
	r = out->n ? read_rows(&rows, c, sql, e) : 0;
	if (r < 0)
		return r;
	for (size_t i = 0; i < out->n; i++)
		if (!rows.n || !bsearch(&out->v[i], rows.v, rows.n, sizeof(*rows.v), compare))
			out->v[n++] = out->v[i];
	out->n = n;
	return 0;
}
