/* The files of a container as a tar. */
#ifndef TARE_ENGINE_EXPORT_H
#define TARE_ENGINE_EXPORT_H

#include "base/arena.h"
#include "engine/engine.h"

/* To out: a file, pipe or socket. It is read as it is, also while it is started, changed or ended. ERR_NOTFOUND: there is no such
 * container. ERR_CONFLICT: it was removed meanwhile. */
int container_export(const struct engine *en, struct arena *a, const char *what, int out, struct err *e) MUST_CHECK;

#endif
