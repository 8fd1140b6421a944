/* Sees to it that there is a healer (cmd/netd/healer.c) while its container is in a network. */
#ifndef TARE_MONITOR_HEALING_H
#define TARE_MONITOR_HEALING_H

#include "base/loop.h"
#include "monitor/description.h"

struct healing {
	struct loop *loop;
	const struct description *d; /* borrowed */
	struct loop_source *timer, *link, *program;
	int fd, pidfd, lock; /* the connection; the program that starts it, and the lock held meanwhile */
	unsigned int tries;  /* since there was one */
};

/* From the worker's loop, some seconds from now. Nothing for a container without a network. What fails is tried again. */
void healing_begin(struct healing *h, struct loop *l, const struct description *d);

#endif
