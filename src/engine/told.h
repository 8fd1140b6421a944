/* What a reader of events has had already: the same end may stand in the file twice, with the same text that names it
 * (engine/events.h). */
#ifndef TARE_ENGINE_TOLD_H
#define TARE_ENGINE_TOLD_H

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct told {
	uint64_t *v; /* open addressing; 0: free */
	size_t n, cap;
};

/* 1: it was told before; 0: it was not, and is now. -ENOMEM. */
int told_before(struct told *t, const char *once) MUST_CHECK;
void told_end(struct told *t);

#endif
