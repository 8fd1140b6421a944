/* Between the container and the service manager that its start was for: what the manager hears, and from whom. */
#ifndef TARE_MONITOR_NOTIFY_H
#define TARE_MONITOR_NOTIFY_H

#include <stddef.h>

#include "base/loop.h"
#include "monitor/crew.h"
#include "monitor/description.h"

/* ---- who makes the container, and will be its keeper ---- */

/* Goes on in a child that is whoever adopts orphans' (the manager's): it takes only such a process for a main process whose end it sees.
 * Before anything is held that a child does not inherit. */
int notify_fork(struct err *e) MUST_CHECK;
/* Connects to the manager (CREW_MANAGER); in mode "container" opens the container's socket (CREW_NOTIFY), and d->spec becomes one that has
 * it. */
int notify_open(struct crew *c, struct arena *a, struct description *d, struct err *e) MUST_CHECK;
/* Before and after the start: we are the main process, and what is ready by that. ERR_UNAVAILABLE: our client is gone meanwhile, killed
 * with the manager's start. */
int notify_starting(const struct crew *c, const struct description *d, struct err *e) MUST_CHECK;
int notify_started(const struct crew *c, const struct description *d, struct err *e) MUST_CHECK;

/* ---- the worker ---- */

struct notify {
	const struct description *d; /* borrowed; NULL: nothing to do */
	struct loop *loop;
	pid_t keeper;
	struct loop_source *from, *to;
};

/* keeper: who the manager takes for the main process. Nothing where there is no manager. */
void notify_begin(struct notify *n, struct loop *l, const struct crew *c, const struct description *d, pid_t keeper);
/* The container's end: its last words are passed on. */
void notify_end(struct notify *n);
/* Without them: the keeper died, in whose name nothing is to be said any more. */
void notify_stop(struct notify *n);
/* Its health check succeeds. */
void notify_healthy(struct notify *n);

/* What of a message may be passed on, to out (at least len bytes), which it gives the length of. The rules alone, for tests. */
size_t notify_filter(const char *message, size_t len, char *out);

#endif
