/* A build holds the store's load lock from its begin until its image is recorded, so nothing that is found here goes away
 * before (image/store.h). */
#include "engine/buildcache.h"

#include <time.h>

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int read_row(const struct engine *en, struct arena *a, const char *key, struct image_layer *out, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(en->catalog, &s, e, "SELECT chain, diff, blob, blob_size, size, max_id FROM build_cache WHERE key = ?1",
			    "s", key);

	if (r == 0)
		r = cat_step(s, e);
	if (r <= 0)
		return r;
	*out = (struct image_layer){
		.chain_id = arena_strdup(a, cat_text(s, 0)),
		.diff_id = arena_strdup(a, cat_text(s, 1)),
		.blob = arena_strdup(a, cat_text(s, 2)),
		.blob_size = (uint64_t)cat_int(s, 3),
		.size = (uint64_t)cat_int(s, 4),
		.max_id = (uint32_t)cat_int(s, 5),
		.existed = true,
	};
	return arena_error(a) < 0 ? err_errno(e, -ENOMEM, "build cache") : 1;
}

int buildcache_find(const struct engine *en, const struct store *store, struct arena *a, const char *key,
		    struct image_layer *out, struct err *e)
{
	CLEANUP_CATALOG_TXN struct catalog *c = en->catalog;
	int r = read_row(en, a, key, out, e);

	if (r <= 0 || !store_has_layer(store, out->chain_id) || !store_has_blob(store, out->blob))
		return r < 0 ? r : 0;
	r = catalog_begin(c, CATALOG_LAZY, e);
	if (r == 0)
		r = cat_exec(c, e, "UPDATE build_cache SET used = ?2 WHERE key = ?1", "si", key, now_ns());
	if (r >= 0)
		r = catalog_commit(c, e);
	return r < 0 ? r : 1;
}

int buildcache_put(const struct engine *en, const char *key, const struct image_layer *layer, const char *description,
		   struct err *e)
{
	CLEANUP_CATALOG_TXN struct catalog *c = en->catalog;
	int64_t now = now_ns();
	int r = catalog_begin(c, CATALOG_LAZY, e);

	if (r == 0)
		r = cat_exec(c, e,
			     "INSERT OR REPLACE INTO build_cache(key, chain, diff, blob, blob_size, size, max_id, created, used, description)"
			     " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?9)",
			     "ssssiiiis", key, layer->chain_id, layer->diff_id, layer->blob, (int64_t)layer->blob_size, (int64_t)layer->size,
			     (int64_t)layer->max_id, now, description);
	return r < 0 ? r : catalog_commit(c, e);
}
