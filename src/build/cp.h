/* Files between a container and the machine: a COPY whose other end is a container that is there already, running or not. */
#ifndef TARE_BUILD_CP_H
#define TARE_BUILD_CP_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "engine/arrival.h"
#include "engine/engine.h"

struct cp_args {
	const char *container; /* name, id or start of one */
	const char *inside;    /* a path in it, from its root */
	const char *here;      /* a path of the machine; "-": a tar */
	bool archive;          /* owners, set-id bits and devices stay what they are; else all becomes root's there, and the caller's here */
	bool follow;           /* a link that the source is: what it leads to */
	int tar;               /* of "-": where it is read from or written to */
	struct arrival arrival; /* of a tar that comes in */
	bool replace;           /* of a tar that comes in: a file replaces a folder, and a folder a file */
	const uint32_t *owner; /* of a tar that comes in: uid and gid of all of it; NULL: as it says */
};

/* What is at a path in a container. */
struct cp_stat {
	char name[NAME_MAX + 1]; /* its last part; "/" of the root */
	mode_t mode;
	int64_t size, mtime; /* mtime: ns */
	char link[PATH_MAX]; /* of a symbolic link: where it leads in the container, absolute; else "" */
};
/* ERR_NOTFOUND. */
int cp_stat(const struct engine *en, const char *container, const char *inside, struct cp_stat *out, struct err *e) MUST_CHECK;

/* A path with a slash at its end, or "/.", is a folder's; with "/." what is in it is meant. A source goes into a folder that is there,
 * else it becomes what the destination names, whose parent must exist. A folder never replaces a file, nor a file a folder, but with `replace`. No link of
 * the container leads out of it, and nothing is written here by way of one that came out of it. A file is replaced when the new one
 * is whole (.tare-cp-RANDOM beside it is what a killed one leaves). *bytes: of files, that were written.
 *
 * What is copied out is read as it is, also while the container is started, changed or ended.
 *
 * ERR_NOTFOUND, ERR_INVALID: as above; ERR_DENIED: it is mounted read-only; ERR_CONFLICT: it was removed while it was read. */
int cp_out(const struct engine *en, const struct cp_args *args, uint64_t *bytes, struct err *e) MUST_CHECK;
int cp_in(const struct engine *en, const struct cp_args *args, uint64_t *bytes, struct err *e) MUST_CHECK;

#endif
