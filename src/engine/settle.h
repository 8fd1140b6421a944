/* Repair: brings what is written down about a container in line with what lives. Every command calls it for what it
 * meets, so a killed command, a killed monitor or a reboot is noticed and put right by whoever comes next. */
#ifndef TARE_ENGINE_SETTLE_H
#define TARE_ENGINE_SETTLE_H

#include "base/arena.h"
#include "engine/engine.h"
#include "engine/live.h"
#include "engine/record.h"

enum settle_patience { /* from SETTLE_WAIT on others are waited for */
	SETTLE_LIST, /* as the next, of many: what live says is live_glance()'s */
	SETTLE_LOOK, /* leaves alone what another process is at work on */
	SETTLE_WAIT, /* waits until a start or an end in progress is through */
	SETTLE_END   /* the same, for who is about to end it: one whose live state is lost (lost.h) is left to him, running and without a pidfd */
};

/* rec: what the catalog says; updated. live: what lives, owned by the caller (live_close). A container that is gone
 * after the repair (--rm, or never finished being made) is ERR_NOTFOUND; with SETTLE_WAIT one that runs without live state is ERR_CONFLICT. */
int settle(const struct engine *en, struct arena *a, struct record *rec, struct live *live, enum settle_patience patience,
	   struct err *e) MUST_CHECK;

/* record_find() and settle(). */
int settle_find(const struct engine *en, struct arena *a, const char *what, enum settle_patience patience,
		struct record *rec, struct live *live, struct err *e) MUST_CHECK;

/* With the operation lock held: writes the end into the catalog and frees what the container held; with --rm removes
 * it. own_monitor: called from its monitor, which removes the cgroup itself. */
int settle_finish(const struct engine *en, struct record *rec, const struct live *live, bool own_monitor,
		  struct err *e) MUST_CHECK;

/* A start that came to nothing, with the operation lock held: back to "created", or "exited" where it ran before (as Docker), with the reason; or removed. */
int settle_failed_start(const struct engine *en, struct record *rec, const char *why, bool remove, struct err *e);

/* With the operation lock held: row and folders; volumes: those without a name that nobody else has, too. When the catalog has no room to forget the row (ERR_NOSPACE) the folders
 * go first; a row that is left all the same is removed by the next settle(). */
int settle_remove(const struct engine *en, const char *id, bool volumes, struct err *e);

/* Of one that somebody removed, who may have been killed: what is left when its row is gone. locked: we have the operation lock, else its folder is not
 * there any more. */
int settle_removed(const struct engine *en, const char *id, bool locked, struct err *e);

/* Removes folders without a row: what a command killed at the wrong moment left. What cannot be removed is a warning. */
void settle_garbage(const struct engine *en);

#endif
