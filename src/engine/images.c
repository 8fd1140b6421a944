/* Loading and removing meet in two places. A load holds ingest/lock shared until its rows are written, and store_gc()
 * looks for garbage only with that lock held alone: so a layer never vanishes between "is there already" and the row
 * that keeps it. And a container's row refers to its image's by a foreign key: removing an image that a `run` is about
 * to use fails here, or the insert fails there, never neither. */
#include "engine/images.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "engine/events.h"
#include "engine/nearest.h"
#include "image/platform.h"
#include "image/ref.h"

/* A parent that is not here any more is none. */
#define COLUMNS "id, manifest, created, loaded, size, max_id, tagged, (SELECT p.id FROM images AS p WHERE p.id = images.parent)"

static int read_texts(struct catalog *c, struct arena *a, const char *sql, const char *id, const char *const **out, size_t *n, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	const char **v = NULL;
	size_t cap = 0;
	int r = cat_prepare(c, &s, e, sql, "s", id);

	*n = 0;
	while (r == 0 && (r = cat_step(s, e)) > 0) {
		v = arena_grow(a, v, *n, &cap, sizeof(*v));
		if (v)
			v[(*n)++] = arena_strdup(a, cat_text(s, 0));
		r = arena_error(a) < 0 ? err_errno(e, -ENOMEM, "read an image's names") : 0;
	}
	*out = v;
	return r;
}

static int read_names(struct catalog *c, struct arena *a, struct image *img, struct err *e)
{
	int r = read_texts(c, a, "SELECT ref FROM tags WHERE image = ?1 ORDER BY ref", img->id, &img->tags, &img->n_tags, e);

	return r < 0 ? r : read_texts(c, a, "SELECT ref FROM repo_digests WHERE image = ?1 ORDER BY ref", img->id, &img->digests, &img->n_digests, e);
}

static void read_row(struct cat_stmt *s, struct arena *a, struct image *img)
{
	*img = (struct image){
		.id = arena_strdup(a, cat_text(s, 0)),
		.manifest = arena_strdup(a, cat_text(s, 1)),
		.created = cat_int(s, 2),
		.loaded = cat_int(s, 3),
		.size = (uint64_t)cat_int(s, 4),
		.max_id = (uint32_t)cat_int(s, 5),
		.tagged = cat_int(s, 6),
		.parent = arena_strdup(a, cat_text(s, 7) ? cat_text(s, 7) : ""),
	};
}

/* 1: found by a condition on ?1, 0: none. */
static int one(struct catalog *c, struct arena *a, const char *sql, const char *key, struct image *out, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(c, &s, e, sql, "s", key);

	if (r == 0)
		r = cat_step(s, e);
	if (r <= 0)
		return r;
	read_row(s, a, out);
	if (arena_error(a) < 0)
		return err_errno(e, -ENOMEM, "read an image's row");
	r = read_names(c, a, out, e);
	return r < 0 ? r : 1;
}

int image_get(struct catalog *c, struct arena *a, const char *id, struct image *out, struct err *e)
{
	int r = one(c, a, "SELECT " COLUMNS " FROM images WHERE id = ?1", id, out, e);

	return r == 0 ? err_set(e, ERR_NOTFOUND, "no such image: %s", id) : r < 0 ? r : 0;
}

/* By "NAME[:TAG][@DIGEST]"; a name that is none of the grammar is just not found. */
static int by_reference(struct catalog *c, struct arena *a, const char *what, struct image *out, struct err *e)
{
	struct image_ref ref;
	struct err ignored;
	int r;

	if (image_ref_parse(a, what, &ref, &ignored) < 0)
		return 0;
	if (ref.digest) {
		r = one(c, a,
			"SELECT " COLUMNS " FROM images WHERE manifest = ?1 OR id IN (SELECT image FROM documents WHERE digest = ?1)"
			" ORDER BY loaded DESC LIMIT 1",
			ref.digest, out, e);
		/* by a manifest that another one has taken the place of */
		return r != 0 ? r : one(c, a, "SELECT " COLUMNS " FROM images WHERE id IN (SELECT image FROM repo_digests WHERE ref = ?1) LIMIT 1",
					arena_printf(a, "%s/%s@%s", ref.domain, ref.path, ref.digest), out, e);
	}
	return one(c, a,
		   "SELECT " COLUMNS " FROM images WHERE id = (SELECT image FROM tags WHERE ref = ?1)",
		   image_ref_canonical(a, &ref), out, e);
}

