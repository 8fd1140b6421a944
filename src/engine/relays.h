/* Which of a running container's ports its monitor relays (net/relay.h). */
#ifndef TARE_ENGINE_RELAYS_H
#define TARE_ENGINE_RELAYS_H

#include "engine/endpoint.h"

/* Writes the file in the container's state folder anew, by what it has now, and removes it where nothing is relayed. */
int relays_write(const struct engine *en, const char *id, const struct endpoints *own, struct err *e) MUST_CHECK;
/* The same of one that runs: its monitor is told, and has done so when this is over; where none lives the next one reads the file.
 * ERR_UNAVAILABLE: it does not answer, and what it relays is as before. */
int relays_change(const struct engine *en, const char *id, const struct endpoints *own, struct err *e) MUST_CHECK;

#endif
