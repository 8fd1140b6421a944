/* A container's way into a network: a pair of devices, one end on the host, the other in the container's network namespace.
 *
 * Routed (no parent): the host has a route to the one address behind its end, the container sends everything to its gateway, which
 * the host answers for. Bridged: the host's end is a port of the network's bridge. Direct: one device, in the container, that lies on
 * a device of the host's (macvlan, ipvlan). */
#ifndef TARE_NET_LINK_H
#define TARE_NET_LINK_H

#include "base/err.h"
#include "base/ip.h"
#include "base/json.h"

#define LINK_NAME_LEN 16 /* IFNAMSIZ */

enum link_kind { LINK_ROUTED, LINK_BRIDGED, LINK_MACVLAN, LINK_IPVLAN };

struct net_link {
	char host[LINK_NAME_LEN];   /* the host's end; unique, for the kernel takes its time to remove an old one */
	char name[LINK_NAME_LEN];   /* the container's end, "eth0" */
	enum link_kind kind;
	char parent[LINK_NAME_LEN]; /* the bridge, or what a direct one lies on */
	const char *mode;           /* of a direct one: as ip-link(8) calls it; "" is bridge, l2 */
	uint32_t group;             /* of the host's end: which network (net/firewall.h) */
	uint32_t mtu;               /* 0 = the kernel's */
	unsigned char mac[6];
	struct ip_net ip, ip6;       /* ip6.ip.len 0: no IPv6 */
	struct ip gateway, gateway6; /* none in a network without one */
	bool leads_out, leads_out6;  /* the default route goes here; one link has each */
#define LINK_LOCAL_MOST 4U
	struct ip_net local[LINK_LOCAL_MOST]; /* link-local addresses besides */
	size_t n_local;
	const char *sysctls; /* "net.ipv4.conf.IFNAME.NAME=VALUE,…" of the container's end; NULL: none */
};

/* As an object of a description. */
void net_link_write(struct json_writer *w, const struct net_link *l);
int net_link_parse(const struct json *obj, struct net_link *out, struct err *e) MUST_CHECK;
/* "macvlan" and its modes, as ip-link(8) calls them; -EINVAL. */
int net_link_mode(enum link_kind kind, const char *name, uint32_t *out) MUST_CHECK;

/* Makes it, for the network namespace of fd netns: devices, address, routes; both up, and the namespace's loopback too. When it fails
 * nothing is left. Single-threaded callers only (nl_open_in). */
int net_link_make(const struct net_link *l, int netns, struct err *e) MUST_CHECK;
/* Another link than before leads out. */
int net_link_lead_out(const struct net_link *l, int netns, struct err *e) MUST_CHECK;
/* The host's end once more where it belongs, after the network's device was made anew. One that is not there, or is direct, is no error. */
int net_link_rejoin(const struct net_link *l, struct err *e) MUST_CHECK;
/* Takes its devices away, and waits for that; a direct one's are in netns. Absent is success. */
int net_link_unmake(const struct net_link *l, int netns, struct err *e) MUST_CHECK;
/* Whether they are there: 1, 0, or an error. */
int net_link_there(const struct net_link *l, int netns) MUST_CHECK;
/* The host's route to a routed one: what leads to the container while the devices still go. Absent is success. */
int net_link_unroute(const struct net_link *l, struct err *e) MUST_CHECK;

#endif
