/* One layer from packed bytes to a verified tree and a verified blob. */
#ifndef TARE_WORKER_LAYER_H
#define TARE_WORKER_LAYER_H

#include "image/digest.h"
#include "image/worker/inflate.h"
#include "image/worker/source.h"
#include "image/worker/task.h"
#include "image/worker/tree.h"

struct layer_job {
	struct source source;
	const char *spooled; /* the bytes are this whole file of staging/spool: it becomes the blob; NULL: they are copied */
	const char *blob;    /* digest the packed bytes must have, NULL = unknown */
	const char *diff_id; /* digest the unpacked bytes must have, NULL = unknown (import) */
	const char *chain_id; /* names the tree; NULL: named by what diff_id comes out (import) */
	bool unwrap;         /* bzip2 or xz around it are taken off first: blob and digests are of what is in them */
	bool want_tree;      /* false: the store has it; only the blob is wanted */
	bool want_blob;      /* false: the store has it */
	/* out */
	char blob_digest[DIGEST_LEN + 1], diff_digest[DIGEST_LEN + 1];
	uint64_t blob_size;
	enum packing packing;
	struct tree_facts facts;
};

/* Leaves staging/blobs/HEX and staging/layers/HEX/fs, or an error and rubbish in staging that the caller's caller
 * removes as a whole. number: unique in this run. */
int layer_run(struct task *t, struct layer_job *job, unsigned int number, struct err *e) MUST_CHECK;

#endif
