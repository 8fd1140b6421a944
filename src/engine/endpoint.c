#include "engine/endpoint.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/text.h"
#include "engine/address.h"
#include "engine/cni.h"
#include "engine/cni_own.h"
#include "engine/endpoint_impl.h"
#include "engine/etcfiles.h"
#include "engine/folder.h"
#include "engine/healer.h"
#include "engine/others.h"
#include "engine/placeopts.h"
#include "engine/record.h"
#include "engine/relays.h"
#include "engine/resolver.h"
#include "engine/strays.h"
#include "engine/usernet.h"
#include "net/relay.h"
#include "net/stale.h"
#include "sys/conntrack.h"

#define RANDOM_FIRST 32768
#define RANDOM_LAST 60999

/* ---- addresses ---- */

/* 1: a container, *by, has it in that network. A routed link is a wire of its own, where nobody else can be meant. */
static int mac_is_taken(const struct engine *en, struct arena *a, const struct network *net, const char *mac, const char **by, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r;

	if (network_is_routed(net))
		return 0;
	r = cat_prepare(en->catalog, &s, e,
			"SELECT c.name FROM endpoints e JOIN containers c ON c.id = e.container WHERE e.network = ?1 AND lower(e.mac) = ?2", "ss",
			net->id, mac);
	if (r == 0)
		r = cat_step(s, e);
	*by = r > 0 ? arena_strdup(a, cat_text(s, 0)) : NULL;
	return r;
}

/* What was asked for; else 02:42 and the address, as Docker's: the same for whoever gets the address next, so that neighbours need not learn
 * it again. Somebody may have asked for that one: the next. */
static int find_mac(const struct engine *en, struct arena *a, const struct network *net, const char *wish, const struct ip *ip, char out[MAC_TEXT_LEN],
		    struct err *e)
{
	unsigned char mac[MAC_LEN] = { 0x02, 0x42, ip->bytes[0], ip->bytes[1], ip->bytes[2], ip->bytes[3] };
	bool wished = wish && *wish;
	const char *by = NULL;
	int r;

	if (wished && mac_parse(wish, mac) < 0)
		return err_set(e, ERR_INTERNAL, "the container's configuration is damaged: MacAddress %s", wish);
	while ((r = mac_is_taken(en, a, net, mac_text(mac, out), &by, e)) > 0 && !wished)
		mac[1]++;
	return r > 0 ? err_set(e, ERR_CONFLICT, "--mac-address %s is in use in network %s by %s", wish, net->name, by) : r;
}

#define NOT_OURS 1 /* take_address(): the network is one of CNI */

static int take_address(const struct engine *en, struct arena *a, const char *id, const struct json *config, const struct json *wish,
			int64_t position, struct err *e)
{
	const char *name = NULL, *ip = NULL, *ip6 = NULL, *mac = NULL, *servers;
	char host[LINK_NAME_LEN] = ENDPOINT_LINK, text[IP_TEXT_LEN], text6[IP_TEXT_LEN], made[MAC_TEXT_LEN];
	struct network net;
	struct address_place at = { 0 };
	int r;

	if ((r = json_get_str(wish, "Networks", "Name", &name, e)) < 0 || (r = json_get_str(wish, "Networks", "IPAddress", &ip, e)) < 0 ||
	    (r = json_get_str(wish, "Networks", "IP6Address", &ip6, e)) < 0 || (r = json_get_str(wish, "Networks", "MacAddress", &mac, e)) < 0 ||
	    (r = network_find(en, a, name, &net, e)) < 0)
		return r;
	if (!network_admits(&net, config))
		return err_set(e, ERR_DENIED, "network %s is somebody else's by now: the one that the container was made for is not there any more", name);
	r = cni_own_settle(en, a, &net, e);
	if (r > 0 && placeopts_any(wish))
		return err_set(e, ERR_UNSUPPORTED, "network %s is one of CNI, whose plugins know no gw-priority, link-local-ip or driver-opt", name);
	if (r > 0 && json_get(wish, "Links"))
		return err_set(e, ERR_UNSUPPORTED, "--link: network %s is one of CNI, which knows no names for one container alone", name);
	if (r != 0)
		return r < 0 ? r : NOT_OURS;
	r = address_find(en, &net, ip, ip6, &at, e);
	if (r < 0)
		return r;
	r = find_mac(en, a, &net, mac, &at.ip.ip, made, e);
	if (r < 0)
		return r;
	r = text_random_hex(ENDPOINT_LINK_DIGITS / 2, host + strlen(ENDPOINT_LINK));
	if (r < 0)
		return err_errno(e, r, "make up a device's name");
	servers = place_joined(a, json_get(json_get(config, "HostConfig"), "Dns"));
	if (!servers)
		return err_errno(e, -ENOMEM, "the container's name servers");
	r = cat_exec(en->catalog, e,
		     "INSERT INTO endpoints(container, network, position, host, number, ip, mac, aliases, servers, ip6) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
		     "ssisisssss", id, net.id, position, host, (int64_t)at.number, ip_net_text(&at.ip, text), made,
		     place_words(a, wish, resolver_serves(&net)), resolver_forwards(&net, servers) ? RESOLVER_FORWARDED : servers, ip_net_text(&at.ip6, text6));
	return r < 0 ? r : 0;
}

