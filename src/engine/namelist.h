/* Folders that have lost their rows: asked for at once, since a thousand questions to the catalog cost more than all else. */
#ifndef TARE_ENGINE_NAMELIST_H
#define TARE_ENGINE_NAMELIST_H

#include "base/arena.h"
#include "engine/catalog.h"

struct namelist {
	struct arena *a;
	const char **v;
	size_t n, cap;
};

/* What is in the folder parent/name, is ours by its name, and not among the names that sql gives (no parameters, ordered): added to out.
 * The folder is read first, so what is made meanwhile is not looked at; who removes looks once more, with its lock held. */
int namelist_orphans(struct namelist *out, int parent, const char *name, bool (*ours)(const char *name), struct catalog *c, const char *sql,
		     struct err *e) MUST_CHECK;

#endif
