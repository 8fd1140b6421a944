/* What steps of builds gave before, in the catalog. */
#ifndef TARE_ENGINE_BUILDCACHE_H
#define TARE_ENGINE_BUILDCACHE_H

#include "engine/engine.h"
#include "image/load.h"

/* key: a digest. 1: *out (strings in a) is in the store, whole, and was used now; 0: there is none. */
int buildcache_find(const struct engine *en, const struct store *store, struct arena *a, const char *key,
		    struct image_layer *out, struct err *e) MUST_CHECK;

/* The layer is in the store already. */
int buildcache_put(const struct engine *en, const char *key, const struct image_layer *layer, const char *description,
		   struct err *e) MUST_CHECK;

#endif
