/* tare network create, ls, inspect, connect, disconnect, rm, prune */
#include "engine/network.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "cmd/tare/documents.h"
#include "cmd/tare/inspect_network.h"
#include "cmd/tare/filter.h"
#include "cmd/tare/network_cni.h"
#include "cmd/tare/pruned.h"
#include "cmd/tare/table.h"
#include "cmd/tare/tare.h"
#include "engine/events.h"
#include "engine/cni_folder.h"
#include "engine/connect.h"
#include "engine/record.h"
#include "engine/strays.h"

#define LS_KEYS "dangling driver id label name scope type"
#define PRUNE_KEYS "label label! until"
#define OPT(member) offsetof(struct network_opts, member)

const struct cli_option network_create_options[] = {
	{ "driver", 'd', "bridge", CLI_STR, "how containers are connected", OPT(driver), .choices = "bridge|macvlan|ipvlan" },
	{ "subnet", 0, "CIDR", CLI_STRV, "its addresses (default: a /24 that is free); one of IPv4 and one of IPv6", OPT(subnets) },
	{ "gateway", 0, "IP", CLI_STRV, "the host's address in it, or the router's (default: the first)", OPT(gateways) },
	{ "ip-range", 0, "CIDR", CLI_STRV, "the part of the subnet that addresses are chosen from", OPT(ip_ranges) },
	{ "aux-address", 0, "NAME=IP", CLI_STRV, "an address that is somebody else's", OPT(aux) },
	{ "ipv6", 0, NULL, CLI_FLAG, "with IPv6 addresses, too (default: a /64 of unique local ones)", OPT(ipv6) },
	{ "internal", 0, NULL, CLI_FLAG, "nothing leads out of it", OPT(internal) },
	{ "label", 0, "KEY=VALUE", CLI_STRV, "a label", OPT(labels) },
	{ "opt", 'o', "NAME=VALUE", CLI_STRV, "mtu=BYTES (default: the uplink's); of macvlan and ipvlan: parent=DEVICE, mode=MODE", OPT(options) },
	{ "scope", 0, "local", CLI_STR, "of this machine: there is no other", offsetof(struct network_opts, scope), .choices = "local" },
	{ "ipam-driver", 0, "default", CLI_STR, "what gives addresses: there is one way", offsetof(struct network_opts, ipam_driver), .choices = "default" },
	{ "attachable", 0, NULL, CLI_FLAG, "says what is so anyway: any container can be put into it", OPT(attachable) },
	{ "config-from", 0, "NAME", CLI_UNSUPPORTED, "that is for networks of a swarm" },
	{ "config-only", 0, NULL, CLI_UNSUPPORTED, "that is for networks of a swarm" },
	{ "ingress", 0, NULL, CLI_UNSUPPORTED, "that is for networks of a swarm" },
	{ "ipam-opt", 0, "NAME=VALUE", CLI_UNSUPPORTED },
	{ "ipv4", 0, NULL, CLI_UNSUPPORTED },
	{ 0 }
};
const struct cli_option network_connect_options[] = {
	{ "ip", 0, "IP", CLI_STR, "its address there", offsetof(struct network_connect_opts, ip) },
	{ "ip6", 0, "IP", CLI_STR, "its IPv6 address there", offsetof(struct network_connect_opts, ip6) },
	{ "mac-address", 0, "MAC", CLI_STR, "its hardware address there", offsetof(struct network_connect_opts, mac_address) },
	{ "alias", 0, "NAME", CLI_STRV, "another name of it there", offsetof(struct network_connect_opts, aliases) },
	{ "link", 0, "CONTAINER[:ALIAS]", CLI_STRV, "a name that it alone knows another one there by", offsetof(struct network_connect_opts, links) },
	{ "link-local-ip", 0, "IP", CLI_STRV, "a link-local address that it has there besides", offsetof(struct network_connect_opts, link_local) },
	{ "gw-priority", 0, "N", CLI_STR, "the network with the highest leads out (default 0)", offsetof(struct network_connect_opts, gw_priority) },
	{ "driver-opt", 0, "NAME=VALUE", CLI_STRV, "com.docker.network.endpoint.ifname or .sysctls of its device there", offsetof(struct network_connect_opts, driver_opts) },
	{ 0 }
};
const struct cli_option network_disconnect_options[] = {
	{ "force", 'f', NULL, CLI_FLAG, "one that is not in it is no error", offsetof(struct rm_opts, force) },
	{ 0 }
};
const struct cli_option network_inspect_options[] = {
	{ "format", 'f', "json|TEMPLATE", CLI_STR, "how it is written, or what of each by a template of Go's", offsetof(struct inspect_opts, format) },
	{ "verbose", 'v', NULL, CLI_IGNORED }, /* of networks of a swarm alone there is more to say */
	{ 0 }
};
const struct cli_option network_ls_options[] = {
	{ "quiet", 'q', NULL, CLI_FLAG, "only their ids", offsetof(struct list_opts, quiet) },
	{ "no-trunc", 0, NULL, CLI_FLAG, "whole ids", offsetof(struct list_opts, no_trunc) },
	{ "format", 0, "table|json|TEMPLATE", CLI_STR, "how it is written, or what of each by a template of Go's", offsetof(struct list_opts, format) },
	{ "filter", 'f', "KEY=VALUE", CLI_STRV, "only those that match (" LS_KEYS ")", offsetof(struct list_opts, filters),
	  .choices = "dangling=true|false,driver=bridge|routed|ipvlan|macvlan|cni,id=,label=,name=NETWORK,scope=local,type=custom|builtin" },
	{ 0 }
};
const struct cli_option network_rm_options[] = {
	{ "force", 'f', NULL, CLI_FLAG, "one that is not there is no error", offsetof(struct rm_opts, force) },
	{ 0 }
};
const struct cli_option network_prune_options[] = {
	{ "force", 'f', NULL, CLI_FLAG, "do not ask", offsetof(struct system_opts, force) },
	{ "filter", 0, "KEY=VALUE", CLI_STRV, "only those that match (" PRUNE_KEYS ")", offsetof(struct system_opts, filters),
	  .choices = "label=,label!=,until=" },
	{ 0 }
};

