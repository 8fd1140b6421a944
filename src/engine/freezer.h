/* A container that stands still while somebody looks at it. A process of its own freezes it and lets it go again when the other end of a
 * pipe is closed: also when we are killed. */
#ifndef TARE_ENGINE_FREEZER_H
#define TARE_ENGINE_FREEZER_H

#include "engine/engine.h"
#include "engine/record.h"

struct freezer {
	const struct record *rec;
	int pidfd, pipe;
};
#define FREEZER_INIT { .pidfd = -1, .pipe = -1 }
#define CLEANUP_FREEZER CLEANUP(freezer_end)

/* rec: it runs and is not paused; to outlive the freezer. lock: the container's operation lock, which that process keeps, too: whoever gets it
 * finds the container as it was. ERR_UNSUPPORTED: it has no cgroup. */
int freezer_begin(const struct engine *en, const struct record *rec, int lock, struct freezer *out, struct err *e) MUST_CHECK;
/* Lets it go on. Harmless when nothing was begun. */
void freezer_end(struct freezer *f);

/* What that process does (`tare internal freeze ID`): says "frozen" and a newline on standard output, waits for the end of standard
 * input. */
int freezer_serve(const struct engine *en, const char *id, struct err *e) MUST_CHECK;

#endif
