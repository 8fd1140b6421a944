/* `tare load`, and what `tare import` has in common with it: an archive comes from a descriptor or by a URL, and its images go into the
 * catalog. */
#ifndef TARE_ENGINE_LOAD_H
#define TARE_ENGINE_LOAD_H

#include "engine/arrival.h"
#include "engine/engine.h"
#include "image/load.h"

struct bring_args {
	int input;        /* an archive, or a folder; borrowed. -1: url */
	struct arrival arrival; /* of input; asked by an import */
	const char *url;  /* http or https: fetched, through tare-transfer */
	const char *name; /* of the input, for messages */
	const char *platform; /* NULL: this machine's */
	struct image_limits limits;
	image_progress_fn progress; /* may be NULL */
	void *progress_data;
};

/* It must not be moved once it has begun. */
struct bringing {
	struct store store;
	struct image_load load;
	struct image_load_args args; /* for image_load() and its like */
	/* private */
	char worker[PATH_MAX];
	struct store_ingest fetched;
	int file;
};
#define BRINGING_INIT { .store = STORE_INIT, .load = IMAGE_LOAD_INIT, .fetched = STORE_INGEST_INIT, .file = -1 }
#define CLEANUP_BRINGING CLEANUP(bringing_end)

/* What is by URL has been fetched then. */
int bringing_begin(const struct engine *en, const struct bring_args *args, struct arena *a, struct bringing *out, struct err *e) MUST_CHECK;
void bringing_end(struct bringing *b);

/* All images of an archive become the catalog's; they are in a. */
int engine_load(const struct engine *en, const struct bring_args *args, struct arena *a, const struct image_loaded **out, size_t *n,
		struct err *e) MUST_CHECK;

#endif
