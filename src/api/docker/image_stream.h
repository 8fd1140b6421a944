/* What a pull and a push do, in the words of Docker's progress streams. */
#ifndef TARE_API_DOCKER_IMAGE_STREAM_H
#define TARE_API_DOCKER_IMAGE_STREAM_H

#include "api/docker/stream.h"
#include "image/load.h"
#include "image/push.h"

#define STREAM_ID 12

struct stream_blob {
	char id[STREAM_ID + 1];
	uint64_t total;
	int64_t told; /* when that was last (base/clock.h) */
	bool complete, here;
};

struct pull_stream {
	struct stream *s;
	struct arena *arena;
	const char *repository, *reference; /* of what is pulled: "library/busybox", its tag or digest */
	bool begun;
	struct stream_blob *v;
	size_t n, cap;
};

/* An image_progress_fn: data is a struct pull_stream. Layers that are here are told of as soon as there are others: where all of them are,
 * the image may be, too. */
void pull_stream_take(enum image_progress_kind kind, const char *digest, uint64_t bytes, void *data);
/* The last words. */
struct pulled;
void pull_stream_done(struct pull_stream *p, const struct pulled *got);

struct push_stream {
	struct stream *s;
	struct arena *arena;
	struct stream_blob *v;
	size_t n, cap;
};
/* An image_push_fn: data is a struct push_stream. */
void push_stream_take(const struct image_push_step *step, void *data);

#endif
