/* The end of a request whose client goes away while a handler is in a long call of the engine, which does not look at connections. */
#ifndef TARE_API_SERVER_GONE_H
#define TARE_API_SERVER_GONE_H

#include "api/server/exchange.h"

struct gone_watch {
	int fd; /* -1: nothing is watched */
	int flags;
};
#define GONE_WATCH_INIT { .fd = -1 }
#define CLEANUP_GONE_WATCH CLEANUP(gone_unwatch)

/* From here on to gone_unwatch() the process ends when the client goes, whatever it is at: as a command does that is interrupted. To be
 * called where the request has been read whole; one watch at a time. */
int gone_watch(struct exchange *ex, struct gone_watch *out, struct err *e) MUST_CHECK;
void gone_unwatch(struct gone_watch *w);

#endif
