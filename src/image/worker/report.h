/* What the worker tells its caller: one JSON object a line on the report pipe (src/image/unpack.h reads it). Threads
 * may report at any time; lines never mix. */
#ifndef TARE_WORKER_REPORT_H
#define TARE_WORKER_REPORT_H

#include "image/digest.h"
#include "image/worker/task.h"

struct report_layer {
	const char *blob, *diff_id, *media_type;
	uint64_t blob_size;
};

/* layers/CHAIN is unpacked, whole and verified. */
int report_unpacked(struct task *t, const char *chain_id, uint64_t size, uint64_t entries, uint32_t max_id,
		    struct err *e) MUST_CHECK;
/* An image all of whose layers are staged or in the store. config and manifest NULL: the archive has none. */
int report_image(struct task *t, const char *const *names, const char *config, const char *manifest,
		 const struct report_layer *layers, size_t n_layers, struct err *e) MUST_CHECK;
/* What a tree was packed into. */
struct report_packed {
	char blob[DIGEST_LEN + 1], diff_id[DIGEST_LEN + 1];
	uint64_t blob_size, size, entries; /* size: bytes of its files */
	uint32_t max_id;
};
int report_packed(struct task *t, const struct report_packed *p, struct err *e) MUST_CHECK;
/* So many bytes of a blob of the request are there: for who watches, so a failure to say it is none. */
void report_arrived(struct task *t, size_t blob, uint64_t bytes);
/* The failure that ended the run; the last line. */
void report_failure(struct task *t, const struct err *failure);

#endif
