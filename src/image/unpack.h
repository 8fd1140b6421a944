/* The caller's side of tare-worker: starts it sandboxed on one archive and takes its report.
 *
 * The worker gets a request and seven handles, nothing else: no environment, no network, no path of the host.
 *
 *	3 request (JSON, sealed memfd)   4 the archive    5 its report (JSON lines, a pipe)
 *	6 the staging folder             7 content/blobs/sha256   8 layers      (7 and 8: to see what is there already)
 *	9 and on: of a pull its lanes, then a partial file and its map for each blob
 *
 * What it reports is untrusted: every digest is checked for form here, and load.c recomputes ids from the bytes. */
#ifndef TARE_IMAGE_UNPACK_H
#define TARE_IMAGE_UNPACK_H

#include "base/json.h"
#include "image/load.h"

struct unpack_layer { /* a layer of an image, as the archive has it */
	const char *blob, *diff_id, *media_type;
	uint64_t blob_size;
};

struct unpack_image {
	const char *const *names; /* as written in the archive */
	size_t n_names;
	const char *config, *manifest; /* digests; manifest NULL when the archive has none */
	const char *repo_digest;       /* as in struct image_loaded, and so are these */
	const char *const *documents;
	size_t n_documents;
	const struct unpack_layer *layers;
	size_t n_layers;
};

struct unpacked { /* a layer that was unpacked into layers/CHAIN */
	const char *chain_id;
	uint64_t size, entries;
	uint32_t max_id;
};

struct unpack_packed { /* a tree that was packed */
	const char *blob, *diff_id;
	uint64_t blob_size, size, entries;
	uint32_t max_id;
};

struct unpack_report {
	struct unpack_image *images;
	size_t n_images, cap_images;
	struct unpacked *unpacked;
	size_t n_unpacked, cap_unpacked;
	struct unpack_packed packed;
};

/* What a pull has besides: members of the request, handles, and who listens to how much of each blob has arrived. */
struct unpack_pull {
	void (*write)(struct json_writer *w, const void *data);
	void (*arrived)(size_t blob, uint64_t bytes, void *data);
	void *data;
	const int *files; /* from handle 9 on; borrowed */
	size_t n_files;
};

/* verb: "load", "import" (gives one image without config), "pull" (gives no image) or "pack" (gives `packed`); with these two pull is not
 * NULL. Strings live in a. */
int unpack_run(const char *verb, const struct store_ingest *in, const struct image_load_args *args,
	       const struct unpack_pull *pull, struct arena *a, struct unpack_report *out, struct err *e) MUST_CHECK;

/* A tar (args->input) into the staging folder, of which nothing becomes part of the store: an fd of its root. files: it is nobody's layer:
 * names of whiteouts are names, and there may be no entry at all. */
int unpack_tree(const struct store_ingest *in, const struct image_load_args *args, bool files, struct err *e) MUST_CHECK;

/* The facts of a staged layer, and what only we may do to it. 1; 0: the report has no such layer. */
int image_load_finish_layer(struct store_ingest *in, const struct unpack_report *report, const char *chain_id, const char *diff_id,
			    struct err *e) MUST_CHECK;
/* From a report to whole images in the store, for what is in out->ingest: the end of image_load(), and of a pull. */
int image_load_finish(const struct store *s, const struct image_load_args *args, const struct unpack_report *report, struct arena *a,
		      struct image_load *out, struct err *e) MUST_CHECK;

#endif
