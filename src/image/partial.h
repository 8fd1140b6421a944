/* Blobs on their way into the store: content/partial/HEX, with a map HEX.map of what of it is there. Whoever fetches a blob holds the lock
 * of its partial file; who finds it held waits and then has the blob. A pull that was killed leaves both, and the next goes on from there:
 * whether what the map says is true, is told by the digest at the end. */
#ifndef TARE_IMAGE_PARTIAL_H
#define TARE_IMAGE_PARTIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "image/digest.h"

#define PARTIAL_FOLDER "content/partial" /* below the store's root */

/* A byte of the map is 1 when this much of the partial file (or its end) is there. */
#define PARTIAL_GRANULE 65536U
/* Long stretches are fetched in pieces of this size, several at once. */
#define PARTIAL_CHUNK (8U << 20)

/* What goes from tare-transfer to tare-worker through a lane: this, then len bytes that follow what the chunk has. In the machine's byte
 * order. */
struct partial_frame {
	uint32_t chunk, len;
};
#define PARTIAL_FRAME_MAX (256U << 10)

struct partial {
	int file, map; /* owned; the lock is the file's */
	char digest[DIGEST_LEN + 1];
	uint64_t size;
	bool resumed; /* something was there */
};
#define PARTIAL_INIT { .file = -1, .map = -1 }

/* Opens and locks the partial file of a blob in dir (content/partial). wait false: -EBUSY in e->code, class ERR_BUSY, when somebody has
 * it. */
int partial_open(int dir, const char *digest, uint64_t size, bool wait, struct partial *out, struct err *e) MUST_CHECK;
/* Forgets what is there, for a fresh start. */
int partial_restart(struct partial *p, struct err *e) MUST_CHECK;
/* Stays, or after partial_take() is gone. */
void partial_close(struct partial *p);

struct partial_gap {
	uint64_t start, end;
};
/* What is missing, in pieces of at most PARTIAL_CHUNK. */
int partial_gaps(const struct partial *p, struct arena *a, struct partial_gap **out, size_t *n, struct err *e) MUST_CHECK;

/* Removes it, for the store has the blob. */
void partial_remove(int dir, struct partial *p);

/* All of it is there: nothing stays behind its end. For before the sync that partial_take() relies on. */
int partial_trim(const struct partial *p, struct err *e) MUST_CHECK;
/* Moves the file, whole and synced, to the name of its digest in the folder to, and removes the map. */
int partial_take(int dir, struct partial *p, int to, struct err *e) MUST_CHECK;

/* What there is of them below the store's root: how many, and their bytes on the disk. */
int partial_usage(int root, uint64_t *count, uint64_t *bytes, struct err *e) MUST_CHECK;
/* Removes those that nobody has and that nothing was added to for so many seconds. Adds to *count and *bytes what went. */
int partial_sweep(int root, int64_t seconds, uint64_t *count, uint64_t *bytes, struct err *e) MUST_CHECK;

#endif
