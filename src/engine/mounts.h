/* The mounts of a container that is there, running or not: for `tare update`. */
#ifndef TARE_ENGINE_MOUNTS_H
#define TARE_ENGINE_MOUNTS_H

#include "engine/engine.h"

/* text: as --mount has it (spec_volumes.c); here: what a relative source is below. Of a volume that is made now, what the image has in its
 * place is not put into it. It is written down before it is mounted, and no longer when that fails: whoever is killed in between leaves a
 * mount that is there from the next start on. */
int container_mount_add(const struct engine *en, const char *what, const char *text, const char *here, struct err *e) MUST_CHECK;
/* target: where one is that inspect lists. ERR_NOTFOUND; what the container's own processes keep busy goes out of sight. A volume stays,
 * also one without a name. */
int container_mount_remove(const struct engine *en, const char *what, const char *target, struct err *e) MUST_CHECK;

#endif
