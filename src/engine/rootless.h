/* What tare does for an ordinary user: everything of his happens in one user namespace, where he is root. */
#ifndef TARE_ENGINE_ROOTLESS_H
#define TARE_ENGINE_ROOTLESS_H

#include <limits.h>
#include <stdbool.h>

#include "base/err.h"
#include "sys/idmap.h"

#define ROOTLESS_RANGES 32U

/* Whose containers they are. */
struct rootless {
	bool on; /* not the machine's root: the root of a user namespace */
	struct idmap_range uid[ROOTLESS_RANGES], gid[ROOTLESS_RANGES];
	size_t n_uid, n_gid;
	uint32_t ids; /* 0 to here, as uids and as gids, are there without a gap */
	char cgroup[PATH_MAX]; /* in which his containers have theirs (usercgroup.h); "": they have none */
};

/* Where a user keeps things: $XDG_DATA_HOME/tare or ~/.local/share/tare, $XDG_RUNTIME_DIR/tare, or /tmp/tare-UID where that
 * is not his. */
int rootless_root(char out[PATH_MAX], struct err *e) MUST_CHECK;
int rootless_state(char out[PATH_MAX], struct err *e) MUST_CHECK;

/* Makes a folder where it is missing, and of path one without links. ERR_DENIED: it, or one on the way to it, is somebody else's, or others
 * may write there: everybody, or a group that is not his alone. */
int rootless_folder(char path[PATH_MAX], struct err *e) MUST_CHECK;

/* Enters the user's namespace, and a mount namespace of our own in it; the first who comes makes it. In it already (what a monitor
 * executes): only stays with it. state: the state folder's path, checked. Gives what we are then. Single-threaded callers only.
 * ERR_UNSUPPORTED, ERR_DENIED: this machine or user cannot, and what is missing. */
int rootless_enter(const char *state, struct rootless *out, struct err *e) MUST_CHECK;

/* Before a monitor is started: usercgroup_enter(), for an ordinary user who has one. */
int rootless_enter_cgroup(struct err *e) MUST_CHECK;

/* The descriptor that keeps the namespace: who outlives us takes it along. -1: the machine's root. */
int rootless_hold(void);

#endif
