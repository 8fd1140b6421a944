/* What the machine's own network says: its routes, and the MTU of its way out. */
#ifndef TARE_NET_UPLINK_H
#define TARE_NET_UPLINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ip.h"

/* Whether a route of this machine (but the default one) leads to a part of it: somebody has those addresses. */
bool uplink_has_route(const struct ip_net *net);
/* Its routes of a family, one after the other, until fn says that it is enough (true, which is the result then). */
typedef bool (*uplink_route_fn)(const struct ip_net *to, const char *device, void *data);
bool uplink_each_route(bool v6, uplink_route_fn fn, void *data);
/* The MTU of the device that the default route uses; 0: there is none. */
uint32_t uplink_mtu(void);

/* Whether it has IPv6 at all, switched on. */
bool uplink_has_ipv6(void);

#endif
