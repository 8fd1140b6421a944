#include "api/docker/ports.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "engine/join.h"
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

size_t ports_host_texts(const struct endpoints *own, const struct net_port *p, char out[2][IP_TEXT_LEN])
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
		size_t n = ports_host_texts(own, p, host);

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
