/* A container that is about to be looked into or changed, running or not: nobody else starts, ends or changes it meanwhile. */
#ifndef TARE_ENGINE_HOLD_H
#define TARE_ENGINE_HOLD_H

#include "engine/config.h"
#include "engine/engine.h"
#include "engine/live.h"
#include "engine/record.h"

struct hold {
	struct record rec;
	struct live live;
	struct ct_config config;
	int lock;
};
#define HOLD_INIT { .live = LIVE_INIT, .lock = -1 }

/* By id, start of one, or name: takes its operation lock, and reads then what is true of it. hold_end() in any case. */
int hold_container(const struct engine *en, struct arena *a, const char *what, struct hold *out, struct err *e) MUST_CHECK;
/* Its networks or ports are about to be changed: one that waits for its restart keeps those it had for that, and they may not fit any more.
 * It gives them up, and takes others then. */
int hold_places(const struct engine *en, const struct hold *h, struct err *e) MUST_CHECK;
bool hold_runs(const struct hold *h);
/* From here on others may start, end, change or remove it; rec says what was. */
void hold_let_go(struct hold *h);
/* After something was read of one that was let go of: what is left of one that was removed meanwhile is not its files. ERR_CONFLICT then. */
int hold_still_there(const struct engine *en, struct arena *a, const struct hold *h, struct err *e) MUST_CHECK;
void hold_end(struct hold *h);

#endif
