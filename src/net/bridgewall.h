/* The wall at the link layer: what a container may say on the bridge of a network. A table of family bridge beside firewall.h's own, loaded
 * and filled together with it. */
#ifndef TARE_NET_BRIDGEWALL_H
#define TARE_NET_BRIDGEWALL_H

#include "net/link.h"
#include "sys/netlink.h"

/* Its rules, with empty sets, as text for nft(8) into out; the length, -1: more than size. prefix as in struct firewall. */
int bridgewall_rules(const char *table, uint32_t prefix, char *out, size_t size) MUST_CHECK;
/* Into a change of the firewall: a bridged link may speak with its own addresses. */
void bridgewall_link(const char *table, struct nl_batch *q, bool add, const struct net_link *l, const char *container);

#endif
