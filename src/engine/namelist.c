#include "engine/namelist.h"

#include <stdlib.h>
#include <string.h>

int namelist_add(struct namelist *l, const char *name)
{
	l->v = arena_grow(l->a, l->v, l->n, &l->cap, sizeof(*l->v));
	if (!l->v || !(l->v[l->n] = arena_strdup(l->a, name)))
		return -ENOMEM;
	l->n++;
	return 0;
}

int namelist_rows(struct namelist *l, struct catalog *c, const char *sql, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(c, &s, e, sql, "");

	while (r == 0 && (r = cat_step(s, e)) == 1) {
		r = namelist_add(l, cat_text(s, 0));
		if (r < 0)
			return err_errno(e, r, "list names");
	}
	return r;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool namelist_has(const struct namelist *l, const char *name)
{
	return l->n && bsearch(&name, l->v, l->n, sizeof(*l->v), compare);
}
