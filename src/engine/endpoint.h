/* What a running container has of its networks: an address and a pair of devices in each, and the host's ports that lead to it.
 *
 * The order keeps traffic from reaching the wrong container. Taken: rows first (nobody else gets the address), then the elements of the
 * firewall, then the devices, which the monitor makes. Given back: elements and route first, then the rows. Whoever is killed in
 * between leaves rows, and they go with the repair of their container (settle.h). */
#ifndef TARE_ENGINE_ENDPOINT_H
#define TARE_ENGINE_ENDPOINT_H

#include "engine/network.h"
#include "net/port.h"

struct endpoint {
	struct network network;
	struct net_link link;
	int64_t priority; /* the highest one leads out; 0 is usual */
	bool forwarded; /* resolver_forwards(), when it was taken */
};

struct net_usernet;
/* The host's end of each is called that, and so many digits. */
#define ENDPOINT_LINK "ta"
#define ENDPOINT_LINK_DIGITS 12

struct endpoints {
	struct endpoint *v;
	size_t n;
	struct net_port *ports;
	size_t n_ports;
	const struct net_usernet *usernet; /* an ordinary user's instead of v (net/usernet.h); NULL: none */
	size_t via; /* which of v the ports lead to; n: none of them can carry any */
};

/* In an open transaction: takes for container `id` what its configuration (config.h) asks for, behind what it has.
 * only: just its place in the network of that name (NULL: in all, and the ports). ERR_CONFLICT: a port or an address is
 * taken; ERR_LIMIT: no address is free. */
int endpoint_take(const struct engine *en, struct arena *a, const char *id, const struct json *config, const char *only,
		  struct err *e) MUST_CHECK;

/* The same for one more port, which becomes what was chosen; had: what the container has of them until then (NULL: nothing). And a row as
 * it is, of a port that is its own. */
int endpoint_take_port(const struct engine *en, const char *id, struct net_port *p, const struct endpoints *had, struct err *e) MUST_CHECK;
int endpoint_write_port(const struct engine *en, const char *id, const struct net_port *p, struct err *e) MUST_CHECK;

/* What it has; nothing is not an error. */
int endpoint_read(const struct engine *en, struct arena *a, const char *id, struct endpoints *out, struct err *e) MUST_CHECK;

/* What is left of it without the one at `at`, in memory of a's; and that one alone. Ports go with the one that carries them. */
int endpoint_without(struct arena *a, const struct endpoints *own, size_t at, struct endpoints *out, struct err *e) MUST_CHECK;
struct endpoints endpoint_alone(const struct endpoints *own, size_t at);

/* Whether a program of the host listens on a port of p by IPv4. */
bool endpoint_port_is_hosts(const struct net_port *p, uint16_t port);
/* Whether tare-netd is its name server: it has a name in one of them, or is forwarded. */
bool endpoint_has_names(const struct endpoints *own);
/* After that transaction: the networks' devices, the firewall, the container's hosts and resolv.conf; and the links' MTU into own. */
int endpoint_prepare(const struct engine *en, struct arena *a, const char *id, const struct json *config, struct endpoints *own,
		     struct err *e) MUST_CHECK;
/* The links, for the monitor, as a member of its description. Nothing where there are none. */
void endpoint_describe(const struct engine *en, const struct endpoints *own, struct strbuf *description);
/* A network's device. When it had to be made anew, those who are in that network already come back to it. */
int endpoint_network_up(const struct engine *en, struct arena *a, const struct network *n, struct err *e) MUST_CHECK;
/* Its hosts and resolv.conf again, by what it has now. */
int endpoint_files(const struct engine *en, struct arena *a, const char *id, const struct json *config, const struct endpoints *own,
		   struct err *e) MUST_CHECK;

/* A part of that for some of them: the elements of the firewall. */
int endpoint_open(const struct engine *en, const char *id, const struct endpoints *own, struct err *e) MUST_CHECK;
/* And the way back: elements and routes; the addresses are marked as stale (net/stale.h), for the caller to forget their connections or
 * for the monitor that ends. What is not there is no error. */
int endpoint_close(const struct engine *en, const char *id, const struct endpoints *own, struct err *e) MUST_CHECK;
/* The ports alone: own's go, rest's (what stays of a range that is cut) come, in one transaction of the firewall; connections to own's
 * are cut. rest's are not there afterwards when own's were not: endpoint_open() follows. own->n is not 0. */
int endpoint_close_ports(const struct engine *en, const char *id, const struct endpoints *own, const struct endpoints *rest,
			 struct err *e) MUST_CHECK;
/* After a change that was cut short: what is in the firewall of own's ports, or of parts of them, becomes own. */
int endpoint_mend_ports(const struct engine *en, const char *id, const struct endpoints *own, const struct endpoints *parts,
			struct err *e) MUST_CHECK;
/* Who has any. */
int endpoint_owners(const struct engine *en, struct arena *a, const char *const **ids, size_t *n, struct err *e) MUST_CHECK;
/* The rules, where some of them are missing; then every container's elements that nobody is at work on. */
int endpoint_rules(const struct engine *en, struct err *e) MUST_CHECK;
/* The elements of one that runs by its row, where some are missing. Its operation lock is held. */
int endpoint_restore(const struct engine *en, const char *id, struct err *e) MUST_CHECK;
/* endpoint_close() for all that a container has. *named: it had a name, of which the others are to be told (resolver.h). */
int endpoint_silence(const struct engine *en, const char *id, bool *named, struct err *e) MUST_CHECK;
/* In an open transaction, after that: the rows; of one network's id alone, or all (NULL), and then the ports. */
int endpoint_forget(const struct engine *en, const char *id, const char *network, struct err *e) MUST_CHECK;

/* In the transaction of a restart by a policy, over which rows stay: gives them other devices. 1: it has its places still, 0: it has none,
 * they are to be taken. */
int endpoint_keep(const struct engine *en, const char *id, struct err *e) MUST_CHECK;

#endif
