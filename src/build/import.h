/* The configuration of an image that is made of a root file system's tar. */
#ifndef TARE_BUILD_IMPORT_H
#define TARE_BUILD_IMPORT_H

#include "build/change.h"

struct import_args {
	const char *message;   /* its history's comment; NULL: a usual one */
	const char *platform;  /* NULL: this machine's */
	struct strv changes;   /* build/change.h */
	struct arena *a;
	struct conf conf;      /* private */
	struct platform target;
};

/* What can be refused before anything is read. */
int import_plan(struct import_args *args, struct err *e) MUST_CHECK;
/* For struct image_import; data: the struct import_args. */
int import_config(const struct image_layer *layer, struct strbuf *out, void *data, struct err *e) MUST_CHECK;

#endif
