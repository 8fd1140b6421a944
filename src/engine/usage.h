/* What is kept and what could go: `system df` and `system prune`. */
#ifndef TARE_ENGINE_USAGE_H
#define TARE_ENGINE_USAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"
#include "engine/images.h"

struct usage_row {
	size_t total, active;     /* active: images a container uses, containers that run */
	uint64_t bytes, reclaimable; /* what `container prune`, `image prune -a`, `builder prune -a` take */
};
struct usage {
	struct usage_row images, containers;
	struct usage_row volumes; /* active: a container has it, running or not */
	struct usage_row cache; /* of builds: rows, and what no image has of them; active: an image has it, too */
};
int usage_read(const struct engine *en, struct usage *out, struct err *e) MUST_CHECK;

/* Bytes on the disk of one container's folder. */
uint64_t usage_of_container(const struct engine *en, const char *id);
/* The same of any folder; fd is closed. */
uint64_t usage_of_folder(int fd);
/* The same of what its processes wrote into its root: without log and volumes. 0 with --rootfs. */
uint64_t usage_of_root(const struct engine *en, const char *id);

/* What went: kind "container", "untagged" or "image". */
typedef void (*prune_fn)(const char *kind, const char *what, void *data);
/* Removes containers that do not run, images without a name (all: every image no container uses, and what pulls left half fetched and
 * nobody has), and garbage.
 * *freed: bytes. A container that cannot be removed is passed over with a warning. */
struct json;
struct record;
/* Whether it goes: 1, 0, or an error. labels: the container's. */
typedef int (*prune_container_fn)(const struct record *rec, const struct json *labels, void *data, struct err *e);
typedef int (*prune_filter_fn)(const struct image *img, void *data, struct err *e);
struct prune_args {
	bool all;
	prune_container_fn container; /* NULL: every one */
	prune_filter_fn image;
};
int prune(const struct engine *en, const struct prune_args *args, prune_fn fn, void *data, uint64_t *freed, struct err *e) MUST_CHECK;
/* Containers alone, the oldest first; what they took is added to *freed. */
int prune_containers(const struct engine *en, prune_container_fn filter, prune_fn fn, void *data, uint64_t *freed, struct err *e) MUST_CHECK;
/* Images alone: those without a name (all: every one that no container uses) for which filter (NULL: all of them) says 1, the oldest first; then what nobody
 * needs leaves the store. */
int prune_images(const struct engine *en, bool all, prune_filter_fn filter, prune_fn fn, void *data, uint64_t *freed, struct err *e) MUST_CHECK;

#endif