/* They are made of devices of the machine and rules of its firewall. */
static int only_root(const struct engine *en, int r, struct err *e)
{
	if (r == 0 && en->user.on)
		r = err_set(e, ERR_UNSUPPORTED, "networks take root: a container of an ordinary user has --network pasta, slirp4netns, host or none");
	return r;
}

static int networks_engine(const struct cli_call *call, struct engine *en, struct err *e)
{
	return only_root(en, tare_engine(call, en, e), e);
}

static int networks_to_look(const struct cli_call *call, struct engine *en, struct err *e)
{
	return only_root(en, tare_engine_to_look(call, en, e), e);
}

int cmd_network_create(const struct cli_call *call, struct err *e)
{
	const struct network_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	const struct network_options wish = {
		.name = call->args[0],
		.driver = o->driver ? o->driver : "bridge",
		.internal = o->internal,
		.ipv6 = o->ipv6,
		.attachable = o->attachable,
		.subnets = { o->subnets.v, o->subnets.n },
		.gateways = { o->gateways.v, o->gateways.n },
		.ip_ranges = { o->ip_ranges.v, o->ip_ranges.n },
		.aux = { o->aux.v, o->aux.n },
		.labels = { o->labels.v, o->labels.n },
		.options = { o->options.v, o->options.n },
	};
	struct network net;
	int r = networks_engine(call, &en, e);

	if (r == 0)
		r = network_create(&en, call->arena, &wish, &net, e);
	if (r == 0)
		tare_say("%s", net.id);
	return r;
}

/* ---- lists ---- */

/* The default network is there before anybody has used it. */
static int have_default(const struct engine *en, struct arena *a, struct err *e)
{
	CLEANUP_CATALOG_TXN struct catalog *c = en->catalog;
	struct network net;
	int r = catalog_begin(c, CATALOG_LAZY, e);

	if (r == 0)
		r = network_find(en, a, NETWORK_DEFAULT, &net, e);
	return r < 0 ? r : catalog_commit(c, e);
}

