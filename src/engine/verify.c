/* A layer's tree is exchanged under the catalog's write lock: a start writes "running" under that lock before its monitor mounts anything,
 * so that between the look at who runs and the exchange nobody comes. A bad blob is removed before it is fetched again: a pull takes what
 * has its name in the store for whole. */
#include "engine/verify.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "engine/imagemount.h"
#include "engine/pull.h"
#include "engine/record.h"
#include "image/manifest.h"
#include "image/ref.h"
#include "image/verify.h"

struct look {
	struct verification *v;
	const struct image *img;
	const char *name, *layer;
	size_t faults;
	struct err *e;
};

static void say(struct look *k, const char *where, const char *what, bool repaired)
{
	const struct verify_event event = { .image = k->name, .layer = k->layer, .where = where, .what = what, .repaired = repaired };

	k->faults += !repaired;
	if (k->v->fn)
		k->v->fn(&event, k->v->data);
}

static void on_fault(const char *where, const char *what, void *data)
{
	say(data, where, what, false);
}

/* ---- fetching again ---- */

static int fetch_by(struct look *k, const char *reference, const char *platform)
{
	struct arena *a = &k->v->arena;
	struct pull_args args = { .platform = platform, .unnamed = true };
	struct image_ref ref;
	struct pulled got;
	int r = image_ref_parse(a, reference, &ref, k->e);

	if (r < 0)
		return r;
	args.what = arena_printf(a, "%s/%s@%s", ref.domain, ref.path, k->img->manifest);
	if (!args.what)
		return err_errno(k->e, -ENOMEM, "fetch");
	image_limits_default(&args.limits);
	return engine_pull(k->v->en, &args, a, &got, k->e);
}

/* A pull is for this machine's platform unless it is told another; where the configuration is gone, it is asked for as it is. */
static const char *platform_of(struct look *k)
{
	const struct image_config *config;
	struct err ignored;

	if (image_config_read(k->v->en, &k->v->arena, k->img->id, &config, &ignored) < 0)
		return NULL;
	return arena_printf(&k->v->arena, "%s/%s%s%s", config->os, config->architecture, config->variant ? "/" : "",
			    config->variant ? config->variant : "");
}

/* Removes the blob, and gets it from the first of the image's names whose registry has it. 1: it is here. */
static int fetch(struct look *k, const char *blob)
{
	char where[DIGEST_LEN + 8];
	const char *platform = platform_of(k);
	size_t n = k->img->n_tags + k->img->n_digests;
	int r = store_remove(&k->v->store, STORE_BLOB, blob, k->e);

	(void)snprintf(where, sizeof(where), "blob %s", blob);
	if (r < 0)
		return r;
	if (n == 0)
		say(k, where, "cannot be fetched: the image has no name that says from where; tare load it again", false);
	for (size_t i = 0; i < n; i++) {
		const char *name = i < k->img->n_tags ? k->img->tags[i] : k->img->digests[i - k->img->n_tags];
		struct err why = { 0 };
		struct look one = *k;

		one.e = &why;
		r = fetch_by(&one, name, platform);
		if (r == 0 && store_has_blob(&k->v->store, blob)) {
			say(k, where, "fetched again", true);
			return 1;
		}
		if (i + 1 == n) {
			const char *what = arena_printf(&k->v->arena, "cannot be fetched: %s; tare load or tare pull the image again",
							r < 0 ? why.msg : "the registry's image does not have it");

			say(k, where, what ? what : "cannot be fetched", false);
		}
	}
	return 0;
}

/* ---- documents ---- */

static int check_document(struct look *k, const char *kind, const char *digest, bool *good)
{
	CLEANUP_FREE char *text = NULL;
	size_t len;
	int r = store_ingest_read(&k->v->ingest, digest, image_json_limits.max_bytes, &text, &len, k->e);

	*good = r == 0;
	if (r < 0 && k->e->cls != ERR_NOTFOUND && k->e->cls != ERR_INVALID && k->e->cls != ERR_LIMIT && r != -EFBIG)
		return r;
	if (r < 0)
		say(k, kind, k->e->cls == ERR_NOTFOUND ? "is missing" : k->e->msg, false);
	return 0;
}

