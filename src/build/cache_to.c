/* The document of a cache is a configuration as images have it, with layers and no history, so every registry takes it and every tool can
 * copy it. The same steps give the same bytes. */
#include <string.h>

#include "build/report.h"
#include "build/work.h"
#include "engine/push.h"
#include "image/layout.h"
#include "image/mediatype.h"
#include "image/pack.h"

#define MOST_LAYERS 500U /* of an image's configuration (image/config.c) */

struct document {
	struct conf conf;
	struct conf_cached *cached;
	struct image_layer *layers;
	const char **types;
	size_t n_cached, n_layers;
	const char *config, *manifest;
	uint64_t config_size, manifest_size;
};

static int no_memory(struct err *e)
{
	return err_errno(e, -ENOMEM, "--cache-to");
}

/* Where key stands among the others, or is to. By their names, for processes of stages tell of theirs as they come. */
static size_t place_of_key(const struct build *b, const char *key)
{
	size_t i = 0;

	while (i < b->n_made && strcmp(b->made[i].key, key) < 0)
		i++;
	return i;
}

int cache_note(struct build *b, const char *key, const struct image_layer *l, struct err *e)
{
	struct cache_made *v;
	size_t at;

	if (!b->args->n_cache_to)
		return 0;
	if (b->up >= 0) {
		report_made(b->up, key, l);
		return 0;
	}
	at = place_of_key(b, key);
	if (at < b->n_made && strcmp(b->made[at].key, key) == 0)
		return 0;
	v = arena_grow(b->a, b->made, b->n_made, &b->cap_made, sizeof(*v));
	key = v ? arena_strdup(b->a, key) : NULL;
	if (!key)
		return no_memory(e);
	memmove(v + at + 1, v + at, (b->n_made - at) * sizeof(*v));
	v[at] = (struct cache_made){ key, *l };
	b->made = v;
	b->n_made++;
	return 0;
}

/* The place of a layer among these; n: it is none of them. */
static size_t place_of(const struct image_layer *layers, size_t n, const struct image_layer *l)
{
	size_t i = 0;

	while (i < n && strcmp(layers[i].chain_id, l->chain_id) != 0)
		i++;
	return i;
}

int cache_inline(struct build *b, struct stage *s, struct err *e)
{
	struct conf_cached *v = arena_array(b->a, b->n_made + 1, sizeof(*v));
	bool wanted = false;

	if (!v)
		return no_memory(e);
	for (size_t i = 0; i < b->args->n_cache_to; i++)
		wanted |= b->args->cache_to[i].kind == CACHE_INLINE;
	s->conf.cached = v;
	for (size_t i = 0; wanted && i < b->n_made; i++) {
		size_t at = place_of(s->layers, s->n, &b->made[i].layer);

		if (at < s->n)
			v[s->conf.n_cached++] = (struct conf_cached){ b->made[i].key, at };
	}
	return 0;
}

/* ---- the document ---- */

static int gather(struct build *b, const struct build_cache *to, struct document *d, struct err *e)
{
	const struct stage *target = &b->stages[b->plan.target];

	d->cached = arena_array(b->a, b->n_made + 1, sizeof(*d->cached));
	d->layers = arena_array(b->a, b->n_made + 1, sizeof(*d->layers));
	d->types = arena_array(b->a, b->n_made + 1, sizeof(*d->types));
	if (!d->cached || !d->layers || !d->types)
		return no_memory(e);
	for (size_t i = 0; i < b->n_made; i++) {
		const struct cache_made *m = &b->made[i];
		size_t at = place_of(d->layers, d->n_layers, &m->layer);

		if (!to->all && place_of(target->layers, target->n, &m->layer) == target->n)
			continue;
		if (at == MOST_LAYERS) {
			build_say(b, "warning: --cache-to %s: there are more than %u layers, and the first of them go", to->text, MOST_LAYERS);
			break;
		}
		if (at == d->n_layers) {
			d->layers[d->n_layers] = m->layer;
			d->types[d->n_layers++] = PACK_TYPE;
		}
		d->cached[d->n_cached++] = (struct conf_cached){ m->key, at };
	}
	return 0;
}

static int write_documents(struct build *b, struct document *d, struct err *e)
{
	CLEANUP_STRBUF struct strbuf config = STRBUF_INIT, manifest = STRBUF_INIT;
	int r = conf_begin(b->a, NULL, &b->target, &d->conf, e);

	if (r < 0)
		return r;
	d->conf.cached = d->cached;
	d->conf.n_cached = d->n_cached;
	conf_write(&d->conf, "1970-01-01T00:00:00Z", d->layers, d->n_layers, &config);
	r = build_put(b, &config, &d->config, e);
	if (r < 0)
		return r;
	d->config_size = config.len;
	build_manifest(d->layers, d->types, d->n_layers, d->config, config.len, &manifest);
	d->manifest_size = manifest.len;
	return build_put(b, &manifest, &d->manifest, e);
}

/* ---- a folder ---- */

static int put_blob(struct build *b, const struct layout *l, const char *digest, uint64_t size, struct err *e)
{
	const struct closure_part part = { .digest = digest, .size = size };
	CLEANUP_FD int from = store_ingest_open(&b->ingest, digest, e);

	return from < 0 ? from : layout_put(l, &part, from, e);
}

/* index.json goes last: who reads it finds all that it names. */
static int to_folder(struct build *b, const struct build_cache *to, const struct document *d, struct err *e)
{
	const struct closure_part top = { .digest = d->manifest, .size = d->manifest_size, .type = MEDIATYPE_MANIFEST };
	CLEANUP_LAYOUT struct layout l = LAYOUT_INIT;
	int r = layout_make(to->place, &l, e);

	for (size_t i = 0; r == 0 && i < d->n_layers; i++)
		r = put_blob(b, &l, d->layers[i].blob, d->layers[i].blob_size, e);
	if (r == 0)
		r = put_blob(b, &l, d->config, d->config_size, e);
	if (r == 0)
		r = put_blob(b, &l, d->manifest, d->manifest_size, e);
	return r < 0 ? r : layout_only(&l, &top, e);
}

/* ---- both ---- */

static int export_one(struct build *b, const struct build_cache *to, struct err *e)
{
	const struct push_args push = { .what = to->place };
	struct document d = { 0 };
	struct pushed done;
	int r = gather(b, to, &d, e);

	if (r == 0)
		r = write_documents(b, &d, e);
	if (r < 0)
		return r;
	build_say(b, "writing the cache %s", to->place);
	return to->kind == CACHE_LOCAL ? to_folder(b, to, &d, e) : engine_push_staged(b->en, &push, &b->ingest, d.manifest, b->a, &done, e);
}

int cache_export(struct build *b, struct err *e)
{
	for (size_t i = 0; i < b->args->n_cache_to; i++) {
		const struct build_cache *to = &b->args->cache_to[i];
		struct err why = { 0 };

		if (to->kind == CACHE_INLINE || export_one(b, to, &why) == 0)
			continue;
		if (!to->may_fail) {
			*e = why;
			return err_ctx(e, "--cache-to %s", to->text);
		}
		build_say(b, "warning: --cache-to %s: %s", to->text, why.msg);
	}
	return 0;
}
