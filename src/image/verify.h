/* Whether what the store has of a layer is what its digests say, and mending what is not.
 *
 * The layer's blob is unpacked once more, by tare-worker in its sandbox and into a staging folder: that proves the blob against its digest
 * and its content against the diff id, and gives the tree that ought to be there. The tree that is there is compared with it, file by file.
 * The tree's own digest is nowhere recorded: it would cost each pull as much, and would not tell which file it is. */
#ifndef TARE_IMAGE_VERIFY_H
#define TARE_IMAGE_VERIFY_H

#include "image/store.h"

#define VERIFY_MOST 20 /* differences that are told of in one layer */

struct verify_layer {
	const char *blob, *diff_id, *chain_id;
};

/* where: the blob, or a path in the layer, or NULL: all of it; what: what is wrong with it. */
typedef void (*verify_fn)(const char *where, const char *what, void *data);

enum verify_result {
	VERIFY_GOOD,
	VERIFY_TREE, /* the blob is good, the tree is not; a good one is staged for store_replace_layer() */
	VERIFY_BLOB, /* the blob is missing or wrong; of the tree nothing is known */
};

/* in: a staging folder, which keeps the collector away; worker: absolute path of tare-worker. Errors are that one could not look. */
int verify_layer(struct store_ingest *in, const char *worker, const struct verify_layer *l, verify_fn fn, void *data,
		 enum verify_result *out, struct err *e) MUST_CHECK;
/* Gives the staged tree of a layer up. */
void verify_drop(struct store_ingest *in, const struct verify_layer *l);

#endif
