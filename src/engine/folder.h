/* A container's folders: ROOT/containers/ID (kept) and STATE/ID (live), and the lock that serialises operations. */
#ifndef TARE_ENGINE_FOLDER_H
#define TARE_ENGINE_FOLDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "engine/engine.h"

#define FOLDER_CONFIG_MAX (8U << 20) /* config.json */

const char *folder_path(const struct engine *en, struct arena *a, const char *id);  /* ROOT/containers/ID */
const char *folder_state(const struct engine *en, struct arena *a, const char *id); /* STATE/ID */

/* The folder that has what the container wrote into its root: upper of the one above, or what a limit has made of that (capacity.h). */
const char *folder_upper(const struct engine *en, struct arena *a, const char *id);

/* O_DIRECTORY fd of ROOT/containers/ID; ERR_NOTFOUND. */
int folder_open(const struct engine *en, const char *id, struct err *e) MUST_CHECK;
/* Makes it and takes its operation lock (see folder_lock; *lock, also after a failure, is the caller's to close), and
 * gives its fd. Nobody sees the folder without somebody holding the lock, if not by folder_bar_makers(). */
int folder_make(const struct engine *en, const char *id, int *lock, struct err *e) MUST_CHECK;
/* While the fd it gives is open no folder is half made: one without its lock file is what an interrupted command left.
 * -EWOULDBLOCK: one is being made just now, or somebody else asks. */
int folder_bar_makers(const struct engine *en) MUST_CHECK;
/* Removes both folders; whoever holds the lock keeps an unlinked file. Absent is success. */
int folder_remove(const struct engine *en, const char *id, struct err *e);

/* Live state: made before each start, without what the one before left; its lock file stays the same one, so that a new
 * monitor waits for the end of the old. */
int folder_state_make(const struct engine *en, const char *id, struct err *e) MUST_CHECK;
int folder_state_remove(const struct engine *en, const char *id, struct err *e);

/* Takes the operation lock (containers/ID/lock, flock) and gives its fd: closing it releases. Start, removal, repair
 * and the recording of an exit hold it; nothing that waits for a container does. ERR_NOTFOUND when the container is
 * removed while we wait; ERR_BUSY with wait false when somebody else holds it. */
int folder_lock(const struct engine *en, const char *id, bool wait, struct err *e) MUST_CHECK;

/* Takes the place of a monitor that may be about to come to life: holds STATE/ID/lock the way monitors do, so that a
 * late one gives up. -1: a monitor lives; else an fd that must stay open as long as it matters. *none: no such file. */
int folder_bar_monitor(const struct engine *en, const char *id, bool *none) MUST_CHECK;

#endif
