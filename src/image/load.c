/* From the worker's report to whole images in the store.
 *
 * The worker may have been taken over by the archive it read, so nothing it says decides a name: the image id is the
 * SHA-256 of the configuration's bytes, recomputed here; diff ids are the configuration's own; chain ids are computed
 * from them. What remains the worker's word is that a tree matches its diff id; the sandbox limits what a liar can do
 * to the store to the layers it staged itself.
 *
 * Order at the end: opaque folders are marked and facts written, one sync makes all of it durable, then come the
 * renames, then the sync of the names. Layers are committed lowest first; an image is only announced (to the caller,
 * who writes the catalog) when all of it is in place. */
#include "image/load.h"

#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "image/mediatype.h"
#include "image/platform.h"
#include "image/ref.h"
#include "image/unpack.h"

#define CONFIG_MAX (4U << 20)

struct job {
	const struct store *store;
	const struct image_load_args *args;
	struct arena *arena;
	struct image_load *out;
	struct unpack_report report;
	struct err *e;
};

static int no_memory(struct err *e)
{
	return err_errno(e, -ENOMEM, "load");
}

int image_load_finish_layer(struct store_ingest *in, const struct unpack_report *report, const char *chain_id, const char *diff_id,
			    struct err *e)
{
	struct store_layer_info info = { 0 };
	int r;

	for (size_t i = 0; i < report->n_unpacked; i++) {
		const struct unpacked *u = &report->unpacked[i];

		if (strcmp(u->chain_id, chain_id) != 0)
			continue;
		memcpy(info.diff_id, diff_id, sizeof(info.diff_id));
		info.size = u->size;
		info.entries = u->entries;
		info.max_id = u->max_id;
		r = store_ingest_opaque(in, chain_id, e);
		r = r < 0 ? r : store_ingest_layer_info(in, chain_id, &info, e);
		return r < 0 ? r : 1;
	}
	return 0;
}

static int make_layer(struct job *j, const struct unpack_layer *from, const char *parent, const char *diff_id,
		      struct image_layer *out)
{
	char chain[DIGEST_LEN + 1];
	int r;

	digest_chain(parent, diff_id, chain);
	*out = (struct image_layer){ .blob = from->blob, .diff_id = diff_id, .blob_size = from->blob_size };
	out->chain_id = arena_strdup(j->arena, chain);
	if (!out->chain_id)
		return no_memory(j->e);
	if (strcmp(from->diff_id, diff_id) != 0)
		return err_set(j->e, ERR_INTERNAL, "tare-worker reported layer %s where the image has %s", from->diff_id,
			       diff_id);
	out->existed = store_has_layer(j->store, chain);
	if (out->existed)
		return 0;
	r = image_load_finish_layer(&j->out->ingest, &j->report, chain, diff_id, j->e);
	return r < 0 ? r : r > 0 ? 0 : err_set(j->e, ERR_INTERNAL, "tare-worker did not unpack layer %s", chain);
}

static int make_layers(struct job *j, const struct unpack_image *from, struct image_loaded *img)
{
	struct image_layer *v = arena_array(j->arena, from->n_layers + 1, sizeof(*v));
	const char *parent = NULL;

	if (!v)
		return no_memory(j->e);
	if (from->n_layers != img->config->n_layers)
		return err_set(j->e, ERR_INVALID, "its configuration names %zu layers, its manifest %zu: it is damaged",
			       img->config->n_layers, from->n_layers);
	img->layers = v;
	for (; img->n_layers < from->n_layers; img->n_layers++) {
		size_t n = img->n_layers;
		int r = make_layer(j, &from->layers[n], parent, img->config->diff_ids[n], &v[n]);

		if (r < 0)
			return r;
		parent = v[n].chain_id;
	}
	return 0;
}

/* An OCI layout may name an image by a bare tag alone ("v1", as `skopeo copy … oci:busybox:v1` does): the layout itself
 * is the repository then, so the name is its file name's. Other bare words are names. Gives NULL when that makes none. */
