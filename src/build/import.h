/* `tare import`: a root file system's tar becomes an image of one layer. */
#ifndef TARE_BUILD_IMPORT_H
#define TARE_BUILD_IMPORT_H

#include "build/change.h"
#include "engine/load.h"

struct import_args {
	struct bring_args from; /* platform: what it is for, too */
	const char *name;      /* the image's, as people write it; NULL: none */
	const char *message;   /* its history's comment; NULL: a usual one */
	struct strv changes;   /* build/change.h */
};

/* *id: of the image, in a. What can be refused without reading anything is. ERR_INVALID: the name has a digest, or is none. */
int import_image(const struct engine *en, const struct import_args *args, struct arena *a, const char **id, struct err *e) MUST_CHECK;

#endif
