/* What `tare inspect` says of an image: Docker's members, in Docker's order, and three of our own (Manifest, HighestId, LoadedAt). */
#ifndef TARE_API_DOCKER_INSPECT_IMAGE_H
#define TARE_API_DOCKER_INSPECT_IMAGE_H

#include "base/json.h"
#include "engine/engine.h"

/* How roots are put together, by Docker's name of it. */
#define IMAGE_DRIVER "overlay2"

/* One object; nothing is written when it fails (ERR_NOTFOUND: no such image). */
int inspect_image(const struct engine *en, struct arena *a, const char *what, struct json_writer *w, struct err *e) MUST_CHECK;

#endif