static const char *complete_name(struct job *j, const char *name)
{
	const char *slash = strrchr(j->args->name, '/'), *base = slash ? slash + 1 : j->args->name;
	bool tag = !strcmp(name, "latest") || isdigit((unsigned char)name[0]) ||
		   (name[0] == 'v' && isdigit((unsigned char)name[1]));
	struct image_ref ref;
	struct err ignored;
	const char *full;

	if (!tag || strpbrk(name, ":/@"))
		return name;
	full = arena_printf(j->arena, "%.*s:%s", (int)strcspn(base, "."), base, name);
	return full && image_ref_parse(j->arena, full, &ref, &ignored) == 0 ? full : NULL;
}

static int make_names(struct job *j, const struct unpack_image *from, struct image_loaded *img)
{
	const char **v = arena_array(j->arena, from->n_names + 1, sizeof(*v));

	if (!v)
		return no_memory(j->e);
	img->names = v;
	for (size_t i = 0; i < from->n_names; i++) {
		const char *name = complete_name(j, from->names[i]);
		struct image_ref ref;
		char shown[200];

		if (!name)
			continue;
		if (image_ref_parse(j->arena, name, &ref, j->e) < 0)
			return err_set(j->e, ERR_INVALID, "the archive names an image '%s', which is no image name",
				       text_escape(from->names[i], shown, sizeof(shown)));
		v[img->n_names] = image_ref_canonical(j->arena, &ref);
		if (!v[img->n_names++])
			return no_memory(j->e);
	}
	return 0;
}

static void write_descriptor(struct json_writer *w, const char *key, const char *type, const char *digest, uint64_t size)
{
	jw_object(w, key);
	jw_str(w, "mediaType", type);
	jw_str(w, "digest", digest);
	jw_u64(w, "size", size);
	jw_end_object(w);
}

/* A docker-archive has no manifest; the image gets the one it would have in an OCI layout. */
static int make_manifest(struct job *j, const struct unpack_image *from, size_t config_size, struct image_loaded *img)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	char digest[DIGEST_LEN + 1];
	int r;

	jw_object(&w, NULL);
	jw_u64(&w, "schemaVersion", 2);
	jw_str(&w, "mediaType", MEDIATYPE_MANIFEST);
	write_descriptor(&w, "config", MEDIATYPE_CONFIG, img->id, config_size);
	jw_array(&w, "layers");
	for (size_t i = 0; i < from->n_layers; i++)
		write_descriptor(&w, NULL, from->layers[i].media_type, from->layers[i].blob, from->layers[i].blob_size);
	jw_end_array(&w);
	jw_end_object(&w);
	if (sb_error(&text) < 0)
		return no_memory(j->e);
	r = store_ingest_blob(&j->out->ingest, text.s, text.len, digest, j->e);
	img->manifest = arena_strdup(j->arena, digest);
	return r < 0 ? r : img->manifest ? 0 : no_memory(j->e);
}

static int make_image(struct job *j, const struct unpack_image *from, struct image_loaded *img)
{
	CLEANUP_FREE char *text = NULL;
	size_t len = 0;
	int r;

	*img = (struct image_loaded){ .id = from->config, .manifest = from->manifest, .repo_digest = from->repo_digest,
				      .documents = from->documents, .n_documents = from->n_documents };
	r = store_ingest_read(&j->out->ingest, from->config, CONFIG_MAX, &text, &len, j->e);
	if (r == 0)
		r = image_config_parse(j->arena, text, len, &img->config, j->e);
	if (r == 0)
		r = make_layers(j, from, img);
	if (r == 0)
		r = make_names(j, from, img);
	if (r == 0 && !img->manifest)
		r = make_manifest(j, from, len, img);
	return r;
}

static int commit_image(struct job *j, const struct image_loaded *img)
{
	struct store_ingest *in = &j->out->ingest;
	int r = store_commit_blob(in, img->id, j->e);

	if (r == 0)
		r = store_commit_blob(in, img->manifest, j->e);
	for (size_t i = 0; r == 0 && i < img->n_documents; i++)
		r = store_commit_blob(in, img->documents[i], j->e);
	for (size_t i = 0; r == 0 && i < img->n_layers; i++) {
		r = store_commit_blob(in, img->layers[i].blob, j->e);
		if (r == 0)
			r = store_commit_layer(in, img->layers[i].chain_id, j->e);
	}
	return r;
}

/* Facts of layers, now that all of them are in the store, whoever brought them. */
static int fill_layers(struct job *j, struct image_loaded *img)
{
	for (size_t i = 0; i < img->n_layers; i++) {
		struct image_layer *l = (struct image_layer *)&img->layers[i];
		struct store_layer_info info;
		int r = store_layer_info(j->store, l->chain_id, &info, j->e);

		if (r < 0)
			return r;
		l->size = info.size;
		l->max_id = info.max_id;
	}
	return 0;
}

