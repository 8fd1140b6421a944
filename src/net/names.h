/* Who has which name in which network: the table that tare writes and tare-netd answers from. A text of lines:
 *
 *	upstream IP               a name server of the host's, in the order they are asked
 *	network N internal|open [NAME]   N: a number of ours; 0 is whatever network without names a container is in
 *	member ID N...            a container and its networks; server IP: instead of the host's, for this one
 *	server ID IP
 *	link ID N ALIAS NAME      a name that one member alone knows, for whoever has NAME in network N
 *	name N IP NAME            the first name of an address is the one that a question for it is answered with */
#ifndef TARE_NET_NAMES_H
#define TARE_NET_NAMES_H

#include "base/arena.h"
#include "base/err.h"
#include "base/ip.h"

#define NAMES_SERVERS 8U
#define NAMES_ID_LEN 64

struct names_member {
	char id[NAMES_ID_LEN + 1];
	uint32_t *networks;
	struct ip *servers; /* few have any of their own */
	size_t n_networks, n_servers;
	bool served; /* tare-netd's: it has his sockets */
};

struct names_entry {
	const char *name; /* lower case */
	uint32_t network;
	struct ip ip;
};

struct names_link {
	const char *member, *alias, *name; /* both names in lower case */
	uint32_t network;
};

struct names_network {
	uint32_t number;
	bool internal;
	const char *name; /* lower case; NULL: none */
};

struct names {
	struct arena a;
	struct ip upstreams[NAMES_SERVERS];
	size_t n_upstreams;
	struct names_network *networks;
	struct names_member *members; /* by id */
	struct names_link *links;     /* few have any */
	struct names_entry *entries;  /* by name */
	struct names_entry *first;    /* by network and address: the first name of each */
	size_t n_networks, n_members, n_links, n_entries, n_first;
};
#define NAMES_INIT { .a = ARENA_INIT }

/* From a text of len bytes. A line that is none of these is ERR_INVALID. names_free() in any case. */
int names_parse(const char *text, size_t len, struct names *out, struct err *e) MUST_CHECK;
void names_free(struct names *n);

struct names_member *names_member(const struct names *n, const char *id);
/* The addresses that a name has for a member, by his links or else in the networks he is in; at most max. name has no dot at its end. NAME.NETWORK is that of
 * NAME in NETWORK, where nobody has it as his own name. */
size_t names_find(const struct names *n, const struct names_member *m, const char *name, struct ip *out, size_t max);
/* Whether a name is LABEL.NETWORK of a network that the member is in: nobody in the world can know more of it. */
bool names_is_inside(const struct names *n, const struct names_member *m, const char *name);
/* The name of an address in one of the member's networks; NULL. */
const char *names_of(const struct names *n, const struct names_member *m, const struct ip *ip);
/* Whether it may ask the world: not all of its networks are internal. */
bool names_may_ask(const struct names *n, const struct names_member *m);

#endif
