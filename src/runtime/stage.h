/* The mount namespace that CRIU restores a container from, with all that it takes from the host in known places. Private
 * to runtime/. */
#ifndef TARE_RUNTIME_STAGE_H
#define TARE_RUNTIME_STAGE_H

#include "runtime/criu.h"
#include "runtime/internal.h"

struct stage {
	int ns;             /* the namespace */
	int work;           /* the work folder as it is there: CRIU mounts things in it */
	const char *root;   /* the container's root */
	const char *yard;   /* for criu_options.cgroup_yard; NULL = CRIU mounts cgroups itself */
	struct criu_list mounts; /* for criu_options.ext_mnt */
	const char *folder; /* where all this is mounted there, an empty folder elsewhere */
	pid_t helper;
};
#define STAGE_INIT { .ns = -1, .work = -1, .helper = -1 }

/* c: planned (rt_plan()), with its cgroup. state: an absolute folder of ours; work: a folder, open. Strings live in c's
 * arena. Makes mount points that are missing in the rootfs. */
int stage_make(struct stage *s, struct rt_ctx *c, const char *state, int work, struct err *e) MUST_CHECK;
void stage_close(struct stage *s);

#endif
