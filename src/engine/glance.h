/* Names of what the store has, for a look by the way (completions of shells). */
#ifndef TARE_ENGINE_GLANCE_H
#define TARE_ENGINE_GLANCE_H

#include "base/arena.h"
#include "engine/engine.h"

enum glance_kind { GLANCE_CONTAINERS, GLANCE_IMAGES, GLANCE_NETWORKS, GLANCE_VOLUMES };

/* Calls fn for each container's name, image's name as people read it ("busybox:latest"), or network's name, those of CNI among them, or volume's, in order. about: of a
 * container what it was last known to be, else "". root as engine_open()'s. By engine_glance(): nothing is made or waited for. */
typedef void (*glance_fn)(const char *name, const char *about, void *data);
int glance(struct arena *a, const char *root, enum glance_kind kind, glance_fn fn, void *data, struct err *e) MUST_CHECK;

#endif
