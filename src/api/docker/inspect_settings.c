#include "api/docker/inspect_settings.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/sha256.h"
#include "engine/join.h"
#include "engine/resolver.h"
#include "net/usernet.h"

const char *inspect_endpoint_id(struct arena *a, const char *container, const char *network)
{
	char hex[ENDPOINT_ID_LEN + 1];
	unsigned char sum[32];
	struct sha256 s;

	sha256_init(&s);
	sha256_add(&s, container, strlen(container));
	sha256_add(&s, network, strlen(network));
	sha256_end(&s, sum);
	sha256_hex(sum, hex);
	return arena_strdup(a, hex);
}

static const char *port_key(struct arena *a, uint32_t port, unsigned char proto)
{
	return arena_printf(a, "%u/%s", port, net_proto_name(proto));
}

/* ---- ports that are exposed ---- */

typedef void (*exposed_fn)(uint16_t port, unsigned char proto, void *data);

/* Each once, however many of the texts have it. */
static void each_exposed(struct arena *a, const struct json *exposed, exposed_fn fn, void *data)
{
	uint8_t *seen = exposed && exposed->len ? arena_array(a, UINT16_MAX + 1, sizeof(*seen)) : NULL;
	struct net_port port;
	struct err ignored;

	json_each(text, seen ? exposed : NULL) {
		if (text->type != JSON_STRING || net_port_parse(text->str, &port, &ignored) < 0)
			continue;
		for (uint32_t i = port.target; i < (uint32_t)port.target + port.count; i++) {
			uint8_t bit = port.proto == IPPROTO_TCP ? 1 : port.proto == IPPROTO_UDP ? 2 : 4;

			if (seen[i & UINT16_MAX] & bit)
				continue;
			seen[i & UINT16_MAX] |= bit;
			fn((uint16_t)i, port.proto, data);
		}
	}
}

struct exposed_out {
	struct arena *a;
	struct json_writer *w;
	const struct endpoints *own;
};

static void write_one_exposed(uint16_t port, unsigned char proto, void *data)
{
	const struct exposed_out *x = data;

	jw_object(x->w, port_key(x->a, port, proto));
	jw_end_object(x->w);
}

void inspect_net_write_exposed(struct arena *a, const struct json *exposed, struct json_writer *w)
{
	struct exposed_out x = { a, w, NULL };

	if (!exposed || !exposed->len)
		return;
	jw_object(w, "ExposedPorts");
	each_exposed(a, exposed, write_one_exposed, &x);
	jw_end_object(w);
}

/* ---- ports that are asked for ---- */

static bool same_target(const struct net_port *p, const struct net_port *q, uint32_t target)
{
	return p->proto == q->proto && target >= q->target && target < (uint32_t)q->target + q->count;
}

/* The host's part of one that was asked for: a range of it where one of several free ones was. */
static void write_binding(struct arena *a, const struct net_port *p, uint32_t target, struct json_writer *w)
{
	char host[IP_TEXT_LEN];

	jw_object(w, NULL);
	jw_str(w, "HostIp", net_port_host(p, host));
	if (!p->first)
		jw_str(w, "HostPort", "");
	else if (p->count == 1 && p->last > p->first)
		jw_str(w, "HostPort", arena_printf(a, "%u-%u", p->first, p->last));
	else
		jw_str(w, "HostPort", arena_printf(a, "%u", p->first + target - p->target));
	jw_end_object(w);
}

void inspect_net_write_bindings(struct arena *a, const struct json *publish, struct json_writer *w)
{
	struct net_port *v = arena_array(a, (publish ? publish->len : 0) + 1, sizeof(*v));
	struct err ignored;
	size_t n = 0;

	json_each(text, v ? publish : NULL)
		if (text->type == JSON_STRING && net_port_parse(text->str, &v[n], &ignored) == 0)
			n++;
	jw_object(w, "PortBindings");
	for (size_t i = 0; i < n; i++)
		for (uint32_t target = v[i].target; target < (uint32_t)v[i].target + v[i].count; target++) {
			bool before = false;

			for (size_t k = 0; k < i; k++)
				before |= same_target(&v[i], &v[k], target);
			if (before)
				continue;
			jw_array(w, port_key(a, target, v[i].proto));
			for (size_t k = i; k < n; k++)
				if (same_target(&v[i], &v[k], target))
					write_binding(a, &v[k], target, w);
			jw_end_array(w);
		}
	jw_end_object(w);
}

