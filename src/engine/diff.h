/* `tare diff`: what a container changed of its image's files. */
#ifndef TARE_ENGINE_DIFF_H
#define TARE_ENGINE_DIFF_H

#include "engine/engine.h"
#include "image/changes.h"

/* what: by id, start of one, or name; running or not. What was only made to mount something onto is no change. ERR_UNSUPPORTED: it was made of a
 * folder, or the store's file system cannot be id-mapped. */
int container_diff(const struct engine *en, struct arena *a, const char *what, struct change **out, size_t *n, struct err *e) MUST_CHECK;

#endif
