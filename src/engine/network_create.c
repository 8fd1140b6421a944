/* A new network: what is wished for, judged; what is not said, chosen.
 *
 * A network has IPv4 addresses always and IPv6 ones when somebody asks for them: forwarding IPv6 changes how a host learns its own
 * routes, which nobody should get unasked. Subnets that are chosen lie beside what other container engines take: 10.210.0.0/16 and up for
 * IPv4, and for IPv6 a random one of the unique local addresses (RFC 4193). */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/text.h"
#include "engine/cni_folder.h"
#include "engine/events.h"
#include "engine/names.h"
#include "engine/network.h"
#include "engine/network_rows.h"
#include "engine/pairs.h"
#include "engine/record.h"
#include "engine/strays.h"
#include "engine/surroundings.h"
#include "net/uplink.h"
#include "sys/rtnl.h"

/* 10.210.0.0/16 and what follows it: rarely anybody's, and not Docker's, podman's or Kubernetes' own. */
#define POOL_FIRST 210
#define POOL_LAST 254
#define LONGEST4 30
#define LONGEST6 124
#define MTU_LEAST 68
#define MTU_LEAST_6 1280 /* RFC 8200, section 5 */
#define MTU_MOST 65535

/* ---- subnets ---- */

/* A direct network's addresses are those of the wire that its parent is on, which the host has a route to. */
static bool is_free(const struct ip_net *net, const struct network *all, size_t n, bool routes_too)
{
	for (size_t i = 0; i < n; i++)
		if (ip_net_overlap(net, &all[i].subnet) || (all[i].subnet6.ip.len && ip_net_overlap(net, &all[i].subnet6)))
			return false;
	return !routes_too || !uplink_has_route(net);
}

static int choose_of_pools(const struct surroundings *around, const struct network *all, size_t n, struct ip_net *out, struct err *e)
{
	for (size_t i = 0; i < around->n_pools; i++) {
		const struct surroundings_pool *pool = &around->pools[i];
		uint64_t subnets = 1ULL << (pool->prefix - pool->net.prefix), step = 1ULL << (32 - pool->prefix);

		*out = (struct ip_net){ .prefix = pool->prefix };
		for (uint64_t k = 0; k < subnets; k++) {
			out->ip = ip_nth(&pool->net, k * step);
			if (is_free(out, all, n, true))
				return 0;
		}
	}
	return err_set(e, ERR_LIMIT, "no subnet is free in default-address-pools: name one for the network, or add a pool");
}

/* A /16 for the default network, a /24 for any other. */
static int choose_subnet(const struct engine *en, bool is_default, const struct network *all, size_t n, struct ip_net *out, struct err *e)
{
	unsigned int subnets = is_default ? 1 : 256;

	if (en->around && en->around->n_pools)
		return choose_of_pools(en->around, all, n, out, e);
	*out = (struct ip_net){ .ip = { .len = 4, .bytes = { 10 } }, .prefix = is_default ? 16 : 24 };
	for (unsigned int i = is_default ? POOL_FIRST : POOL_FIRST + 1; i <= POOL_LAST; i++)
		for (unsigned int k = 0; k < subnets; k++) {
			out->ip.bytes[1] = (unsigned char)i;
			out->ip.bytes[2] = (unsigned char)k;
			if (is_free(out, all, n, true))
				return 0;
		}
	return err_set(e, ERR_LIMIT, "no subnet is free from 10.%d.0.0 to 10.%d.255.255: name one with --subnet", POOL_FIRST, POOL_LAST);
}

/* fd, 40 random bits, 16 of zero: RFC 4193, section 3.1. */
static int choose_subnet6(const struct network *all, size_t n, struct ip_net *out, struct err *e)
{
	*out = (struct ip_net){ .ip = { .len = 16, .bytes = { 0xfd } }, .prefix = 64 };
	do {
		if (getrandom(out->ip.bytes + 1, 5, 0) != 5)
			return err_errno(e, -errno, "choose an IPv6 subnet");
	} while (!is_free(out, all, n, true));
	return 0;
}

/* The one of the texts that is of this family (len of an address); NULL. A second one is an error. */
static int of_family(struct strv texts, const char *option, unsigned char len, const char **out, struct err *e)
{
	*out = NULL;
	for (size_t i = 0; i < texts.n; i++) {
		if ((strchr(texts.v[i], ':') ? 16 : 4) != len)
			continue;
		if (*out)
			return err_set(e, ERR_INVALID, "%s %s: a network has one for IPv4 and one for IPv6, and %s was the first", option, texts.v[i], *out);
		*out = texts.v[i];
	}
	return 0;
}

