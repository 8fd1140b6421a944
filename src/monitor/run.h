/* `tare-monitor run` and `adopt`: from a description to a container with a keeper and a worker. */
#ifndef TARE_MONITOR_RUN_H
#define TARE_MONITOR_RUN_H

#include "base/err.h"

/* Both give only on failure, after the client was told with FRAME_ERROR; on success they become the keeper.
 * Descriptors 3 and 4 as in docs/formats.md. */
int monitor_run(struct err *e);
/* Takes over a running container whose monitor is dead, or records the end of one that died unattended. */
int monitor_adopt(struct err *e);

#endif
