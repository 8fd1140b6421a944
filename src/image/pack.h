/* A tree that a step of a build wrote, into a layer of the store: the tree itself, and the blob that others get of it. */
#ifndef TARE_IMAGE_PACK_H
#define TARE_IMAGE_PACK_H

#include "image/load.h"

#define PACK_TYPE "application/vnd.oci.image.layer.v1.tar+gzip"

struct pack_args {
	const char *worker; /* absolute path of tare-worker */
	struct image_limits limits;
	int upper;                 /* O_RDONLY folder of the ingest, tidied (image/tidy.h) */
	const char *folder;        /* its path below the ingest */
	const char *const *opaque; /* NULL-terminated */
	const char *parent;        /* chain id of the layer below; NULL: none */
};

/* The worker packs it (image/worker/pack.c), then tree and blob go where layers and blobs are, durably. The strings of
 * *out are in a. A layer of the same content that is there wins. */
int image_pack(struct store_ingest *in, const struct pack_args *args, struct arena *a, struct image_layer *out,
	       struct err *e) MUST_CHECK;

#endif
