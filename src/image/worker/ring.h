/* A ring of blocks between two threads: one fills, one takes. Either may give up, and the other notices. */
#ifndef TARE_WORKER_RING_H
#define TARE_WORKER_RING_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define RING_BLOCKS 8
#define RING_BLOCK_SIZE (128U << 10) /* a multiple of tar's 512: headers are never cut, content is never copied */

struct ring {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned char *memory;
	size_t len[RING_BLOCKS];
	size_t filled, taken; /* counts since the start */
	bool ended;   /* by the filler: nothing more comes */
	bool stopped; /* by the taker: nothing more is wanted */
	bool holding; /* the taker still reads block `taken` */
	atomic_uint_least64_t weight; /* packed bytes behind what was filled so far, for the taker's limits */
};

int ring_init(struct ring *r, struct err *e) MUST_CHECK;
void ring_free(struct ring *r);

/* The next block to fill (RING_BLOCK_SIZE bytes), waiting for one; NULL when the taker stopped. */
unsigned char *ring_fill(struct ring *r);
void ring_filled(struct ring *r, size_t len);
void ring_end(struct ring *r);

/* The next block, giving the one before back; *len 0 at the end. */
const unsigned char *ring_take(struct ring *r, size_t *len);
void ring_stop(struct ring *r);

#endif
