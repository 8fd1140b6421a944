/* Landlock (landlock(7)): this thread, and what it starts, may touch files only where it was allowed to.
 *
 *	struct landlock_rules rules;
 *	landlock_begin(&rules);                                   everything is denied
 *	landlock_allow(&rules, dirfd, LANDLOCK_WRITE_TREE);       except below this folder
 *	landlock_enforce(&rules);                                 now, for good; needs no_new_privs or CAP_SYS_ADMIN
 *
 * It governs opening, making, removing, renaming and executing, not stat, chmod, chown or attributes: those need a
 * root folder of one's own besides. On a kernel without it begin gives -EOPNOTSUPP; newer rights than the kernel knows
 * are left out. Handles that are open already keep working. */
#ifndef TARE_SYS_LANDLOCK_H
#define TARE_SYS_LANDLOCK_H

#include <stdint.h>

#include "base/cleanup.h"

struct landlock_rules {
	int fd;           /* owned */
	uint64_t handled; /* rights this kernel knows */
};
#define LANDLOCK_RULES_INIT { .fd = -1, .handled = 0 }
#define CLEANUP_LANDLOCK CLEANUP(landlock_end)

enum landlock_grant {
	LANDLOCK_READ_TREE, /* read files, list folders */
	LANDLOCK_WRITE_TREE /* also write, make, remove, rename, link anything; never execute */
};

int landlock_begin(struct landlock_rules *out) MUST_CHECK;
/* fd: a folder, or a file (then only what makes sense for a file is granted). */
int landlock_allow(struct landlock_rules *r, int fd, enum landlock_grant grant) MUST_CHECK;
int landlock_enforce(struct landlock_rules *r) MUST_CHECK;
void landlock_end(struct landlock_rules *r);

#endif
