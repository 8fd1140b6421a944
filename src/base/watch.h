/* Being woken when something happens to a file or in a folder. */
#ifndef TARE_BASE_WATCH_H
#define TARE_BASE_WATCH_H

#include <stdint.h>

#include "base/cleanup.h"

/* A descriptor (owned by the caller, close-on-exec, not blocking) that is readable after what mask (IN_MODIFY… of inotify(7)) says happened to path.
 * A user may have 128 of those at a time where nobody raised fs.inotify.max_user_instances: beyond that it is readable every 30 ms, and whoever is woken
 * looks whether there was a reason. -errno. */
int watch_open(const char *path, uint32_t mask) MUST_CHECK;
/* Not readable from here on, until something happens again. */
void watch_clear(int fd);

#endif