static int by_id(struct catalog *c, struct arena *a, const char *what, struct image *out, struct err *e)
{
	const char *hex = text_starts(what, DIGEST_PREFIX) ? what + strlen(DIGEST_PREFIX) : what;
	CLEANUP_STMT struct cat_stmt *s = NULL;
	size_t len = strlen(hex);
	const char *id;
	int r;

	if (len == 0 || len > 64 || strspn(hex, "0123456789abcdef") != len)
		return 0;
	r = cat_prepare(c, &s, e,
			"SELECT id FROM images WHERE id >= 'sha256:' || ?1 AND id < 'sha256:' || ?1 || 'g' LIMIT 2", "s", hex);
	if (r == 0)
		r = cat_step(s, e);
	if (r <= 0)
		return r;
	id = arena_strdup(a, cat_text(s, 0));
	r = cat_step(s, e);
	if (r > 0)
		return err_set(e, ERR_INVALID, "%s is the start of more than one image's id: give more digits", what);
	if (r == 0)
		r = id ? image_get(c, a, id, out, e) : err_errno(e, -ENOMEM, "read an image's id");
	return r < 0 ? r : 1;
}

static int not_found(struct catalog *c, const char *what, struct err *e)
{
	char near[NEAREST_LEN];

	if (!*what)
		return err_set(e, ERR_INVALID, "an empty name is no image's (tare images lists them)");
	if (nearest_image(c, what, near))
		return err_set(e, ERR_NOTFOUND, "no such image: %.200s (did you mean \"%s\"?)", what, near);
	return err_set(e, ERR_NOTFOUND, "no such image: %.200s (tare images lists them, tare load brings one in)", what);
}

int image_find(struct catalog *c, struct arena *a, const char *what, struct image *out, struct err *e)
{
	int r = by_reference(c, a, what, out, e);

	if (r == 0)
		r = by_id(c, a, what, out, e);
	return r == 0 ? not_found(c, what, e) : r < 0 ? r : 0;
}

int image_list(struct catalog *c, struct arena *a, struct image **out, size_t *n, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	size_t cap = 0;
	int r = cat_prepare(c, &s, e, "SELECT " COLUMNS " FROM images ORDER BY created DESC, id", "");

	*out = NULL;
	*n = 0;
	while (r == 0 && (r = cat_step(s, e)) > 0) {
		if (*n == cap) {
			struct image *more = arena_array(a, cap = cap ? 2 * cap : 16, sizeof(*more));

			if (more && *n)
				memcpy(more, *out, *n * sizeof(*more));
			*out = more;
		}
		if (*out)
			read_row(s, a, &(*out)[(*n)++]);
		r = arena_error(a) < 0 ? err_errno(e, -ENOMEM, "list images") : read_names(c, a, &(*out)[*n - 1], e);
	}
	return r;
}

int image_layers(struct catalog *c, struct arena *a, const char *id, const char *const **out, size_t *n, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	const char **v = NULL;
	int r = cat_prepare(c, &s, e, "SELECT chain FROM image_layers WHERE image = ?1 ORDER BY position DESC", "s", id);

	*n = 0;
	while (r == 0 && (r = cat_step(s, e)) > 0) {
		if ((*n & (*n - 1)) == 0) { /* full at each power of two */
			const char **more = arena_array(a, *n ? 2 * *n + 1 : 2, sizeof(*more));

			if (more && v)
				memcpy(more, v, *n * sizeof(*more));
			v = more;
		}
		if (v)
			v[(*n)++] = arena_strdup(a, cat_text(s, 0));
		r = arena_error(a) < 0 ? err_errno(e, -ENOMEM, "list an image's layers") : 0;
	}
	*out = v;
	return r;
}

int image_config_read(const struct engine *en, struct arena *a, const char *id, const struct image_config **out,
		      struct err *e)
{
	CLEANUP_STORE struct store store = STORE_INIT;
	CLEANUP_FREE char *text = NULL;
	size_t len;
	int r = store_open(en->root_fd, &store, e);

	if (r == 0)
		r = store_blob_read(&store, id, image_json_limits.max_bytes, &text, &len, e);
	if (r == 0)
		r = image_config_parse(a, text, len, out, e);
	return r < 0 ? err_ctx(e, "configuration of image %.19s", id) : 0;
}

int image_suits(const struct engine *en, struct arena *a, const struct image *img, const char *platform, struct err *e)
{
	const struct image_config *config;
	struct platform want, have;
	char text[PLATFORM_TEXT_LEN];
	int r = platform_parse(platform, &want, e);

	if (r == 0)
		r = image_config_read(en, a, img->id, &config, e);
	if (r < 0)
		return r;
	platform_make(config->os, config->architecture, config->variant, &have);
	if (platform_match(&want, &have) > 0)
		return 1;
	(void)err_set(e, ERR_NOTFOUND, "the image that is here is for %s, not for %s", platform_text(&have, text), platform);
	return 0;
}