/* ---- ports that lead to it ---- */

/* Each port of the container once, with all that lead to it. */
static void write_places(struct arena *a, const struct endpoints *own, const struct net_port *p, uint16_t k, struct json_writer *w)
{
	char host[2][IP_TEXT_LEN], text[IP_TEXT_LEN];
	size_t n = ports_host_texts(own, p, host);

	for (size_t i = 0; i < n; i++) {
		jw_object(w, NULL);
		jw_str(w, "HostIp", p->only ? net_port_host(p, text) : i ? "::" : host[i]);
		jw_str(w, "HostPort", arena_printf(a, "%u", p->first + k));
		jw_end_object(w);
	}
}

/* Whether a row before the i-th has led to that port of its protocol already. */
static bool any_before(const struct endpoints *own, size_t i, uint32_t target)
{
	for (size_t j = 0; j < i; j++)
		if (same_target(&own->ports[i], &own->ports[j], target))
			return true;
	return false;
}

static void write_published(struct arena *a, const struct endpoints *own, struct json_writer *w)
{
	for (size_t i = 0; i < own->n_ports; i++)
		for (uint16_t k = 0; k < own->ports[i].count; k++) {
			const struct net_port *p = &own->ports[i];
			uint32_t target = (uint32_t)p->target + k;

			if (any_before(own, i, target))
				continue;
			jw_array(w, port_key(a, target, p->proto));
			for (size_t j = i; j < own->n_ports; j++)
				if (same_target(p, &own->ports[j], target))
					write_places(a, own, &own->ports[j], (uint16_t)(target - own->ports[j].target), w);
			jw_end_array(w);
		}
}

static void write_unpublished(uint16_t port, unsigned char proto, void *data)
{
	const struct exposed_out *x = data;
	const struct net_port p = { .proto = proto };

	for (size_t i = 0; i < x->own->n_ports; i++)
		if (same_target(&p, &x->own->ports[i], port))
			return;
	jw_null(x->w, port_key(x->a, port, proto));
}

/* Of one that is in a network; exposed ports that nothing leads to are null there. */
static void write_ports(const struct inspect_net *n, struct json_writer *w)
{
	struct exposed_out x = { n->a, w, n->own };

	jw_object(w, "Ports");
	write_published(n->a, n->own, w);
	if (n->own->n || n->own->usernet || n->cni->n)
		each_exposed(n->a, json_get(n->doc, "Exposed"), write_unpublished, &x);
	jw_end_object(w);
}

/* ---- all of them in a list ---- */

static void write_port(struct json_writer *w, const char *host, uint32_t target, uint32_t port, unsigned char proto)
{
	jw_object(w, NULL);
	if (host)
		jw_str(w, "IP", host);
	jw_u64(w, "PrivatePort", target);
	if (port)
		jw_u64(w, "PublicPort", port);
	jw_str(w, "Type", net_proto_name(proto));
	jw_end_object(w);
}

static void list_unpublished(uint16_t port, unsigned char proto, void *data)
{
	const struct exposed_out *x = data;
	const struct net_port p = { .proto = proto };

	for (size_t i = 0; i < x->own->n_ports; i++)
		if (same_target(&p, &x->own->ports[i], port))
			return;
	write_port(x->w, NULL, port, 0, proto);
}

