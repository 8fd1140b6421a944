/* What an automatic collection removes, by age and by how full the disk is: `system gc`. */
#ifndef TARE_ENGINE_GC_H
#define TARE_ENGINE_GC_H

#include "engine/usage.h"

struct gc_policy {
	int64_t until;          /* only what nobody used since: ns since the epoch */
	uint64_t free;          /* bytes: nothing goes while so many are free on the store's file system; 0: it does not matter */
	unsigned int free_part; /* the same in hundredths of the file system; 0: not given */
	uint64_t keep_cache;    /* bytes of the build cache, of what was used last, that stay */
	bool containers;        /* those that do not run, too */
	bool all;               /* images with a name that no container uses, too */
};

/* In this order, the oldest first, until enough is free: garbage and half-fetched blobs, the build cache, images without a name,
 * containers, images with one. What is removed is told as by prune(). *freed: bytes. */
int gc_run(const struct engine *en, const struct gc_policy *policy, prune_fn fn, void *data, uint64_t *freed, struct err *e) MUST_CHECK;

#endif
