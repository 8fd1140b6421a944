/* The store against the catalog, without reading a layer's bytes: what a row names is there, of the size that the manifest says, and says of
 * itself what the row says; chains are recomputed. `tare image verify` reads the bytes. The collector is kept away while we look, so that
 * nothing that a row names can go; what is there without a row may be a load's that has not written its rows yet, or what a crash left: a
 * note, for the next collection takes it. */
#include "engine/check.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/images.h"
#include "image/manifest.h"

#define MEND "tare image verify --repair %s"

struct looking {
	const struct engine *en;
	struct checks *c;
	struct store store;
	struct arena scratch; /* of the image that is looked at */
	struct err *e;
};

PRINTF_LIKE(3, 4)
static void wrong(struct looking *k, const struct image *img, const char *fmt, ...)
{
	char what[300];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	check_add(k->c, true, check_text(k->c, "image %.12s", digest_hex(img->id)), check_text(k->c, "%s", what),
		  check_text(k->c, MEND, img->n_tags ? img->tags[0] : img->id));
}

/* UINT64_MAX: it is not there. */
static uint64_t size_of(const struct looking *k, const char *digest)
{
	struct stat st;

	if (!digest_valid(digest) || fstatat(k->store.blobs, digest_hex(digest), &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return UINT64_MAX;
	return (uint64_t)st.st_size;
}

static void check_blob(struct looking *k, const struct image *img, const struct descriptor *d, const char *kind)
{
	uint64_t size = size_of(k, d->digest);

	if (size == UINT64_MAX)
		wrong(k, img, "lacks its %s %.19s", kind, d->digest);
	else if (size != d->size)
		wrong(k, img, "has %llu bytes of its %s %.19s, which has %llu", (unsigned long long)size, kind, d->digest,
		      (unsigned long long)d->size);
}

/* ---- one image ---- */

struct row {
	const char *chain, *blob, *diff;
	uint64_t size;
	uint32_t max_id;
};

static int read_rows(struct looking *k, const char *id, struct row **out, size_t *n)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	struct arena *a = &k->scratch;
	size_t cap = 0;
	int r = cat_prepare(k->en->catalog, &s, k->e,
			    "SELECT chain, blob, diff, size, max_id FROM image_layers JOIN layers USING(chain) WHERE image = ?1 ORDER BY position",
			    "s", id);

	*out = NULL;
	*n = 0;
	while (r == 0 && (r = cat_step(s, k->e)) > 0) {
		struct row *more = arena_grow(a, *out, *n, &cap, sizeof(*more));

		if (!more)
			return err_errno(k->e, -ENOMEM, "list layers");
		*out = more;
		more[(*n)++] = (struct row){ arena_strdup(a, cat_text(s, 0)), arena_strdup(a, cat_text(s, 1)), arena_strdup(a, cat_text(s, 2)),
					     (uint64_t)cat_int(s, 3), (uint32_t)cat_int(s, 4) };
		r = arena_error(a) < 0 ? err_errno(k->e, -ENOMEM, "list layers") : 0;
	}
	return r;
}

static void check_tree(struct looking *k, const struct image *img, const struct row *row)
{
	CLEANUP_FD int fd = -1;
	struct store_layer_info info;
	struct err why;

	fd = store_layer_open(&k->store, row->chain, &why);
	if (fd < 0)
		wrong(k, img, "lacks the unpacked layer %.19s", row->chain);
	else if (store_layer_info(&k->store, row->chain, &info, &why) < 0)
		wrong(k, img, "%s", why.msg);
	else if (strcmp(info.diff_id, row->diff) != 0 || info.size != row->size || info.max_id != row->max_id)
		wrong(k, img, "has other facts of layer %.19s in the catalog than in its info.json", row->chain);
}

/* What the rows say is what manifest and configuration say. */
static void compare_rows(struct looking *k, const struct image *img, const struct manifest *m, const struct image_config *config,
			 const struct row *rows, size_t n)
{
	const char *parent = NULL;
	char chain[2][DIGEST_LEN + 1];

	if (strcmp(m->config.digest, img->id) != 0)
		wrong(k, img, "has a manifest of another configuration");
	if (n != m->n_layers || n != config->n_layers) {
		wrong(k, img, "has %zu layers in the catalog, %zu in its manifest and %zu in its configuration", n, m->n_layers, config->n_layers);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		digest_chain(parent, config->diff_ids[i], chain[i % 2]);
		parent = chain[i % 2];
		if (strcmp(rows[i].diff, config->diff_ids[i]) != 0 || strcmp(rows[i].chain, parent) != 0 ||
		    strcmp(rows[i].blob, m->layers[i].digest) != 0)
			wrong(k, img, "has another layer %zu in the catalog than in its manifest and configuration", i + 1);
	}
}

static bool read_documents(struct looking *k, const struct image *img, struct manifest *m, const struct image_config **config)
{
	CLEANUP_FREE char *text = NULL, *conf = NULL;
	struct err why = { 0 };
	size_t len;
	int r = store_blob_read(&k->store, img->manifest, image_json_limits.max_bytes, &text, &len, &why);

	if (r == 0)
		r = manifest_parse(&k->scratch, text, len, m, &why);
	if (r < 0) {
		wrong(k, img, "has no usable manifest: %s", why.msg);
		return false;
	}
	r = store_blob_read(&k->store, img->id, image_json_limits.max_bytes, &conf, &len, &why);
	if (r == 0)
		r = image_config_parse(&k->scratch, conf, len, config, &why);
	if (r < 0)
		wrong(k, img, "has no usable configuration: %s", why.msg);
	return r == 0;
}

static int check_image(struct looking *k, const struct image *img)
{
	const struct image_config *config;
	struct manifest m = { 0 };
	struct row *rows;
	size_t n;
	int r;

	arena_reset(&k->scratch);
	r = read_rows(k, img->id, &rows, &n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		check_tree(k, img, &rows[i]);
	if (!read_documents(k, img, &m, &config))
		return 0;
	check_blob(k, img, &m.config, "configuration");
	for (size_t i = 0; i < m.n_layers; i++)
		check_blob(k, img, &m.layers[i], "blob");
	compare_rows(k, img, &m, config, rows, n);
	return 0;
}

/* ---- without a row ---- */

struct strays {
	struct looking *k;
	enum store_kind kind;
	size_t n;
};

static int look_for_row(const char *digest, void *data)
{
	struct strays *x = data;
	int r = image_referenced(x->k->en->catalog, x->kind, digest, x->k->e);

	x->n += r == 0;
	return r < 0 ? r : 0;
}

static int find_strays(struct looking *k)
{
	struct strays layers = { k, STORE_LAYER, 0 }, blobs = { k, STORE_BLOB, 0 };
	int r = store_list(&k->store, STORE_LAYER, look_for_row, &layers, k->e);

	if (r == 0)
		r = store_list(&k->store, STORE_BLOB, look_for_row, &blobs, k->e);
	if (r == 0 && layers.n + blobs.n)
		check_add(k->c, false, k->en->root,
			  check_text(k->c, "has %zu layers and %zu blobs of no image: of a load or pull that runs or was killed", layers.n, blobs.n),
			  "tare image prune removes what nobody needs");
	return r;
}

static int check_catalog(struct looking *k)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(k->en->catalog, &s, k->e, "PRAGMA quick_check(1)", "");

	if (r == 0)
		r = cat_step(s, k->e);
	if (r > 0 && strcmp(cat_text(s, 0), "ok") != 0)
		check_add(k->c, true, check_text(k->c, "%s/catalog.db", k->en->root), check_text(k->c, "is damaged: %s", cat_text(s, 0)),
			  "restore it from a copy, or load the images again into another --root");
	return r < 0 ? r : 0;
}

static int check_rows(struct looking *k)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(k->en->catalog, &s, k->e,
			    "SELECT count(*) FROM layers WHERE NOT EXISTS (SELECT 1 FROM image_layers WHERE chain = layers.chain)", "");

	if (r == 0)
		r = cat_step(s, k->e);
	if (r > 0 && cat_int(s, 0) > 0)
		check_add(k->c, false, check_text(k->c, "%s/catalog.db", k->en->root),
			  check_text(k->c, "has %lld layers of no image", (long long)cat_int(s, 0)), "the next tare rmi takes them away");
	return r < 0 ? r : 0;
}

int check_store(const struct engine *en, struct checks *c, struct err *e)
{
	CLEANUP_FD int hold = -1;
	struct looking k = { .en = en, .c = c, .store = STORE_INIT, .scratch = ARENA_INIT, .e = e };
	CLEANUP_STORE struct store store = STORE_INIT;
	struct image *images;
	size_t n = 0;
	int r = store_open(en->root_fd, &store, e);

	if (r < 0)
		return r;
	k.store = store; /* borrowed */
	hold = store_hold(&store, e);
	r = hold < 0 ? hold : check_catalog(&k);
	if (r == 0)
		r = image_list(en->catalog, c->a, &images, &n, e);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = check_image(&k, &images[i]);
	arena_free(&k.scratch);
	if (r == 0)
		r = check_rows(&k);
	return r < 0 ? r : find_strays(&k);
}