/* ---- ports ---- */

/* Whether another container has one of them. */
static int port_is_taken(const struct engine *en, const struct net_port *p, uint16_t first, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	char host[IP_TEXT_LEN];
	int r = cat_prepare(en->catalog, &s, e,
			    "SELECT 1 FROM ports WHERE proto = ?1 AND first <= ?3 AND last >= ?2 AND (host = ?4 OR host = '' OR ?4 = '' OR"
			    " ((host IN ('0.0.0.0', '::') OR ?4 IN ('0.0.0.0', '::')) AND instr(host, ':') = 0 = (instr(?4, ':') = 0))) LIMIT 1",
			    "iiis", (int64_t)p->proto, (int64_t)first, (int64_t)(first + p->count - 1), net_port_host(p, host));

	return r < 0 ? r : cat_step(s, e);
}

static socklen_t socket_address(const struct net_port *p, uint16_t port, unsigned char len, struct sockaddr_storage *out)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 sa6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	if (p->host.len == 4)
		memcpy(&sa.sin_addr, p->host.bytes, 4);
	else if (p->host.len == 16)
		memcpy(&sa6.sin6_addr, p->host.bytes, 16);
	if (len == 16)
		memcpy(out, &sa6, sizeof(sa6));
	else
		memcpy(out, &sa, sizeof(sa));
	return len == 16 ? sizeof(sa6) : sizeof(sa);
}

/* Nobody could reach the port. Where net.ipv4.ip_nonlocal_bind is on, the address may come later. */
static int check_host(const struct net_port *p, struct err *e)
{
	CLEANUP_FD int fd = p->host.len ? socket(p->host.len == 16 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
	struct sockaddr_storage sa;
	char host[IP_TEXT_LEN];
	socklen_t len = socket_address(p, 0, p->host.len, &sa);

	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, len) == 0 || errno != EADDRNOTAVAIL)
		return 0;
	return err_set(e, ERR_INVALID, "port %u/%s: this host has no address %s", p->first ? p->first : p->target, net_proto_name(p->proto), net_port_host(p, host));
}

/* Whether a program of the host has it: what is published would take its connections away. Not even one that would share its UDP port
 * (SO_REUSEADDR) is asked to. */
static bool host_has(const struct net_port *p, uint16_t port, unsigned char len)
{
	int type = p->proto == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM, on = 1;
	CLEANUP_FD int fd = socket(len == 16 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, p->proto);
	struct sockaddr_storage sa;
	socklen_t size = socket_address(p, port, len, &sa);

	if (fd < 0 || (p->proto != IPPROTO_UDP && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0) ||
	    (len == 16 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0))
		return false;
	return bind(fd, (struct sockaddr *)&sa, size) < 0 && errno == EADDRINUSE;
}