static int documents(struct look *k)
{
	const struct {
		const char *kind, *digest;
	} rows[] = { { "manifest", k->img->manifest }, { "configuration", k->img->id } };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(rows); i++) {
		size_t before = k->faults;
		bool good;

		r = check_document(k, rows[i].kind, rows[i].digest, &good);
		if (r < 0 || good || !k->v->repair)
			continue;
		r = fetch(k, rows[i].digest);
		if (r > 0)
			k->faults = before;
		r = r < 0 ? r : 0;
	}
	return r;
}

/* ---- layers ---- */

/* A container that has the layer mounted, or is about to. */
static int user_of(struct look *k, const char *chain, const char **out)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(k->v->en->catalog, &s, k->e,
			    "SELECT name FROM containers c JOIN image_layers l ON l.image = c.image OR instr(config, '" RECORD_IMAGE_MOUNT "' || l.image || '\"')"
			    " WHERE chain = ?1 AND status = 'running' LIMIT 1", "s", chain);

	if (r == 0)
		r = cat_step(s, k->e);
	*out = r > 0 ? arena_printf(&k->v->arena, "container %s runs on it: stop that", cat_text(s, 0)) : NULL;
	return r < 0 ? r : 0;
}

/* A place where an image that has the layer is mounted. */
static int mount_of(struct look *k, const char *chain, const char **out)
{
	struct imagemount *v;
	size_t n;
	int r = imagemount_list(k->v->en, &k->v->arena, &v, &n, k->e);

	for (size_t i = 0; r == 0 && i < n && !*out; i++) {
		CLEANUP_STMT struct cat_stmt *s = NULL;

		r = cat_prepare(k->v->en->catalog, &s, k->e, "SELECT 1 FROM image_layers WHERE image = ?1 AND chain = ?2", "ss", v[i].image, chain);
		if (r == 0)
			r = cat_step(s, k->e);
		if (r > 0)
			*out = arena_printf(&k->v->arena, "it is mounted at %s: umount that", v[i].path);
		r = r < 0 ? r : 0;
	}
	return r;
}

/* 1: done. */
static int replace(struct look *k, const struct verify_layer *l)
{
	CLEANUP_CATALOG_TXN struct catalog *c = k->v->en->catalog;
	const char *user = NULL;
	int r = store_ingest_sync(&k->v->ingest, k->e);

	if (r == 0)
		r = catalog_begin(c, CATALOG_LAZY, k->e);
	if (r == 0)
		r = user_of(k, l->chain_id, &user);
	if (r == 0 && !user)
		r = mount_of(k, l->chain_id, &user);
	if (r < 0)
		return r;
	if (user) {
		const char *what = arena_printf(&k->v->arena, "is not repaired while %s first", user);

		say(k, NULL, what ? what : "is not repaired while a container runs on it", false);
		return 0;
	}
	r = store_replace_layer(&k->v->ingest, l->chain_id, k->e);
	if (r == 0)
		r = store_commit_sync(&k->v->ingest, k->e);
	if (r < 0)
		return r;
	say(k, NULL, "unpacked again from its blob", true);
	return 1;
}

/* At most: blob bad, fetched; tree bad, replaced; good. */
static int layer(struct look *k, const struct verify_layer *l)
{
	size_t before = k->faults;
	bool fetched = false;

	for (;;) {
		enum verify_result found;
		int r = verify_layer(&k->v->ingest, k->v->worker, l, on_fault, k, &found, k->e);

		if (r < 0)
			return r;
		if (found == VERIFY_GOOD && fetched)
			k->faults = before;
		if (found == VERIFY_GOOD || !k->v->repair || (found == VERIFY_BLOB && fetched))
			return 0;
		r = found == VERIFY_TREE ? replace(k, l) : fetch(k, l->blob);
		if (found == VERIFY_TREE)
			verify_drop(&k->v->ingest, l);
		if (r > 0 && found == VERIFY_TREE)
			k->faults = before;
		if (r <= 0 || found == VERIFY_TREE)
			return r < 0 ? r : 0;
		fetched = true;
	}
}

struct verify_seen {
	const char *chain;
	bool bad;
};

