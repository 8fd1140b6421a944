/* What a monitor says on descriptor 4 before it has a worker. A client that is gone is nobody to tell. */
#ifndef TARE_MONITOR_CLIENT_H
#define TARE_MONITOR_CLIENT_H

#include <sys/types.h>

#include "base/err.h"

/* fd -1: no client. */
void client_send_started(int fd, pid_t pid);
void client_send_error(int fd, const struct err *e);

#endif
