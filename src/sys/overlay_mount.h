/* Layers stacked as one file system. kernel: Documentation/filesystems/overlayfs.rst */
#ifndef TARE_SYS_OVERLAY_MOUNT_H
#define TARE_SYS_OVERLAY_MOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

struct overlay_args {
	const char *const *lower; /* absolute, topmost first; one at least */
	size_t n_lower;
	int userns; /* maps the ids of the lowers; -1: they stay as they are */
	const int *each; /* NULL; or for each lower its own instead */
	/* both NULL: read-only, and then one lower alone is a mount of that folder */
	const char *upper, *work;
	/* The folder that upper and work are names in, when what is written is to become a layer: with ids mapped by
	 * base_userns (-1: not), so that a file of the container's root is the store's root's. NULL: the names are
	 * absolute. The map has to have a place for the caller's own id, too: overlayfs makes its own things as him. */
	const char *base;
	int base_userns;
	bool is_volatile; /* what is written need not outlive the machine: nothing of it is synced, neither asked for nor at the end, when overlayfs
			   * else waits for all that anybody has written to upper's file system (5.10) */
	bool of_user; /* its attributes are user.overlay.*: mounted in another user namespace than the machine's */
};

/* Gives the fd of a detached mount. *helper is to be reaped with ns_reap(). */
int overlay_mount(const struct overlay_args *args, pid_t *helper, struct err *e) MUST_CHECK;

/* A detached mount of what lies at path in the detached mount whole, whose links lead nowhere else (-EXDEV); negative errno. *helper is to be
 * reaped with ns_reap(). */
int overlay_part(int whole, const char *path, pid_t *helper) MUST_CHECK;

/* Whether what lies there (fd; or path, absolute) is on an overlay: the kernel takes no folder of one as an upper, and maps no ids of its files.
 * What cannot be told is on none. Source: statfs(2), linux/magic.h. */
bool overlay_at(int fd);
bool overlay_at_path(const char *path);

/* For tests: as on a kernel that takes lowers by name alone. */
void overlay_mount_by_name(void);

#endif
