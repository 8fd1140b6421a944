/* An image that a build needs and that is not here. */
#ifndef TARE_BUILD_PULLING_H
#define TARE_BUILD_PULLING_H

#include "build/work.h"

/* Fetches it, and tells who looks on how much of it is here. */
int pulling(struct build *b, const char *name, const struct platform *platform, struct err *e) MUST_CHECK;

#endif
