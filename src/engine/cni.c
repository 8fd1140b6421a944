/* The rows. What a user asks of a place in a network goes to the plugins as capabilities, where one of them has that capability; an
 * address and a hardware address go as CNI_ARGS too, which older ones read, and the result has to say that they were heeded
 * (cni_join.c). */
#include "engine/cni.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "engine/endpoint.h"

#define COLUMNS "container, network, ifname, list, version, args, capabilities, result, plugins, cache, seconds"

/* ---- reading ---- */

static int take_row(struct arena *a, struct cat_stmt *s, struct cni_row *out, struct err *e)
{
	const char **const texts[] = { &out->container, &out->network, &out->ifname, &out->list, &out->version,
				       &out->args, &out->capabilities, &out->result, &out->plugins, &out->cache };

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		*texts[i] = arena_strdup(a, cat_text(s, (int)i));
	out->seconds = (uint32_t)cat_int(s, (int)ARRAY_LEN(texts));
	return arena_error(a) < 0 ? err_errno(e, -ENOMEM, "read the container's networks") : 0;
}

int cni_rows(const struct engine *en, struct arena *a, const char *container, struct cni_row **out, size_t *n, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	size_t cap = 0;
	int r = cat_prepare(en->catalog, &s, e,
			    "SELECT " COLUMNS " FROM cni WHERE ?1 IS NULL OR container = ?1 ORDER BY container, position", "s", container);

	*out = NULL;
	*n = 0;
	while (r == 0 && (r = cat_step(s, e)) > 0) {
		struct cni_row *grown = arena_grow(a, *out, *n, &cap, sizeof(**out));

		if (!grown)
			return err_errno(e, -ENOMEM, "read the container's networks");
		*out = grown;
		r = take_row(a, s, &grown[*n], e);
		*n += r == 0;
	}
	return r < 0 ? r : 0;
}

static int read_json(struct arena *a, const char *text, const struct json **out, struct err *e)
{
	*out = NULL;
	return text[0] ? json_parse(a, text, strlen(text), NULL, out, e) : 0;
}

int cni_row_read(struct arena *a, const struct cni_row *row, const char *netns, struct cni_place *out, struct err *e)
{
	int r;

	*out = (struct cni_place){ .at = { .version = row->version, .container = row->container, .ifname = row->ifname, .netns = netns, .args = row->args } };
	if ((r = cni_list_parse(a, row->list, strlen(row->list), false, &out->list, e)) < 0 ||
	    (r = read_json(a, row->capabilities, &out->at.capabilities, e)) < 0 || (r = read_json(a, row->result, &out->at.result, e)) < 0 ||
	    (r = out->at.result ? cni_result_parse(a, out->at.result, row->ifname, &out->result, e) : 0) < 0)
		return err_ctx(e, "network %s in the catalog", row->network);
	out->at.list = &out->list;
	return 0;
}

/* ---- taking ---- */

/* What plugins are asked for. */
struct asked {
	const struct cni_network *net;
	struct json_writer w;
};

static int needs(const struct asked *k, const char *option, const char *capability, struct err *e)
{
	if (cni_list_can(&k->net->list, capability))
		return 0;
	return err_set(e, ERR_UNSUPPORTED, "%s: no plugin of network %s has the capability %s (%s)", option, k->net->net.name, capability, k->net->file);
}

static void add_list(struct asked *k, const char *key, const struct json *texts)
{
	if (texts && texts->len)
		jw_value(&k->w, key, texts);
}

static void add_dns(struct asked *k, const struct json *host)
{
	static const char *const rows[][2] = { { "servers", "Dns" }, { "searches", "DnsSearch" }, { "options", "DnsOptions" } };
	bool any = false;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		any |= json_get(host, rows[i][1]) && json_get(host, rows[i][1])->len > 0;
	if (!any || !cni_list_can(&k->net->list, "dns"))
		return; /* resolv.conf is ours to write */
	jw_object(&k->w, "dns");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		add_list(k, rows[i][0], json_get(host, rows[i][1]));
	jw_end_object(&k->w);
}

/* One entry for each port: portmap knows no ranges. */
static void add_port(struct asked *k, const struct net_port *p)
{
	char host[IP_TEXT_LEN];

	for (uint16_t i = 0; i < p->count; i++) {
		jw_object(&k->w, NULL);
		jw_u64(&k->w, "hostPort", p->first + i);
		jw_u64(&k->w, "containerPort", p->target + i);
		jw_str(&k->w, "protocol", net_proto_name(p->proto));
		if (p->only) /* else by both families */
			jw_str(&k->w, "hostIP", net_port_host(p, host));
		jw_end_object(&k->w);
	}
}

/* Ports lead to the container's first network of tare's own; where it has none, to its first one of CNI. */
static int add_ports(const struct engine *en, struct arena *a, const char *id, struct asked *k, struct err *e)
{
	struct endpoints own;
	struct cni_row *rows;
	size_t n = 0;
	int r = endpoint_read(en, a, id, &own, e);

	if (r == 0)
		r = cni_rows(en, a, id, &rows, &n, e);
	if (r < 0 || own.n || n || !own.n_ports)
		return r;
	r = needs(k, "-p", "portMappings", e);
	if (r < 0)
		return r;
	jw_array(&k->w, "portMappings");
	for (size_t i = 0; i < own.n_ports; i++)
		add_port(k, &own.ports[i]);
	jw_end_array(&k->w);
	return 0;
}

