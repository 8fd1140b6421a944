/* Stages that do not wait for each other, at the same time. */
#ifndef TARE_BUILD_PARALLEL_H
#define TARE_BUILD_PARALLEL_H

#include "build/work.h"

/* All that the target needs, `jobs` at a time at most. The first that fails ends the others, and *e is its. The catalog is
 * closed meanwhile. */
int parallel_stages(struct build *b, size_t jobs, struct err *e) MUST_CHECK;

#endif
