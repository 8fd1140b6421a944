/* Limits of a container that exists: tare update. */
#ifndef TARE_ENGINE_LIMITS_H
#define TARE_ENGINE_LIMITS_H

#include "base/err.h"
#include "engine/engine.h"
#include "engine/options.h"

/* What of opt's limits is given (memory, swap, reservation, cpus, quota, period, shares, cpuset, pids, real time, blkio weight) replaces what
 * the container has: at once where it runs, and for its next start. What does not go together is refused, and nothing changed; what the kernel
 * refuses (a limit below what is in use) is taken back. */
int container_limit(const struct engine *en, const char *what, const struct ct_options *opt, struct err *e) MUST_CHECK;

#endif
