/* Private to live.c and live_node.c: helpers inside a running container. */
#ifndef TARE_RUNTIME_LIVE_IMPL_H
#define TARE_RUNTIME_LIVE_IMPL_H

#include "runtime/internal.h"
#include "runtime/live.h"

struct rt_live_job {
	const struct rt_live *live;
	int init; /* pidfd */
	struct rt_create_args create;
	struct rt_ctx ctx;
};
/* The job must stay where it is: ctx points into it. Also when it fails it is to be closed. */
int rt_live_open(struct rt_live_job *j, const struct rt_live *l, struct err *e) MUST_CHECK;
void rt_live_close(struct rt_live_job *j);
#define CLEANUP_LIVE_JOB CLEANUP(rt_live_close)

/* Runs fn in a process of its own, as root of the container's user namespace: everywhere = in all of its namespaces, else
 * in its user and mount namespaces, where none of its processes can reach it. It may send up to n mounts (RT_MSG_MOUNT),
 * which come into fds. Waits for its end; fails with its error. */
typedef int (*rt_live_fn)(struct rt_ctx *c, void *data, struct err *e);
int rt_live_inside(struct rt_live_job *j, bool everywhere, rt_live_fn fn, void *data, int *fds, size_t n,
		   struct err *e) MUST_CHECK;
/* Inside: a handle of the container's root. */
int rt_live_root(struct err *e) MUST_CHECK;

#endif