/* ---- writing ---- */

int64_t image_time(const char *text)
{
	struct timespec ts;
	int64_t ns;

	if (!text || text_parse_time(text, &ts) < 0 || __builtin_mul_overflow(ts.tv_sec, INT64_C(1000000000), &ns) ||
	    __builtin_add_overflow(ns, ts.tv_nsec, &ns))
		return IMAGE_NO_TIME;
	return ns;
}

static int record_blob(struct catalog *c, const struct image_loaded *img, const char *blob, struct err *e)
{
	int r = cat_exec(c, e, "INSERT INTO manifest_blobs(image, manifest, blob) VALUES(?1, ?2, ?3) ON CONFLICT DO NOTHING", "sss", img->id,
			 img->manifest, blob);

	return r < 0 ? r : 0;
}

static int record_layers(struct catalog *c, const struct image_loaded *img, struct err *e)
{
	for (size_t i = 0; i < img->n_layers; i++) {
		const struct image_layer *l = &img->layers[i];
		int r = cat_exec(c, e,
				 "INSERT INTO layers(chain, diff, size, max_id) VALUES(?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
				 "ssii", l->chain_id, l->diff_id, (int64_t)l->size, (int64_t)l->max_id);

		if (r >= 0)
			r = cat_exec(c, e,
				     /* the same layers may come packed otherwise, by another manifest: blobs are its */
				     "INSERT INTO image_layers(image, position, chain, blob) VALUES(?1, ?2, ?3, ?4)"
				     " ON CONFLICT(image, position) DO UPDATE SET blob = excluded.blob",
				     "siss", img->id, (int64_t)i, l->chain_id, l->blob);
		if (r >= 0)
			r = record_blob(c, img, l->blob, e);
		if (r < 0)
			return r;
	}
	return record_blob(c, img, img->manifest, e);
}

static int record_digests(struct catalog *c, const struct image_loaded *img, int64_t now, struct err *e)
{
	int r = 0;

	if (img->repo_digest)
		r = cat_exec(c, e, "INSERT INTO repo_digests(ref, image) VALUES(?1, ?2) ON CONFLICT DO NOTHING", "ss", img->repo_digest, img->id);
	for (size_t i = 0; r >= 0 && i < img->n_documents; i++)
		r = cat_exec(c, e, "INSERT OR REPLACE INTO documents(image, digest, added) VALUES(?1, ?2, ?3)", "ssi", img->id, img->documents[i],
			     now - (int64_t)i);
	return r < 0 ? r : 0;
}

static int record_tag(struct catalog *c, const char *ref, const char *id, const char *index, const char *manifest, struct err *e)
{
	return cat_exec(c, e, "INSERT OR REPLACE INTO tags(ref, image, document, manifest) VALUES(?1, ?2, ?3, ?4)", "ssss", ref, id, index, manifest);
}

static int record_one(struct catalog *c, const struct image_loaded *img, struct err *e)
{
	int64_t now = clock_now_ns();
	uint64_t size = 0;
	uint32_t max_id = 0;
	int r;

	for (size_t i = 0; i < img->n_layers; i++) {
		size += img->layers[i].size;
		max_id = img->layers[i].max_id > max_id ? img->layers[i].max_id : max_id;
	}
	r = cat_exec(c, e,
		     "INSERT INTO images(id, created, loaded, size, max_id, manifest, parent) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)"
		     " ON CONFLICT(id) DO UPDATE SET loaded = ?3, manifest = ?6",
		     "siiiiss", img->id, image_time(img->config->created), now, (int64_t)size, (int64_t)max_id, img->manifest,
		     img->parent ? img->parent : "");
	if (r >= 0)
		r = record_layers(c, img, e);
	if (r >= 0)
		r = record_digests(c, img, now, e);
	for (size_t i = 0; r >= 0 && i < img->n_names; i++)
		r = record_tag(c, img->names[i], img->id, img->n_documents ? img->documents[0] : NULL, img->manifest, e);
	return r < 0 ? r : 0;
}

