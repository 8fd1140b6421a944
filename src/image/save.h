/* Images out of the store into one archive.
 *
 * The archive is what docker 25 and later write: an OCI layout (oci-layout, index.json, blobs/sha256/HEX), and beside that, in docker's
 * format, manifest.json, by which older readers find the same blobs. Blobs are copied as they are in the store, so that the digests of
 * manifest, configuration and layers survive; layers that came compressed stay it, which every reader of docker's archives takes (zstd:
 * docker from version 23 on). The same images give the same bytes everywhere. */
#ifndef TARE_IMAGE_SAVE_H
#define TARE_IMAGE_SAVE_H

#include "image/store.h"

struct image_saved {
	const char *id, *manifest;
	const char *top; /* what its names mean: the manifest, or an index of which the store has everything; NULL: the manifest */
	const char *const *names; /* canonical references */
	size_t n_names;
};

enum save_format { SAVE_DOCKER, SAVE_OCI };

/* Writes into out (a file, pipe or socket, which is not closed) images of the store. in: begun before they were looked up; what they are of is kept
 * in it, and whoever takes the archive keeps the collector from nothing, as slow as he is: nothing may be committed afterwards. ERR_NOTFOUND,
 * ERR_INVALID: a blob is missing or damaged. */
int image_save(struct store_ingest *in, const struct image_saved *images, size_t n, enum save_format format, int out, struct err *e) MUST_CHECK;
/* The same of images whose blobs may not be in the store yet, but staged, and are going to be committed: the collector stays away meanwhile. */
int image_save_staged(const struct store_ingest *staged, const struct image_saved *images, size_t n, enum save_format format, int out,
		      struct err *e) MUST_CHECK;

#endif
