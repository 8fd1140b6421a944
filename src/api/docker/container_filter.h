/* Which containers are listed. */
#ifndef TARE_API_DOCKER_CONTAINER_FILTER_H
#define TARE_API_DOCKER_CONTAINER_FILTER_H

#include "engine/config.h"
#include "engine/endpoint.h"
#include "engine/live.h"
#include "engine/options.h"
#include "engine/record.h"

/* One container as ps sees it. */
struct seen {
	struct record rec;
	struct live live;
	struct ct_config config;
	const char *state; /* created running paused restarting exited */
	const char *health; /* none starting healthy unhealthy */
	struct endpoints own; /* of one that runs */
	const char *networks; /* "one,two" */
};

#define CONTAINER_FILTER_KEYS "ancestor before exited expose health id is-task isolation label name network publish since status volume"
/* 1: it passes all of them. ERR_INVALID: a filter that is none, whatever the container. */
int ps_passes(const struct engine *en, struct arena *a, struct strv filters, const struct seen *s, struct err *e) MUST_CHECK;
/* ERR_INVALID: one of them is none, which must be said also where there is no container to ask; ERR_NOTFOUND: the one of before or since. */
int ps_check(const struct engine *en, struct arena *a, struct strv filters, struct err *e) MUST_CHECK;
/* Those that do not run are meant, too. */
bool ps_asks_status(struct strv filters);

#endif
