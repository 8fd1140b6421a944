/* Unpacks layers while their blobs arrive from tare-transfer (image/pull.h starts both). */
#ifndef TARE_WORKER_PULL_H
#define TARE_WORKER_PULL_H

#include "base/json.h"
#include "image/worker/gather.h"

struct pull_layer {
	size_t blob;
	const char *diff_id, *chain_id;
	bool want_tree; /* false: only the blob's digest is to be checked */
};

struct pull {
	struct task *task;
	struct gather gather;
	const char **digests; /* of the blobs */
	int *lanes;
	size_t n_lanes;
	struct pull_layer *layers;
	size_t n_layers;
};

/* Takes the request's "lanes", "blobs", "chunks" and "layers"; before the sandbox. Everything lives in a. */
int pull_read(struct task *t, struct arena *a, const struct json *doc, struct pull *out, struct err *e) MUST_CHECK;
/* The whole of `tare-worker pull`. */
int pull_run(struct pull *p, struct err *e) MUST_CHECK;

#endif
