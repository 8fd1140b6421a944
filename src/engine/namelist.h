/* Many names, of which each is then looked for: asked for at once, since a thousand questions to the catalog cost more than all else. */
#ifndef TARE_ENGINE_NAMELIST_H
#define TARE_ENGINE_NAMELIST_H

#include "base/arena.h"
#include "engine/catalog.h"

struct namelist {
	struct arena *a;
	const char **v;
	size_t n, cap;
};

/* A copy of it, at the end. -ENOMEM. */
int namelist_add(struct namelist *l, const char *name) MUST_CHECK;
/* The first column of sql, which has no parameters and is ordered by it. */
int namelist_rows(struct namelist *l, struct catalog *c, const char *sql, struct err *e) MUST_CHECK;
/* l: as namelist_rows() leaves one. */
bool namelist_has(const struct namelist *l, const char *name);

#endif
