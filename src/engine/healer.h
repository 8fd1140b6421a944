/* What others took away of our networks is put back: rules and elements of the firewall that somebody flushed, tare-netd when it was killed.
 *
 * A process listens for that, the healer (cmd/netd/healer.c): it knows nothing and runs `tare internal heal`, which is heal() here.
 * Monitors start it, some seconds after their container's start, and again when it is gone (monitor/healing.c): no start waits for it. */
#ifndef TARE_ENGINE_HEALER_H
#define TARE_ENGINE_HEALER_H

#include "engine/engine.h"

/* Looks after everything, and starts the healer where none lives. *needed: somebody is in a network. The caller holds no container's
 * lock: each is taken in turn. */
int heal(const struct engine *en, bool *needed, struct err *e) MUST_CHECK;

/* Starts the healer where none lives. What fails is a warning. */
void healer_start(const struct engine *en);
/* If it lives: tare-netd has been started, and is to be watched. */
void healer_tell(const struct engine *en);

/* The monitor's part of it, as members of a description. */
struct json_writer;
void healer_describe(const struct engine *en, struct json_writer *w);

#endif
