/* Which of a running container's ports its monitor relays (net/relay.h). */
#ifndef TARE_ENGINE_RELAYS_H
#define TARE_ENGINE_RELAYS_H

#include "engine/endpoint.h"

/* Writes the file in the container's state folder anew, by what it has now, and removes it where nothing is relayed. */
int relays_write(const struct engine *en, const char *id, const struct endpoints *own, struct err *e) MUST_CHECK;
/* The same of one that runs: its monitor is told. When that does not listen a warning says so; the next one reads the file. */
int relays_change(const struct engine *en, const char *id, const struct endpoints *own, struct err *e) MUST_CHECK;

#endif