/* Is everything that record_one() would write there? But when it was loaded, which nobody misses after a power cut. */
static int is_recorded(struct catalog *c, const struct image_loaded *img, bool *out, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(c, &s, e, "SELECT 1 FROM images WHERE id = ?1 AND manifest = ?2", "ss", img->id, img->manifest);

	if (r == 0)
		r = cat_step(s, e);
	for (size_t i = 0; r > 0 && i < img->n_names; i++) {
		CLEANUP_STMT struct cat_stmt *tag = NULL;

		r = cat_prepare(c, &tag, e, "SELECT 1 FROM tags WHERE ref = ?1 AND image = ?2 AND manifest IS ?3 AND document IS ?4", "ssss",
				img->names[i], img->id, img->manifest, img->n_documents ? img->documents[0] : NULL);
		if (r == 0)
			r = cat_step(tag, e);
	}
	*out = r > 0;
	return r < 0 ? r : 0;
}

int image_record(const struct engine *en, const struct image_loaded *images, size_t n, struct err *e)
{
	CLEANUP_CATALOG_TXN struct catalog *c = en->catalog;
	bool same = true;
	int r = catalog_begin(c, CATALOG_LAZY, e);

	for (size_t i = 0; r == 0 && same && i < n; i++)
		r = is_recorded(c, &images[i], &same, e);
	if (r == 0 && !same) {
		catalog_rollback(c);
		r = catalog_begin(c, CATALOG_DURABLE, e);
	}
	for (size_t i = 0; r == 0 && i < n; i++)
		r = record_one(c, &images[i], e);
	return r < 0 ? r : catalog_commit(c, e);
}

int image_tag(const struct engine *en, const char *source, const char *target, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_CATALOG_TXN struct catalog *c = en->catalog;
	struct image_ref ref;
	struct image img;
	struct image_top meant = { 0 };
	int r = image_ref_parse(&a, target, &ref, e);

	if (r == 0 && ref.digest)
		return err_set(e, ERR_INVALID, "%s: a digest is no name that can be given: NAME[:TAG]", target);
	if (r == 0)
		r = catalog_begin(c, CATALOG_DURABLE, e);
	if (r == 0)
		r = image_find(c, &a, source, &img, e);
	if (r == 0)
		r = image_meant(c, &a, source, &img, &meant, e);
	if (r == 0)
		r = record_tag(c, image_ref_canonical(&a, &ref), img.id, meant.index, meant.manifest, e);
	if (r >= 0)
		r = cat_exec(c, e, "UPDATE images SET tagged = ?1 WHERE id = ?2", "is", clock_now_ns(), img.id);
	if (r >= 0)
		r = catalog_commit(c, e);
	if (r == 0)
		events_image(en, "tag", img.id, image_ref_familiar(&a, &ref));
	return r;
}

int image_known_as(const struct engine *en, const char *id, const struct image_ref *ref, const char *digest, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_CATALOG_TXN struct catalog *c = en->catalog;
	const char *name = arena_printf(&a, "%s/%s@%s", ref->domain, ref->path, digest);
	int r = name ? catalog_begin(c, CATALOG_LAZY, e) : err_errno(e, -ENOMEM, "digest");

	/* it may have been removed meanwhile */
	if (r == 0)
		r = cat_exec(c, e, "INSERT INTO repo_digests(ref, image) SELECT ?1, id FROM images WHERE id = ?2 ON CONFLICT DO NOTHING", "ss", name, id);
	return r < 0 ? r : catalog_commit(c, e);
}

/* ---- garbage ---- */

int image_referenced(struct catalog *c, enum store_kind kind, const char *digest, struct err *e)
{
	static const char layer[] = "SELECT 1 FROM layers WHERE chain = ?1 UNION ALL SELECT 1 FROM build_cache WHERE chain = ?1 AND blob_size > 0";
	static const char blob[] = "SELECT 1 FROM images WHERE id = ?1 OR manifest = ?1 UNION ALL"
				   " SELECT 1 FROM documents WHERE digest = ?1 UNION ALL"
				   " SELECT 1 FROM manifest_blobs JOIN tags USING(image, manifest) WHERE blob = ?1 UNION ALL"
				   " SELECT 1 FROM image_layers WHERE blob = ?1 UNION ALL SELECT 1 FROM build_cache WHERE blob = ?1 AND blob_size > 0";
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(c, &s, e, kind == STORE_LAYER ? layer : blob, "s", digest);

	return r < 0 ? r : cat_step(s, e);
}

/* In doubt it stays. */
static bool referenced(enum store_kind kind, const char *digest, void *data)
{
	struct err ignored;

	return image_referenced(data, kind, digest, &ignored) != 0;
}

int image_gc(const struct engine *en, struct store_gc_result *out, struct err *e)
{
	CLEANUP_STORE struct store store = STORE_INIT;
	int r = store_open(en->root_fd, &store, e);

	return r < 0 ? r : store_gc(&store, referenced, en->catalog, out, e);
}
