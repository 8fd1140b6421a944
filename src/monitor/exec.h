/* `tare-monitor exec`: the short-lived monitor of one more process in a container. */
#ifndef TARE_MONITOR_EXEC_H
#define TARE_MONITOR_EXEC_H

#include "base/err.h"

/* Stays until the process ended and its record is written; 0, or a failure the client was told with FRAME_ERROR. */
int monitor_exec(struct err *e);

#endif
