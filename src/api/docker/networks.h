/* Networks in a list. */
#ifndef TARE_API_DOCKER_NETWORKS_H
#define TARE_API_DOCKER_NETWORKS_H

#include "engine/network.h"

#define NETWORK_FILTER_KEYS "dangling driver id label name scope type"

/* ERR_UNSUPPORTED for an ordinary user: they are made of devices of the machine and rules of its firewall. */
int networks_only_root(const struct engine *en, struct err *e) MUST_CHECK;
/* The default network is there before anybody has used it. */
int networks_have_default(const struct engine *en, struct arena *a, struct err *e) MUST_CHECK;
/* All that pass the filters (api/docker/filters.h), by name, those of CNI behind them. */
int networks_listed(const struct engine *en, struct arena *a, struct strv filters, struct network **out, size_t *n, struct err *e) MUST_CHECK;

#endif
