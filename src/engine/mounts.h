/* The mounts of a container that is there, running or not: for `tare update`. */
#ifndef TARE_ENGINE_MOUNTS_H
#define TARE_ENGINE_MOUNTS_H

#include "engine/engine.h"
#include "engine/options.h"

/* gone: places of mounts that inspect lists; come: texts as --mount has them (spec_volumes.c); here: what a relative source is below. All of it, or
 * where one fails nothing: first those go, then these come. Of a volume that is made now, what the image has in its place is not put into it.
 * What comes is written down before it is mounted, and what goes afterwards: whoever is killed in between leaves mounts that are there, and no
 * others, from the next start on. ERR_NOTFOUND; ERR_DENIED: a mount that the container cannot be without. What its own processes keep busy goes
 * out of sight, and what they unmounted themselves is forgotten. A volume stays, also one without a name. */
int container_mounts_change(const struct engine *en, const char *what, struct strv gone, struct strv come, const char *here, struct err *e) MUST_CHECK;

#endif