void inspect_net_write_port_list(const struct inspect_net *n, struct json_writer *w)
{
	struct exposed_out x = { n->a, w, n->own };
	char host[2][IP_TEXT_LEN], text[IP_TEXT_LEN];

	jw_array(w, "Ports");
	for (size_t i = 0; i < n->own->n_ports; i++) {
		const struct net_port *p = &n->own->ports[i];
		size_t hosts = ports_host_texts(n->own, p, host);

		for (uint32_t k = 0; k < p->count; k++)
			for (size_t h = 0; h < hosts; h++)
				write_port(w, p->only ? net_port_host(p, text) : h ? "::" : host[h], p->target + k, p->first + k, p->proto);
	}
	if (n->own->n || n->own->usernet || n->cni->n)
		each_exposed(n->a, json_get(n->doc, "Exposed"), list_unpublished, &x);
	jw_end_array(w);
}

/* ---- addresses ---- */

/* asked: the hardware address of one that is in no network yet. */
static void write_address(const struct endpoint *ep, const char *asked, struct json_writer *w)
{
	char text[IP_TEXT_LEN], mac[MAC_TEXT_LEN];

	jw_str(w, "Gateway", ep ? ip_text(&ep->link.gateway, text) : "");
	jw_str(w, "IPAddress", ep ? ip_text(&ep->link.ip.ip, text) : "");
	jw_u64(w, "IPPrefixLen", ep ? ep->link.ip.prefix : 0);
	jw_str(w, "IPv6Gateway", ep ? ip_text(&ep->link.gateway6, text) : "");
	jw_str(w, "GlobalIPv6Address", ep ? ip_text(&ep->link.ip6.ip, text) : "");
	jw_u64(w, "GlobalIPv6PrefixLen", ep ? ep->link.ip6.prefix : 0);
	jw_str(w, "MacAddress", ep ? mac_text(ep->link.mac, mac) : asked);
}

/* IPv6 and the hardware address are its program's choice. */
static void write_usernet(const struct net_usernet *u, struct json_writer *w)
{
	struct ip own = net_usernet_own(u), gateway = net_usernet_gateway(u);
	char text[IP_TEXT_LEN];

	jw_str(w, "Gateway", ip_text(&gateway, text));
	jw_str(w, "IPAddress", ip_text(&own, text));
	jw_u64(w, "IPPrefixLen", u->subnet.prefix);
}

/* As their plugins told it. */
static void write_cni_address(const struct cni_place *p, struct json_writer *w)
{
	const struct cni_ip *four = NULL, *six = NULL;
	char text[IP_TEXT_LEN];

	for (size_t i = p->result.n_ips; i-- > 0;)
		*(p->result.ips[i].net.ip.len == 4 ? &four : &six) = &p->result.ips[i];
	jw_str(w, "Gateway", four ? ip_text(&four->gateway, text) : "");
	jw_str(w, "IPAddress", four ? ip_text(&four->net.ip, text) : "");
	jw_u64(w, "IPPrefixLen", four ? four->net.prefix : 0);
	jw_str(w, "IPv6Gateway", six ? ip_text(&six->gateway, text) : "");
	jw_str(w, "GlobalIPv6Address", six ? ip_text(&six->net.ip, text) : "");
	jw_u64(w, "GlobalIPv6PrefixLen", six ? six->net.prefix : 0);
	jw_str(w, "MacAddress", p->result.mac);
}

/* ---- networks ---- */

/* A place in a network as the configuration has it: network.id "" when that network is not there. */
struct place {
	const struct json *asked;
	struct network network;
};

/* The default network is there when somebody was in it, and is not to be made by a look. */
static void find_network(const struct inspect_net *n, const char *name, struct network *out)
{
	struct network *all;
	struct err ignored;
	size_t count = 0;

	if (!network_is_default(name)) {
		if (network_find(n->en, n->a, name, out, &ignored) < 0)
			*out = (struct network){ .id = "", .name = name };
		return;
	}
	*out = (struct network){ .id = "", .name = NETWORK_DEFAULT };
	if (network_list(n->en, n->a, &all, &count, &ignored) < 0)
		return;
	for (size_t i = 0; i < count; i++)
		if (strcmp(all[i].name, NETWORK_DEFAULT) == 0)
			*out = all[i];
}