static const struct table_column columns[] = {
	{ "NETWORK ID", "ID" }, { "NAME", "Name" }, { "DRIVER", "Driver" }, { "SCOPE", "Scope" }, { "SUBNET", "Subnet" }, { NULL, "Internal" }, { NULL, "CreatedAt" },
	{ NULL, "IPv4" }, { NULL, "IPv6" }, { NULL, "Labels" }, { NULL, "Label", .values = true },
};

static void add_row(struct table *t, const struct network *n, bool whole)
{
	const struct json *labels = json_get(n->config, "Labels");
	char subnet[IP_TEXT_LEN];
	const char *cells[] = {
		whole ? n->id : arena_strndup(t->a, n->id, ID_SHORT), n->name, n->driver, "local", arena_strdup(t->a, ip_net_text(&n->subnet, subnet)),
		n->internal ? "true" : "false", table_date(t->a, n->created, true), "true", n->subnet6.ip.len ? "true" : "false",
		table_labels(t->a, labels), table_values(t->a, labels),
	};

	table_add(t, cells);
}

struct looking {
	const struct engine *en;
	const struct network *net;
};

/* 1: no container runs in it. The default one is never useless. */
static int is_dangling(const struct looking *l, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(l->en->catalog, &s, e, "SELECT 1 FROM endpoints WHERE network = ?1 UNION ALL SELECT 1 FROM cni WHERE network = ?2 LIMIT 1",
			    "ss", l->net->id, l->net->name);

	if (r == 0)
		r = cat_step(s, e);
	return r < 0 ? r : r == 0 && !network_is_default(l->net->name);
}

/* As Docker's: a part of a name or id, the whole of what else there is. */
static int ls_matches(const char *key, const char *value, void *data, struct err *e)
{
	const struct looking *l = data;
	const struct network *n = l->net;
	bool want;

	if (strcmp(key, "name") == 0 || strcmp(key, "id") == 0)
		return strstr(strcmp(key, "id") == 0 ? n->id : n->name, value) != NULL;
	if (strcmp(key, "driver") == 0)
		return strcmp(n->driver, value) == 0;
	if (strcmp(key, "label") == 0)
		return filter_label(json_get(n->config, "Labels"), value);
	if (strcmp(key, "scope") == 0)
		return strcmp(value, "local") == 0;
	if (strcmp(key, "type") == 0 && (strcmp(value, "custom") == 0 || strcmp(value, "builtin") == 0))
		return network_is_default(n->name) == (strcmp(value, "builtin") == 0);
	if (strcmp(key, "dangling") == 0) {
		int r = filter_bool(key, value, &want, e), is = r < 0 ? r : is_dangling(l, e);

		return is < 0 ? is : is == (int)want;
	}
	return err_set(e, ERR_INVALID, "--filter %s=%s: the keys are " LS_KEYS ", types are custom and builtin", key, value);
}

int cmd_network_ls(const struct cli_call *call, struct err *e)
{
	const struct list_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct table t = TABLE(call->arena, columns);
	struct network *all;
	size_t n = 0;
	int r = networks_to_look(call, &en, e);

	if (r == 0)
		r = have_default(&en, call->arena, e);
	if (r == 0)
		r = network_list(&en, call->arena, &all, &n, e);
	if (r == 0)
		r = network_cni_list(&en, call->arena, &all, &n, e);
	for (size_t i = 0; r >= 0 && i < n; i++) {
		r = filter_passes(call->arena, &o->filters, ls_matches, &(struct looking){ &en, &all[i] }, e);
		if (r > 0)
			add_row(&t, &all[i], o->no_trunc);
	}
	if (r >= 0)
		r = table_write(&t, o->format, o->quiet, &out, e);
	return r < 0 ? r : tare_print(&out, e);
}

/* ---- inspect ---- */