/* Its own until now: what listens there is its monitor. */
static bool was_own(const struct endpoints *had, const struct net_port *p, uint16_t port)
{
	for (size_t i = 0; had && i < had->n_ports; i++)
		if (had->ports[i].proto == p->proto && port >= had->ports[i].first && port <= had->ports[i].last)
			return true;
	return false;
}

bool endpoint_port_is_hosts(const struct net_port *p, uint16_t port)
{
	return p->only != 16 && host_has(p, port, 4);
}

/* 1: somebody has one of them, *which. */
static int is_taken(const struct engine *en, const struct net_port *p, uint16_t first, const struct endpoints *had, uint16_t *which, struct err *e)
{
	*which = first;
	for (uint16_t i = 0; i < p->count; i++) {
		*which = (uint16_t)(first + i);
		if (was_own(had, p, *which))
			continue;
		if ((p->only != 16 && host_has(p, *which, 4)) || (p->only != 4 && host_has(p, *which, 16)))
			return 1;
	}
	return port_is_taken(en, p, first, e);
}

/* From a range, or from the machine's own for ports without a number. */
static int choose_port(const struct engine *en, struct net_port *p, const struct endpoints *had, struct err *e)
{
	uint32_t first = p->first ? p->first : RANDOM_FIRST, last = p->first ? p->last : RANDOM_LAST;
	uint32_t n = last - first + 1, start = 0;
	uint16_t which;

	if (!p->first && getrandom(&start, sizeof(start), 0) < 0)
		return err_errno(e, -errno, "choose a port");
	for (uint32_t i = 0; i < n; i++) {
		uint32_t port = first + (start + i) % n;
		int r = port + p->count - 1 > last ? 1 : is_taken(en, p, (uint16_t)port, had, &which, e);

		if (r < 0)
			return r;
		if (r > 0)
			continue;
		p->first = (uint16_t)port;
		return 0;
	}
	return err_set(e, ERR_CONFLICT, "none of the ports from %u to %u is free", first, last);
}

int endpoint_write_port(const struct engine *en, const char *id, const struct net_port *p, struct err *e)
{
	char host[IP_TEXT_LEN];
	int r = cat_exec(en->catalog, e, "INSERT INTO ports(container, proto, host, first, last, target) VALUES(?1, ?2, ?3, ?4, ?5, ?6)", "sisiii",
			 id, (int64_t)p->proto, net_port_host(p, host), (int64_t)p->first, (int64_t)(p->first + p->count - 1), (int64_t)p->target);

	return r < 0 ? r : 0;
}

int endpoint_take_port(const struct engine *en, const char *id, struct net_port *p, const struct endpoints *had, struct err *e)
{
	uint16_t which;
	int r = check_host(p, e);

	if (r < 0)
		return r;
	if (!p->first || (p->count == 1 && p->last > p->first)) {
		r = choose_port(en, p, had, e);
	} else {
		r = is_taken(en, p, p->first, had, &which, e);
		if (r > 0)
			r = err_set(e, ERR_CONFLICT, "port %u/%s of the host is in use", which, net_proto_name(p->proto));
	}
	p->last = (uint16_t)(p->first + p->count - 1);
	return r < 0 ? r : endpoint_write_port(en, id, p, e);
}

