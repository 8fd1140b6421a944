/* `tare build`: a Dockerfile and a context become an image of the catalog. */
#ifndef TARE_BUILD_BUILD_H
#define TARE_BUILD_BUILD_H

#include "build/args.h"
#include "build/output.h"
#include "engine/engine.h"
#include "engine/options.h"

struct build_watch { /* who looks on; data goes along */
	/* A step begins, or says something of itself: one line. */
	void (*line)(const char *text, void *data);
	/* A command's output. */
	void (*output)(const void *bytes, size_t len, void *data);
	void *data;
};

struct build_secret {
	const char *id;
	const char *file, *env; /* one of both: where it is */
};

struct build_args {
	const char *context;     /* a folder; "-": a tar, or a Dockerfile alone, on standard input */
	const char *file;        /* of the Dockerfile; NULL: in the context; "-": standard input */
	struct df_inputs inputs; /* --build-arg, --target, --platform */
	const char *network;     /* of RUN; NULL: the usual */
	struct strv names;       /* of the image, as people write them */
	struct strv labels;      /* KEY=VALUE */
	const struct build_secret *secrets;
	size_t n_secrets;
	const struct build_output *outputs; /* none: an image of the store */
	size_t n_outputs;
	bool load; /* into the store, whatever the outputs are; all of OUTPUT_IMAGE are that, too */
	bool no_cache, pull;
	const char *epoch; /* SOURCE_DATE_EPOCH; NULL: not set */
	struct build_watch watch;
};

struct build_result {
	const char *id, *manifest;
	uint64_t manifest_size;
	const char *const *canonical; /* the names, as many */
	struct strv names;            /* familiar */
	bool stored;                  /* it is an image of the store */
};

/* Strings of *out are in a. Errors of the Dockerfile begin with its name and the line. */
int build_image(const struct engine *en, const struct build_args *args, struct arena *a, struct build_result *out,
		struct err *e) MUST_CHECK;

#endif
