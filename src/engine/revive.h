/* A container that its restart policy wants to be started again (policy.h): its row says RESTARTING, and a waiter (tare-monitor rest, the
 * monitor's place in between) lets the pause pass and then executes `tare internal restart ID`. The waiter is known by STATE/ID/rest,
 * which it holds locked: who removes that file sends it away, who finds nobody there starts another. */
#ifndef TARE_ENGINE_REVIVE_H
#define TARE_ENGINE_REVIVE_H

#include <stdbool.h>

#include "base/err.h"
#include "engine/engine.h"
#include "engine/policy.h"
#include "engine/record.h"

/* A row whose end has just been filled in, about to be written, with the operation lock held: makes it RESTARTING when its policy wants that. */
int revive_plan(struct record *rec, struct err *e) MUST_CHECK;

/* With the operation lock held, after the row was written: somebody waits from now on. */
int revive_begin(const struct engine *en, const struct record *rec, struct err *e) MUST_CHECK;

/* Whether somebody waits. */
bool revive_awaited(const struct engine *en, const char *id);

/* With the operation lock held: nobody waits any more. */
void revive_end(const struct engine *en, const char *id);

/* What the waiter executes: starts it, unless somebody else decided otherwise meanwhile. */
int container_revive(const struct engine *en, const char *id, struct err *e) MUST_CHECK;

/* tare update --restart: from its next end on. */
int container_set_policy(const struct engine *en, const char *what, const struct policy *policy, struct err *e) MUST_CHECK;

/* After the machine has started: starts, oldest first, what is to run by its policy and does not. Each failure is a warning; the last one
 * is given. */
int container_start_enabled(const struct engine *en, struct err *e) MUST_CHECK;

#endif
