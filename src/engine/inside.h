/* The files of a container as it sees them, with everything that is mounted in it: for reading and writing from outside. */
#ifndef TARE_ENGINE_INSIDE_H
#define TARE_ENGINE_INSIDE_H

#include "base/arena.h"
#include "engine/engine.h"
#include "engine/hold.h"

struct inside {
	int root; /* a detached mount of our own: what the container mounts or unmounts later is no matter here */
	uint32_t id_base, id_size; /* id n of the container is id_base + n there; size 0: they are the same */
};
#define INSIDE_INIT { .root = -1 }
#define CLEANUP_INSIDE CLEANUP(inside_end)

enum inside_use {
	INSIDE_READ, /* nothing of its layers changes by way of it: it need not be held any longer, also when it is started meanwhile */
	INSIDE_WRITE /* one that does not run stays held as long as the view is used */
};

/* Of a container that is held. One that does not run has its volumes and binds there, and no tmpfs. No device opens by way of it.
 * ERR_UNSUPPORTED: it is a step of a build. */
int inside_open(const struct engine *en, struct arena *a, const struct hold *h, enum inside_use use, struct inside *out, struct err *e) MUST_CHECK;
void inside_end(struct inside *i);

#endif
