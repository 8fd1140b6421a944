/* Networks: rows of the catalog, and the devices that stand for them on the host.
 *
 * The default network, "bridge", is routed: its device holds the gateway's address and nothing else, each container has a route of its
 * own. A network that users make is a real bridge. Host and none are no networks: a container has a link there or not. */
#ifndef TARE_ENGINE_NETWORK_H
#define TARE_ENGINE_NETWORK_H

#include "base/arena.h"
#include "base/ip.h"
#include "base/json.h"
#include "engine/engine.h"
#include "engine/options.h"
#include "net/firewall.h"

#define NETWORK_DEFAULT "bridge"
#define NETWORK_ROUTED "routed" /* its driver */
#define NETWORK_BRIDGE "bridge"
#define NETWORK_MACVLAN "macvlan"
#define NETWORK_IPVLAN "ipvlan"

struct network {
	const char *id, *name, *driver, *device;
	uint32_t number;
	struct ip_net subnet, subnet6; /* subnet6.ip.len 0: no IPv6 */
	struct ip gateway, gateway6;
	struct ip_net range, range6; /* where addresses are chosen from; none: all of the subnet */
	int64_t next, created;
	bool internal;
	uint32_t mtu;              /* 0: the uplink's */
	const char *parent, *mode; /* macvlan, ipvlan: the host's device ("": one of the network's own), and how ("": bridge, l2) */
	const struct json *config; /* {"Internal","Attachable","Mtu","Parent","Mode","Range","Range6","Aux","Labels","Options"[,"IpamOptions"]} */
};

struct network_options {
	const char *name, *driver;
	bool internal, ipv6, attachable;
	bool no_ipv4; /* refused: addresses of IPv4 there are always */
	struct strv subnets, gateways, ip_ranges; /* one of each family; none: chosen */
	struct strv aux;                          /* "NAME=IP": addresses that nobody is given */
	struct strv labels, options;
	bool ipam_null;                           /* nothing was said of them: a client of Docker's API sees null again, where an empty object was sent that */
	struct strv ipam_options;                 /* of whoever chooses addresses: that they follow one another is so anyway, and all there is */
	const char *device;     /* NULL: a name of its own */
	const struct json *cni; /* of one of CNI (cni_own.h): a member of its configuration */
};

/* By whole id, name, or the unambiguous start of an id; where the catalog has none, one of CNI (cni_folder.h). The default network is made when somebody asks for it first: with an open
 * transaction. ERR_NOTFOUND suggests the nearest name. */
int network_find(const struct engine *en, struct arena *a, const char *what, struct network *out, struct err *e) MUST_CHECK;
/* "host" and "none" are no rows: a container has a link there or not. Where networks are shown they are some, as Docker's: 1 when what is the name of one, its id,
 * or the start of that (from 12 digits on). */
int network_builtin(struct arena *a, const char *what, struct network *out, struct err *e) MUST_CHECK;
/* Of those who are kept to their own the one who made it (CONFIG_OWNER_LABEL, engine/config.h); NULL: none of them. */
const char *network_owner(const struct network *n);
/* Whether owner may see and use it: his own, and everybody's. NULL, who is kept to nothing, may all. */
bool network_is_for(const struct network *n, const char *owner);
/* The same of a container (config): the network's name stays there while it does not run, and may be another's when it starts. */
bool network_admits(const struct network *n, const struct json *config);
bool network_is_builtin(const struct network *n);
/* "bridge", and its names "default" and none at all. */
bool network_is_default(const char *name);
/* Whether address and hardware address are ones at all (spec_network.c). */
int network_check_place(const struct ct_network *n, struct err *e) MUST_CHECK;
bool network_is_routed(const struct network *n);
/* A container has a device of its own on a device of the host's: no address of the host's, no firewall, no published ports. */
bool network_is_direct(const struct network *n);
/* Whether published ports lead nowhere for who is in the networks called that: 1, and the first of them. One that is not there, or is one of
 * CNI, is taken for one that they lead to. */
int network_without_ports(const struct engine *en, struct arena *a, struct strv names, struct network *first, struct err *e) MUST_CHECK;
/* All, by name. */
int network_list(const struct engine *en, struct arena *a, struct network **out, size_t *n, struct err *e) MUST_CHECK;

/* ERR_CONFLICT: the name is taken, or the subnet overlaps a network or a route of the host. */
int network_create(const struct engine *en, struct arena *a, const struct network_options *o, struct network *out,
		   struct err *e) MUST_CHECK;
/* A running container that is in it: 1 and its name, in a's memory; 0: there is none. */
int network_user(const struct engine *en, struct arena *a, const struct network *net, const char **name, struct err *e) MUST_CHECK;
/* ERR_CONFLICT while a container runs in it; the default one cannot be removed. */
int network_remove(const struct engine *en, struct arena *a, const char *what, struct err *e) MUST_CHECK;

/* The table this engine's networks are in. */
void network_firewall(const struct engine *en, struct firewall *out);
/* Nobody else loads rules or takes them away as long as this is open: an fd. */
int network_rules_lock(const struct engine *en, struct err *e) MUST_CHECK;
/* Makes its device where that is missing or was not finished (what another store has left is taken away before, strays.h), and lets the host forward: 1, else 0. Of a direct one looks for its parent. */
int network_up(const struct engine *en, const struct network *n, struct err *e) MUST_CHECK;
/* Whether the device that it names as its parent is there, for who makes it. ERR_NOTFOUND. */
int network_check_parent(const struct network *n, struct err *e) MUST_CHECK;
/* The way back, with its elements. What cannot be done is a warning. */
void network_down(const struct engine *en, const struct network *n);
/* Its elements into a change of the firewall. */
void network_elements(const struct firewall *fw, struct nl_batch *q, bool add, const struct network *n);
/* What devices of it are given: its own, or what the host's default route has; 0: the kernel's default. */
uint32_t network_mtu(const struct network *n);

#endif
