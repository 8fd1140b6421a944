/* Images that are mounted in containers (--mount type=image): read-only, as long as a container has them in its record. Nothing is mounted on the
 * host: each start lays their layers together in the container (runtime/layers.c), so none is left of a container that was killed, nor over a
 * reboot. The image cannot be removed meanwhile: who removes one looks into the records (RECORD_MOUNTS_IMAGE). */
#ifndef TARE_ENGINE_IMAGEUSE_H
#define TARE_ENGINE_IMAGEUSE_H

#include "engine/engine.h"
#include "engine/spec_plan.h"

/* Once everything is judged: which images the plan's binds mean, and their layers. ERR_NOTFOUND: there is none of that name. */
int images_plan(const struct engine *en, struct plan *p, struct err *e) MUST_CHECK;
/* In the transaction that writes the container's record. ERR_NOTFOUND: one was removed meanwhile. */
int images_take(struct catalog *c, const struct plan *p, struct err *e) MUST_CHECK;

/* The images that --mount and --mount-add name, for who has to fetch them first: texts that are none of type=image, or wrong, are passed over. */
int images_named(struct arena *a, struct strv mounts, struct strv *out, struct err *e) MUST_CHECK;

#endif
