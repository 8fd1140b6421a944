/* Cache and memory bandwidth of groups of processes: the resctrl file system of Intel RDT, AMD QoS, Arm MPAM.
 * kernel: Documentation/filesystems/resctrl.rst; runtime-spec config-linux.md "IntelRdt". */
#ifndef TARE_SYS_RESCTRL_H
#define TARE_SYS_RESCTRL_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "base/err.h"

/* What a container wants of it. */
struct rdt_wish {
	const char *clos;	      /* a group for this and others, "/" = the default group; NULL or "" = one of its own, `id` */
	const char *l3, *mb;	      /* lines of schemata, NULL = none */
	const char *const *schemata; /* more lines; may be NULL */
	bool monitoring;	      /* a monitoring group of its own, mon_groups/ID of its group */
	const char *id;
};

/* The file system; base: where it is looked for, NULL = /sys/fs/resctrl, where it must be mounted. ERR_UNSUPPORTED. */
int rdt_open(const char *base, struct err *e) MUST_CHECK;

/* The folder below root that goes with the container, malloc'd, or NULL: a group or monitoring group that the wish makes
 * and that is not there yet. Ask before rdt_apply(). -ENOMEM. */
int rdt_own(int root, const struct rdt_wish *w, char **out) MUST_CHECK;

/* Makes and sets what is wanted and puts pid into it. A group with `clos` and no lines must be there (ERR_NOTFOUND). A
 * line the kernel refuses is an error that has it, and the kernel's reason. What was made is left to rdt_remove(). */
int rdt_apply(int root, const struct rdt_wish *w, pid_t pid, struct err *e) MUST_CHECK;
/* Puts another process where rdt_apply() has put the first. */
int rdt_join(int root, const struct rdt_wish *w, pid_t pid, struct err *e) MUST_CHECK;
/* Removes what rdt_own() gave; absent is success. Its processes fall back to the group around it. */
int rdt_remove(int root, const char *own, struct err *e) MUST_CHECK;

#endif
