/* As whom files are made: a file system that has no place for our id (a tmpfs of another user namespace, an id-mapped mount) takes none
 * of ours. setfsuid(2), capabilities(7). */
#ifndef TARE_SYS_FSIDS_H
#define TARE_SYS_FSIDS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/cleanup.h"

struct fsids {
	uid_t uid; /* before */
	gid_t gid;
	unsigned long bits;
	bool on;
};
#define CLEANUP_FSIDS CLEANUP(fsids_back)

/* This thread makes files as uid and gid from here on, and keeps its capabilities. Negative errno. */
int fsids_become(uid_t uid, gid_t gid, struct fsids *before) MUST_CHECK;
void fsids_back(struct fsids *before);

#endif
