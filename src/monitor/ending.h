/* The steps between a container's end and its monitor's. Each may be repeated by a successor. */
#ifndef TARE_MONITOR_ENDING_H
#define TARE_MONITOR_ENDING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "monitor/description.h"
#include "monitor/progress.h"
#include "monitor/state.h"

/* Publishes how the process at pidfd ended, after pidfd polled readable: from waitid when it is our child (then it is
 * reaped), else from the zombie or the pidfd where the kernel tells, else as unknown. */
void ending_publish(int pidfd, struct progress *p);

/* Whether the kernel killed something in the container for memory; then kills what is left in its cgroup and removes
 * that. */
void ending_cleanup_cgroup(const struct description *d, struct progress *p, bool *oom_killed);

/* Fills in the end from what was published. */
void ending_fill(struct state *s, const struct progress *p, bool oom_killed);

/* The names in stateDir that only a living monitor has a use for. */
void ending_remove_names(int state_dir);

/* The poststop hooks, and the program the engine wants executed; waits for both (bounded). */
void ending_run_poststop(const struct description *d, pid_t pid);
void ending_run_exited(const struct description *d);

/* Before all that: starts the engine's program to stop the container (`tare stop ID`), and gives its pidfd, the caller's to close. */
int ending_start_stop(const struct description *d) MUST_CHECK;

/* At the very end, when nobody waits any more: those that the kernel tracks of the container's addresses (net/stale.h). */
void ending_forget_connections(const struct description *d);

#endif
