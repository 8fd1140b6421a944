/* Landlock (landlock(7)): this thread, and what it starts, may do only what it was allowed to.
 *
 *	struct landlock_rules rules;
 *	landlock_begin(&landlock_everything, &rules);             everything is denied
 *	landlock_allow(&rules, dirfd, LANDLOCK_WRITE_TREE);       except below this folder
 *	landlock_enforce(&rules);                                 now, for good; needs no_new_privs or CAP_SYS_ADMIN
 *
 * It governs opening, making, removing, renaming and executing, not stat, chmod, chown or attributes: those need a
 * root folder of one's own besides. On a kernel without it begin gives -EOPNOTSUPP; newer rights than the kernel knows
 * are left out (landlock_abi() tells). Handles that are open already keep working. */
#ifndef TARE_SYS_LANDLOCK_H
#define TARE_SYS_LANDLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

struct landlock_rules {
	int fd;           /* owned */
	uint64_t handled; /* rights to files that this kernel knows */
};
#define LANDLOCK_RULES_INIT { .fd = -1, .handled = 0 }
#define CLEANUP_LANDLOCK CLEANUP(landlock_end)

/* What is denied unless it is allowed. */
struct landlock_domain {
	bool files;
	bool tcp_bind, tcp_connect;
	bool sockets, signals; /* abstract unix sockets of processes outside of the domain, signals to them */
};
extern const struct landlock_domain landlock_everything;

/* From which version of the kernel's interface on it can deny all of the above: before 3 (Linux 6.2) files could still be
 * truncated by those who may not write them, before 4 (6.7) there is nothing about TCP, before 6 (6.12) no scopes. */
enum { LANDLOCK_ABI_FILES = 3, LANDLOCK_ABI_TCP = 4, LANDLOCK_ABI_SCOPES = 6 };
/* The version of the kernel's; -EOPNOTSUPP. */
int landlock_abi(void) MUST_CHECK;

enum landlock_grant {
	LANDLOCK_READ_TREE,  /* read files, list folders */
	LANDLOCK_WRITE_TREE, /* also write, make, remove, rename, link anything; never execute */
	LANDLOCK_USE_TREE,   /* also ioctl on devices */
	LANDLOCK_EXEC_TREE   /* read, list and execute */
};

int landlock_begin(const struct landlock_domain *d, struct landlock_rules *out) MUST_CHECK;
/* fd: a folder, or a file (then only what makes sense for a file is granted). */
int landlock_allow(struct landlock_rules *r, int fd, enum landlock_grant grant) MUST_CHECK;
/* Each of these that is there; NULL-terminated. */
int landlock_allow_paths(struct landlock_rules *r, const char *const *paths, enum landlock_grant grant) MUST_CHECK;
/* To read what name resolution and TLS are told by: of /etc so much and no more. */
int landlock_allow_resolving(struct landlock_rules *r) MUST_CHECK;
/* One TCP port; -EINVAL when the domain does not speak of that. */
int landlock_allow_port(struct landlock_rules *r, bool connect, uint16_t port) MUST_CHECK;
int landlock_enforce(struct landlock_rules *r) MUST_CHECK;
void landlock_end(struct landlock_rules *r);

#endif