/* What no container can be reached by: RFC 6890's loopback, link-local and reserved ones, and multicast. */
static bool is_kernels(const struct ip_net *subnet)
{
	static const char *const none[] = { "0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4", "::/96", "::ffff:0:0/96", "fe80::/10", "ff00::/8" };
	struct ip_net net;

	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		if (ip_net_parse(none[i], &net) == 0 && ip_net_overlap(subnet, &net))
			return true;
	return false;
}

static int given_subnet(const char *text, unsigned char len, bool direct, const struct network *all, size_t n, struct ip_net *out, struct err *e)
{
	if (ip_net_parse(text, out) < 0 || out->ip.len != len || out->prefix > (len == 4 ? LONGEST4 : LONGEST6))
		return err_set(e, ERR_INVALID, "--subnet %s: a subnet as 10.1.2.0/24 or fd00:1:2::/64 is wanted, /%d or /%d at least", text,
			       LONGEST4, LONGEST6);
	out->ip = ip_nth(out, 0);
	if (is_kernels(out))
		return err_set(e, ERR_INVALID, "--subnet %s is not for containers: loopback, link-local, multicast and reserved addresses are the kernel's own", text);
	if (!is_free(out, all, n, !direct))
		return err_set(e, ERR_CONFLICT, "--subnet %s overlaps with another network, or with a route of this machine", text);
	return 0;
}

/* Not the subnet's own address, nor its last one where that is for everybody. */
static bool is_usable(const struct ip_net *subnet, const struct ip *ip)
{
	if (!ip_net_has(subnet, ip) || ip_number(subnet, ip) == 0)
		return false;
	return ip->len == 16 || ip_number(subnet, ip) != ip_net_size(subnet) - 1;
}

static int find_gateway(struct strv texts, const struct ip_net *subnet, struct ip *out, struct err *e)
{
	const char *text;
	int r = of_family(texts, "--gateway", subnet->ip.len, &text, e);

	if (r < 0)
		return r;
	*out = ip_nth(subnet, 1);
	if (text && (ip_parse(text, out) < 0 || !is_usable(subnet, out)))
		return err_set(e, ERR_INVALID, "--gateway %s is no address of the subnet", text);
	return 0;
}

static int find_range(struct strv texts, const struct ip_net *subnet, struct ip_net *out, struct err *e)
{
	const char *text;
	int r = of_family(texts, "--ip-range", subnet->ip.len, &text, e);

	if (r < 0 || !text)
		return r;
	if (ip_net_parse(text, out) < 0 || out->prefix < subnet->prefix || !ip_net_has(subnet, &out->ip))
		return err_set(e, ERR_INVALID, "--ip-range %s is no part of the subnet", text);
	out->ip = ip_nth(out, 0);
	return 0;
}

/* One family's. */
static int find_addresses(const struct network_options *o, struct ip_net *subnet, struct ip *gateway, struct ip_net *range, struct err *e)
{
	int r = find_gateway(o->gateways, subnet, gateway, e);

	return r < 0 ? r : find_range(o->ip_ranges, subnet, range, e);
}

static int check_aux(const struct network_options *o, const struct network *net, struct err *e)
{
	for (size_t i = 0; i < o->aux.n; i++) {
		const char *eq = strchr(o->aux.v[i], '=');
		struct ip ip;

		if (!eq || eq == o->aux.v[i] || ip_parse(eq + 1, &ip) < 0 || (!is_usable(&net->subnet, &ip) && !(net->subnet6.ip.len && is_usable(&net->subnet6, &ip))))
			return err_set(e, ERR_INVALID, "--aux-address %s: want NAME=IP, an address of the subnet", o->aux.v[i]);
	}
	return 0;
}

/* What was given for a family whose subnet was not, and what is said of it. */
static int nothing_for(const struct network_options *o, unsigned char len, const char *said, struct err *e)
{
	const struct {
		const char *option;
		struct strv texts;
	} rows[] = { { "--gateway", o->gateways }, { "--ip-range", o->ip_ranges } };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *text;

		if (of_family(rows[i].texts, rows[i].option, len, &text, e) < 0)
			return e->code;
		if (text)
			return err_set(e, ERR_INVALID, "%s %s: %s", rows[i].option, text, said);
	}
	return 0;
}

