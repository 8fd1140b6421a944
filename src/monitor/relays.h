/* The worker's sockets for published ports that are asked for by IPv6, and what comes in there (net/relay.h says what and why). */
#ifndef TARE_MONITOR_RELAYS_H
#define TARE_MONITOR_RELAYS_H

#include "base/loop.h"
#include "net/relay.h"

struct relays;

/* Reads the file in the folder state_dir and opens what it says; what was open before and is in it still stays as it is, with its connections.
 * *r is NULL at first. What cannot be opened is told in the log, and missing. */
void relays_read(struct relays **r, struct loop *loop, int state_dir);
void relays_close(struct relays **r);

#endif
