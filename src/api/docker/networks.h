/* Networks in a list. */
#ifndef TARE_API_DOCKER_NETWORKS_H
#define TARE_API_DOCKER_NETWORKS_H

#include "engine/network.h"

#define NETWORK_FILTER_KEYS "dangling driver id label name scope type"

/* ERR_UNSUPPORTED for an ordinary user: they are made of devices of the machine and rules of its firewall. */
int networks_only_root(const struct engine *en, struct err *e) MUST_CHECK;
/* As network_find(), and host and none; the default network is there before anybody has used it. */
int networks_find(const struct engine *en, struct arena *a, const char *what, struct network *out, struct err *e) MUST_CHECK;
/* All that pass the filters (api/docker/filters.h), by name, host and none among them, those of CNI behind. */
int networks_listed(const struct engine *en, struct arena *a, struct strv filters, struct network **out, size_t *n, struct err *e) MUST_CHECK;

#endif
