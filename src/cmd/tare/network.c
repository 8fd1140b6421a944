/* tare network create, ls, inspect, connect, disconnect, rm, prune */
#include "engine/network.h"

#include <string.h>

#include "api/docker/filters.h"
#include "api/docker/inspect_network.h"
#include "api/docker/networks.h"
#include "api/docker/prune.h"
#include "api/docker/times.h"
#include "cmd/tare/documents.h"
#include "cmd/tare/pruned.h"
#include "cmd/tare/table.h"
#include "cmd/tare/tare.h"
#include "engine/cni_folder.h"
#include "engine/connect.h"
#include "engine/record.h"

#define OPT(member) offsetof(struct network_opts, member)

const struct cli_option network_create_options[] = {
	{ "driver", 'd', "bridge", CLI_STR, "how containers are connected", OPT(driver), .choices = "bridge|macvlan|ipvlan" },
	{ "subnet", 0, "CIDR", CLI_STRV, "its addresses (default: a /24 that is free); one of IPv4 and one of IPv6", OPT(subnets) },
	{ "gateway", 0, "IP", CLI_STRV, "the host's address in it, or the router's (default: the first)", OPT(gateways) },
	{ "ip-range", 0, "CIDR", CLI_STRV, "the part of the subnet that addresses are chosen from", OPT(ip_ranges) },
	{ "aux-address", 0, "NAME=IP", CLI_STRV, "an address that is somebody else's", OPT(aux) },
	{ "ipv6", 0, NULL, CLI_FLAG, "with IPv6 addresses, too (default: a /64 of unique local ones)", OPT(ipv6) },
	{ "ipv4", 0, NULL, CLI_FLAG, "with IPv4 addresses (default true, and there is no other)", OPT(ipv4) },
	{ "internal", 0, NULL, CLI_FLAG, "nothing leads out of it", OPT(internal) },
	{ "label", 0, "KEY=VALUE", CLI_STRV, "a label", OPT(labels) },
	{ "opt", 'o', "NAME=VALUE", CLI_STRV, "mtu=BYTES (default: the uplink's); name=DEVICE of the bridge; of macvlan and ipvlan: parent=DEVICE, mode=MODE", OPT(options) },
	{ "scope", 0, "local", CLI_STR, "of this machine: there is no other", offsetof(struct network_opts, scope), .choices = "local" },
	{ "ipam-driver", 0, "default", CLI_STR, "what gives addresses: there is one way", offsetof(struct network_opts, ipam_driver), .choices = "default" },
	{ "ipam-opt", 0, "NAME=VALUE", CLI_STRV, "com.docker.network.ipam.serial=true: says what is so anyway", OPT(ipam_options) },
	{ "attachable", 0, NULL, CLI_FLAG, "says what is so anyway: any container can be put into it", OPT(attachable) },
	{ "config-from", 0, "NAME", CLI_UNSUPPORTED, "that is for networks of a swarm" },
	{ "config-only", 0, NULL, CLI_UNSUPPORTED, "that is for networks of a swarm" },
	{ "ingress", 0, NULL, CLI_UNSUPPORTED, "that is for networks of a swarm" },
	{ 0 }
};
const struct network_opts network_create_defaults = { .ipv4 = true };
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
	{ "filter", 'f', "KEY=VALUE", CLI_STRV, "only those that match (" NETWORK_FILTER_KEYS ")", offsetof(struct list_opts, filters),
	  .choices = "dangling=true|false,driver=bridge|routed|ipvlan|macvlan|cni,id=,label=,name=NETWORK,scope=local,type=custom|builtin" },
	{ 0 }
};
const struct cli_option network_rm_options[] = {
	{ "force", 'f', NULL, CLI_FLAG, "one that is not there is no error", offsetof(struct rm_opts, force) },
	{ 0 }
};
const struct cli_option network_prune_options[] = {
	{ "force", 'f', NULL, CLI_FLAG, "do not ask", offsetof(struct system_opts, force) },
	{ "filter", 0, "KEY=VALUE", CLI_STRV, "only those that match (" FILTER_PRUNE_KEYS ")", offsetof(struct system_opts, filters),
	  .choices = "label=,label!=,until=" },
	{ 0 }
};

static int networks_engine(const struct cli_call *call, struct engine *en, struct err *e)
{
	int r = tare_engine(call, en, e);

	return r < 0 ? r : networks_only_root(en, e);
}

static int networks_to_look(const struct cli_call *call, struct engine *en, struct err *e)
{
	int r = tare_engine_to_look(call, en, e);

	return r < 0 ? r : networks_only_root(en, e);
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
		.no_ipv4 = !o->ipv4,
		.attachable = o->attachable,
		.subnets = { o->subnets.v, o->subnets.n },
		.gateways = { o->gateways.v, o->gateways.n },
		.ip_ranges = { o->ip_ranges.v, o->ip_ranges.n },
		.aux = { o->aux.v, o->aux.n },
		.labels = { o->labels.v, o->labels.n },
		.options = { o->options.v, o->options.n },
		.ipam_options = { o->ipam_options.v, o->ipam_options.n },
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
		n->internal ? "true" : "false", time_date(t->a, n->created, true), "true", n->subnet6.ip.len ? "true" : "false",
		table_labels(t->a, labels), table_values(t->a, labels),
	};

	table_add(t, cells);
}

int cmd_network_ls(const struct cli_call *call, struct err *e)
{
	const struct list_opts *o = tare_list_opts(call, "networksFormat");
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct table t = TABLE(call->arena, columns);
	struct network *all;
	size_t n = 0;
	int r = networks_to_look(call, &en, e);

	if (r == 0)
		r = networks_listed(&en, call->arena, tare_strv(&o->filters), &all, &n, e);
	for (size_t i = 0; i < n; i++)
		add_row(&t, &all[i], o->no_trunc);
	if (r == 0)
		r = table_write(&t, o->format, o->quiet, &out, e);
	return r < 0 ? r : tare_print(&out, e);
}

/* ---- inspect ---- */

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

static void say_name(const char *name, void *data)
{
	pruned_say("network", name, data);
}

int cmd_network_prune(const struct cli_call *call, struct err *e)
{
	const struct system_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	int r = networks_engine(call, &en, e);

	if (r == 0 && !o->force && !tare_confirm("This removes every network that no container uses."))
		return 1;
	if (r == 0)
		r = prune_networks(&en, call->arena, tare_strv(&o->filters), say_name, NULL, e);
	pruned_end();
	return r;
}
