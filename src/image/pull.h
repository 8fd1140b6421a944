/* An image from a registry into the store.
 *
 * Two programs do it: tare-transfer speaks with the registry and writes nowhere, tare-worker takes the layers from it and unpacks them
 * while they arrive, and has no network. This side asks for the small documents, checks each against the digest that led to it, decides
 * what is missing, and gives names to what came whole. Between "the manifest is known" and "the first byte of a layer is asked for" there
 * is one place where a policy can refuse (admit).
 *
 * Several pulls at once: each blob is fetched by whoever has its partial file's lock (image/partial.h); the others wait for that
 * and go on with what is in the store then. Nobody waits for another's blob while holding one of its own. */
#ifndef TARE_IMAGE_PULL_H
#define TARE_IMAGE_PULL_H

#include "image/load.h"
#include "image/manifest.h"
#include "image/ref.h"
#include "image/registry.h"

struct image_resolved {
	const char *name;     /* canonical */
	const char *digest;   /* of what the registry has under that name: an index, or the manifest itself */
	const char *manifest; /* digest of the platform's manifest */
	const char *config;   /* digest of its configuration: the image's id */
	const char *const *indexes; /* digests of the indexes on the way, topmost first */
	size_t n_indexes;
};

struct image_pull_args {
	const char *transfer; /* absolute path of tare-transfer */
	const struct transfer_endpoint *endpoints; /* in the order in which they are asked */
	size_t n_endpoints;
	const struct image_ref *ref;
	struct image_load_args load; /* worker, platform, limits, progress (digests are blobs'); input -1; name: as people write it */
	/* Called when it is known what would be fetched, before any of it is; negative refuses. NULL: everything is admitted. */
	int (*admit)(const struct image_resolved *what, void *data, struct err *e);
	void *admit_data;
};

/* As image_load(); *resolved lives in a. */
int image_pull(const struct store *s, const struct image_pull_args *args, struct arena *a, struct image_load *out,
	       struct image_resolved *resolved, struct err *e) MUST_CHECK;

/* What a name means, and no more: only documents are fetched, and checked as for a pull. */
struct image_looked {
	struct manifest manifest;
	const struct image_config *config; /* has as many layers */
	uint64_t endpoint;                 /* who has it */
};
int image_look(const struct store *s, const struct image_pull_args *args, struct arena *a, struct image_looked *out, struct err *e) MUST_CHECK;

/* One layer of what was looked at, as the layer of that chain id, into the store. Whoever asks keeps the collector away (an ingest of his
 * own, store_hold()). */
struct image_look_layer {
	const struct descriptor *blob;
	const char *diff_id, *chain_id;
	uint64_t endpoint;
};
int image_look_fetch(const struct store *s, const struct image_pull_args *args, const struct image_look_layer *l, struct arena *a,
		     struct err *e) MUST_CHECK;

#endif
