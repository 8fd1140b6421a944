/* `tare-monitor session`: the process that keeps a user's namespace there, so that his next command can enter it. */
#ifndef TARE_MONITOR_SESSION_H
#define TARE_MONITOR_SESSION_H

#include "base/err.h"

/* Descriptor 3: the state folder. Stays until nobody has session.lock in it locked any more, takes the name `session` away and gives 0
 * (engine/rootless.c). */
int session_hold(struct err *e) MUST_CHECK;

#endif