static int take_ports(const struct engine *en, const char *id, const struct json *config, struct err *e)
{
	json_each(text, json_get(config, "Publish")) {
		struct net_port p;
		int r = net_port_parse(text->str, &p, e);

		if (r == 0)
			r = endpoint_take_port(en, id, &p, NULL, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Behind those it has. */
static int next_position(const struct engine *en, const char *id, int64_t *position, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(en->catalog, &s, e,
			    "SELECT coalesce(max(position) + 1, 0) FROM (SELECT position FROM endpoints WHERE container = ?1"
			    " UNION ALL SELECT position FROM cni WHERE container = ?1)", "s", id);

	if (r == 0)
		r = cat_step(s, e);
	*position = r > 0 ? cat_int(s, 0) : 0;
	return r < 0 ? r : 0;
}

static bool is_of(const struct json *wish, const char *network)
{
	const struct json *name = json_get(wish, "Name");

	return name && name->type == JSON_STRING && strcmp(name->str, network) == 0;
}

/* The networks of tare's own first, then the ports, which lead to them, then those of CNI, which have the ports where there are no others. */
int endpoint_take(const struct engine *en, struct arena *a, const char *id, const struct json *config, const char *only, struct err *e)
{
	int64_t first = 0, position;
	bool more = false;
	int r = next_position(en, id, &first, e);

	position = first;
	json_each(wish, json_get(config, "Networks")) {
		if (r >= 0 && (!only || is_of(wish, only)))
			r = take_address(en, a, id, config, wish, position++, e);
		more |= r == NOT_OURS;
	}
	if (r >= 0)
		r = only ? 0 : take_ports(en, id, config, e);
	return r < 0 || !more ? r : cni_take(en, a, id, config, only, first, e);
}

/* ---- reading ---- */

static int count(const struct engine *en, const char *sql, const char *id, size_t *n, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(en->catalog, &s, e, sql, "s", id);

	if (r == 0)
		r = cat_step(s, e);
	*n = r > 0 ? (size_t)cat_int(s, 0) : 0;
	return r < 0 ? r : 0;
}

static enum link_kind kind_of(const struct network *n)
{
	if (network_is_routed(n))
		return LINK_ROUTED;
	return strcmp(n->driver, NETWORK_MACVLAN) == 0 ? LINK_MACVLAN : strcmp(n->driver, NETWORK_IPVLAN) == 0 ? LINK_IPVLAN : LINK_BRIDGED;
}

static int take_row(const struct engine *en, struct arena *a, struct cat_stmt *s, struct endpoint *out, struct err *e)
{
	struct net_link *l = &out->link;
	struct firewall fw;
	int r = network_find(en, a, cat_text(s, 0), &out->network, e);

	if (r < 0)
		return r;
	network_firewall(en, &fw);
	if (ip_net_parse(cat_text(s, 2), &l->ip) < 0 || mac_parse(cat_text(s, 3), l->mac) < 0 ||
	    (*cat_text(s, 5) && ip_net_parse(cat_text(s, 5), &l->ip6) < 0))
		return err_set(e, ERR_INTERNAL, "an endpoint of network %s is damaged in the catalog", out->network.name);
	(void)snprintf(l->host, sizeof(l->host), "%s", cat_text(s, 1));
	(void)snprintf(l->name, sizeof(l->name), "eth%u", (unsigned int)cat_int(s, 4) % 10000);
	r = placeopts_read(a, cat_text(s, 7), l, &out->priority, e);
	if (r < 0)
		return r;
	l->kind = kind_of(&out->network);
	l->mode = out->network.mode;
	out->forwarded = strcmp(cat_text(s, 6), RESOLVER_FORWARDED) == 0;
	if (l->kind != LINK_ROUTED)
		(void)snprintf(l->parent, sizeof(l->parent), "%s", *out->network.parent ? out->network.parent : out->network.device);
	l->group = network_is_direct(&out->network) ? 0 : firewall_group(&fw, out->network.number);
	if (!out->network.internal || l->kind == LINK_ROUTED) {
		l->gateway = out->network.gateway;
		l->gateway6 = out->network.gateway6;
	}
	return 0;
}

/* Of those that may the one with the highest priority, of these the first; n: none may. */
static size_t first_of(const struct endpoints *own, bool (*may)(const struct endpoint *p))
{
	size_t best = own->n;

	for (size_t i = 0; i < own->n; i++)
		if (may(&own->v[i]) && (best == own->n || own->v[i].priority > own->v[best].priority))
			best = i;
	return best;
}

static bool may_lead_out(const struct endpoint *p)
{
	return p->link.gateway.len > 0;
}

static bool may_lead_out6(const struct endpoint *p)
{
	return p->link.ip6.ip.len > 0 && p->link.gateway6.len > 0;
}

/* The host can reach it, and the world. */
static bool may_have_ports(const struct endpoint *p)
{
	return !network_is_direct(&p->network) && !p->network.internal;
}

static void choose_ways(struct endpoints *own)
{
	size_t out = first_of(own, may_lead_out), out6 = first_of(own, may_lead_out6);

	own->via = first_of(own, may_have_ports);
	for (size_t i = 0; i < own->n; i++) {
		own->v[i].link.leads_out = i == out;
		own->v[i].link.leads_out6 = i == out6;
	}
}

/* out->n is room; then how many there are. */
static int read_links(const struct engine *en, struct arena *a, const char *id, struct endpoints *out, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	size_t room = out->n;
	int r = cat_prepare(en->catalog, &s, e, "SELECT network, host, ip, mac, position, ip6, servers, aliases FROM endpoints WHERE container = ?1 ORDER BY position", "s", id);

	for (out->n = 0; r == 0 && out->n < room && (r = cat_step(s, e)) > 0; out->n += r == 0)
		r = take_row(en, a, s, &out->v[out->n], e);
	if (r >= 0)
		choose_ways(out);
	return r < 0 ? r : 0;
}

/* So is out->n_ports. */
static int read_ports(const struct engine *en, const char *id, struct endpoints *out, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	size_t room = out->n_ports;
	int r = cat_prepare(en->catalog, &s, e, "SELECT proto, host, first, last, target FROM ports WHERE container = ?1 ORDER BY target, first", "s", id);

	for (out->n_ports = 0; r == 0 && out->n_ports < room && (r = cat_step(s, e)) > 0; out->n_ports += r == 0) {
		struct net_port *p = &out->ports[out->n_ports];

		*p = (struct net_port){ .proto = (unsigned char)cat_int(s, 0), .first = (uint16_t)cat_int(s, 2), .last = (uint16_t)cat_int(s, 3),
					.target = (uint16_t)cat_int(s, 4) };
		p->count = (uint16_t)(p->last - p->first + 1);
		r = net_port_set_host(p, cat_text(s, 1)) < 0 ? err_set(e, ERR_INTERNAL, "a port is damaged in the catalog") : 0;
	}
	return r < 0 ? r : 0;
}

static int read_all(const struct engine *en, struct arena *a, const char *id, struct endpoints *out, struct err *e)
{
	int r = count(en, "SELECT count(*) FROM endpoints WHERE container = ?1", id, &out->n, e);

	if (r < 0)
		return r;
	r = count(en, "SELECT count(*) FROM ports WHERE container = ?1", id, &out->n_ports, e);
	if (r < 0)
		return r;
	out->v = arena_array(a, out->n + 1, sizeof(*out->v));
	out->ports = arena_array(a, out->n_ports + 1, sizeof(*out->ports));
	if (!out->v || !out->ports)
		return err_errno(e, -ENOMEM, "read the container's networks");
	if (en->user.on)
		r = usernet_read(en, a, id, &out->usernet, e);
	else if (out->n) /* what a list asks of each has its price where most have none */
		r = read_links(en, a, id, out, e);
	return r < 0 || !out->n_ports ? r : read_ports(en, id, out, e);
}

/* Not everybody who reads has the container's lock: it may end just then, and its rows go. */
int endpoint_read(const struct engine *en, struct arena *a, const char *id, struct endpoints *out, struct err *e)
{
	bool began;
	int r = catalog_look(en->catalog, &began, e);

	*out = (struct endpoints){ 0 };
	if (r < 0)
		return r;
	r = read_all(en, a, id, out, e);
	catalog_looked(en->catalog, began);
	return r;
}

int endpoint_without(struct arena *a, const struct endpoints *own, size_t at, struct endpoints *out, struct err *e)
{
	*out = *own;
	out->v = arena_array(a, own->n, sizeof(*out->v));
	if (!out->v)
		return err_errno(e, -ENOMEM, "the rest of the container's networks");
	memcpy(out->v, own->v, at * sizeof(*out->v));
	memcpy(out->v + at, own->v + at + 1, (own->n - at - 1) * sizeof(*out->v));
	out->n--;
	choose_ways(out);
	return 0;
}

struct endpoints endpoint_alone(const struct endpoints *own, size_t at)
{
	struct endpoints one = *own;

	one.v = &own->v[at];
	one.n = 1;
	one.via = own->via == at ? 0 : 1;
	return one;
}

/* ---- the firewall ---- */

/* By each family that both the port and the container have. What else is asked for by IPv6 the monitor relays (relays.h). */
void endpoint_port_elements(const struct firewall *fw, struct nl_batch *q, bool add, const char *id, const struct net_port *p,
			    const struct net_link *to)
{
	struct net_relay relay;

	if (p->only != 16)
		firewall_port(fw, q, add, p, &to->ip.ip, id);
	if (p->only != 4 && to->ip6.ip.len)
		firewall_port(fw, q, add, p, &to->ip6.ip, id);
	if (net_relay_of(p, &to->ip.ip, &to->ip6.ip, &relay) && net_relay_is_shared(&relay))
		firewall_relay(fw, q, add, &relay, id);
}

static void elements(const struct firewall *fw, struct nl_batch *q, bool add, const char *id, const struct endpoints *own)
{
	for (size_t i = 0; i < own->n; i++) {
		if (add)
			network_elements(fw, q, true, &own->v[i].network);
		if (!network_is_direct(&own->v[i].network))
			firewall_link(fw, q, add, &own->v[i].link, id);
	}
	for (size_t i = 0; own->via < own->n && i < own->n_ports; i++)
		endpoint_port_elements(fw, q, add, id, &own->ports[i], &own->v[own->via].link);
}

static int add_elements(const struct firewall *fw, const char *id, const struct endpoints *own)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;

	firewall_begin(&q);
	elements(fw, &q, true, id, own);
	return firewall_commit(&q);
}

int endpoint_owners(const struct engine *en, struct arena *a, const char *const **ids, size_t *n, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	const char **v = NULL;
	size_t cap = 0;
	int r = cat_prepare(en->catalog, &s, e, "SELECT DISTINCT container FROM endpoints", "");

	*n = 0;
	while (r == 0 && (r = cat_step(s, e)) > 0) {
		v = arena_grow(a, v, *n, &cap, sizeof(*v));
		r = v && (v[*n] = arena_strdup(a, cat_text(s, 0))) ? 0 : err_errno(e, -ENOMEM, "list who is in a network");
		++*n;
	}
	*ids = v;
	return r < 0 ? r : 0;
}

/* One that waits for its restart has rows, which are kept for it, and no elements: it will have another device. */
int endpoint_restore(const struct engine *en, const char *id, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct endpoints own;
	struct firewall fw;
	struct record rec;
	int r = record_get(en->catalog, &a, id, &rec, e);

	if (r == 0 && rec.status == RECORD_RUNNING)
		r = endpoint_read(en, &a, id, &own, e);
	if (r < 0 || rec.status != RECORD_RUNNING || !own.n)
		return r;
	network_firewall(en, &fw);
	r = add_elements(&fw, id, &own);
	return r < 0 ? err_errno(e, r, "table %s", fw.table) : 0;
}

/* The rules are gone, or were never there: they are loaded, and every running container's elements. Those of one that somebody is at work
 * on are his matter, or the healer's: its rows may be about to go. */
static int restore(const struct engine *en, const struct firewall *fw, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const char *const *ids;
	size_t n;
	int r = firewall_load(fw, e);

	if (r == 0)
		others_arrange(en); /* before a port is published that the host's rules are to be asked about */
	if (r == 0)
		r = endpoint_owners(en, &a, &ids, &n, e);
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct err why = { 0 };
		CLEANUP_FD int lock = folder_lock(en, ids[i], false, &why);

		if (lock >= 0 && endpoint_restore(en, ids[i], &why) < 0)
			log_warning("the rules of container %.12s are not restored: %s", ids[i], why.msg);
	}
	return r;
}

static int load_once(const struct engine *en, const struct firewall *fw, bool (*there)(const struct firewall *fw), struct err *e)
{
	CLEANUP_FD int lock = network_rules_lock(en, e);

	if (lock < 0)
		return lock;
	return there(fw) ? 0 : restore(en, fw, e);
}

int endpoint_rules(const struct engine *en, struct err *e)
{
	struct firewall fw;

	network_firewall(en, &fw);
	return load_once(en, &fw, firewall_whole, e);
}

/* Datagrams that went to one of these ports before would go on to wherever they went. */
static void forget_datagrams(const struct endpoints *own)
{
	for (size_t i = 0; own->via < own->n && i < own->n_ports; i++) {
		const struct net_port *p = &own->ports[i];
		int r = p->proto == IPPROTO_UDP ? conntrack_forget_ports(p->proto, p->first, p->last) : 0;

		if (r < 0)
			log_warning("port %u/udp: connections from before may not reach the container: %s", p->first, strerror(-r));
	}
}

static int forget_predecessors(const struct engine *en, const struct endpoints *own)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < own->n; i++) {
		r = stale_forget(en->state_fd, &own->v[i].link.ip.ip);
		if (r == 0 && own->v[i].link.ip6.ip.len)
			r = stale_forget(en->state_fd, &own->v[i].link.ip6.ip);
	}
	return r;
}

