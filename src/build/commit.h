/* `tare commit`: what a container wrote becomes a layer over its image's. */
#ifndef TARE_BUILD_COMMIT_H
#define TARE_BUILD_COMMIT_H

#include "build/change.h"
#include "engine/engine.h"

struct commit_args {
	const char *what;            /* the container */
	const char *name;            /* the image's, as people write it; NULL: none */
	const char *author, *message; /* NULL: none */
	const struct json *config;   /* build/change.h, before the changes; NULL: none */
	struct strv changes;         /* build/change.h */
	bool pause;                  /* it stands still while it is read, where it can */
};

/* *id: of the image, in a. The configuration is the image's with what the container was asked for, then the changes. ERR_UNSUPPORTED: it
 * was made of a folder, or the store's file system cannot be id-mapped. */
int commit_container(struct engine *en, const struct commit_args *args, struct arena *a, const char **id, struct err *e) MUST_CHECK;

#endif
