/* Id maps of user namespaces. user_namespaces(7). */
#ifndef TARE_SYS_IDMAP_H
#define TARE_SYS_IDMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"

struct idmap_range {
	uint32_t inside, outside, size;
};

/* Writes uid_map (which "uid_map") or gid_map of pid through proc, a handle of a procfs that shows pid. The caller is
 * in the parent user namespace and has CAP_SETUID/CAP_SETGID there. -EINVAL: overlapping or empty ranges, or more
 * than the kernel's 340. */
int idmap_write(int proc, pid_t pid, const char *which, const struct idmap_range *map, size_t n) MUST_CHECK;

/* Takes setgroups(2) away from pid's user namespace, for good: the kernel asks for that where somebody without CAP_SETGID
 * maps its one group, because leaving a group may open what the group is denied. */
int idmap_deny_setgroups(int proc, pid_t pid) MUST_CHECK;
/* Whether our own user namespace has lost it so. */
bool idmap_setgroups_denied(int proc);

/* Reads them: at most max ranges, *n how many there are; outside ids as our own user namespace sees them. */
int idmap_read(int proc, pid_t pid, const char *which, struct idmap_range *map, size_t max, size_t *n) MUST_CHECK;

/* The kernel's limit of ranges in one map. */
#define IDMAP_MAX 340

/* A fresh user namespace that has these maps and no process in it: what mnt_idmap() wants. Gives its fd. */
int idmap_userns(int proc, const struct idmap_range *uid, size_t n_uid, const struct idmap_range *gid,
		 size_t n_gid) MUST_CHECK;

/* The same where somebody else writes the maps: map() is told the pid of the process that is in it meanwhile, and gives 0 or -errno. */
int idmap_userns_by(int proc, int (*map)(pid_t pid, void *arg), void *arg) MUST_CHECK;

/* The outside id of inside id; false when it is not mapped. */
bool idmap_outside(const struct idmap_range *map, size_t n, uint32_t inside, uint32_t *outside);

#endif
