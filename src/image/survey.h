/* What the upper folder of an overlay says, looked at without a change: it is a container's, which may run. */
#ifndef TARE_IMAGE_SURVEY_H
#define TARE_IMAGE_SURVEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/err.h"

struct survey_args {
	int upper;                /* a folder; its ids as the image has them */
	const int *lowers;        /* O_PATH, topmost first */
	size_t n_lowers;
	const char *const *stubs; /* paths where something was mounted; NULL-terminated */
	uint64_t max_depth;       /* components of a path */
};

/* Paths, each NULL-terminated, in the arena. */
struct survey {
	const char **opaque; /* folders that hide what is below them */
	const char **absent; /* made to mount something onto, or marks that hide nothing: no part of what was done */
	const char **same;   /* absent, and folders that say what the layers below say and hold nothing else */
};

/* ERR_UNSUPPORTED: it has folders that are only names for others of the image (redirect_dir). What goes while it is looked at is not
 * there. No link is followed. */
int survey_upper(const struct survey_args *args, struct arena *a, struct survey *out, struct err *e) MUST_CHECK;

/* What the layers below show at path; false: nothing. A folder above it that is hidden by a whiteout ends the search. */
bool survey_below(const int *lowers, size_t n, const char *path, struct stat *st);

#endif
