/* Unpacks what an archive or a layer is packed with: nothing, gzip (ISA-L, several members), zstd (several frames).
 * Told by the first bytes, never by a name or a media type. */
#ifndef TARE_WORKER_INFLATE_H
#define TARE_WORKER_INFLATE_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

enum packing { PACKING_NONE, PACKING_GZIP, PACKING_ZSTD };

/* Gives up to len packed bytes, 0 at their end, negative with e set. Fewer than len only at the end. */
typedef ssize_t (*inflate_input)(void *ctx, void *buf, size_t len, struct err *e);

struct inflate;

/* Reads the first bytes. ERR_UNSUPPORTED for other packings, by name: lz4, and xz and bzip2, which unwrap.h reads where they may be. */
int inflate_new(inflate_input input, void *ctx, struct inflate **out, struct err *e) MUST_CHECK;
void inflate_free(struct inflate *f); /* NULL allowed */
static inline void cleanup_inflate(struct inflate **f)
{
	inflate_free(*f);
}
#define CLEANUP_INFLATE CLEANUP(cleanup_inflate)

enum packing inflate_packing(const struct inflate *f);

/* Up to len unpacked bytes; fewer only at the end, which comes only after the packed stream was seen to be whole, its
 * checksum right, and all input consumed (zero padding may follow it, nothing else). */
ssize_t inflate_read(struct inflate *f, void *buf, size_t len, struct err *e) MUST_CHECK;

#endif
