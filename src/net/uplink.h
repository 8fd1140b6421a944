/* What the machine's own network says: its routes, and the MTU of its way out. */
#ifndef TARE_NET_UPLINK_H
#define TARE_NET_UPLINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ip.h"

/* Whether a route of this machine (but the default one) leads to a part of it: somebody has those addresses. */
bool uplink_has_route(const struct ip_net *net);
/* The MTU of the device that the default route uses; 0: there is none. */
uint32_t uplink_mtu(void);

/* Whether it has IPv6 at all, switched on. */
bool uplink_has_ipv6(void);

#endif
