/* Images in a list, as the API has them, and what their layers take. */
#ifndef TARE_API_DOCKER_IMAGE_LIST_H
#define TARE_API_DOCKER_IMAGE_LIST_H

#include "base/json.h"
#include "engine/images.h"
#include "engine/options.h"

/* What an image's layers take, unpacked: all of them, or those that another image has, too. */
int image_bytes(const struct engine *en, const char *id, bool shared, uint64_t *out, struct err *e) MUST_CHECK;
/* How many containers there are of it. */
int image_containers(const struct engine *en, struct arena *a, const char *id, size_t *out, struct err *e) MUST_CHECK;

struct image_query {
	struct strv filters; /* api/docker/filters.h; checked */
	unsigned int api;    /* members that a version of the API has no more are left out: 141 is 1.41 */
	bool shared;         /* with what each shares with others */
	bool containers;     /* with how many containers each has */
};
/* Objects into an array that is open: those that pass, each with the names that do. */
int images_write(const struct engine *en, struct arena *a, const struct image_query *q, struct json_writer *w, struct err *e) MUST_CHECK;

/* What an image was made by, newest first. */
struct image_step {
	const struct image_history *said;
	uint64_t size; /* of its layer, if it made one */
};
int image_history_read(const struct engine *en, struct arena *a, const char *what, struct image *img, struct image_step **out, size_t *n, struct err *e) MUST_CHECK;
/* An array of it. */
int image_history_write(const struct engine *en, struct arena *a, const char *what, struct json_writer *w, struct err *e) MUST_CHECK;

#endif