static int finish(struct job *j)
{
	struct store_ingest *in = &j->out->ingest;
	struct image_loaded *v = arena_array(j->arena, j->report.n_images + 1, sizeof(*v));
	size_t n = j->report.n_images;
	int r = v ? 0 : no_memory(j->e);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = make_image(j, &j->report.images[i], &v[i]);
	if (r == 0)
		r = store_ingest_sync(in, j->e);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = commit_image(j, &v[i]);
	if (r == 0)
		r = store_commit_sync(in, j->e);
	for (size_t i = 0; r == 0 && i < n; i++) {
		r = fill_layers(j, &v[i]);
		if (r == 0 && j->args->progress)
			j->args->progress(IMAGE_PROGRESS_IMAGE, v[i].id, 0, j->args->progress_data);
	}
	j->out->images = v;
	j->out->n_images = r < 0 ? 0 : n;
	return r;
}

/* Runs the worker in a fresh staging folder. */
static int begin(struct job *j, const char *verb)
{
	uint64_t swept = 0;
	int r = store_ingest_sweep(j->store, &swept, j->e);

	if (r == 0)
		r = store_ingest_begin(j->store, &j->out->ingest, j->e);
	if (r == 0)
		r = unpack_run(verb, &j->out->ingest, j->args, NULL, j->arena, &j->report, j->e);
	if (r == 0 && j->report.n_images == 0)
		r = err_set(j->e, ERR_INVALID, "there is no image in it");
	return r;
}

static int give(struct job *j, int r)
{
	if (r == 0)
		return 0;
	image_load_end(j->out);
	return err_ctx(j->e, "%s", j->args->name);
}

int image_load(const struct store *s, const struct image_load_args *args, struct arena *a, struct image_load *out,
	       struct err *e)
{
	struct job j = { .store = s, .args = args, .arena = a, .out = out, .e = e };
	int r = begin(&j, "load");

	for (size_t i = 0; r == 0 && i < j.report.n_images; i++)
		if (!j.report.images[i].config)
			r = err_set(e, ERR_INTERNAL, "tare-worker's report is damaged: an image without configuration");
	return give(&j, r < 0 ? r : finish(&j));
}

/* ---- import ---- */

static int make_config(struct job *j, const char *diff_id, const struct image_import *how, char digest[DIGEST_LEN + 1])
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	const struct image_layer layer = { .diff_id = diff_id };
	int r = how->config(&layer, &text, how->data, j->e);

	if (r == 0 && sb_error(&text) < 0)
		r = no_memory(j->e);
	return r < 0 ? r : store_ingest_blob(&j->out->ingest, text.s, text.len, digest, j->e);
}

int image_import(const struct store *s, const struct image_load_args *args, const struct image_import *how, struct arena *a,
		 struct image_load *out, struct err *e)
{
	struct job j = { .store = s, .args = args, .arena = a, .out = out, .e = e };
	const char *const names[] = { how->reference, NULL };
	char digest[DIGEST_LEN + 1];
	struct unpack_image *img;
	int r = begin(&j, "import");

	if (r == 0 && j.report.images[0].n_layers != 1)
		r = err_set(e, ERR_INTERNAL, "tare-worker's report is damaged: an import without its layer");
	if (r == 0)
		r = make_config(&j, j.report.images[0].layers[0].diff_id, how, digest);
	if (r < 0)
		return give(&j, r);
	img = &j.report.images[0];
	img->config = arena_strdup(a, digest);
	img->names = names;
	img->n_names = how->reference ? 1 : 0;
	j.report.n_images = 1;
	return give(&j, img->config ? finish(&j) : no_memory(e));
}

int image_load_finish(const struct store *s, const struct image_load_args *args, const struct unpack_report *report, struct arena *a,
		      struct image_load *out, struct err *e)
{
	struct job j = { .store = s, .args = args, .arena = a, .out = out, .report = *report, .e = e };

	return finish(&j);
}

void image_load_end(struct image_load *l)
{
	store_ingest_end(&l->ingest);
	*l = (struct image_load)IMAGE_LOAD_INIT;
}
