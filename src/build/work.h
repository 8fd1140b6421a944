/* What the files behind build_image() share. */
#ifndef TARE_BUILD_WORK_H
#define TARE_BUILD_WORK_H

#include "base/text.h"
#include "build/build.h"
#include "build/conf.h"
#include "build/digests.h"
#include "build/ignore.h"
#include "build/key.h"
#include "build/stages.h"
#include "build/tarball.h"
#include "image/tidy.h"

struct given { /* what a step gave in another process (parallel.c) */
	bool layer; /* else it wrote nothing */
	struct image_layer l;
};

struct stage {
	const char *name; /* for people */
	size_t number;
	struct df_scope scope;
	struct conf conf;
	struct image_layer *layers; /* bottom first */
	const char **types;         /* media types of their blobs */
	size_t n, cap, types_cap;
	const char *base_id;        /* the base image's; NULL: none */
	size_t base_layers, base_history; /* how much of it is the base image's */
	int64_t epoch;     /* seconds: the time of what has none of its own */
	size_t step, steps; /* for people: which of how many */
	bool anew;          /* nothing of it is taken from the cache */
	bool begun;         /* stage_begin() was done */
	const struct given *given; /* not NULL: what its next steps gave, which is taken */
	size_t n_given;
};

struct build {
	struct engine *en;
	const struct build_args *args;
	struct arena *a;
	struct store store;
	struct store_ingest ingest;
	char worker[PATH_MAX];
	const char *file_name; /* for messages */
	int context;           /* O_RDONLY folder */
	bool foreign;          /* the context is a stranger's: nothing that is opened in it may lead out */
	struct tarball tarball; /* whose it is, when it is a tar */
	char *given;           /* a Dockerfile that came instead of a context; to be free()d */
	size_t given_len;
	struct digests digests; /* of the files of a folder of the caller's */
	struct ignore ignore;
	struct platform target;
	const char *const *names, *const *shown_names; /* of the image: canonical, familiar */
	const char *parent; /* of the image, where it is a commit (engine/images.h) */
	struct df_file file;
	struct df_scope global;
	struct df_plan plan;
	struct stage *stages;
	struct output_file *files; /* of args->outputs, as far as they are open */
	size_t n_files;
	struct stage *now;    /* whose step is at work; NULL: none */
	int up;               /* in the process of a stage: where what happens is told; else -1 */
	bool several;         /* there are such processes */
	bool silent;
	struct cache_source *sources; /* of args->cache_from, once one was asked for */
	struct cache_image *cache_images; /* of seen.c */
	size_t n_cache_images;
	struct cache_made *made;      /* what keys gave, by key; for args->cache_to */
	size_t n_made, cap_made;
	unsigned int folders; /* of steps, so far */
	struct named *named; /* build/named.h */
	size_t n_named;
	struct ssh_agent *agents; /* build/ssh.h */
	unsigned int inputs;  /* that were fetched, so far */
	bool has_epoch;
	int64_t epoch; /* SOURCE_DATE_EPOCH */
};

/* ---- layer.c: steps that write ---- */

struct step {
	const char *base;  /* absolute; empty/, upper/, work/ */
	char name[24];     /* below the ingest */
	int *lowers;       /* O_PATH, topmost first */
	size_t n_lowers;
	const char **chains; /* topmost first, NULL-terminated */
	bool linked;         /* its files are those of other layers, too: its layer has copies, made from the blob */
};
#define STEP_INIT { 0 }
#define CLEANUP_STEP CLEANUP(step_end)

const char *stage_chain(const struct stage *s); /* of the topmost layer; NULL: none */
uint32_t stage_max_id(const struct stage *s);
/* 1: the layer of this key was there and is on top of the stage now. 0: it is to be made, and as long as *lock, which the caller closes,
 * is open, nobody else makes it. */
int step_cached(struct build *b, struct stage *s, const char *key, const char *description, int *lock, struct err *e) MUST_CHECK;
int step_begin(struct build *b, const struct stage *s, struct step *out, struct err *e) MUST_CHECK;
/* What upper/ has is a layer on top of the stage, and what key gives from now on. Of a linked step that has nothing there is none. key NULL:
 * what it was made of changed meanwhile, so that nobody knows its key; that is told. */
int step_commit(struct build *b, struct stage *s, struct step *st, const struct tidy_times *times, const char *const *stubs,
		const char *key, const char *description, struct err *e) MUST_CHECK;