/* What was asked for of a network by its id; NULL: nothing, it was joined later by somebody else's doing. */
static const struct json *asked_of(const struct place *v, size_t n, const char *network)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(v[i].network.id, network) == 0)
			return v[i].asked;
	return NULL;
}

static void write_or_null(const struct json *v, const char *key, struct json_writer *w)
{
	if (v && v->len)
		jw_value(w, key, v);
	else
		jw_null(w, key);
}

static void write_asked(const char *network, const struct json *asked, struct json_writer *w)
{
	const char *four = json_text(asked, "IPAddress", ""), *six = json_text(asked, "IP6Address", "");
	const struct json *local = json_get(asked, "LinkLocalIPs");
	int64_t priority = 0;
	struct err ignored;

	if (*four || *six || (local && local->len)) {
		jw_object(w, "IPAMConfig");
		if (*four)
			jw_str(w, "IPv4Address", four);
		if (*six)
			jw_str(w, "IPv6Address", six);
		if (local && local->len)
			jw_value(w, "LinkLocalIPs", local);
		jw_end_object(w);
	} else {
		jw_null(w, "IPAMConfig");
	}
	write_or_null(network_is_default(network) ? NULL : json_get(asked, "Links"), "Links", w); /* whose links are HostConfig's */
	write_or_null(json_get(asked, "Aliases"), "Aliases", w);
	write_or_null(json_get(asked, "DriverOpts"), "DriverOpts", w);
	(void)!json_get_i64(asked, "Networks", "GwPriority", &priority, &ignored);
	jw_i64(w, "GwPriority", priority);
}

/* What the others in it find it by. */
static void write_names(const struct inspect_net *n, const struct network *net, const struct json *asked, struct json_writer *w)
{
	if (!*net->id || network_is_cni(net) || !resolver_serves(net)) {
		jw_null(w, "DNSNames");
		return;
	}
	jw_array(w, "DNSNames");
	jw_str(w, NULL, n->rec->name);
	json_each(alias, json_get(asked, "Aliases"))
		jw_value(w, NULL, alias);
	jw_strn(w, NULL, n->rec->id, ID_SHORT);
	jw_end_array(w);
}

static void write_endpoint(const struct inspect_net *n, const struct network *net, const struct json *asked, const struct endpoint *ep,
			   struct json_writer *w)
{
	jw_object(w, net->name);
	write_asked(net->name, asked, w);
	jw_str(w, "NetworkID", net->id);
	jw_str(w, "EndpointID", ep ? inspect_endpoint_id(n->a, n->rec->id, net->id) : "");
	write_address(ep, json_text(asked, "MacAddress", ""), w);
	write_names(n, net, asked, w);
	jw_end_object(w);
}

static void write_cni(const struct inspect_net *n, const struct place *v, size_t n_places, struct json_writer *w)
{
	for (size_t i = 0; i < n->cni->n; i++) {
		const struct cni_place *p = &n->cni->v[i];
		const char *id = cni_network_id(n->a, p->list.name);

		jw_object(w, p->list.name);
		write_asked(p->list.name, asked_of(v, n_places, id), w);
		jw_str(w, "NetworkID", id);
		jw_str(w, "EndpointID", inspect_endpoint_id(n->a, n->rec->id, id));
		write_cni_address(p, w);
		jw_null(w, "DNSNames"); /* a plugin's matter */
		jw_str(w, "Interface", p->at.ifname);
		if (p->at.result)
			jw_value(w, "CniResult", p->at.result);
		jw_end_object(w);
	}
}

/* One that waits for its restart keeps its places. */
static bool has_place(const struct inspect_net *n, const char *network)
{
	for (size_t i = 0; i < n->own->n; i++)
		if (strcmp(n->own->v[i].network.name, network) == 0)
			return true;
	for (size_t i = 0; i < n->cni->n; i++)
		if (strcmp(n->cni->v[i].list.name, network) == 0)
			return true;
	return false;
}

