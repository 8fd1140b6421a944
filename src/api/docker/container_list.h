/* Containers in a list. */
#ifndef TARE_API_DOCKER_CONTAINER_LIST_H
#define TARE_API_DOCKER_CONTAINER_LIST_H

#include "api/docker/container_filter.h"

struct container_query {
	struct strv filters; /* api/docker/filters.h */
	bool all;            /* those that do not run, too */
	bool config;         /* what their configurations say, and so their networks, is wanted: to read that takes longer than all the rest */
	int64_t most;        /* so many of the newest, running or not; -1: no bound */
};

/* Given the ones that are meant, newest first; a and s go when it has returned. */
typedef int (*container_seen_fn)(const struct engine *en, struct arena *a, const struct seen *s, void *data, struct err *e);
int containers_listed(const struct engine *en, const struct container_query *q, container_seen_fn fn, void *data, struct err *e) MUST_CHECK;

/* The first of what a list does with each: settles it and gives its state, Docker's word. NULL when it is not one of them, as far as that is told before its
 * configuration is read. many: of this list. */
const char *container_settle(const struct engine *en, struct arena *a, const struct container_query *q, struct live_many *many, struct record *rec,
			     struct live *live, struct err *e) MUST_CHECK;
/* What a list does with each: settles it, and gives it to fn, or not (then 0; 1: it was one of them). q has config. */
int container_listed(const struct engine *en, struct arena *a, const struct container_query *q, struct live_many *many, struct record *rec, container_seen_fn fn,
		     void *data, struct err *e) MUST_CHECK;

/* "Up 3 minutes (healthy)" */
const char *container_status_text(struct arena *a, const struct seen *s);

#endif
