/* Blobs that arrive in pieces, from a process that nobody trusts (image/transfer/), while they are already being read.
 *
 * The transfer program writes frames into a few pipes ("lanes"); a thread per lane puts them into the blobs' partial
 * files. What is missing of the blobs was cut into chunks by the caller; a chunk fills from its start to its end and no byte
 * is ever written twice, so what a reader has hashed stays what it was. Which stretches of a file are there is kept in a map
 * beside it, one byte per PARTIAL_GRANULE: the next pull goes on from there, and the digest at the end tells if that was
 * wrong. */
#ifndef TARE_WORKER_GATHER_H
#define TARE_WORKER_GATHER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "image/partial.h"
#include "image/worker/task.h"

struct gather_blob {
	int fd, map_fd;  /* partial file and its map; borrowed */
	uint64_t size;
	size_t first, end; /* its chunks, those that are done left out */
	uint64_t arrived;  /* bytes, for the report */
};

struct gather_chunk {
	size_t blob;
	uint64_t start, end, received;
	bool busy; /* a lane writes into it */
};

struct gather {
	struct task *task;
	struct gather_blob *blobs;
	size_t n_blobs;
	struct gather_chunk *chunks; /* by blob, and by start */
	size_t n_chunks;
	pthread_mutex_t lock;
	pthread_cond_t moved;
	pthread_t *threads;
	struct gather_lane *lanes;
	size_t n_lanes, open_lanes;
	int64_t told; /* when progress was last reported (base/clock.h) */
	struct err e;  /* the first failure */
};

/* Starts a thread for each lane (read ends of pipes, borrowed). blobs and chunks are filled by the caller and live as long
 * as g. ERR_INTERNAL when they do not fit each other. */
int gather_start(struct gather *g, const int *lanes, size_t n, struct err *e) MUST_CHECK;
/* Waits until all lanes have ended. */
void gather_join(struct gather *g);
void gather_free(struct gather *g);

/* Up to len bytes of a blob from offset on, as soon as there are any; 0 at its end. When all lanes have ended without them:
 * ERR_UNAVAILABLE. */
ssize_t gather_read(struct gather *g, size_t blob, uint64_t offset, void *buf, size_t len, struct err *e) MUST_CHECK;

#endif
