/* `tare build`: a Dockerfile and a context become an image of the catalog. */
#ifndef TARE_BUILD_BUILD_H
#define TARE_BUILD_BUILD_H

#include "build/args.h"
#include "build/cache.h"
#include "build/output.h"
#include "engine/arrival.h"
#include "engine/engine.h"
#include "engine/pull.h"
#include "engine/options.h"
#include "engine/settings.h"
#include "image/limits.h"

enum build_event_kind {
	BUILD_NOTE,   /* about all of it: text */
	BUILD_STEP,   /* a step begins: text is its instruction */
	BUILD_CACHED, /* what it gives was there */
	BUILD_SAY,    /* it says something of itself: text */
	BUILD_PROGRESS, /* the same, many times over: how far it is */
	BUILD_OUTPUT, /* of its command: bytes as they came */
	BUILD_DONE,   /* it is done: text is the id of what the stage is now, an image's or its topmost layer's; "": nothing yet */
	BUILD_FAILED, /* it is not, and the build ends */
	/* for who shows more of it */
	BUILD_PLANNED,   /* a stage that will be built, of so many steps: all of them, before the first step */
	BUILD_CONTAINER, /* its command runs in this container: text; "": it is gone */
	BUILD_EXITED     /* its command failed: text is its exit code, a space, and its words */
};

struct build_event {
	enum build_event_kind kind;
	const char *stage;    /* its name; NULL: BUILD_NOTE */
	size_t number;        /* of the stage: one step of a stage at a time */
	size_t step, steps;   /* which of how many */
	const char *text;     /* without control characters, but for BUILD_OUTPUT */
	size_t len;
	bool error;   /* BUILD_OUTPUT: of its standard error */
	bool several; /* events of other stages may come between those of this one */
};

struct build_pull { /* of the image that a stage begins with */
	const char *name; /* as it is pulled */
	enum image_progress_kind kind; /* as an image_progress_fn has it */
	const char *digest;
	uint64_t bytes;
	const struct pulled *done; /* instead of all that: it is here */
};

struct build_watch { /* who looks on; data goes along */
	void (*event)(const struct build_event *ev, void *data);
	void (*pull)(const struct build_pull *pull, void *data); /* NULL: it is told by events */
	void *data;
};

struct build_secret {
	const char *id;
	const char *file, *env; /* one of both: where it is */
};

struct build_ssh {
	const char *id;
	struct strv files; /* an agent's socket, or keys; none: the agent of the environment */
};

struct build_args {
	const char *context;     /* a folder; "-": a tar, or a Dockerfile alone, on standard input; a URL of such; a git repository */
	int input;               /* what "-" is: standard input, or another descriptor; borrowed */
	struct arrival arrival;  /* of input */
	const char *input_name;  /* for messages; NULL: standard input */
	const char *file;        /* of the Dockerfile; NULL: in the context; "-": standard input; a URL. Of a context that is no folder a path there */
	struct df_inputs inputs; /* --build-arg, --target, --platform */
	const char *network;     /* of RUN; NULL: the usual */
	struct strv names;       /* of the image, as people write them */
	struct strv labels;      /* KEY=VALUE */
	const struct build_secret *secrets;
	size_t n_secrets;
	const struct build_output *outputs; /* none: an image of the store */
	size_t n_outputs;
	const struct build_cache *cache_from, *cache_to;
	size_t n_cache_from, n_cache_to;
	bool as_docker; /* as its classic builder: the image is as old as the first build of it, the images of cache_from are the only cache */
	bool load; /* into the store, whatever the outputs are; all of OUTPUT_IMAGE are that, too */
	const struct build_ssh *ssh;
	size_t n_ssh;
	struct ct_options run;   /* of the containers of RUN: hosts, limits, security; the rest of it is not looked at */
	const struct settings *settings; /* for what that leaves open, which is no part of what a step's result depends on; NULL: none */
	bool allow_host, allow_insecure; /* a RUN may ask for the host's network, and for what --privileged means */
	bool no_cache, pull, squash;
	struct strv no_cache_filter; /* stages, by their names, of which nothing is taken from the cache */
	uint32_t jobs; /* stages at a time; 0: as many as there are processors */
	struct image_limits limits; /* of archives, of files by URL, of images that are pulled */
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

/* Strings of *out are in a. Errors of the Dockerfile begin with its name and the line. The engine's catalog may be closed and opened
 * again meanwhile. */
int build_image(struct engine *en, const struct build_args *args, struct arena *a, struct build_result *out,
		struct err *e) MUST_CHECK;

#endif
