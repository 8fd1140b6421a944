/* bzip2 and xz around an archive, by libarchive's filters: for archives that people bring (import, ADD), not for layers of images, which
 * no image format lets be packed so. Told by the first bytes. */
#ifndef TARE_WORKER_UNWRAP_H
#define TARE_WORKER_UNWRAP_H

#include "image/worker/inflate.h"

struct unwrap;

/* What is packed otherwise, or not at all, comes out of unwrap_read() as it is. */
int unwrap_new(inflate_input input, void *ctx, struct unwrap **out, struct err *e) MUST_CHECK;
void unwrap_free(struct unwrap *u); /* NULL allowed */

/* Up to len bytes; fewer only at the end, which comes only when the packed stream is whole. */
ssize_t unwrap_read(struct unwrap *u, void *buf, size_t len, struct err *e) MUST_CHECK;

/* Bytes that were taken from input. */
uint64_t unwrap_taken(const struct unwrap *u);

#endif
