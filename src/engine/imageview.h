/* An image's files as one tree, and what differs between two. */
#ifndef TARE_ENGINE_IMAGEVIEW_H
#define TARE_ENGINE_IMAGEVIEW_H

#include "engine/engine.h"
#include "image/changes.h"

/* A detached mount, read-only, without devices and set-id bits: what is in the image means nothing to the host. chains: topmost first
 * (image_layers()). Somebody must keep the collector away as long as it is looked at. ERR_NOTFOUND: there is no layer. */
int imageview_open(const struct engine *en, struct arena *a, const char *const *chains, size_t n, struct err *e) MUST_CHECK;

/* From one image's files to another's (as image_find() takes them); other NULL: what the topmost layer did to those below it. */
int imageview_diff(const struct engine *en, struct arena *a, const char *what, const char *other, struct change **out, size_t *n,
		   struct err *e) MUST_CHECK;

#endif