static int find_subnets(const struct engine *en, const struct network_options *o, const struct network *all, size_t n, struct network *net, struct err *e)
{
	static const char subnet_too[] = "give --subnet, too";
	const char *four, *six;
	int r;

	if ((r = of_family(o->subnets, "--subnet", 4, &four, e)) < 0 || (r = of_family(o->subnets, "--subnet", 16, &six, e)) < 0)
		return r;
	if ((!four && (r = nothing_for(o, 4, subnet_too, e)) < 0) || (!six && o->ipv6 && (r = nothing_for(o, 16, subnet_too, e)) < 0))
		return r;
	r = four ? given_subnet(four, 4, network_is_direct(net), all, n, &net->subnet, e) : choose_subnet(en, network_is_default(o->name), all, n, &net->subnet, e);
	if (r == 0)
		r = find_addresses(o, &net->subnet, &net->gateway, &net->range, e);
	if (r < 0 || (!six && !o->ipv6))
		return r < 0 ? r : nothing_for(o, 16, "the network has no IPv6 addresses (--ipv6, or an IPv6 --subnet)", e);
	r = six ? given_subnet(six, 16, network_is_direct(net), all, n, &net->subnet6, e) : choose_subnet6(all, n, &net->subnet6, e);
	return r < 0 ? r : find_addresses(o, &net->subnet6, &net->gateway6, &net->range6, e);
}

/* ---- options ---- */

struct option_row {
	const char *name, *docker; /* short, and as Docker's drivers call it */
	const char *driver;        /* whose; NULL: everybody's */
	size_t member;             /* of struct network: a text; MTU; SO_ANYWAY */
	const char *choices;       /* "a|b"; NULL: any text */
};
#define MTU SIZE_MAX
#define SO_ANYWAY (SIZE_MAX - 1) /* what of Docker's is so here in any case: its one choice changes nothing */
#define BRIDGE_OPT "com.docker.network.bridge."

static const struct option_row options[] = {
	{ "mtu", "com.docker.network.driver.mtu", NULL, MTU, NULL },
	{ "name", BRIDGE_OPT "name", NETWORK_BRIDGE, offsetof(struct network, device), NULL },
	{ BRIDGE_OPT "enable_icc", BRIDGE_OPT "enable_icc", NETWORK_BRIDGE, SO_ANYWAY, "true" },
	{ BRIDGE_OPT "enable_ip_masquerade", BRIDGE_OPT "enable_ip_masquerade", NETWORK_BRIDGE, SO_ANYWAY, "true" },
	{ BRIDGE_OPT "host_binding_ipv4", BRIDGE_OPT "host_binding_ipv4", NETWORK_BRIDGE, SO_ANYWAY, "0.0.0.0" },
	{ BRIDGE_OPT "gateway_mode_ipv4", BRIDGE_OPT "gateway_mode_ipv4", NETWORK_BRIDGE, SO_ANYWAY, "nat" },
	{ BRIDGE_OPT "gateway_mode_ipv6", BRIDGE_OPT "gateway_mode_ipv6", NETWORK_BRIDGE, SO_ANYWAY, "nat" },
	{ "parent", "parent", NETWORK_MACVLAN, offsetof(struct network, parent), NULL },
	{ "parent", "parent", NETWORK_IPVLAN, offsetof(struct network, parent), NULL },
	{ "mode", "macvlan_mode", NETWORK_MACVLAN, offsetof(struct network, mode), "bridge|private|vepa|passthru" },
	{ "mode", "ipvlan_mode", NETWORK_IPVLAN, offsetof(struct network, mode), "l2|l3|l3s" },
};

static const struct option_row *find_option(const char *text, size_t len, const char *driver)
{
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		const struct option_row *o = &options[i];

		if ((strlen(o->name) == len && strncmp(o->name, text, len) == 0) || (strlen(o->docker) == len && strncmp(o->docker, text, len) == 0))
			if (!o->driver || strcmp(o->driver, driver) == 0)
				return o;
	}
	return NULL;
}

static int read_mtu(const char *text, struct network *net, struct err *e)
{
	uint32_t least = net->subnet6.ip.len ? MTU_LEAST_6 : MTU_LEAST;

	if (text_u32(text, &net->mtu) < 0 || net->mtu < least || net->mtu > MTU_MOST)
		return err_set(e, ERR_INVALID, "--opt mtu=%s: a number from %u to %d is wanted", text, least, MTU_MOST);
	return 0;
}