static bool meets_firewalls(const struct endpoints *own)
{
	for (size_t i = 0; i < own->n; i++)
		if (!network_is_direct(&own->v[i].network))
			return true;
	return false;
}

int endpoint_open(const struct engine *en, const char *id, const struct endpoints *own, struct err *e)
{
	struct firewall fw;
	int r = forget_predecessors(en, own);

	if (r < 0)
		return err_errno(e, r, "forget the connections of who had the container's address before");
	for (size_t i = 0; i < own->n; i++)
		if (cni_own_hold(&own->v[i].network, &own->v[i].link.ip.ip, id, own->v[i].link.name, e) < 0)
			return e->code;
	network_firewall(en, &fw);
	r = add_elements(&fw, id, own);
	if (r == -ENOENT) {
		r = load_once(en, &fw, firewall_loaded, e);
		if (r < 0)
			return r;
		r = add_elements(&fw, id, own);
	}
	if (r == -EEXIST || r == -EBUSY || r == -ENOTEMPTY) { /* in the place of one of them is another: the catalog gave it to nobody but us */
		r = strays_sweep(en, false, e);
		if (r < 0)
			return r;
		r = add_elements(&fw, id, own);
	}
	if (r < 0)
		return err_errno(e, r, "add the container to the firewall (table %s)", fw.table);
	if (meets_firewalls(own))
		others_arrange(en);
	forget_datagrams(own);
	return 0;
}

