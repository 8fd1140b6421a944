/* What is put into a volume. */
#ifndef TARE_ENGINE_VOLUME_FILL_H
#define TARE_ENGINE_VOLUME_FILL_H

#include "engine/volume.h"

enum volume_filling {
	VOLUME_FILL_NOTHING, /* only what a killed one left is brought to its end, or removed */
	VOLUME_FILL_EMPTY,   /* one that is not empty stays as it is */
	VOLUME_FILL_OVER,    /* is laid over what is there, file by file */
	/* of a folder of this machine, with all that it has (copytree.h) */
	VOLUME_FILL_COPY,     /* as VOLUME_FILL_EMPTY */
	VOLUME_FILL_COPY_OVER /* as VOLUME_FILL_OVER */
};

/* The folder path (relative; ".": all) of the layers lowers (copytree.h) into the volume, whose folder is made where it is missing. An empty
 * one has all of it or, when we are killed, nothing; one that a running container has, too, may then have a part of it until the next call. */
int volume_fill(const struct engine *en, const char *name, enum volume_filling how, const int *lowers, size_t n, const char *path,
		struct err *e) MUST_CHECK;

/* Whether nothing is in it. */
int volume_is_empty(const struct engine *en, const char *name, bool *empty, struct err *e) MUST_CHECK;

#endif
