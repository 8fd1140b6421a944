/* A build in the words of Docker's classic builder: its stages one after the other, as their steps are counted, also where several are at work at
 * a time. */
#ifndef TARE_API_DOCKER_BUILD_STREAM_H
#define TARE_API_DOCKER_BUILD_STREAM_H

#include "api/docker/image_stream.h"
#include "build/build.h"

struct build_part { /* a stage */
	size_t number, steps, first; /* first: the count of its first step */
	bool done, kept; /* kept: what it says is kept until those before it are done */
	struct strbuf held;   /* objects that are to be sent */
	char container[13];   /* whose command runs */
	char cut[4];          /* the beginning of a character, whose rest has not come */
	size_t n_cut;
};

struct build_stream {
	struct stream *s;
	struct arena *arena;
	bool quiet; /* but for the image's id */
	struct build_part **v; /* in the order of their stages */
	size_t n, cap, current;
	size_t total; /* steps */
	struct pull_stream pull;
	int code; /* 0, or that of the command that failed */
	const char *command; /* that one */
};
#define CLEANUP_BUILD_STREAM CLEANUP(build_stream_free)
void build_stream_free(struct build_stream *b);

/* As a build_watch has them; data: the struct build_stream. */
void build_stream_event(const struct build_event *ev, void *data);
void build_stream_pull(const struct build_pull *pull, void *data);
/* Whatever is kept; then the image where r is 0. */
void build_stream_end(struct build_stream *b, int r, const struct build_result *got);

#endif
