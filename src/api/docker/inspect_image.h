/* What `tare inspect` says of an image: Docker's members, in Docker's order, and three of our own (Manifest, HighestId, LoadedAt). */
#ifndef TARE_API_DOCKER_INSPECT_IMAGE_H
#define TARE_API_DOCKER_INSPECT_IMAGE_H

#include "base/json.h"
#include "engine/engine.h"

/* How roots are put together, by Docker's name of it. */
#define IMAGE_DRIVER "overlay2"

/* One object; nothing is written when it fails (ERR_NOTFOUND: no such image). api: what that version of Docker's API has of it, 141 is 1.41; 0: all that
 * any has. */
int inspect_image(const struct engine *en, struct arena *a, const char *what, unsigned int api, struct json_writer *w, struct err *e) MUST_CHECK;
/* Canonical names as a list of those that people read. */
void image_write_names(struct arena *a, const char *key, const char *const *names, size_t n, struct json_writer *w);

#endif
