/* Who waits for a container's start with a socket in stateDir/waiting (engine/waiting.h): a worker's first act is to connect to each. */
#ifndef TARE_MONITOR_WAITING_H
#define TARE_MONITOR_WAITING_H

#include "monitor/attach.h"

/* Connects to those who are there. Names at which nobody listens any more are removed, as those of the others are. */
void waiting_take(struct attach *a, int state_dir);

#endif
