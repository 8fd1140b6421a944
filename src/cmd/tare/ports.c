/* tare port, and what ps and inspect say about networks. */
#include "cmd/tare/ports.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "cmd/tare/tare.h"
#include "engine/join.h"
#include "engine/settle.h"
#include "net/relay.h"
#include "net/uplink.h"
#include "net/usernet.h"

/* What is asked for by IPv6 goes there, or is relayed. What a plugin of CNI does with it nobody tells. */
static bool leads_by_ipv6(const struct endpoints *own, const struct net_port *p)
{
	struct net_relay ignored;

	if (own->usernet)
		return own->usernet->kind != USERNET_SLIRP;
	if (own->via == own->n)
		return false;
	return own->v[own->via].link.ip6.ip.len || net_relay_of(p, &own->v[own->via].link.ip.ip, &own->v[own->via].link.ip6.ip, &ignored);
}

/* Where the host answers on a port: addresses as Docker writes them, one of each family for a port of every address. */
static size_t host_texts(const struct endpoints *own, const struct net_port *p, char out[2][IP_TEXT_LEN])
{
	char text[IP_TEXT_LEN];

	(void)snprintf(out[0], IP_TEXT_LEN, p->only == 16 ? "[%.40s]" : "%.40s", p->only ? net_port_host(p, text) : "0.0.0.0");
	(void)snprintf(out[1], IP_TEXT_LEN, "[::]");
	if (p->only == 16)
		return own->n == 0 || leads_by_ipv6(own, p) ? 1 : 0;
	return p->only || !uplink_has_ipv6() || !leads_by_ipv6(own, p) ? 1 : 2;
}

int ports_read(const struct engine *en, struct arena *a, const char *id, struct endpoints *out, struct err *e)
{
	struct cni_row *rows;
	size_t n = 0;
	int r = endpoint_read(en, a, id, out, e);

	if (r == 0 && out->n_ports && !out->n && !out->usernet)
		r = cni_rows(en, a, id, &rows, &n, e);
	if (!n && !out->usernet && out->via == out->n)
		out->n_ports = 0;
	return r;
}

static void add_name(struct strbuf *b, const char *name)
{
	sb_printf(b, "%s%s", b->len ? "," : "", name);
}

/* Of one that does not run: those it will join. */
static void add_configured(const struct engine *en, struct arena *a, const struct json *networks, struct strbuf *out)
{
	json_each(place, networks) {
		const struct json *name = json_get(place, "Name");
		const char *text = name && name->type == JSON_STRING ? name->str : "";
		struct network net;
		struct err ignored;

		if (!network_is_default(text) && network_find(en, a, text, &net, &ignored) == 0)
			text = net.name;
		add_name(out, text);
	}
}

int ports_networks(const struct engine *en, struct arena *a, const struct record *rec, const struct json *config, const struct endpoints *own,
		   const char **out, struct err *e)
{
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;
	const struct json *networks = json_get(config, "Networks");
	const char *mode = "";
	struct cni_row *rows;
	size_t n = 0;
	int r = json_get_str(json_get(config, "HostConfig"), "HostConfig", "NetworkMode", &mode, e);

	*out = mode;
	if (r == 0 && (en->user.on || join_named(mode) || strcmp(mode, "host") == 0 || (strcmp(mode, "none") == 0 && (!networks || !networks->len))))
		return 0;
	if (r == 0 && rec->status == RECORD_RUNNING)
		r = cni_rows(en, a, rec->id, &rows, &n, e);
	if (r < 0)
		return r;
	if (rec->status != RECORD_RUNNING)
		add_configured(en, a, networks, &b);
	for (size_t i = 0; i < own->n; i++)
		add_name(&b, own->v[i].network.name);
	for (size_t i = 0; i < n; i++)
		add_name(&b, rows[i].network);
	*out = arena_strdup(a, sb_str(&b));
	return *out ? 0 : err_errno(e, -ENOMEM, "the container's networks");
}

const char *ports_text(struct arena *a, const struct endpoints *own)
{
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;
	char host[2][IP_TEXT_LEN];

	for (size_t i = 0; i < own->n_ports; i++) {
		const struct net_port *p = &own->ports[i];
		size_t n = host_texts(own, p, host);

		for (size_t k = 0; k < n; k++) {
			sb_printf(&b, "%s%s:%u", b.len ? ", " : "", host[k], p->first);
			if (p->count > 1)
				sb_printf(&b, "-%u->%u-%u", p->last, p->target, p->target + p->count - 1);
			else
				sb_printf(&b, "->%u", p->target);
			sb_printf(&b, "/%s", net_proto_name(p->proto));
		}
	}
	return arena_strdup(a, sb_str(&b));
}

/* ---- inspect ---- */

