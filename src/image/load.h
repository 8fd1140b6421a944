/* Images out of archives into the store.
 *
 * Archive and layers are read by tare-worker, sandboxed (src/image/worker/), which writes into an ingest of the store;
 * this side starts it, recomputes image id and chain ids from the configuration, marks opaque folders, syncs, and
 * moves blobs and layers to their final names. Killed at any step, the store has what it had before or whole
 * additional things; the abandoned ingest is removed by the next store_gc().
 *
 *	struct image_load load = IMAGE_LOAD_INIT;
 *	r = image_load(&store, &args, &arena, &load, e);
 *	if (r == 0) write load.images into the catalog;
 *	image_load_end(&load);            only after the catalog is written: it lets gc in again
 */
#ifndef TARE_IMAGE_LOAD_H
#define TARE_IMAGE_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/strbuf.h"
#include "image/config.h"
#include "image/limits.h"
#include "image/store.h"

struct image_layer {
	const char *blob;     /* digest of the layer as it came (compressed or not), in the store */
	const char *diff_id;  /* digest of its uncompressed tar */
	const char *chain_id; /* its name in the store */
	uint64_t blob_size;
	uint64_t size;        /* unpacked bytes of its files */
	uint32_t max_id;      /* highest uid or gid in it */
	bool existed;         /* the layer was in the store before */
};

struct image_loaded {
	const char *const *names; /* canonical references (image/ref.h); may be empty */
	size_t n_names;
	const char *id;       /* digest of the configuration */
	const char *manifest; /* digest of its manifest; one is made where the archive has none */
	const char *parent;   /* struct image has it; NULL: none */
	const char *repo_digest; /* what the registry that it came from calls it, "HOST/PATH@sha256:…"; NULL without */
	const char *const *documents; /* digests of the indexes that led to the manifest, topmost first */
	size_t n_documents;
	const struct image_config *config;
	const struct image_layer *layers; /* bottom first */
	size_t n_layers;
};

enum image_progress_kind {
	IMAGE_PROGRESS_LAYER,   /* a layer (chain id; of a pull its blob) was unpacked, so many bytes */
	IMAGE_PROGRESS_IMAGE,   /* an image is whole */
	IMAGE_PROGRESS_HERE,    /* of a pull: blob and layer are here already */
	IMAGE_PROGRESS_WAIT,    /* another pull fetches this blob */
	IMAGE_PROGRESS_BEGIN,   /* this blob, of so many bytes, is going to be fetched */
	IMAGE_PROGRESS_ARRIVED, /* so many bytes of it are here */
};
typedef void (*image_progress_fn)(enum image_progress_kind kind, const char *digest, uint64_t bytes, void *data);

struct image_load_args {
	const char *worker;   /* absolute path of tare-worker */
	int input;            /* archive (file, pipe or socket), or an OCI layout folder; borrowed */
	const char *name;     /* of the input, for messages: a path, or "standard input" */
	const char *platform; /* "os/arch[/variant]"; NULL = this machine's */
	struct image_limits limits; /* image_limits_default(), then image_limits_set() per --limit */
	image_progress_fn progress; /* may be NULL */
	void *progress_data;
};

struct image_load {
	const struct image_loaded *images;
	size_t n_images;
	struct store_ingest ingest; /* private: keeps gc away until image_load_end() */
};
#define IMAGE_LOAD_INIT { .ingest = STORE_INGEST_INIT }
#define CLEANUP_IMAGE_LOAD CLEANUP(image_load_end)

/* Loads every image of a docker-archive, OCI archive or OCI layout folder, gzip or zstd around it or not. Everything
 * *out points to lives in a. Several images of one archive succeed or fail together. */
int image_load(const struct store *s, const struct image_load_args *args, struct arena *a, struct image_load *out,
	       struct err *e) MUST_CHECK;

struct image_import {
	const char *reference; /* the name it gets, canonical; NULL: none */
	/* Writes the configuration of an image of this layer, of which diff_id is set. */
	int (*config)(const struct image_layer *layer, struct strbuf *out, void *data, struct err *e);
	void *data;
};

/* A root file system's tar (plain, gzip, zstd) as an image of one layer. */
int image_import(const struct store *s, const struct image_load_args *args, const struct image_import *how, struct arena *a,
		 struct image_load *out, struct err *e) MUST_CHECK;

void image_load_end(struct image_load *l);

#endif
