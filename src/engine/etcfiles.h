/* The container's /etc/hosts and /etc/resolv.conf: made with it, and written again at each start, for by then its address and the host's
 * name servers may be others. */
#ifndef TARE_ENGINE_ETCFILES_H
#define TARE_ENGINE_ETCFILES_H

#include "base/ip.h"
#include "base/json.h"
#include "engine/engine.h"
#include "engine/options.h"

/* --add-host NAME:IP, NAME=IP, NAME:host-gateway. */
int etc_check_host(const char *text, struct err *e) MUST_CHECK;
bool etc_wants_gateway(const char *text); /* of a checked one: host-gateway */

/* The container's own, and the host's as it sees it; each may be none. */
struct etc_addresses {
	struct ip ip, ip6, gateway;
	struct ip server; /* a name server of the network's that asks the host's */
	const char *others; /* whole lines of hosts about others (links.h); NULL: none */
};

struct etc_hosts {
	const char *hostname, *domainname; /* domainname may be NULL */
	struct strv extra;                 /* checked ones */
	const struct etc_addresses *at;    /* NULL: no network */
};
void etc_hosts_text(const struct etc_hosts *h, struct strbuf *out);
/* The host's own file, of which text is the contents, and extra behind it: for who is in the host's network. */
void etc_hosts_add(const struct etc_hosts *h, const char *text, struct strbuf *out);

struct etc_resolv {
	struct strv servers, search, options; /* each one that is empty: the host's */
	const struct ip *server;           /* in place of the host's; NULL: none */
	bool names; /* tare-netd is its name server, and asks the others */
	bool alone; /* no network: nothing of the host's is of use */
	bool local; /* the host's own network: so are its servers on loopback addresses */
};
/* The host's own resolver on a loopback address is not the container's: a stub's upstreams are asked for. */
void etc_resolv_text(const struct etc_resolv *r, struct strbuf *out);
/* The host's name servers for tare-netd, which may ask one on a loopback address: lines of its table (net/names.h). */
void etc_upstreams(struct strbuf *out);
/* Whether the host has name servers, and a container of its own network can reach none of them. */
bool etc_needs_forwarder(void);

/* What a network says of name servers: it counts where the user said nothing. */
struct etc_dns {
	struct strv servers, search, options;
};
/* Both again, by a container's configuration (config.h). at: NULL: no network; names: as in etc_resolv. */
int etcfiles_write(const struct engine *en, struct arena *a, const char *id, const struct json *config, const struct etc_addresses *at,
		   bool names, const struct etc_dns *dns, struct err *e) MUST_CHECK;

#endif