static void write_address(const struct endpoint *ep, struct json_writer *w)
{
	char text[IP_TEXT_LEN], mac[MAC_TEXT_LEN];

	jw_str(w, "Gateway", ep ? ip_text(&ep->link.gateway, text) : "");
	jw_str(w, "IPAddress", ep ? ip_text(&ep->link.ip.ip, text) : "");
	jw_u64(w, "IPPrefixLen", ep ? ep->link.ip.prefix : 0);
	jw_str(w, "IPv6Gateway", ep ? ip_text(&ep->link.gateway6, text) : "");
	jw_str(w, "GlobalIPv6Address", ep ? ip_text(&ep->link.ip6.ip, text) : "");
	jw_u64(w, "GlobalIPv6PrefixLen", ep ? ep->link.ip6.prefix : 0);
	jw_str(w, "MacAddress", ep ? mac_text(ep->link.mac, mac) : "");
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

/* Each port of the container once, with all that lead to it; the rows come by target. */
static void write_bindings(struct arena *a, const struct endpoints *own, const struct net_port *p, uint16_t k, struct json_writer *w)
{
	char host[2][IP_TEXT_LEN], text[IP_TEXT_LEN];
	size_t n = host_texts(own, p, host);

	for (size_t i = 0; i < n; i++) {
		jw_object(w, NULL);
		jw_str(w, "HostIp", p->only ? net_port_host(p, text) : i ? "::" : host[i]);
		jw_str(w, "HostPort", arena_printf(a, "%u", p->first + k));
		jw_end_object(w);
	}
}

static void write_ports(struct arena *a, const struct endpoints *own, struct json_writer *w)
{
	jw_object(w, "Ports");
	for (size_t i = 0; i < own->n_ports; i++)
		for (uint16_t k = 0; k < own->ports[i].count; k++) {
			const struct net_port *p = &own->ports[i], *before = i ? p - 1 : NULL;

			if (before && before->target == p->target && before->proto == p->proto)
				continue;
			jw_array(w, arena_printf(a, "%u/%s", p->target + k, net_proto_name(p->proto)));
			for (size_t j = i; j < own->n_ports && own->ports[j].target == p->target && own->ports[j].proto == p->proto; j++)
				write_bindings(a, own, &own->ports[j], k, w);
			jw_end_array(w);
		}
	jw_end_object(w);
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

static void write_cni(struct arena *a, const struct ports_cni *cni, struct json_writer *w)
{
	for (size_t i = 0; i < cni->n; i++) {
		const struct cni_place *p = &cni->v[i];

		jw_object(w, p->list.name);
		jw_str(w, "NetworkID", cni_network_id(a, p->list.name));
		write_cni_address(p, w);
		jw_str(w, "Interface", p->at.ifname);
		if (p->at.result)
			jw_value(w, "CniResult", p->at.result);
		jw_end_object(w);
	}
}

int ports_read_cni(const struct engine *en, struct arena *a, const char *id, struct ports_cni *out, struct err *e)
{
	struct cni_row *rows;
	int r = cni_rows(en, a, id, &rows, &out->n, e);

	out->v = arena_array(a, out->n + 1, sizeof(*out->v));
	if (r == 0 && !out->v)
		r = err_errno(e, -ENOMEM, "read the container's networks");
	for (size_t i = 0; r == 0 && i < out->n; i++)
		r = cni_row_read(a, &rows[i], "", &out->v[i], e);
	return r;
}

void ports_write_settings(struct arena *a, const struct endpoints *own, const struct ports_cni *cni, struct json_writer *w)
{
	jw_object(w, "NetworkSettings");
	if (own->usernet)
		write_usernet(own->usernet, w);
	else if (!own->n && cni->n)
		write_cni_address(&cni->v[0], w);
	else
		write_address(own->n ? &own->v[0] : NULL, w);
	write_ports(a, own, w);
	jw_object(w, "Networks");
	for (size_t i = 0; i < own->n; i++) {
		jw_object(w, own->v[i].network.name);
		jw_str(w, "NetworkID", own->v[i].network.id);
		write_address(&own->v[i], w);
		jw_end_object(w);
	}
	write_cni(a, cni, w);
	jw_end_object(w);
	jw_end_object(w);
}

/* ---- tare port ---- */

/* One that asks for a port and protocol, or everything when port is 0. */
static size_t print_ports(const struct endpoints *own, uint16_t port, unsigned char proto, struct strbuf *out)
{
	char host[2][IP_TEXT_LEN];
	size_t n = 0;

	for (size_t i = 0; i < own->n_ports; i++)
		for (uint16_t k = 0; k < own->ports[i].count; k++) {
			const struct net_port *p = &own->ports[i];
			size_t hosts = host_texts(own, p, host);

			if (port && (p->target + k != port || p->proto != proto))
				continue;
			for (size_t h = 0; h < hosts; h++, n++) {
				if (!port)
					sb_printf(out, "%u/%s -> ", p->target + k, net_proto_name(p->proto));
				sb_printf(out, "%s:%u\n", host[h], p->first + k);
			}
		}
	return n;
}

int cmd_port(const struct cli_call *call, struct err *e)
{
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	CLEANUP_LIVE struct live live = LIVE_INIT;
	const char *asked = call->n_args > 1 ? call->args[1] : NULL;
	struct net_port port = { 0 };
	struct endpoints own;
	struct record rec;
	int r = asked ? net_port_parse(asked, &port, e) : 0;

	if (r < 0 || (asked && strchr(asked, ':')) || port.count > 1)
		return err_set(e, ERR_INVALID, "\"%s\" is no port of a container: want PORT[/tcp|udp|sctp]", asked);
	r = tare_engine(call, &en, e);
	if (r == 0)
		r = settle_find(&en, call->arena, call->args[0], SETTLE_LOOK, &rec, &live, e);
	if (r == 0)
		r = ports_read(&en, call->arena, rec.id, &own, e);
	if (r < 0)
		return r;
	if (print_ports(&own, port.target, port.proto, &out) == 0 && asked)
		return err_set(e, ERR_NOTFOUND, "container %s publishes no port %s", rec.name, asked);
	return sb_error(&out) < 0 ? err_errno(e, -ENOMEM, "port") : tare_print(&out, e);
}