static const struct verify_seen *seen(const struct verification *v, const char *chain)
{
	for (size_t i = 0; i < v->n_seen; i++)
		if (strcmp(v->seen[i].chain, chain) == 0)
			return &v->seen[i];
	return NULL;
}

static int see(struct look *k, const struct verify_layer *l)
{
	struct verification *v = k->v;
	const struct verify_seen *before = seen(v, l->chain_id);
	struct verify_seen *more;
	size_t faults = k->faults;
	int r;

	if (before) {
		if (before->bad)
			say(k, NULL, "is damaged, as was said above", false);
		return 0;
	}
	more = arena_grow(&v->arena, v->seen, v->n_seen, &v->cap_seen, sizeof(*more));
	if (!more)
		return err_errno(k->e, -ENOMEM, "verify");
	v->seen = more;
	r = layer(k, l);
	v->seen[v->n_seen++] = (struct verify_seen){ l->chain_id, r < 0 || k->faults > faults };
	return r;
}

static int list_layers(struct look *k, struct verify_layer **out, size_t *n)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	struct arena *a = &k->v->arena;
	size_t cap = 0;
	int r = cat_prepare(k->v->en->catalog, &s, k->e,
			    "SELECT chain, blob, diff FROM image_layers JOIN layers USING(chain) WHERE image = ?1 ORDER BY position", "s", k->img->id);

	*out = NULL;
	*n = 0;
	while (r == 0 && (r = cat_step(s, k->e)) > 0) {
		struct verify_layer *more = arena_grow(a, *out, *n, &cap, sizeof(*more));

		r = 0;
		if (!more)
			return err_errno(k->e, -ENOMEM, "list layers");
		*out = more;
		more[(*n)++] = (struct verify_layer){ .chain_id = arena_strdup(a, cat_text(s, 0)), .blob = arena_strdup(a, cat_text(s, 1)),
						      .diff_id = arena_strdup(a, cat_text(s, 2)) };
		if (arena_error(a) < 0)
			return err_errno(k->e, -ENOMEM, "list layers");
	}
	return r;
}

/* As manifest and configuration say it, which the digests of both prove. 1: *out; 0: they are damaged, as was said. */
static int named_layers(struct look *k, struct verify_layer **out, size_t *n)
{
	CLEANUP_FREE char *text = NULL, *conf = NULL;
	struct arena *a = &k->v->arena;
	const struct image_config *config;
	char chain[DIGEST_LEN + 1];
	struct manifest m;
	struct err why;
	size_t len;
	int r = store_ingest_read(&k->v->ingest, k->img->manifest, image_json_limits.max_bytes, &text, &len, &why);

	if (r == 0)
		r = manifest_parse(a, text, len, &m, &why);
	if (r == 0)
		r = store_ingest_read(&k->v->ingest, k->img->id, image_json_limits.max_bytes, &conf, &len, &why);
	if (r == 0)
		r = image_config_parse(a, conf, len, &config, &why);
	if (r < 0 || m.n_layers != config->n_layers)
		return 0;
	*n = m.n_layers;
	*out = arena_array(a, *n + 1, sizeof(**out));
	for (size_t i = 0; *out && i < *n; i++) {
		digest_chain(i ? (*out)[i - 1].chain_id : NULL, config->diff_ids[i], chain);
		(*out)[i] = (struct verify_layer){ .chain_id = arena_strdup(a, chain), .blob = m.layers[i].digest, .diff_id = config->diff_ids[i] };
		if (!(*out)[i].chain_id)
			break;
	}
	return arena_error(a) < 0 ? err_errno(k->e, -ENOMEM, "list layers") : 1;
}

static bool same(const struct verify_layer *x, size_t n_x, const struct verify_layer *y, size_t n_y)
{
	bool same = n_x == n_y;

	for (size_t i = 0; same && i < n_x; i++)
		same = strcmp(x[i].chain_id, y[i].chain_id) == 0 && strcmp(x[i].blob, y[i].blob) == 0 && strcmp(x[i].diff_id, y[i].diff_id) == 0;
	return same;
}