int endpoint_prepare(const struct engine *en, struct arena *a, const char *id, const struct json *config, struct endpoints *own,
		     struct err *e)
{
	int r = 0;

	if (!own->n)
		return 0;
	if (own->n_ports && network_is_direct(&own->v[0].network) && own->via == own->n)
		return err_set(e, ERR_INVALID, "-p: network %s of driver %s has no ports of the host's; what listens in the container is reached by its own address",
			       own->v[0].network.name, own->v[0].network.driver);
	for (size_t i = 0; r == 0 && i < own->n; i++) {
		own->v[i].link.mtu = network_mtu(&own->v[i].network);
		r = endpoint_network_up(en, a, &own->v[i].network, e);
	}
	if (r == 0)
		r = endpoint_open(en, id, own, e);
	if (r == 0)
		r = relays_write(en, id, own, e);
	if (r == 0 && endpoint_has_names(own))
		resolver_sync(en);
	return r < 0 ? r : endpoint_files(en, a, id, config, own, e);
}

void endpoint_describe(const struct engine *en, const struct endpoints *own, struct strbuf *description)
{
	CLEANUP_STRBUF struct strbuf links = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&links);

	if (!own->n || !description->len)
		return;
	jw_object(&w, NULL);
	jw_array(&w, "links");
	for (size_t i = 0; i < own->n; i++)
		net_link_write(&w, &own->v[i].link);
	jw_end_array(&w);
	if (endpoint_has_names(own))
		jw_str(&w, "names", en->state);
	healer_describe(en, &w);
	jw_end_object(&w);
	description->len--; /* it ends with its brace */
	sb_printf(description, ",%s", sb_str(&links) + 1);
}

