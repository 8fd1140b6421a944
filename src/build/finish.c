/* Configuration, manifest, rows: the last stage becomes an image, of the store or of an archive. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/sha256.h"
#include "base/text.h"
#include "build/work.h"
#include "engine/events.h"
#include "engine/images.h"
#include "image/mediatype.h"
#include "image/ref.h"

static int no_memory(struct err *e)
{
	return err_errno(e, -ENOMEM, "the image");
}

static void descriptor(struct json_writer *w, const char *key, const char *type, const char *digest, uint64_t size)
{
	jw_object(w, key);
	jw_str(w, "mediaType", type);
	jw_str(w, "digest", digest);
	jw_u64(w, "size", size);
	jw_end_object(w);
}

void build_manifest(const struct image_layer *layers, const char *const *types, size_t n, const char *config, size_t size, struct strbuf *out)
{
	struct json_writer w = JSON_WRITER(out);

	jw_object(&w, NULL);
	jw_u64(&w, "schemaVersion", 2);
	jw_str(&w, "mediaType", MEDIATYPE_MANIFEST);
	descriptor(&w, "config", MEDIATYPE_CONFIG, config, size);
	jw_array(&w, "layers");
	for (size_t i = 0; i < n; i++)
		descriptor(&w, NULL, types[i], layers[i].blob, layers[i].blob_size);
	jw_end_array(&w);
	jw_end_object(&w);
}

int build_put(struct build *b, const struct strbuf *text, const char **digest, struct err *e)
{
	char sum[DIGEST_LEN + 1];
	int r = sb_error(text) < 0 ? no_memory(e) : 0;

	*digest = NULL;
	if (r < 0)
		return r;
	sha256_digest(text->s, text->len, sum);
	if (!store_has_blob(&b->store, sum)) /* else nothing has to be written, which may mean to wait for the disk */
		r = store_ingest_blob(&b->ingest, text->s, text->len, sum, e);
	*digest = r < 0 ? NULL : arena_strdup(b->a, sum);
	return r < 0 ? r : *digest ? 0 : no_memory(e);
}

static int labels(struct build *b, struct conf *c, struct err *e)
{
	for (size_t i = 0; i < b->args->labels.n; i++) {
		const char *text = b->args->labels.v[i], *eq = strchr(text, '=');
		const char *key = eq ? arena_strndup(b->a, text, (size_t)(eq - text)) : text;
		int r = key ? conf_label(b->a, c, key, eq ? eq + 1 : "", e) : no_memory(e);

		if (r < 0)
			return r;
	}
	return 0;
}

int build_names(struct build *b, struct err *e)
{
	size_t n = b->args->names.n;
	const char **v = arena_array(b->a, n + 1, sizeof(*v)), **shown = arena_array(b->a, n + 1, sizeof(*shown));

	if (!v || !shown)
		return no_memory(e);
	for (size_t i = 0; i < n; i++) {
		struct image_ref ref;
		int r = image_ref_parse(b->a, b->args->names.v[i], &ref, e);

		if (r == 0 && ref.digest)
			r = err_set(e, ERR_INVALID, "a digest is no name that can be given: NAME[:TAG]");
		if (r < 0)
			return err_ctx(e, "%s", b->args->names.v[i]); /* -t, name= of -o, or what commit is given */
		v[i] = image_ref_canonical(b->a, &ref);
		shown[i] = image_ref_familiar(b->a, &ref);
	}
	b->names = v;
	b->shown_names = shown;
	return arena_error(b->a) < 0 ? no_memory(e) : 0;
}

/* An image that was built before is there, whole and durable; its layers are since their steps. */
static int commit(struct build *b, const struct image_loaded *img, struct err *e)
{
	int r;

	if (store_has_blob(&b->store, img->id) && store_has_blob(&b->store, img->manifest))
		return image_record(b->en, img, 1, e);
	r = store_ingest_sync_staged(&b->ingest, e);
	if (r == 0)
		r = store_commit_blob(&b->ingest, img->id, e);
	if (r == 0)
		r = store_commit_blob(&b->ingest, img->manifest, e);
	if (r == 0)
		r = store_commit_sync(&b->ingest, e);
	return r < 0 ? r : image_record(b->en, img, 1, e);
}

static bool is_stored(const struct build_args *args)
{
	bool stored = args->load || args->n_outputs == 0;

	for (size_t i = 0; i < args->n_outputs; i++)
		stored |= args->outputs[i].kind == OUTPUT_IMAGE;
	return stored;
}

static int give(struct build *b, const struct image_loaded *img, size_t manifest_size, struct build_result *out, struct err *e)
{
	const struct image_saved saved = { .id = img->id, .manifest = img->manifest };

	*out = (struct build_result){ .id = img->id, .manifest = img->manifest, .manifest_size = manifest_size, .canonical = b->names,
				      .names = { b->shown_names, b->args->names.n }, .stored = is_stored(b->args) };
	return outputs_write(b, &saved, e);
}

int build_finish(struct build *b, struct build_result *out, struct err *e)
{
	CLEANUP_STRBUF struct strbuf config = STRBUF_INIT, manifest = STRBUF_INIT;
	struct stage *s = &b->stages[b->plan.target];
	struct image_loaded img = { .layers = s->layers, .n_layers = s->n, .names = b->names, .n_names = b->args->names.n,
				    .parent = b->parent };
	char created[TEXT_TIME_LEN];
	int r = labels(b, &s->conf, e);

	if (r == 0)
		r = cache_inline(b, s, e);
	if (r == 0)
		r = seen_image(b, s, created, e);
	if (r < 0)
		return r;
	conf_write(&s->conf, created, s->layers, s->n, &config);
	r = build_put(b, &config, &img.id, e);
	if (r == 0)
		r = image_config_parse(b->a, config.s, config.len, &img.config, e);
	if (r < 0)
		return r;
	build_manifest(s->layers, s->types, s->n, img.id, config.len, &manifest);
	r = build_put(b, &manifest, &img.manifest, e);
	if (r == 0)
		r = give(b, &img, manifest.len, out, e);
	if (r < 0 || !out->stored)
		return r;
	r = commit(b, &img, e);
	for (size_t i = 0; r == 0 && i < out->names.n; i++)
		events_image(b->en, "tag", img.id, out->names.v[i]);
	return r;
}
