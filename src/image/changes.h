/* What became of one tree in another: what was added, changed and deleted, as `docker diff` lists it. */
#ifndef TARE_IMAGE_CHANGES_H
#define TARE_IMAGE_CHANGES_H

#include "base/arena.h"
#include "base/err.h"

/* kind: 'A', 'C', 'D'; path: absolute in the tree, as it is written there. */
struct change {
	char kind;
	const char *path;
};

/* From the tree `old` to the tree `new` (folders; borrowed; -1: an empty one), by the bytes of their paths; in a. A folder is changed when
 * it is another itself (mode, owner, attributes) or anything in it was added, changed or deleted; of a deleted folder only itself is listed,
 * of an added one everything. Equal sizes and times prove nothing: contents are compared. skip: paths without their first "/" that are
 * passed over, with all below them; NULL-terminated. No link is followed. */
int changes_list(struct arena *a, int old, int new, const char *const *skip, struct change **out, size_t *n, struct err *e) MUST_CHECK;

#endif
