/* A container's volumes: from what was asked for (spec_volumes.c) to rows, folders and their first content. In this order:
 *
 *	volumes_from()    before spec_plan(): the mounts of other containers
 *	volumes_plan()    once everything is judged: the volumes there are, or that are made now; the others get a name
 *	volumes_take()    in the transaction that writes the container's row
 *	volumes_fill()    afterwards: the folders, and what the image has in their place
 */
#ifndef TARE_ENGINE_VOLUME_USE_H
#define TARE_ENGINE_VOLUME_USE_H

#include "engine/engine.h"
#include "engine/spec_plan.h"

/* --volumes-from CONTAINER[:ro|rw]. */
int volumes_from(const struct engine *en, struct plan *p, struct err *e) MUST_CHECK;
/* One that is made stays, whatever becomes of the container, as in Docker. */
int volumes_plan(const struct engine *en, struct plan *p, struct err *e) MUST_CHECK;
int volumes_take(struct catalog *c, const struct plan *p, struct err *e) MUST_CHECK;
/* lowers: O_PATH fds of the image's layers, topmost first. A volume that is empty gets what the image has in its place: all of it, or, when
 * we are killed, nothing. */
int volumes_fill(const struct engine *en, const struct plan *p, const int *lowers, size_t n, struct err *e) MUST_CHECK;

#endif
