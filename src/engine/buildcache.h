/* What steps of builds gave before, in the catalog. */
#ifndef TARE_ENGINE_BUILDCACHE_H
#define TARE_ENGINE_BUILDCACHE_H

#include "engine/engine.h"
#include "image/load.h"

/* key: a digest. 1: *out (strings in a) is in the store, whole, and was used now; 0: there is none. */
int buildcache_find(const struct engine *en, const struct store *store, struct arena *a, const char *key,
		    struct image_layer *out, struct err *e) MUST_CHECK;

/* Whoever makes what a key gives has this, so that two builds do not do the same at once; given back with the handle. wait false:
 * -EAGAIN, and nothing in *e, while somebody has it. */
int buildcache_lock(const struct engine *en, const char *key, bool wait, struct err *e) MUST_CHECK;

/* The layer is in the store already. */
int buildcache_put(const struct engine *en, const char *key, const struct image_layer *layer, const char *description,
		   struct err *e) MUST_CHECK;

/* What stands on the layer and is no layer itself. 1: the key was there before, *created is since when; 0: it is from now on, which *created is.
 * anew: as if it had not been. layer NULL: it is not kept. */
int buildcache_seen(const struct engine *en, const char *key, const struct image_layer *layer, const char *description, bool anew, int64_t *created,
		    struct err *e) MUST_CHECK;

struct buildcache_row {
	const char *id;          /* its key, or the name of a folder of RUN --mount=type=cache, 64 digits */
	const char *description; /* the instruction */
	uint64_t bytes;
	int64_t created, used; /* ns since the epoch; of a folder both are when it was last changed */
	bool in_use;           /* an image has its layer */
	bool folder;
};
/* What there is, the last used first; folders behind the steps. All in a. */
int buildcache_list(const struct engine *en, struct arena *a, struct buildcache_row **out, size_t *n, struct err *e) MUST_CHECK;

struct buildcache_prune {
	bool all;      /* what images use, too, and the caches of RUN --mount=type=cache */
	int64_t until; /* only what was not used since: ns since the epoch; INT64_MAX: whatever it was */
	uint64_t keep; /* bytes of what was used last that stay */
};
/* Forgets, and gives the store's room back; *freed bytes. What a build uses just now stays in the store. */
int buildcache_prune(const struct engine *en, const struct buildcache_prune *args, uint64_t *freed, struct err *e) MUST_CHECK;

/* The folder of a cache of RUN --mount=type=cache below the store's root: "build-cache/HEX". */
#define BUILDCACHE_FOLDER "build-cache"
/* Whether fd is what has that name below the root, still: who has locked a folder asks, for it may have been pruned before. */
bool buildcache_folder_is(const struct engine *en, const char *name, int fd);
/* Digests of files of contexts (build/digests.h): nothing but time is lost with it. */
#define BUILDCACHE_DIGESTS "digests" /* in BUILDCACHE_FOLDER */
/* Below the root, too. */
#define BUILDCACHE_LOCK "build.lock"

#endif
