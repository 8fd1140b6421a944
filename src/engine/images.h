/* The images of the catalog. Digests ("sha256:HEX") name images (their configuration's) and layers (chain ids);
 * references are canonical ("docker.io/library/busybox:latest"). Strings live in the arena given. */
#ifndef TARE_ENGINE_IMAGES_H
#define TARE_ENGINE_IMAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "engine/engine.h"
#include "image/config.h"
#include "image/load.h"
#include "image/ref.h"
#include "image/store.h"

struct image {
	const char *id, *manifest;
	const char *parent;      /* the image whose container it was made of by a commit, while that is here; else "" */
	int64_t created, loaded; /* ns since the epoch; created: or IMAGE_NO_TIME */
	int64_t tagged;          /* when `tare tag` last gave it a name; 0: never */
	uint64_t size;           /* unpacked bytes of all its layers */
	uint32_t max_id;         /* highest uid or gid in any of them */
	const char *const *tags; /* canonical references, sorted */
	size_t n_tags;
	const char *const *digests; /* what registries call it: "docker.io/library/busybox@sha256:…", of an index or its manifest; sorted */
	size_t n_digests;
};

/* An image's text of a time in ns; IMAGE_NO_TIME where it says none, or one that no computer saw (year 1). */
#define IMAGE_NO_TIME INT64_MIN
int64_t image_time(const char *text);

/* By reference (a digest: of its manifest, or of an index that led to it), by id, or by a prefix of an id's digits that only one image has. ERR_NOTFOUND suggests. */
int image_find(struct catalog *c, struct arena *a, const char *what, struct image *out, struct err *e) MUST_CHECK;
/* By whole id. */
int image_get(struct catalog *c, struct arena *a, const char *id, struct image *out, struct err *e) MUST_CHECK;
/* All, newest first. */
int image_list(struct catalog *c, struct arena *a, struct image **out, size_t *n, struct err *e) MUST_CHECK;

/* Chain ids, topmost first, NULL-terminated: what an overlay stacks. */
int image_layers(struct catalog *c, struct arena *a, const char *id, const char *const **out, size_t *n,
		 struct err *e) MUST_CHECK;

/* What a name of an image stands for elsewhere. */
struct image_top {
	const char *index;    /* the one that it meant where it was pulled from, NULL without; what it lists need not all be here */
	const char *manifest; /* the one that it came by under that name */
	const char *digest;   /* of what goes on: index or manifest, whichever the store has whole */
	const char *lost;     /* one line, when that is not what it came by; else NULL */
};

/* index and manifest that `what`, a name of img, meant where it came from; by its id: the manifest that it came by last. */
int image_meant(struct catalog *c, struct arena *a, const char *what, const struct image *img, struct image_top *out, struct err *e) MUST_CHECK;

/* All of it. manifest is then one that the store has, if it has any. */
int image_top(struct catalog *c, const struct store *s, struct arena *a, const char *what, const struct image *img, struct image_top *out,
	      struct err *e) MUST_CHECK;

/* Its configuration, read from the store. */
int image_config_read(const struct engine *en, struct arena *a, const char *id, const struct image_config **out,
		      struct err *e) MUST_CHECK;

/* 1: it is for that platform ("os/arch[/variant]"), as far as platform_match() says; 0: it is not, and e, ERR_NOTFOUND, says what it is for. */
int image_suits(const struct engine *en, struct arena *a, const struct image *img, const char *platform, struct err *e) MUST_CHECK;

/* Writes what was loaded into the catalog, durably (but for the time, of what is there already). */
int image_record(const struct engine *en, const struct image_loaded *images, size_t n, struct err *e) MUST_CHECK;

/* Gives an image (as image_find() takes it) another name, durably; target as people write it. Another image that had it keeps its others, or
 * none. ERR_INVALID: it is no name, or has a digest. */
int image_tag(const struct engine *en, const char *source, const char *target, struct err *e) MUST_CHECK;

/* From a push: the registry of ref has the image under that digest. */
int image_known_as(const struct engine *en, const char *id, const struct image_ref *ref, const char *digest, struct err *e) MUST_CHECK;

/* One line of what image_remove() did; kind "Untagged" or "Deleted". */
typedef void (*image_removed_fn)(const char *kind, const char *what, void *data);
/* Takes a reference away, and the image with its last one; with the last tag of a repository go the digests by which it is known there. Or, given an id, all of it. An image that containers use,
 * or (by id) one with several references, is ERR_CONFLICT; force takes the references away all the same, but what a
 * container uses stays. What nobody needs any more leaves the store with the next image_gc(). */
int image_remove(const struct engine *en, const char *what, bool force, image_removed_fn fn, void *data,
		 struct err *e) MUST_CHECK;

/* 1: an image of the catalog or the build cache needs this blob or layer; 0: nobody does. */
int image_referenced(struct catalog *c, enum store_kind kind, const char *digest, struct err *e) MUST_CHECK;

/* Removes blobs, layers and abandoned loads that nobody needs. */
int image_gc(const struct engine *en, struct store_gc_result *out, struct err *e) MUST_CHECK;

#endif
