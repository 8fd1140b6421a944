/* The files of a container as a tar. */
#ifndef TARE_ENGINE_EXPORT_H
#define TARE_ENGINE_EXPORT_H

#include "base/arena.h"
#include "engine/engine.h"

/* To out: a file, pipe or socket. ERR_NOTFOUND: there is no such container. */
int container_export(const struct engine *en, struct arena *a, const char *what, int out, struct err *e) MUST_CHECK;

#endif
