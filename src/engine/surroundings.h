/* What a server was told of its machine in a file of its own (api/server/daemon_json.h), beside what the files of the machine say. */
#ifndef TARE_ENGINE_SURROUNDINGS_H
#define TARE_ENGINE_SURROUNDINGS_H

#include "base/ip.h"
#include "engine/options.h"
#include "engine/registries.h"

/* Subnets of this length (at most 30) are taken out of net, which is of IPv4, in order. */
struct surroundings_pool {
	struct ip_net net;
	unsigned char prefix;
};

struct surroundings {
	struct registries_more registries;
	const struct surroundings_pool *pools; /* for networks without --subnet; none: 10.210.0.0/16 and what follows it */
	size_t n_pools;
};

#endif
