/* --build-context NAME=…: what stands for a stage or an image of that name. */
#ifndef TARE_BUILD_NAMED_H
#define TARE_BUILD_NAMED_H

#include "build/work.h"

struct named {
	const char *image; /* what is taken for the name; NULL: files */
	int root;
	struct ignore ignore; /* of a .dockerignore there */
	struct tarball tar;
};

/* Opens all that the command line names; the ingest has begun. */
int named_open(struct build *b, struct err *e) MUST_CHECK;
void named_close(struct build *b);

/* NULL: there is none of that name. */
const struct named *named_find(const struct build *b, const char *name);

#endif
