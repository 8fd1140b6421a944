/* The documents are made first, from the images' manifests; then comes everything in an order that depends on nothing else: documents,
 * manifests and configurations, layers, each by digest and once. A reader that gets the archive through a pipe knows what to do with a
 * layer when it comes. What is to be copied is linked into the staging folder first, so that it stays, whatever the collector
 * does while somebody takes the archive slowly. Blobs were verified when they came into the store and are not hashed again: whoever reads the archive does. */
#include "image/save.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "image/closure.h"
#include "image/config.h"
#include "image/layout.h"
#include "image/manifest.h"
#include "image/mediatype.h"
#include "image/ref.h"
#include "image/tarball.h"

struct blob {
	const char *digest;
	uint64_t size;
	bool layer;
};

struct saving {
	const struct store_ingest *staged; /* where blobs are that are not in the store, or not any more */
	struct arena arena;
	struct blob *blobs;
	size_t n_blobs, cap_blobs;
	struct strbuf index_text, docker_text;
	struct json_writer index, docker; /* manifest.json */
	struct err *e;
};

static int no_memory(struct saving *v)
{
	return err_errno(v->e, -ENOMEM, "save");
}

static int add_blob(struct saving *v, const char *digest, uint64_t size, bool layer)
{
	struct blob *more = arena_grow(&v->arena, v->blobs, v->n_blobs, &v->cap_blobs, sizeof(*more));

	if (!more)
		return no_memory(v);
	v->blobs = more;
	v->blobs[v->n_blobs++] = (struct blob){ digest, size, layer };
	return 0;
}

static const char *blob_path(struct saving *v, const char *digest)
{
	return arena_printf(&v->arena, "blobs/sha256/%s", digest_hex(digest));
}

/* ---- documents ---- */

/* An entry of index.json: the image under one of its names, or without any. */
static void add_entry(struct saving *v, const struct image_saved *img, const char *type, uint64_t size, const char *name)
{
	struct json_writer *w = &v->index;
	struct image_ref ref = { 0 };
	struct err ignored;

	jw_object(w, NULL);
	jw_str(w, "mediaType", type);
	jw_str(w, "digest", img->top ? img->top : img->manifest);
	jw_u64(w, "size", size);
	if (name) {
		jw_object(w, "annotations");
		jw_str(w, "io.containerd.image.name", name);
		if (image_ref_parse(&v->arena, name, &ref, &ignored) == 0 && ref.tag)
			jw_str(w, "org.opencontainers.image.ref.name", ref.tag);
		jw_end_object(w);
	}
	jw_end_object(w);
}

static int add_to_docker(struct saving *v, const struct image_saved *img, const struct manifest *m)
{
	struct json_writer *w = &v->docker;

	jw_object(w, NULL);
	jw_str(w, "Config", blob_path(v, img->id));
	jw_array(w, "RepoTags");
	for (size_t i = 0; i < img->n_names; i++) {
		struct image_ref ref;

		if (image_ref_parse(&v->arena, img->names[i], &ref, v->e) < 0)
			return v->e->code;
		if (!ref.digest)
			jw_str(w, NULL, image_ref_familiar(&v->arena, &ref));
	}
	jw_end_array(w);
	jw_array(w, "Layers");
	for (size_t i = 0; i < m->n_layers; i++)
		jw_str(w, NULL, blob_path(v, m->layers[i].digest));
	jw_end_array(w);
	jw_end_object(w);
	return 0;
}

static int read_manifest(struct saving *v, const struct image_saved *img, struct manifest *m)
{
	CLEANUP_FREE char *text = NULL;
	size_t len;
	int r = store_ingest_read(v->staged, img->manifest, image_json_limits.max_bytes, &text, &len, v->e);

	if (r == 0)
		r = manifest_parse(&v->arena, text, len, m, v->e);
	if (r == 0 && strcmp(m->config.digest, img->id) != 0)
		r = err_set(v->e, ERR_INVALID, "its manifest %s names another configuration", img->manifest);
	return r;
}

static void warn_of_zstd(const struct image_saved *img, const struct manifest *m)
{
	for (size_t i = 0; i < m->n_layers; i++)
		if (text_ends(m->layers[i].type, "zstd")) {
			log_warning("image %.12s has layers in zstd, which docker reads from version 23 on", digest_hex(img->id));
			return;
		}
}

static int add_image(struct saving *v, const struct image_saved *img, enum save_format format)
{
	const struct closure_part *top;
	struct closure all;
	struct manifest m;
	int r = read_manifest(v, img, &m);

	if (r == 0)
		r = closure_of_store(v->staged->store, v->staged, &v->arena, img->top ? img->top : img->manifest, &all, v->e);
	for (size_t i = 0; r == 0 && i < all.n_documents; i++)
		r = add_blob(v, all.documents[i].digest, all.documents[i].size, false);
	for (size_t i = 0; r == 0 && i < all.n_blobs; i++)
		r = add_blob(v, all.blobs[i].digest, all.blobs[i].size, all.blobs[i].layer);
	if (r < 0)
		return r;
	top = &all.documents[all.n_documents - 1];
	if (format == SAVE_DOCKER)
		warn_of_zstd(img, &m);
	for (size_t i = 0; i < img->n_names; i++)
		add_entry(v, img, top->type, top->size, img->names[i]);
	if (img->n_names == 0)
		add_entry(v, img, top->type, top->size, NULL);
	return format == SAVE_DOCKER ? add_to_docker(v, img, &m) : 0;
}