static int write_containers(const struct engine *en, struct arena *a, const struct network *net, struct json_writer *w, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(en->catalog, &s, e,
			    "SELECT c.id, c.name, e.ip, e.mac, e.ip6 FROM endpoints e JOIN containers c ON c.id = e.container WHERE e.network = ?1 ORDER BY e.number",
			    "s", net->id);

	jw_object(w, "Containers");
	while (r == 0 && (r = cat_step(s, e)) > 0) {
		jw_object(w, cat_text(s, 0));
		jw_str(w, "Name", cat_text(s, 1));
		jw_str(w, "EndpointID", inspect_endpoint_id(a, cat_text(s, 0), net->id));
		jw_str(w, "MacAddress", cat_text(s, 3));
		jw_str(w, "IPv4Address", cat_text(s, 2));
		jw_str(w, "IPv6Address", cat_text(s, 4));
		jw_end_object(w);
		r = 0;
	}
	jw_end_object(w);
	return r < 0 ? r : 0;
}

/* One family's, as Docker has it. */
static void write_subnet(const struct network *n, const struct ip_net *subnet, const struct ip *gateway, const struct ip_net *range, struct json_writer *w)
{
	char text[IP_TEXT_LEN];
	struct ip aux;

	if (!subnet->ip.len)
		return;
	jw_object(w, NULL);
	jw_str(w, "Subnet", ip_net_text(subnet, text));
	if (range->ip.len)
		jw_str(w, "IPRange", ip_net_text(range, text));
	jw_str(w, "Gateway", ip_text(gateway, text));
	jw_object(w, "AuxiliaryAddresses");
	json_each(a, json_get(n->config, "Aux"))
		if (a->type == JSON_STRING && ip_parse(a->str, &aux) == 0 && aux.len == subnet->ip.len)
			jw_str(w, a->key, a->str);
	jw_end_object(w);
	jw_end_object(w);
}

/* What networks of a swarm are, and one of a single machine is not. */
static void write_swarm(struct json_writer *w)
{
	jw_bool(w, "Ingress", false);
	jw_bool(w, "ConfigOnly", false);
	jw_object(w, "ConfigFrom");
	jw_str(w, "Network", "");
	jw_end_object(w);
}

static int write_network(const struct engine *en, struct arena *a, const struct network *n, struct json_writer *w, struct err *e)
{
	int r;

	if (network_is_cni(n))
		return network_cni_inspect(en, a, n->name, w, e);
	jw_object(w, NULL);
	jw_str(w, "Name", n->name);
	jw_str(w, "Id", n->id);
	jw_str(w, "Created", table_time(a, n->created));
	jw_str(w, "Scope", "local");
	jw_str(w, "Driver", n->driver);
	jw_str(w, "Device", *n->parent ? n->parent : n->device);
	jw_bool(w, "EnableIPv4", true);
	jw_bool(w, "EnableIPv6", n->subnet6.ip.len > 0);
	jw_bool(w, "Internal", n->internal);
	jw_bool(w, "Attachable", json_get(n->config, "Attachable") && json_get(n->config, "Attachable")->type == JSON_BOOL && json_get(n->config, "Attachable")->boolean);
	jw_u64(w, "Mtu", network_mtu(n));
	write_swarm(w);
	jw_object(w, "IPAM");
	jw_str(w, "Driver", "default"); /* addresses are chosen here, and nobody else is asked */
	jw_null(w, "Options");
	jw_array(w, "Config");
	write_subnet(n, &n->subnet, &n->gateway, &n->range, w);
	write_subnet(n, &n->subnet6, &n->gateway6, &n->range6, w);
	jw_end_array(w);
	jw_end_object(w);
	r = write_containers(en, a, n, w, e);
	jw_value(w, "Labels", json_get(n->config, "Labels"));
	jw_value(w, "Options", json_get(n->config, "Options"));
	if (json_get(n->config, "Cni"))
		jw_value(w, "Cni", json_get(n->config, "Cni"));
	jw_end_object(w);
	return r;
}

