/* A container's health: its check is run again and again, and what came of it kept in stateDir/health.json (docs/formats.md), which is
 * what `inspect` shows. */
#ifndef TARE_MONITOR_HEALTH_H
#define TARE_MONITOR_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/loop.h"
#include "base/text.h"
#include "monitor/description.h"
#include "monitor/probe.h"

#define HEALTH_FILE "health.json"
#define HEALTH_LOG 5U

enum health_status { HEALTH_STARTING, HEALTH_HEALTHY, HEALTH_UNHEALTHY };

struct health_entry {
	char start[TEXT_TIME_LEN], end[TEXT_TIME_LEN];
	int code;
	char *output; /* owned */
};

struct health {
	struct loop *loop;
	const struct description *d; /* borrowed */
	int state_dir;               /* borrowed */
	uint64_t start_time;         /* the container's, as in state.json */
	struct loop_source *timer;
	struct probe probe;
	struct loop_source *told; /* what tells of another status */
	int teller;               /* its pidfd; -1 */
	bool owed;                /* the status changed while it was at it */
	char began[TEXT_TIME_LEN]; /* the check that runs */
	bool in_start;             /* it began in the start period */
	void (*healthy)(void *data); /* called when it becomes so; set behind health_begin(), may be NULL */
	void *healthy_data;
	enum health_status status;
	uint32_t streak; /* failures in a row */
	struct health_entry log[HEALTH_LOG]; /* oldest first */
	unsigned int n;
};

/* From the worker's loop on. Nothing for a container without a check. Goes on from what a worker before left. session: CREW_SESSION or -1. */
void health_begin(struct health *h, struct loop *l, const struct description *d, int state_dir, uint64_t start_time, int session);
/* The container ended. Harmless when nothing was begun. */
void health_end(struct health *h);

/* One result: the rules alone, for tests. Gives whether the status is another one now. */
bool health_judge(struct health *h, int code);

#endif