void step_end(struct step *st);
/* The stage's layers, and with a step what it has written, as one tree: fd of a detached mount. step NULL: read-only. */
int stage_mount(struct build *b, const struct stage *s, const struct step *st, struct err *e) MUST_CHECK;
int stage_add_layer(struct build *b, struct stage *s, const struct image_layer *l, const char *type, struct err *e) MUST_CHECK;

/* ---- cache_from.c, cache_to.c: what steps gave elsewhere ---- */

struct cache_made {
	const char *key;
	struct image_layer layer;
};

/* 1: the layer of this key, which stands on parent (chain id; NULL: nothing), was fetched and is in the store. A cache that cannot be
 * asked is warned of, once, and has nothing. */
int cache_import(struct build *b, const char *parent, const char *key, struct image_layer *out, struct err *e) MUST_CHECK;
/* Before there are processes: what one of them finds of a cache that cannot be asked, all know. */
int cache_prepare(struct build *b, struct err *e) MUST_CHECK;
void cache_end(struct build *b);
int cache_note(struct build *b, const char *key, const struct image_layer *l, struct err *e) MUST_CHECK;
/* What the image's own configuration says of it (type=inline). */
int cache_inline(struct build *b, struct stage *s, struct err *e) MUST_CHECK;
/* The others; the image is recorded. */
int cache_export(struct build *b, struct err *e) MUST_CHECK;

/* ---- seen.c: what docker's classic builder says of steps and of time, of a build that is as_docker ---- */
int seen_begin(struct build *b, struct err *e) MUST_CHECK;
/* A layer of the cache may be taken: images that are the only caches have it, or there are none such. */
bool seen_layer_counts(const struct build *b, const char *chain);
/* A step that wrote nothing is behind the stage now: whether it was there before is told. */
int seen_step(struct build *b, struct stage *s, const char *text, struct err *e) MUST_CHECK;
/* The time of the image that the stage becomes, and of its steps: when the same was built first, or the stage's. */
int seen_image(struct build *b, struct stage *s, char created[TEXT_TIME_LEN], struct err *e) MUST_CHECK;

/* ---- base.c: what a stage begins with ---- */
int stage_begin(struct build *b, size_t n, struct err *e) MUST_CHECK;
/* A stage that is an image and no more: p->from.from.base, fetched when it is not here. */
int stage_from_image(struct build *b, struct stage *s, const struct df_stage_plan *p, struct err *e) MUST_CHECK;

/* ---- run.c, copy.c ---- */
/* What the command line says of every RUN, before anything is done. */
int run_check(struct build *b, struct err *e) MUST_CHECK;
int step_run_command(struct build *b, size_t stage, const struct df_instruction *in, struct err *e) MUST_CHECK;
int step_copy(struct build *b, size_t stage, const struct df_instruction *in, struct err *e) MUST_CHECK;
/* What --from means in a stage: the tree of another or of an image, or files of the command line's; NULL: the context. out->root is to be
 * closed; out->owners: they are an image's, and nobody writes there. */
struct pick_from;
int source_open(struct build *b, size_t stage, const char *from, struct pick_from *out, struct err *e) MUST_CHECK;
int step_workdir(struct build *b, struct stage *s, const struct df_instruction *in, struct err *e) MUST_CHECK;

/* ---- squash.c ---- */
/* The target's layers but those of its base image become one. */
int build_squash(struct build *b, struct err *e) MUST_CHECK;

/* ---- finish.c ---- */
/* The names that the image gets, before anything is done. */
int build_names(struct build *b, struct err *e) MUST_CHECK;
/* Stages a configuration or manifest; its digest, in b->a. */
int build_put(struct build *b, const struct strbuf *text, const char **digest, struct err *e) MUST_CHECK;
void build_manifest(const struct image_layer *layers, const char *const *types, size_t n, const char *config, size_t size, struct strbuf *out);
int build_finish(struct build *b, struct build_result *out, struct err *e) MUST_CHECK;

/* ---- build.c ---- */
/* FROM, when that was not done yet. */
int build_stage_begin(struct build *b, size_t n, struct err *e) MUST_CHECK;
/* Its instructions from number begin on, up to but without end; with the first of them what its base left to do. */
int build_stage_steps(struct build *b, size_t n, size_t begin, size_t end, struct err *e) MUST_CHECK;
/* Something happens in the stage that is at work (b->now). */
void build_event(const struct build *b, enum build_event_kind kind, const char *text, size_t len);
/* What the command of its step says. */
void build_output(const struct build *b, bool error, const char *bytes, size_t len);
/* The same: one line. */
void build_say(const struct build *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
