/* Waiting for the ends of containers, of several at once. Nothing is asked again and again: their monitors tell, which connect to who waits
 * when they begin (engine/waiting.h), and where there is none the file of events (base/eventlog.h) does. A container that is about to be
 * restarted by its policy is the exception, for a start that fails tells nobody. */
#ifndef TARE_ENGINE_WAIT_H
#define TARE_ENGINE_WAIT_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/engine.h"

enum wait_condition {
	WAIT_NOT_RUNNING, /* until it does not run, which may be now */
	WAIT_NEXT_EXIT,   /* until it ends the next time, also when it does not run yet */
	WAIT_REMOVED      /* until it is removed */
};

/* One has what was waited for: its exit code as a shell has it; known false: nobody could learn it. why: it could not be waited for. */
typedef void (*waited_fn)(const char *what, int code, bool known, const struct err *why, void *data);

/* All of them are waited for from now on; fn gets each in the order of what, as soon as those before it are done. */
int containers_wait(const struct engine *en, const char *const *what, size_t n, enum wait_condition until, waited_fn fn, void *data, struct err *e) MUST_CHECK;

/* The same for who has to tell somebody: begun (NULL: nobody is told) is called when the wait has begun, before anything is reported: whatever happens from
 * then on is seen; what it gives when that is negative ends the wait. gone: a descriptor (-1: none) whose hang-up ends it with ERR_UNAVAILABLE. */
struct wait_party {
	int (*begun)(void *data, struct err *e);
	int gone;
	/* Where the wait may be long: the store is not needed for now (it may be closed, and what else takes memory), and is needed again. NULL, both: it stays
	 * open. */
	void (*rest)(void *data);
	int (*wake)(void *data, const struct engine **en, struct err *e);
};
int containers_wait_for(const struct engine *en, const char *const *what, size_t n, enum wait_condition until, const struct wait_party *party, waited_fn fn,
			void *data, struct err *e) MUST_CHECK;

#endif
