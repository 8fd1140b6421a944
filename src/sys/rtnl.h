/* Links, addresses and routes by rtnetlink(7): each function adds a message to a batch for a NETLINK_ROUTE socket. */
#ifndef TARE_SYS_RTNL_H
#define TARE_SYS_RTNL_H

#include "base/ip.h"
#include "sys/netlink.h"

/* The index of a device of the socket's namespace; -ENODEV. */
int rtnl_index(int sock, const char *name) MUST_CHECK;
/* The same, and the number of its group. */
int rtnl_group(int sock, const char *name, uint32_t *group) MUST_CHECK;

typedef void (*rtnl_link_fn)(const char *name, uint32_t group, void *data);
/* All devices of the namespace. A name lives while take() runs. -EINTR, as nl_exchange() says. */
int rtnl_links(int sock, rtnl_link_fn take, void *data) MUST_CHECK;

/* A pair of devices: `host` here and `inside` in the network namespace of fd netns, both down. */
struct rtnl_veth {
	const char *host, *inside;
	int netns;
	uint32_t group; /* of the host's end */
	int master;     /* index of the bridge the host's end joins, 0 = none */
	uint32_t mtu;   /* of both; 0 = the kernel's */
	unsigned char mac[6]; /* of inside */
};
void rtnl_add_veth(struct nl_batch *q, const struct rtnl_veth *v);
void rtnl_add_bridge(struct nl_batch *q, const char *name, uint32_t group, uint32_t mtu);
/* A device `inside` in the network namespace of fd netns, down, on device `parent` of this one. kind: "macvlan", "ipvlan"; mode: one of
 * MACVLAN_MODE_*, IPVLAN_MODE_* of linux/if_link.h. mac: of a macvlan; an ipvlan has its parent's. */
struct rtnl_direct {
	const char *kind, *inside;
	int netns, parent;
	uint32_t mode, mtu;
	unsigned char mac[6];
};
void rtnl_add_direct(struct nl_batch *q, const struct rtnl_direct *d);
void rtnl_del_link(struct nl_batch *q, int index);
void rtnl_set_up(struct nl_batch *q, int index, bool up);
void rtnl_set_group(struct nl_batch *q, int index, uint32_t group);
void rtnl_set_master(struct nl_batch *q, int index, int master);
/* One of the settings of net.ipv4.conf.DEVICE, by its number in linux/ip.h (IPV4_DEVCONF_*). */
void rtnl_set_inet(struct nl_batch *q, int index, uint16_t which, uint32_t value);

/* A port of a bridge may get back what it sent itself. */
void rtnl_set_hairpin(struct nl_batch *q, int index);

/* No IPv6 address of its own making, and so no word of IPv6, on a device that is not up yet. */
void rtnl_set_no_ipv6(struct nl_batch *q, int index);

/* no_route: without the route to its subnet that an address brings along. */
void rtnl_add_address(struct nl_batch *q, int index, const struct ip *ip, unsigned char prefix, bool no_route);
/* to: NULL is everywhere. via: NULL is directly; source: NULL is the kernel's choice. Replaces one that is there. */
struct rtnl_route {
	const struct ip *to, *via, *source;
	unsigned char prefix;
	int index;
};
void rtnl_add_route(struct nl_batch *q, const struct rtnl_route *r);
void rtnl_del_route(struct nl_batch *q, const struct rtnl_route *r);

#endif
