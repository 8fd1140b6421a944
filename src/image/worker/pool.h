/* Pieces of work on a few threads, this one among them, taken in order. The first failure stops all at their next block. */
#ifndef TARE_WORKER_POOL_H
#define TARE_WORKER_POOL_H

#include "image/worker/task.h"

typedef int (*pool_fn)(size_t i, void *data, struct err *e);

/* fn for each of n pieces, on as many threads as the task may have; gives the first failure. */
int pool_run(struct task *t, size_t n, pool_fn fn, void *data, struct err *e) MUST_CHECK;

#endif
