/* What a step of a build wrote, made into what its layer says: the upper folder of an overlay, walked once. */
#ifndef TARE_IMAGE_TIDY_H
#define TARE_IMAGE_TIDY_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

/* Times of files: whole seconds; what is newer than `newer` (ns since the epoch) is from then on of `becomes` (seconds).
 * So a step gives the same files whenever it is done. */
struct tidy_times {
	int64_t newer, becomes;
};
#define TIDY_KEEP { INT64_MAX, 0 }

struct tidy_args {
	int upper;         /* O_RDONLY */
	const int *lowers; /* O_PATH, topmost first */
	size_t n_lowers;
	struct tidy_times times;
	const char *const *stubs; /* paths that were made to mount something onto; NULL-terminated; NULL: none */
	uint64_t max_depth;       /* components of a path */
};

/* Takes away sockets, which tar has no place for; stubs, where they are empty still and no lower has them; marks of
 * opaque folders that hide nothing. opaque: the folders that do, NULL-terminated, in a. What is in upper is not trusted:
 * no link is followed. */
int tidy_upper(const struct tidy_args *args, struct arena *a, const char ***opaque, struct err *e) MUST_CHECK;

#endif
