/* A process and what it started. */
#ifndef TARE_SYS_PROCTREE_H
#define TARE_SYS_PROCTREE_H

#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"

/* SIGKILLs process root, if its start time is still that one, its session, and their descendants; what they start meanwhile, too.
 * Reads all of /proc, so it is for what seldom happens. -ESRCH: root is gone. */
int proctree_kill(pid_t root, uint64_t start_time) MUST_CHECK;

#endif