static int make_documents(struct saving *v, const struct image_saved *images, size_t n, enum save_format format)
{
	int r = 0;

	jw_object(&v->index, NULL);
	jw_u64(&v->index, "schemaVersion", 2);
	jw_str(&v->index, "mediaType", MEDIATYPE_INDEX);
	jw_array(&v->index, "manifests");
	jw_array(&v->docker, NULL);
	for (size_t i = 0; r == 0 && i < n; i++) {
		r = add_image(v, &images[i], format);
		if (r < 0)
			(void)err_ctx(v->e, "image %.12s", digest_hex(images[i].id));
	}
	jw_end_array(&v->docker);
	jw_end_array(&v->index);
	jw_end_object(&v->index);
	if (r == 0 && (sb_error(&v->index_text) < 0 || sb_error(&v->docker_text) < 0 || arena_error(&v->arena) < 0))
		r = no_memory(v);
	return r;
}

/* ---- blobs ---- */

static int in_order(const void *a, const void *b)
{
	const struct blob *x = a, *y = b;

	return x->layer != y->layer ? (x->layer ? 1 : -1) : strcmp(x->digest, y->digest);
}

static int save_blob(struct saving *v, const struct blob *b, int out)
{
	CLEANUP_FD int fd = store_ingest_open(v->staged, b->digest, v->e);
	const char *path = blob_path(v, b->digest);
	struct stat st;

	if (fd < 0 && v->e->cls == ERR_NOTFOUND)
		return err_set(v->e, ERR_NOTFOUND, "blob %s is missing: tare image verify --repair may fetch it again", b->digest);
	if (fd < 0)
		return fd;
	if (!path)
		return no_memory(v);
	if (fstat(fd, &st) < 0)
		return err_errno(v->e, -errno, "blob %s", b->digest);
	if ((uint64_t)st.st_size != b->size)
		return err_set(v->e, ERR_INVALID, "blob %s has %llu bytes, its image says %llu: tare image verify --repair may mend it", b->digest,
			       (unsigned long long)st.st_size, (unsigned long long)b->size);
	return tarball_copy(out, path, fd, b->size, v->e);
}

static int write_archive(struct saving *v, enum save_format format, int out)
{
	int r = tarball_text(out, "oci-layout", LAYOUT_TEXT, strlen(LAYOUT_TEXT), v->e);

	if (r == 0)
		r = tarball_text(out, "index.json", v->index_text.s, v->index_text.len, v->e);
	if (r == 0 && format == SAVE_DOCKER)
		r = tarball_text(out, "manifest.json", v->docker_text.s, v->docker_text.len, v->e);
	if (v->n_blobs > 1)
		qsort(v->blobs, v->n_blobs, sizeof(*v->blobs), in_order);
	for (size_t i = 0; r == 0 && i < v->n_blobs; i++)
		if (i == 0 || in_order(&v->blobs[i - 1], &v->blobs[i]) != 0)
			r = save_blob(v, &v->blobs[i], out);
	return r < 0 ? r : tarball_end(out, v->e);
}

static int keep_blobs(const struct saving *v, struct store_ingest *in)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < v->n_blobs; i++)
		r = store_ingest_keep(in, v->blobs[i].digest, v->e);
	if (r == 0)
		store_ingest_alone(in);
	return r;
}

/* keep: NULL, or staged, when that is nobody's but ours. */
static int save(const struct store_ingest *staged, struct store_ingest *keep, const struct image_saved *images, size_t n, enum save_format format, int out,
		struct err *e)
{
	struct saving v = { .staged = staged, .arena = ARENA_INIT, .index_text = STRBUF_INIT, .docker_text = STRBUF_INIT, .e = e };
	int r;

	v.index = (struct json_writer)JSON_WRITER(&v.index_text);
	v.docker = (struct json_writer)JSON_WRITER(&v.docker_text);
	r = make_documents(&v, images, n, format);
	if (r == 0 && keep)
		r = keep_blobs(&v, keep);
	if (r == 0)
		r = write_archive(&v, format, out);
	sb_free(&v.index_text);
	sb_free(&v.docker_text);
	arena_free(&v.arena);
	return r;
}

int image_save(struct store_ingest *in, const struct image_saved *images, size_t n, enum save_format format, int out, struct err *e)
{
	return save(in, in, images, n, format, out, e);
}

int image_save_staged(const struct store_ingest *staged, const struct image_saved *images, size_t n, enum save_format format, int out, struct err *e)
{
	return save(staged, NULL, images, n, format, out, e);
}