static int add_names(struct asked *k, const struct json *aliases, struct err *e)
{
	if (!aliases || !aliases->len)
		return 0;
	if (needs(k, "--network-alias", "aliases", e) < 0)
		return e->code;
	add_list(k, "aliases", aliases);
	return 0;
}

static void add_addresses(struct asked *k, const char *ip, const char *ip6, const char *mac)
{
	if ((ip[0] || ip6[0]) && cni_list_can(&k->net->list, "ips")) {
		jw_array(&k->w, "ips");
		if (ip[0])
			jw_str(&k->w, NULL, ip);
		if (ip6[0])
			jw_str(&k->w, NULL, ip6);
		jw_end_array(&k->w);
	}
	if (mac[0] && cni_list_can(&k->net->list, "mac"))
		jw_str(&k->w, "mac", mac);
}

static const char *args_of(struct arena *a, const char *ip, const char *mac)
{
	return arena_printf(a, "IgnoreUnknown=1%s%s%s%s", ip[0] ? ";IP=" : "", ip, mac[0] ? ";MAC=" : "", mac);
}

static int insert(const struct engine *en, struct arena *a, const char *id, const struct cni_network *net, int64_t position, const char *args,
		  const char *capabilities, struct err *e)
{
	struct cni_settings s;
	int r = cni_settings(&s, e);

	if (r < 0)
		return r;
	r = cat_exec(en->catalog, e,
		     "INSERT INTO cni(position, " COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5, '', ?6, ?7, '', ?8, ?9, ?10)", "issssssssi", position, id, net->net.name,
		     arena_printf(a, "eth%lld", (long long)position), net->list.text, args, capabilities, s.plugins, s.cache, (int64_t)s.seconds);
	return r < 0 ? r : 0;
}

static int take_place(const struct engine *en, struct arena *a, const char *id, const struct json *config, const struct json *wish,
	     const struct cni_network *net, int64_t position, struct err *e)
{
	CLEANUP_STRBUF struct strbuf capabilities = STRBUF_INIT;
	struct asked k = { .net = net, .w = JSON_WRITER(&capabilities) };
	const char *ip = "", *ip6 = "", *mac = "";
	int r = json_get_str(wish, "Networks", "IPAddress", &ip, e);

	if (r == 0)
		r = json_get_str(wish, "Networks", "IP6Address", &ip6, e);
	if (r == 0)
		r = json_get_str(wish, "Networks", "MacAddress", &mac, e);
	jw_object(&k.w, NULL);
	if (r == 0)
		r = add_ports(en, a, id, &k, e);
	if (r == 0 && ip6[0])
		r = needs(&k, "--ip6", "ips", e);
	if (r == 0)
		r = add_names(&k, json_get(wish, "Aliases"), e);
	if (r < 0)
		return r;
	add_addresses(&k, ip, ip6, mac);
	add_dns(&k, json_get(config, "HostConfig"));
	jw_end_object(&k.w);
	return sb_error(&capabilities) < 0 ? err_errno(e, -ENOMEM, "join network %s", net->net.name) :
					     insert(en, a, id, net, position, args_of(a, ip, mac), sb_str(&capabilities), e);
}

int cni_take(const struct engine *en, struct arena *a, const char *id, const struct json *config, const char *only, int64_t position, struct err *e)
{
	json_each(wish, json_get(config, "Networks")) {
		struct cni_network cni;
		struct network net;
		const char *name = NULL;
		int r = json_get_str(wish, "Networks", "Name", &name, e);

		if (r == 0 && only && (!name || strcmp(name, only) != 0))
			continue;
		if (r == 0)
			r = network_find(en, a, name, &net, e);
		if (r == 0 && network_is_cni(&net))
			r = cni_folder_find(a, net.name, &cni, e);
		if (r == 0 && network_is_cni(&net))
			r = take_place(en, a, id, config, wish, &cni, position, e);
		if (r < 0)
			return r;
		position++;
	}
	return 0;
}

/* ---- the monitor's part ---- */

int cni_describe(const struct engine *en, const char *id, struct strbuf *description, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf member = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&member);
	char self[PATH_MAX];
	const char *argv[] = { self, "--root", en->root, "--state", en->state, "internal", "connect", id, NULL };
	struct cni_row *rows;
	size_t n;
	int r = cni_rows(en, &a, id, &rows, &n, e);

	if (r < 0 || !n || !description->len)
		return r;
	r = engine_self(self, e);
	if (r < 0)
		return r;
	jw_object(&w, NULL);
	jw_strv(&w, "connect", argv);
	jw_end_object(&w);
	description->len--; /* it ends with its brace */
	sb_printf(description, ",%s", sb_str(&member) + 1);
	return 0;
}
