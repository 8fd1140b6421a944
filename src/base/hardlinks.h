/* Files with several names, as a walk through a tree comes upon them. */
#ifndef TARE_BASE_HARDLINKS_H
#define TARE_BASE_HARDLINKS_H

#include <sys/stat.h>

#include "base/arena.h"

#define HARDLINKS_BUCKETS 1024U

struct hardlink;

/* Zeroed at the begin of a walk; what it knows lives in the walk's arena. */
struct hardlinks {
	struct hardlink *buckets[HARDLINKS_BUCKETS];
};

/* The name that the file of st was met by before. NULL: there was none, and a copy of name is kept as the first, if the file
 * has others at all. Where memory lacks the arena says so, and the file counts as new. */
const char *hardlinks_first(struct hardlinks *h, struct arena *a, const struct stat *st, const char *name);

#endif
