#include <string.h>

#include "base/text.h"
#include "build/named.h"
#include "build/pulling.h"
#include "build/work.h"
#include "engine/images.h"
#include "image/manifest.h"
#include "image/mediatype.h"

/* The image, from a registry when it is not here or is asked to be looked for there. */
static int find_image(struct build *b, const struct df_stage_plan *p, struct image *img, struct err *e)
{
	struct err why = { 0 };
	bool ask = b->args->pull && !text_starts(p->from.from.base, "sha256:"); /* an id no registry knows */
	int r = ask ? -ENOENT : image_find(b->en->catalog, b->a, p->from.from.base, img, &why);

	if (r == 0)
		return 0;
	if (!ask && why.cls != ERR_NOTFOUND) {
		*e = why;
		return e->code;
	}
	r = pulling(b, p->from.from.base, p->has_platform ? &p->platform : &b->target, e);
	return r < 0 ? r : image_find(b->en->catalog, b->a, p->from.from.base, img, e);
}

/* The same bytes have two names for what they are. */
static const char *oci_type(const char *type)
{
	static const char *const rows[][2] = {
		{ "application/vnd.docker.image.rootfs.diff.tar.gzip", MEDIATYPE_LAYER_GZIP },
		{ "application/vnd.docker.image.rootfs.diff.tar.zstd", MEDIATYPE_LAYER_ZSTD },
		{ "application/vnd.docker.image.rootfs.diff.tar", MEDIATYPE_LAYER },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (strcmp(type, rows[i][0]) == 0)
			return rows[i][1];
	return type;
}

static int take_layers(struct build *b, struct stage *s, const struct image_config *config, const struct manifest *m, struct err *e)
{
	const char *parent = NULL;

	if (m->n_layers != config->n_layers)
		return err_set(e, ERR_INVALID, "its configuration names %zu layers, its manifest %zu", config->n_layers, m->n_layers);
	for (size_t i = 0; i < m->n_layers; i++) {
		struct image_layer l = { .blob = m->layers[i].digest, .blob_size = m->layers[i].size, .diff_id = config->diff_ids[i],
					 .existed = true };
		struct store_layer_info info;
		char chain[DIGEST_LEN + 1];
		int r;

		digest_chain(parent, l.diff_id, chain);
		l.chain_id = parent = arena_strdup(b->a, chain);
		if (!parent)
			return err_errno(e, -ENOMEM, "layers");
		r = store_layer_info(&b->store, chain, &info, e);
		if (r < 0)
			return r;
		l.size = info.size;
		l.max_id = info.max_id;
		r = stage_add_layer(b, s, &l, oci_type(m->layers[i].type), e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_platform(const struct build *b, const struct df_stage_plan *p, const struct image_config *config, struct err *e)
{
	const struct platform *want = p->has_platform ? &p->platform : &b->target;
	char wanted[PLATFORM_TEXT_LEN], is[PLATFORM_TEXT_LEN];
	struct platform have;

	platform_make(config->os, config->architecture, config->variant, &have);
	if (platform_match(want, &have) > 0)
		return 0;
	return err_set(e, ERR_UNSUPPORTED, "it is for %s, and %s is wanted", platform_text(&have, is), platform_text(want, wanted));
}

int stage_from_image(struct build *b, struct stage *s, const struct df_stage_plan *p, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	const struct image_config *config;
	struct manifest m;
	struct image img;
	size_t len;
	int64_t created;
	int r = find_image(b, p, &img, e);

	if (r == 0)
		r = image_config_read(b->en, b->a, img.id, &config, e);
	if (r == 0)
		r = check_platform(b, p, config, e);
	if (r == 0)
		r = store_blob_read(&b->store, img.manifest, image_json_limits.max_bytes, &text, &len, e);
	if (r == 0)
		r = manifest_parse(b->a, text, len, &m, e);
	if (r == 0)
		r = take_layers(b, s, config, &m, e);
	if (r == 0)
		r = conf_begin(b->a, config, &b->target, &s->conf, e);
	if (r < 0)
		return err_ctx(e, "%s", p->from.from.base);
	s->base_id = img.id;
	s->base_layers = s->n;
	s->base_history = s->conf.n_history;
	created = image_time(config->created);
	s->epoch = b->has_epoch ? b->epoch : created == IMAGE_NO_TIME || created < 0 ? 0 : created / 1000000000;
	return df_scope_stage(&b->global, s->conf.env, &s->scope, e);
}

static int from_stage(struct build *b, struct stage *s, const struct stage *base, struct err *e)
{
	int r = conf_copy(b->a, &base->conf, &s->conf, e);

	for (size_t i = 0; r == 0 && i < base->n; i++)
		r = stage_add_layer(b, s, &base->layers[i], base->types[i], e);
	s->epoch = base->epoch;
	s->base_id = base->base_id;
	s->base_layers = base->base_layers;
	s->base_history = base->base_history;
	return r < 0 ? r : df_scope_child(&base->scope, &s->scope, e);
}

int stage_begin(struct build *b, size_t n, struct err *e)
{
	const struct df_stage_plan *p = &b->plan.v[n];
	const struct named *named = named_find(b, p->from.from.base);
	struct df_stage_plan with = *p;
	struct stage *s = &b->stages[n];
	int r;

	if (p->base >= 0)
		return from_stage(b, s, &b->stages[p->base], e);
	if (named && !named->image)
		return err_set(e, ERR_UNSUPPORTED, "FROM of files (--build-context) is not supported: FROM scratch, and COPY --from=%s / /",
			       p->from.from.base);
	if (named) {
		with.from.from.base = named->image;
		return stage_from_image(b, s, &with, e);
	}
	if (strcmp(p->from.from.base, "scratch") != 0)
		return stage_from_image(b, s, p, e);
	s->epoch = b->has_epoch ? b->epoch : 0;
	r = conf_begin(b->a, NULL, p->has_platform ? &p->platform : &b->target, &s->conf, e);
	return r < 0 ? r : df_scope_stage(&b->global, s->conf.env, &s->scope, e);
}
