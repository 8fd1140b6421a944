/* Out of the caller's cgroup: what ends or limits that is not meant for us, and what kills the caller leaves us alive. */
#ifndef TARE_MONITOR_LEAVE_H
#define TARE_MONITOR_LEAVE_H

#include "base/err.h"

/* Moves this process, of one thread, into the cgroup where monitors live (description.monitor_cgroup), made where it is
 * missing; NULL: its container has none, and nothing is done. It does not wait where launch.c had us born there in v2. */
int leave_caller(const char *monitors, struct err *e) MUST_CHECK;

#endif
