/* The addresses of a container in a network: which ones it gets. */
#ifndef TARE_ENGINE_ADDRESS_H
#define TARE_ENGINE_ADDRESS_H

#include "engine/network.h"

struct address_place {
	uint64_t number;       /* of the IPv4 subnet */
	struct ip_net ip, ip6; /* ip6: none where the network has none */
};

/* In an open transaction: the ones that are asked for (NULL or "": any), or the next free ones. ERR_CONFLICT: somebody has it;
 * ERR_LIMIT: none is free. Nothing is written but where to go on. */
int address_find(const struct engine *en, const struct network *net, const char *ip, const char *ip6, struct address_place *at, struct err *e) MUST_CHECK;

#endif