/* The image's rows, as the manifest has them. What is unpacked is there by now: its facts lie beside it. */
static int mend_rows(struct look *k, const struct verify_layer *list, size_t n)
{
	CLEANUP_CATALOG_TXN struct catalog *c = k->v->en->catalog;
	int r = catalog_begin(c, CATALOG_DURABLE, k->e);

	if (r == 0)
		r = cat_exec(c, k->e, "DELETE FROM image_layers WHERE image = ?1", "s", k->img->id);
	for (size_t i = 0; r >= 0 && i < n; i++) {
		struct store_layer_info info;

		r = store_layer_info(&k->v->store, list[i].chain_id, &info, k->e);
		if (r == 0)
			r = cat_exec(c, k->e,
				     "INSERT INTO layers(chain, diff, size, max_id) VALUES(?1, ?2, ?3, ?4)"
				     " ON CONFLICT(chain) DO UPDATE SET diff = excluded.diff",
				     "ssii", list[i].chain_id, list[i].diff_id, (int64_t)info.size, (int64_t)info.max_id);
		if (r >= 0)
			r = cat_exec(c, k->e, "INSERT INTO image_layers(image, position, chain, blob) VALUES(?1, ?2, ?3, ?4)", "siss", k->img->id,
				     (int64_t)i, list[i].chain_id, list[i].blob);
		if (r >= 0)
			r = cat_exec(c, k->e, "INSERT INTO manifest_blobs(image, manifest, blob) VALUES(?1, ?2, ?3) ON CONFLICT DO NOTHING", "sss",
				     k->img->id, k->img->manifest, list[i].blob);
	}
	return r < 0 ? r : catalog_commit(c, k->e);
}

static int rows(struct look *k, const struct verify_layer *list, size_t n)
{
	struct err why = { 0 }, *e = k->e;
	int r;

	if (!k->v->repair) {
		say(k, "catalog", "has other layers of it than its manifest and configuration", false);
		return 0;
	}
	k->e = &why;
	r = mend_rows(k, list, n);
	k->e = e;
	if (r == 0) {
		say(k, "catalog", "has the layers of manifest and configuration again", true);
	} else {
		const char *what = arena_printf(&k->v->arena, "has other layers of it than its manifest and configuration: %s", why.msg);

		say(k, "catalog", what ? what : "has other layers of it than its manifest and configuration", false);
	}
	return 0;
}

static int layers(struct look *k)
{
	struct verify_layer *list, *named;
	size_t n, n_named;
	bool differ = false;
	int r = list_layers(k, &list, &n);

	if (r == 0)
		r = named_layers(k, &named, &n_named);
	if (r > 0) {
		differ = !same(list, n, named, n_named);
		list = named;
		n = n_named;
		r = 0;
	}
	for (size_t i = 0; r == 0 && i < n; i++) {
		k->layer = list[i].chain_id;
		r = see(k, &list[i]);
		k->layer = NULL;
	}
	return r == 0 && differ ? rows(k, list, n) : r;
}

/* ---- all of it ---- */

int verification_begin(struct verification *v, const struct engine *en, struct err *e)
{
	int r = engine_program("tare-worker", v->worker, e);

	v->en = en;
	if (r == 0)
		r = store_open(en->root_fd, &v->store, e);
	return r < 0 ? r : store_ingest_begin(&v->store, &v->ingest, e);
}

void verification_end(struct verification *v)
{
	store_ingest_end(&v->ingest);
	store_close(&v->store);
	arena_free(&v->arena);
}

static const char *shown_name(struct arena *a, const struct image *img)
{
	struct image_ref ref;
	struct err ignored;
	const char *name = NULL;

	if (img->n_tags && image_ref_parse(a, img->tags[0], &ref, &ignored) == 0)
		name = image_ref_familiar(a, &ref);
	if (!name)
		name = arena_printf(a, "%.12s", digest_hex(img->id));
	return name ? name : img->id;
}

int verification_image(struct verification *v, const struct image *img, struct err *e)
{
	struct look k = { .v = v, .img = img, .name = shown_name(&v->arena, img), .e = e };
	int r = documents(&k);

	if (r == 0)
		r = layers(&k);
	v->faults += k.faults;
	return r < 0 ? err_ctx(e, "verify %s", k.name) : 0;
}
