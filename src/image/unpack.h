/* The caller's side of tare-worker: starts it sandboxed on one archive and takes its report.
 *
 * The worker gets a request and seven handles, nothing else: no environment, no network, no path of the host.
 *
 *	3 request (JSON, sealed memfd)   4 the archive    5 its report (JSON lines, a pipe)
 *	6 the staging folder             7 content/blobs/sha256   8 layers      (7 and 8: to see what is there already)
 *
 * What it reports is untrusted: every digest is checked for form here, and load.c recomputes ids from the bytes. */
#ifndef TARE_IMAGE_UNPACK_H
#define TARE_IMAGE_UNPACK_H

#include "image/load.h"

struct unpack_layer { /* a layer of an image, as the archive has it */
	const char *blob, *diff_id, *media_type;
	uint64_t blob_size;
};

struct unpack_image {
	const char *const *names; /* as written in the archive */
	size_t n_names;
	const char *config, *manifest; /* digests; manifest NULL when the archive has none */
	const struct unpack_layer *layers;
	size_t n_layers;
};

struct unpacked { /* a layer that was unpacked into layers/CHAIN */
	const char *chain_id;
	uint64_t size, entries;
	uint32_t max_id;
};

struct unpack_report {
	struct unpack_image *images;
	size_t n_images, cap_images;
	struct unpacked *unpacked;
	size_t n_unpacked, cap_unpacked;
};

/* verb: "load" or "import" (gives one image without config). Strings live in a. */
int unpack_run(const char *verb, const struct store_ingest *in, const struct image_load_args *args, struct arena *a,
	       struct unpack_report *out, struct err *e) MUST_CHECK;

#endif
