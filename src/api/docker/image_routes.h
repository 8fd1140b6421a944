/* Between the handlers of images. */
#ifndef TARE_API_DOCKER_IMAGE_ROUTES_H
#define TARE_API_DOCKER_IMAGE_ROUTES_H

#include "api/server/exchange.h"
#include "engine/options.h"

int image_create(struct exchange *ex, struct err *e) MUST_CHECK; /* image_create.c */
int image_push_to(struct exchange *ex, struct err *e) MUST_CHECK; /* image_push.c */

/* The query's changes, an instruction each: a value may have several lines. */
int image_changes(struct exchange *ex, struct strv *out, struct err *e) MUST_CHECK;

#endif
