/* Our nf_tables table: address translation, isolation and published ports. The rules are the same for every machine and are loaded
 * once, by nft(8); what a network, a container or a port adds are elements of their sets, by netlink, in one transaction.
 *
 * Networks are told apart by the group of their devices (ip-link(8)): a prefix that says whose table this is, and the network's
 * number. Each element carries the id of what it belongs to as its comment. */
#ifndef TARE_NET_FIREWALL_H
#define TARE_NET_FIREWALL_H

#include "net/link.h"
#include "net/port.h"
#include "net/relay.h"
#include "sys/netlink.h"

#define FIREWALL_NETWORKS 65535U /* numbers from 1 */

struct firewall {
	char table[24];
	uint32_t prefix; /* the upper half of a device's group */
};

/* Which table: "tare" for the usual state folder, one of its own for any other, so that two do not meddle with each other. */
void firewall_of(const char *state_dir, bool usual, struct firewall *out);
uint32_t firewall_group(const struct firewall *fw, uint32_t number);

/* Loads the rules, with empty sets; what was in them is gone. ERR_UNSUPPORTED without nft. The caller sees to it that nobody else does
 * so at the same time. */
int firewall_load(const struct firewall *fw, struct err *e) MUST_CHECK;
bool firewall_loaded(const struct firewall *fw);
/* Whether the kernel would take the rules, without loading them; fails as firewall_load(). */
int firewall_try(const struct firewall *fw, struct err *e) MUST_CHECK;
/* Whether a link's element is there. */
bool firewall_knows(const struct firewall *fw, const struct net_link *l);
/* Loaded, and no chain, set or rule of it has been taken away since. */
bool firewall_whole(const struct firewall *fw);
/* Removes the table. Absent is success. */
int firewall_unload(const struct firewall *fw, struct err *e) MUST_CHECK;

struct firewall_network {
	const char *id;
	uint32_t group;
	struct ip_net subnet, subnet6; /* subnet6: len 0 without IPv6 */
	struct ip gateway, gateway6;   /* none: nothing leads out */
	bool internal;     /* nothing leads out */
};

/* A change: firewall_begin(), any of the three, firewall_commit(). add false takes the same elements away. */
void firewall_begin(struct nl_batch *q);
void firewall_network(const struct firewall *fw, struct nl_batch *q, bool add, const struct firewall_network *n);
void firewall_link(const struct firewall *fw, struct nl_batch *q, bool add, const struct net_link *l, const char *container);
/* to: the container's address, of the family that the port is to be reached by. */
void firewall_port(const struct firewall *fw, struct nl_batch *q, bool add, const struct net_port *p, const struct ip *to,
		   const char *container);
/* All ports of a shared relay lead to its socket. */
void firewall_relay(const struct firewall *fw, struct nl_batch *q, bool add, const struct net_relay *r, const char *container);
/* All of it or nothing, as nft_commit(). */
int firewall_commit(struct nl_batch *q) MUST_CHECK;

#endif