/* Host and none, in which a container is that has no place in another one. */
static void write_builtin(const struct inspect_net *n, struct json_writer *w)
{
	const char *mode = json_text(json_get(n->doc, "HostConfig"), "NetworkMode", "");
	struct err ignored;
	struct network net;

	if (n->own->n || n->own->usernet || n->cni->n || (strcmp(mode, "host") != 0 && strcmp(mode, "none") != 0) ||
	    network_builtin(n->a, mode, &net, &ignored) <= 0)
		return;
	jw_object(w, net.name);
	write_asked(net.name, NULL, w);
	jw_str(w, "NetworkID", net.id);
	jw_str(w, "EndpointID", n->rec->status == RECORD_RUNNING ? inspect_endpoint_id(n->a, n->rec->id, net.id) : "");
	write_address(NULL, "", w);
	jw_null(w, "DNSNames");
	jw_end_object(w);
}

void inspect_net_write_networks(const struct inspect_net *n, struct json_writer *w)
{
	const struct json *asked = n->en->user.on ? NULL : json_get(n->doc, "Networks"); /* a user's are none of the catalog's */
	struct place *v = arena_array(n->a, (asked ? asked->len : 0) + 1, sizeof(*v));
	size_t count = 0;

	json_each(place, v ? asked : NULL) {
		v[count].asked = place;
		find_network(n, json_text(place, "Name", ""), &v[count++].network);
	}
	jw_object(w, "Networks");
	for (size_t i = 0; i < n->own->n; i++)
		write_endpoint(n, &n->own->v[i].network, asked_of(v, count, n->own->v[i].network.id), &n->own->v[i], w);
	write_cni(n, v, count, w);
	for (size_t i = 0; i < count && n->rec->status != RECORD_RUNNING; i++)
		if (!has_place(n, v[i].network.name))
			write_endpoint(n, &v[i].network, v[i].asked, NULL, w);
	if (!count)
		write_builtin(n, w);
	jw_end_object(w);
}

bool inspect_net_of_catalog(const struct inspect_net *n)
{
	json_each(place, json_get(n->doc, "Networks")) {
		struct network net;
		struct err ignored;
		const char *name = json_text(place, "Name", "");

		if (!network_is_default(name) && (network_find(n->en, n->a, name, &net, &ignored) < 0 || network_is_cni(&net)))
			return false;
	}
	return !n->en->user.on && n->cni->n == 0;
}

/* ---- all of it ---- */

/* Its network namespace: a path that leads there. Whose it is alone has a name. */
static void write_sandbox(const struct inspect_net *n, struct json_writer *w)
{
	const char *mode = json_text(json_get(n->doc, "HostConfig"), "NetworkMode", "");
	bool shared = strcmp(mode, "host") == 0 || join_named(mode);

	jw_str(w, "SandboxID", n->live->container && !shared ? n->rec->id : "");
	jw_str(w, "SandboxKey", n->live->container ? arena_printf(n->a, "/proc/%d/ns/net", (int)n->live->pid) : "");
}

/* Docker has these for what it gives to nobody any more, nor does tare. */
static void write_unused(struct json_writer *w)
{
	jw_str(w, "Bridge", "");
	jw_bool(w, "HairpinMode", false);
	jw_str(w, "LinkLocalIPv6Address", "");
	jw_u64(w, "LinkLocalIPv6PrefixLen", 0);
	jw_null(w, "SecondaryIPAddresses");
	jw_null(w, "SecondaryIPv6Addresses");
}

void inspect_net_write(const struct inspect_net *n, struct json_writer *w)
{
	const struct endpoint *first = n->own->n ? &n->own->v[0] : NULL;

	jw_object(w, "NetworkSettings");
	write_sandbox(n, w);
	write_ports(n, w);
	write_unused(w);
	jw_str(w, "EndpointID", first ? inspect_endpoint_id(n->a, n->rec->id, first->network.id) : "");
	if (n->own->usernet)
		write_usernet(n->own->usernet, w);
	else if (!first && n->cni->n)
		write_cni_address(&n->cni->v[0], w);
	else
		write_address(first, "", w);
	inspect_net_write_networks(n, w);
	jw_end_object(w);
}