int network_document(const struct engine *en, const struct cli_call *call, const char *what, struct json_writer *w, struct err *e)
{
	struct network net;
	int r = 0;

	if (!what[0])
		return err_set(e, ERR_NOTFOUND, "a network's name is missing (tare network ls lists them)");
	if (network_is_default(what))
		r = have_default(en, call->arena, e);
	if (r == 0)
		r = network_find(en, call->arena, what, &net, e);
	return r < 0 ? r : write_network(en, call->arena, &net, w, e);
}

int cmd_network_inspect(const struct cli_call *call, struct err *e)
{
	const struct inspect_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	int r = networks_to_look(call, &en, e);

	return r < 0 ? r : documents_print(&en, call, o->format, network_document, e);
}

/* ---- connect, disconnect ---- */

int cmd_network_connect(const struct cli_call *call, struct err *e)
{
	const struct network_connect_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	const struct ct_network place = { .name = call->args[0], .ip = o->ip, .ip6 = o->ip6, .mac_address = o->mac_address, .aliases = { o->aliases.v, o->aliases.n },
					  .links = { o->links.v, o->links.n },
					  .gw_priority = o->gw_priority,
					  .link_local = { o->link_local.v, o->link_local.n },
					  .driver_opts = { o->driver_opts.v, o->driver_opts.n } };
	int r = networks_engine(call, &en, e);

	return r < 0 ? r : network_connect(&en, call->args[1], &place, e);
}

int cmd_network_disconnect(const struct cli_call *call, struct err *e)
{
	const struct rm_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	int r = networks_engine(call, &en, e);

	if (r == 0)
		r = network_disconnect(&en, call->args[1], call->args[0], e);
	return r < 0 && o->force && e->cls == ERR_NOTFOUND ? 0 : r;
}

/* ---- removing ---- */

static int remove_one(const struct engine *en, const char *what, const void *data, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const struct rm_opts *o = data;
	int r = network_remove(en, &a, what, e);

	if (r < 0 && o->force && e->cls == ERR_NOTFOUND)
		return 0;
	if (r == 0)
		tare_say("%s", what);
	return r;
}

int cmd_network_rm(const struct cli_call *call, struct err *e)
{
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	int r = networks_engine(call, &en, e);

	return r < 0 ? r : tare_each(call, &en, remove_one, call->opts);
}

static int prune_matches(const char *key, const char *value, void *data, struct err *e)
{
	const struct network *n = data;
	const struct json *labels = json_get(n->config, "Labels");
	int64_t until = 0;
	int r;

	if (strcmp(key, "label") == 0)
		return filter_label(labels, value);
	if (strcmp(key, "label!") == 0)
		return !filter_label(labels, value);
	if (strcmp(key, "until") == 0) {
		r = filter_time("--filter until", value, &until, e);
		return r < 0 ? r : n->created < until;
	}
	return err_set(e, ERR_INVALID, "--filter %s=%s: the keys are " PRUNE_KEYS, key, value);
}

int tare_prune_networks(const struct engine *en, const struct cli_call *call, void (*removed)(const char *name), struct err *e)
{
	const struct system_opts *o = call->opts;
	struct network *all;
	size_t n;
	int r = network_list(en, call->arena, &all, &n, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		struct err why = { 0 };

		r = filter_passes(call->arena, &o->filters, prune_matches, &all[i], e);
		if (r < 0)
			return r;
		if (r > 0 && !network_is_default(all[i].name) && network_remove(en, call->arena, all[i].id, &why) == 0)
			removed(all[i].name);
		else if (why.code && why.cls != ERR_CONFLICT)
			log_error("%s", why.msg);
	}
	events_pruned(en, "network", 0);
	return strays_sweep(en, true, e);
}

static void say_name(const char *name)
{
	pruned_say("network", name, NULL);
}

int cmd_network_prune(const struct cli_call *call, struct err *e)
{
	const struct system_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	int r = networks_engine(call, &en, e);

	if (r == 0 && !o->force && !tare_confirm("This removes every network that no container uses."))
		return 1;
	if (r == 0)
		r = tare_prune_networks(&en, call, say_name, e);
	pruned_end();
	return r;
}