/* ---- the way back ---- */

/* The elements of own's i-th link or, behind those, port. */
static void element_of(const struct firewall *fw, struct nl_batch *q, bool add, const char *id, const struct endpoints *own, size_t i)
{
	if (i < own->n && !network_is_direct(&own->v[i].network))
		firewall_link(fw, q, add, &own->v[i].link, id);
	else if (i >= own->n && own->via < own->n)
		endpoint_port_elements(fw, q, add, id, &own->ports[i - own->n], &own->v[own->via].link);
}

/* anew: each comes once more before it goes, in the same transaction. */
static int remove_one(const struct firewall *fw, const char *id, const struct endpoints *own, size_t i, bool anew)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;

	firewall_begin(&q);
	if (anew)
		element_of(fw, &q, true, id, own, i);
	element_of(fw, &q, false, id, own, i);
	return firewall_commit(&q);
}

/* Some of them may be gone already, and then none of the change is made: each link and port on its own, and a port that lacks some of its
 * elements all the same loses the others. Where something else is in the place of one, a range instead of its part, it is not there. */
int endpoint_remove_each(const struct firewall *fw, const char *id, const struct endpoints *own, bool links)
{
	int result = 0;

	for (size_t i = links ? 0 : own->n; i < own->n + own->n_ports; i++) {
		int r = remove_one(fw, id, own, i, false);

		if (r == -ENOENT)
			r = remove_one(fw, id, own, i, true);
		if (r < 0 && r != -ENOENT && r != -EEXIST && r != -EBUSY)
			result = r;
	}
	return result;
}

