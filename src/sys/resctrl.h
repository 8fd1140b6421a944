/* Cache and memory bandwidth of groups of processes: the resctrl file system of Intel RDT, AMD QoS, Arm MPAM.
 * kernel: Documentation/filesystems/resctrl.rst; runtime-spec config-linux.md "IntelRdt". */
#ifndef TARE_SYS_RESCTRL_H
#define TARE_SYS_RESCTRL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
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

/* The folder below root of the group, or of the monitoring group in it; "." = the default group. out: PATH_MAX bytes.
 * -ENAMETOOLONG. */
int rdt_path(const struct rdt_wish *w, bool monitoring, char *out) MUST_CHECK;

/* Counters of one domain of cache: bytes from and to memory since the group was made, bytes of cache now. */
struct rdt_counters {
	uint64_t total_bytes, local_bytes, occupancy;
};
struct rdt_usage {
	bool has_l3, has_mb, has_bandwidth, has_occupancy; /* what this processor can */
	const char *cbm_mask;
	uint64_t min_cbm_bits, l3_closids;
	uint64_t bandwidth_gran, delay_linear, min_bandwidth, mb_closids;
	const char *l3_root, *mb_root; /* lines of the default group; NULL = none */
	const char *l3, *mb;	       /* of the container's */
	const char **schemata;	       /* all of the container's, NULL-terminated */
	struct rdt_counters *nodes;    /* of its monitoring group where it has one, else of its group */
	size_t n_nodes;
};
/* What resctrl tells about a container; what hangs off *out lives in a. -ENOENT when its group is no more; -errno. */
int rdt_read_usage(int root, const struct rdt_wish *w, struct arena *a, struct rdt_usage *out) MUST_CHECK;

#endif
