/* Bytes into a gzip file, or as they are, hashed on both sides. */
#ifndef TARE_WORKER_DEFLATE_H
#define TARE_WORKER_DEFLATE_H

#include <stdint.h>

#include "image/worker/hash.h"

struct deflate;

/* fd: where the packed bytes go, or plain ones; borrowed. One at a time that packs: -EEXIST. */
int deflate_new(int fd, bool plain, struct deflate **out, struct err *e) MUST_CHECK;
void deflate_free(struct deflate *d); /* NULL allowed */
static inline void cleanup_deflate(struct deflate **d)
{
	deflate_free(*d);
}
#define CLEANUP_DEFLATE CLEANUP(cleanup_deflate)

int deflate_add(struct deflate *d, const void *data, size_t len, struct err *e) MUST_CHECK;
/* The end of the file: digests of what went in and of what came out, and how much that was. */
int deflate_end(struct deflate *d, char plain[DIGEST_LEN + 1], char packed[DIGEST_LEN + 1], uint64_t *size,
		struct err *e) MUST_CHECK;

#endif
