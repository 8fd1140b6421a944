/* Volumes: files that outlive containers. A row of the catalog, and ROOT/volumes/NAME/_data.
 *
 * The files have the ids that containers see: a container with a user namespace of its own has the folder id-mapped, so that what one writes
 * as its root is root's for the next one, too, whatever host ids they have.
 *
 * A driver's options can say that a volume is something else than that folder: a folder of the host, a file system in memory, or one that the
 * kernel knows (a device, a server's). Such a one is mounted in each container that has it, by that container's own monitor: nothing is mounted on
 * the host, and nothing is left there. Of one device the kernel has one superblock, whoever has it mounted: it is there from the first container's
 * start to the last one's end.
 *
 * One with a limit (size=) has a folder that the file system limits (engine/capacity.h): it is made under another name and takes its own when
 * it is whole, so that there is none without its limit.
 *
 * Order: the row first, then its folder, which is made again whenever it is missing; of a removal the folder first, which gets a name that
 * says so. A folder without a row is nobody's garbage where people named it: who makes a volume of that name has its files again. */
#ifndef TARE_ENGINE_VOLUME_H
#define TARE_ENGINE_VOLUME_H

#include "base/arena.h"
#include "base/json.h"
#include "engine/engine.h"
#include "engine/options.h"
#include "sys/quota.h"

#define VOLUME_DRIVER "local"
#define VOLUME_ANONYMOUS_LABEL "com.docker.volume.anonymous"

enum volume_kind {
	VOLUME_FOLDER, /* its own */
	VOLUME_BIND,   /* a folder of the host: o=bind */
	VOLUME_TMPFS,  /* type=tmpfs */
	VOLUME_FS      /* another type= */
};

struct volume {
	const char *name;
	int64_t created; /* ns since the epoch */
	bool anonymous;
	size_t users;                  /* containers that have it, running or not */
	const struct json *labels, *options; /* objects */
	/* of the options */
	enum volume_kind kind;
	const char *type;   /* VOLUME_FS */
	const char *device; /* VOLUME_BIND: absolute; VOLUME_FS: as the kernel wants it */
	const char *o;      /* the others, with commas between; "" */
	struct quota_limits limits; /* VOLUME_FOLDER: what it may take on the disk */
};

struct volume_wish {
	const char *name; /* NULL: 64 digits, made up */
	const char *driver; /* NULL: VOLUME_DRIVER */
	bool anonymous;
	struct strv labels, options;
};

/* Makes it. One of that name that is there is success, as in Docker, unless it has other options than the wish (ERR_CONFLICT). *name in a.
 * ERR_INVALID, ERR_UNSUPPORTED: name, driver or options. */
int volume_create(const struct engine *en, struct arena *a, const struct volume_wish *wish, const char **name, struct err *e) MUST_CHECK;
/* A wish is one: what volume_create() refuses without looking at what is there. */
int volume_check(struct arena *a, const struct volume_wish *wish, struct err *e) MUST_CHECK;
/* Its row, in an open transaction; the name is nobody's. */
int volume_insert(struct catalog *c, const struct volume_wish *wish, struct err *e) MUST_CHECK;

/* By whole name; ERR_NOTFOUND suggests the nearest. */
int volume_find(struct catalog *c, struct arena *a, const char *name, struct volume *out, struct err *e) MUST_CHECK;
/* All, by name. */
int volume_list(struct catalog *c, struct arena *a, struct volume **out, size_t *n, struct err *e) MUST_CHECK;
/* Ids of the containers that have it. */
int volume_users(struct catalog *c, struct arena *a, const char *name, struct strv *out, struct err *e) MUST_CHECK;

/* ERR_CONFLICT: a container has it, running or not; ERR_NOTFOUND. */
int volume_remove(const struct engine *en, const char *name, struct err *e) MUST_CHECK;

/* ROOT/volumes/NAME/_data. */
const char *volume_path(const struct engine *en, struct arena *a, const char *name);
/* Its folder, if there is one, has the limits of its row. ERR_CONFLICT: it came without them, by a copy of the store perhaps. */
int volume_has_limits(const struct engine *en, const struct volume *v, struct err *e) MUST_CHECK;
/* ROOT/volumes/NAME, made with its _data (and its limits) where missing: an fd. */
int volume_open(const struct engine *en, const char *name, struct err *e) MUST_CHECK;

/* The volumes a container has: recorded with its row, in the same transaction; ERR_NOTFOUND: one was removed meanwhile. own: it did not name
 * it: the volume was made for it, or is another's for whom it was. */
int volume_use(struct catalog *c, const char *container, const char *name, bool own, struct err *e) MUST_CHECK;
/* 1: the container has it, and as its own. */
int volume_is_own(struct catalog *c, const char *container, const char *name, struct err *e) MUST_CHECK;
/* It has this one no more. */
int volume_use_end(struct catalog *c, const char *container, const char *name, struct err *e) MUST_CHECK;
/* Before a container's row goes, in the same transaction: it has none any more. own: the rows of those without a name that are its own, and that nobody
 * else has, go, too; their names are in *gone. */
int volume_unuse(struct catalog *c, struct arena *a, const char *container, bool own, struct strv *gone, struct err *e) MUST_CHECK;
/* After that transaction. */
void volume_remove_folders(const struct engine *en, struct strv names);

/* Removes what is on its way out, and folders of volumes without a name that have no row: what a command killed at the wrong moment left.
 * And what is left of subvolumes (capacity_sweep), of containers, too. */
void volume_sweep(const struct engine *en);

#endif