static bool is_choice(const char *choices, const char *text)
{
	size_t len = strlen(text);

	for (const char *c = choices; c; c = strchr(c, '|') ? strchr(c, '|') + 1 : NULL)
		if (strcspn(c, "|") == len && strncmp(c, text, len) == 0)
			return true;
	return !choices;
}

/* Another name of the same option, with another value, before the i-th. The last one of one name counts. */
static const char *contradicted(const struct network_options *o, size_t i, const struct option_row *row)
{
	const char *text = o->options.v[i], *eq = strchr(text, '=');

	for (size_t k = 0; k < i; k++) {
		const char *other = o->options.v[k], *other_eq = strchr(other, '=');
		size_t len = other_eq ? (size_t)(other_eq - other) : strlen(other);

		if (find_option(other, len, o->driver) != row || (len == (size_t)(eq - text) && strncmp(other, text, len) == 0))
			continue;
		if (other_eq && strcmp(other_eq, eq) != 0)
			return other;
	}
	return NULL;
}

/* The user's own name for the bridge: nobody's yet, for the device goes with the network. */
static int check_device(const char *name, const struct network *all, size_t n, struct err *e)
{
	CLEANUP_FD int sock = nl_open(NETLINK_ROUTE);

	if (strlen(name) >= LINK_NAME_LEN || strpbrk(name, "/: \t\n%") || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return err_set(e, ERR_INVALID, "--opt name=%s is no name of a device: 1 to %u characters, without '/', ':' and blanks", name, LINK_NAME_LEN - 1);
	for (size_t i = 0; i < n; i++)
		if (strcmp(all[i].device, name) == 0)
			return err_set(e, ERR_CONFLICT, "--opt name=%s: that is the device of network %s", name, all[i].name);
	if (sock >= 0 && rtnl_index(sock, name) >= 0)
		return err_set(e, ERR_CONFLICT, "--opt name=%s: this machine has a device called that, which is not a network's", name);
	return 0;
}

static int read_options(const struct network_options *o, const struct network *all, size_t n, struct network *net, struct err *e)
{
	const char *other, *chosen = net->device;

	net->parent = net->mode = "";
	for (size_t i = 0; i < o->options.n; i++) {
		const char *text = o->options.v[i], *eq = strchr(text, '=');
		const struct option_row *row = find_option(text, eq ? (size_t)(eq - text) : strlen(text), o->driver);

		if (!row)
			return err_set(e, ERR_UNSUPPORTED, "--opt %s is not supported for driver %s (mtu is; name for bridge; parent and mode for macvlan and ipvlan)", text, o->driver);
		if (!eq || !eq[1] || !is_choice(row->choices, eq + 1))
			return err_set(e, ERR_INVALID, "--opt %s: want %s=%s", text, row->name, row->choices ? row->choices : "VALUE");
		if ((other = contradicted(o, i, row)))
			return err_set(e, ERR_INVALID, "--opt %s contradicts %s", text, other);
		if (row->member == MTU && read_mtu(eq + 1, net, e) < 0)
			return e->code;
		if (row->member < SO_ANYWAY)
			*(const char **)((char *)net + row->member) = eq + 1;
	}
	if (strlen(net->parent) >= LINK_NAME_LEN)
		return err_set(e, ERR_INVALID, "--opt parent=%s is no name of a device", net->parent);
	return net->device == chosen ? 0 : check_device(net->device, all, n, e);
}

static int check_ipam_options(const struct network_options *o, struct err *e)
{
	static const char serial[] = "com.docker.network.ipam.serial=true";

	for (size_t i = 0; i < o->ipam_options.n; i++)
		if (strcmp(o->ipam_options.v[i], serial) != 0)
			return err_set(e, ERR_UNSUPPORTED, "--ipam-opt %s is not supported (%s is, and is so anyway)", o->ipam_options.v[i], serial);
	return 0;
}

/* ---- making ---- */

/* "a=b" as a member each; the last one of a name counts. */
static void write_config(const struct network_options *o, const struct network *net, struct strbuf *out)
{
	struct json_writer w = JSON_WRITER(out);
	char text[IP_TEXT_LEN];

	jw_object(&w, NULL);
	jw_bool(&w, "Internal", net->internal);
	jw_bool(&w, "Attachable", o->attachable);
	jw_u64(&w, "Mtu", net->mtu);
	jw_str(&w, "Parent", net->parent);
	jw_str(&w, "Mode", net->mode);
	jw_str(&w, "Range", ip_net_text(&net->range, text));
	jw_str(&w, "Range6", ip_net_text(&net->range6, text));
	pairs_write(&w, "Aux", o->aux);
	pairs_write(&w, "Labels", o->labels);
	pairs_write(&w, "Options", o->options);
	if (o->ipam_options.n)
		pairs_write(&w, "IpamOptions", o->ipam_options);
	else if (o->ipam_null)
		jw_null(&w, "IpamOptions");
	if (o->cni)
		jw_value(&w, "Cni", o->cni);
	jw_end_object(&w);
}

static uint32_t free_number(const struct network *all, size_t n)
{
	uint32_t number = 1;

	for (size_t i = 0; i < n; i++)
		if (all[i].number == number) {
			number++;
			i = (size_t)-1; /* once more from the start */
		}
	return number;
}

static int name_it(const struct engine *en, struct arena *a, const char *device, struct network *net, struct err *e)
{
	char id[ID_LEN + 1];
	int r = text_random_hex(ID_LEN / 2, id);
	bool usual = strcmp(en->state, ENGINE_STATE) == 0;

	if (r < 0)
		return err_errno(e, r, "make up an id");
	net->id = arena_strdup(a, id);
	net->device = device ? device : network_is_default(net->name) && usual ? "tare0" : arena_printf(a, "tn%.10s", id);
	return net->id && net->device ? 0 : err_errno(e, -ENOMEM, "a network");
}

static int fill(const struct engine *en, struct arena *a, const struct network_options *o, struct network *net, struct err *e)
{
	struct network *all;
	size_t n;
	int r = network_list(en, a, &all, &n, e);

	if (r == 0 && n == 0 && !en->instead) /* the store's first: what there is already was another's, and may have the subnet or the device's name */
		r = strays_sweep(en, true, e);
	if (r == 0)
		r = name_it(en, a, o->device, net, e);
	if (r == 0)
		r = find_subnets(en, o, all, n, net, e);
	if (r == 0)
		r = check_aux(o, net, e);
	if (r == 0)
		r = read_options(o, all, n, net, e);
	if (r < 0)
		return r;
	net->number = free_number(all, n);
	if (net->number > FIREWALL_NETWORKS)
		return err_set(e, ERR_LIMIT, "there are %u networks, and no more numbers for them", FIREWALL_NETWORKS);
	return 0;
}

int network_make(const struct engine *en, struct arena *a, const struct network_options *o, struct network *net, struct err *e)
{
	CLEANUP_STRBUF struct strbuf config = STRBUF_INIT;
	int r;

	*net = (struct network){ .name = o->name, .driver = o->driver, .internal = o->internal, .next = 1,
				 .created = clock_now_ns() };
	r = fill(en, a, o, net, e);
	if (r < 0)
		return r;
	write_config(o, net, &config);
	r = sb_error(&config) < 0 ? err_errno(e, -ENOMEM, "a network") : network_insert(en, net, sb_str(&config), e);
	return r < 0 ? r : json_parse(a, config.s, config.len, NULL, &net->config, e);
}

int network_create(const struct engine *en, struct arena *a, const struct network_options *o, struct network *out, struct err *e)
{
	CLEANUP_CATALOG_TXN struct catalog *c = en->catalog;
	struct cni_network cni;
	int r = name_check_network(o->name, e);

	if (r == 0 && o->no_ipv4)
		r = err_set(e, ERR_UNSUPPORTED, "a network without IPv4 is not supported: leave out --ipv4=false");
	if (r == 0)
		r = check_ipam_options(o, e);
	if (r < 0)
		return r;
	if (cni_folder_find(a, o->name, &cni, e) == 0)
		return err_set(e, ERR_CONFLICT, "a network is called %s already (%s)", o->name, cni.file);
	if (network_is_default(o->name) || strcmp(o->name, "host") == 0 || strcmp(o->name, "none") == 0 || strcmp(o->name, "container") == 0)
		return err_set(e, ERR_CONFLICT, "the name %s has a meaning of its own", o->name);
	r = catalog_begin(c, CATALOG_DURABLE, e);
	if (r == 0)
		r = network_make(en, a, o, out, e);
	if (r == 0)
		r = network_check_parent(out, e);
	if (r == 0)
		r = catalog_commit(c, e);
	if (r == 0)
		events_network(en, "create", out, NULL, NULL);
	return r;
}
