/* Networks and volumes that nobody uses, as a command and the API have them removed. */
#ifndef TARE_API_DOCKER_PRUNE_H
#define TARE_API_DOCKER_PRUNE_H

#include "engine/network.h"
#include "engine/volume_prune.h"

/* Told of each that is gone. */
typedef void (*pruned_fn)(const char *name, void *data);

/* Networks that pass the filters (FILTER_PRUNE_KEYS, api/docker/filters.h) and that no container runs in. One that cannot be removed is passed over with an
 * error on the log. */
int prune_networks(const struct engine *en, struct arena *a, struct strv filters, pruned_fn removed, void *data, struct err *e) MUST_CHECK;

#define VOLUME_PRUNE_KEYS "all label label!"
/* Whether the filters are ones: what is said before anybody is asked. */
int prune_volumes_check(struct arena *a, struct strv filters, struct err *e) MUST_CHECK;
/* Volumes that pass and that no container has; all: also those with a name, as the filter all=true says. *freed: bytes. */
int prune_volumes(const struct engine *en, struct arena *a, struct strv filters, bool all, pruned_fn removed, void *data, uint64_t *freed,
		  struct err *e) MUST_CHECK;

#endif