/* Connections to it that the kernel tracks go on for a while: net/stale.h. Where no mark can be made they are forgotten now: it can speak no
 * more, and begins none. */
static int mark_address(const struct engine *en, const char *id, const struct ip *ip)
{
	int r = ip->len ? stale_mark(en->state_fd, ip, id) : 0;

	return r < 0 && conntrack_forget_ips(ip, 1) >= 0 ? 0 : r;
}

static int mark(const struct engine *en, const char *id, const struct net_link *l)
{
	int r = mark_address(en, id, &l->ip.ip);

	return r < 0 ? r : mark_address(en, id, &l->ip6.ip);
}

int endpoint_close(const struct engine *en, const char *id, const struct endpoints *own, struct err *e)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;
	struct firewall fw;
	int r;

	network_firewall(en, &fw);
	firewall_begin(&q);
	elements(&fw, &q, false, id, own);
	r = firewall_commit(&q);
	if (r == -ENOENT)
		r = endpoint_remove_each(&fw, id, own, true);
	if (r < 0)
		return err_errno(e, r, "take container %.12s out of the firewall", id);
	for (size_t i = 0; i < own->n; i++) {
		if (net_link_unroute(&own->v[i].link, e) < 0)
			return e->code;
		r = mark(en, id, &own->v[i].link);
		if (r < 0)
			return err_errno(e, r, "mark the addresses of container %.12s in %s/" STALE_FOLDER, id, en->state);
		cni_own_release(&own->v[i].network, &own->v[i].link.ip.ip, id);
	}
	return 0;
}

int endpoint_silence(const struct engine *en, const char *id, bool *named, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct endpoints own;
	int r = endpoint_read(en, &a, id, &own, e);

	if (r == 0 && en->user.on)
		usernet_await_end(en, id);
	*named = r == 0 && endpoint_has_names(&own);
	if (r == 0 && own.n)
		r = endpoint_close(en, id, &own, e);
	return r < 0 || !own.n ? r : endpoint_leave_guests(en, &a, id, &own, e);
}

int endpoint_forget(const struct engine *en, const char *id, const char *network, struct err *e)
{
	int r = cat_exec(en->catalog, e, "DELETE FROM endpoints WHERE container = ?1 AND (?2 IS NULL OR network = ?2)", "ss", id, network);

	if (r >= 0 && !network)
		r = cat_exec(en->catalog, e, "DELETE FROM ports WHERE container = ?1", "s", id);
	return r < 0 ? r : 0;
}
