#include "engine/network.h"

#include <fcntl.h>
#include <linux/ip.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/names.h"
#include "engine/nearest.h"
#include "engine/record.h"
#include "net/uplink.h"
#include "sys/rtnl.h"

#define COLUMNS "id, name, number, driver, device, subnet, gateway, next, created, config"
/* 10.210.0.0/16 and what follows it: rarely anybody's, and not Docker's, podman's or Kubernetes' own. */
#define POOL_FIRST 210
#define POOL_LAST 254
#define MTU_LEAST 68
#define MTU_MOST 65535

bool network_is_default(const char *name)
{
	return !name || !*name || strcmp(name, NETWORK_DEFAULT) == 0 || strcmp(name, "default") == 0;
}

bool network_is_routed(const struct network *n)
{
	return strcmp(n->driver, NETWORK_ROUTED) == 0;
}

void network_firewall(const struct engine *en, struct firewall *out)
{
	firewall_of(en->state, strcmp(en->state, ENGINE_STATE) == 0, out);
}

/* ---- rows ---- */

static int read_config(struct arena *a, const char *text, struct network *n, struct err *e)
{
	int r = json_parse(a, text, strlen(text), NULL, &n->config, e);

	if (r == 0)
		r = json_get_bool(n->config, "config", "Internal", &n->internal, e);
	if (r == 0)
		r = json_get_u32(n->config, "config", "Mtu", &n->mtu, e);
	return r;
}

static int take_row(struct arena *a, struct cat_stmt *s, struct network *n, struct err *e)
{
	*n = (struct network){
		.id = arena_strdup(a, cat_text(s, 0)),
		.name = arena_strdup(a, cat_text(s, 1)),
		.number = (uint32_t)cat_int(s, 2),
		.driver = arena_strdup(a, cat_text(s, 3)),
		.device = arena_strdup(a, cat_text(s, 4)),
		.next = cat_int(s, 7),
		.created = cat_int(s, 8),
	};
	if (arena_error(a) < 0)
		return err_errno(e, -ENOMEM, "read a network");
	if (ip_net_parse(cat_text(s, 5), &n->subnet) < 0 || ip_parse(cat_text(s, 6), &n->gateway) < 0 || read_config(a, cat_text(s, 9), n, e) < 0)
		return err_set(e, ERR_INTERNAL, "network %s is damaged in the catalog", n->name);
	return 0;
}

/* 1: found. */
static int look(const struct engine *en, struct arena *a, const char *where, const char *what, struct network *out, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	struct network second;
	char sql[256];
	int r;

	(void)snprintf(sql, sizeof(sql), "SELECT " COLUMNS " FROM networks WHERE %s LIMIT 2", where);
	r = cat_prepare(en->catalog, &s, e, sql, "s", what);
	if (r == 0)
		r = cat_step(s, e);
	if (r <= 0)
		return r;
	r = take_row(a, s, out, e);
	if (r < 0)
		return r;
	r = cat_step(s, e);
	if (r > 0 && take_row(a, s, &second, e) == 0)
		return err_set(e, ERR_INVALID, "%s is the start of more than one network's id", what);
	return r < 0 ? r : 1;
}

int network_list(const struct engine *en, struct arena *a, struct network **out, size_t *n, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	size_t cap = 0;
	int r = cat_prepare(en->catalog, &s, e, "SELECT " COLUMNS " FROM networks ORDER BY name", "");

	*n = 0;
	*out = NULL;
	while (r == 0 && (r = cat_step(s, e)) > 0) {
		if (*n == cap) {
			struct network *more = arena_array(a, cap = cap ? 2 * cap : 16, sizeof(*more));

			if (!more)
				return err_errno(e, -ENOMEM, "list the networks");
			if (*n)
				memcpy(more, *out, *n * sizeof(*more));
			*out = more;
		}
		r = take_row(a, s, &(*out)[*n], e);
		*n += r == 0;
	}
	return r < 0 ? r : 0;
}

/* ---- subnets ---- */

static bool is_free(const struct ip_net *net, const struct network *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ip_net_overlap(net, &all[i].subnet))
			return false;
	return !uplink_has_route(net);
}

/* A /16 for the default network, a /24 for any other. */
static int choose_subnet(bool is_default, const struct network *all, size_t n, struct ip_net *out, struct err *e)
{
	unsigned int subnets = is_default ? 1 : 256;

	*out = (struct ip_net){ .ip = { .len = 4, .bytes = { 10 } }, .prefix = is_default ? 16 : 24 };
	for (unsigned int i = is_default ? POOL_FIRST : POOL_FIRST + 1; i <= POOL_LAST; i++)
		for (unsigned int k = 0; k < subnets; k++) {
			out->ip.bytes[1] = (unsigned char)i;
			out->ip.bytes[2] = (unsigned char)k;
			if (is_free(out, all, n))
				return 0;
		}
	return err_set(e, ERR_LIMIT, "no subnet is free from 10.%d.0.0 to 10.%d.255.255: name one with --subnet", POOL_FIRST, POOL_LAST);
}

static int given_subnet(const struct network_options *o, const struct network *all, size_t n, struct ip_net *out, struct err *e)
{
	if (ip_net_parse(o->subnet, out) < 0 || out->ip.len != 4 || out->prefix > 30)
		return err_set(e, ERR_INVALID, "--subnet %s: an IPv4 subnet as 10.1.2.0/24 is wanted, /30 at least", o->subnet);
	out->ip = ip_nth(out, 0);
	if (!is_free(out, all, n))
		return err_set(e, ERR_CONFLICT, "--subnet %s overlaps with another network, or with a route of this machine", o->subnet);
	return 0;
}

static int find_gateway(const struct network_options *o, struct network *net, struct err *e)
{
	uint64_t last = ip_net_size(&net->subnet) - 1;

	net->gateway = ip_nth(&net->subnet, 1);
	if (!o->gateway)
		return 0;
	if (ip_parse(o->gateway, &net->gateway) < 0 || !ip_net_has(&net->subnet, &net->gateway) ||
	    ip_number(&net->subnet, &net->gateway) == 0 || ip_number(&net->subnet, &net->gateway) == last)
		return err_set(e, ERR_INVALID, "--gateway %s is no address of the subnet", o->gateway);
	return 0;
}

/* ---- making ---- */

/* "com.docker.network.driver.mtu" and its short form; no other option is known. */
static int read_options(const struct network_options *o, struct network *net, struct err *e)
{
	for (size_t i = 0; i < o->options.n; i++) {
		const char *text = o->options.v[i], *eq = strchr(text, '=');
		size_t len = eq ? (size_t)(eq - text) : strlen(text);

		if ((len != 3 || strncmp(text, "mtu", len) != 0) && (len != 29 || strncmp(text, "com.docker.network.driver.mtu", len) != 0))
			return err_set(e, ERR_UNSUPPORTED, "--opt %s is not supported (mtu is)", text);
		if (!eq || text_u32(eq + 1, &net->mtu) < 0 || net->mtu < MTU_LEAST || net->mtu > MTU_MOST)
			return err_set(e, ERR_INVALID, "--opt %s: a number from %d to %d is wanted", text, MTU_LEAST, MTU_MOST);
	}
	return 0;
}

/* "a=b" as a member each; the last one of a name counts. */
static void write_pairs(struct json_writer *w, const char *key, struct strv v)
{
	jw_object(w, key);
	for (size_t i = 0; i < v.n; i++) {
		const char *eq = strchr(v.v[i], '=');
		size_t len = eq ? (size_t)(eq - v.v[i]) : strlen(v.v[i]);
		char name[256];
		bool again = len >= sizeof(name);

		for (size_t k = i + 1; k < v.n && !again; k++)
			again = strncmp(v.v[k], v.v[i], len) == 0 && (v.v[k][len] == '=' || !v.v[k][len]);
		(void)snprintf(name, sizeof(name), "%.*s", (int)len, v.v[i]);
		if (!again)
			jw_str(w, name, eq ? eq + 1 : "");
	}
	jw_end_object(w);
}

static void write_config(const struct network_options *o, const struct network *net, struct strbuf *out)
{
	struct json_writer w = JSON_WRITER(out);

	jw_object(&w, NULL);
	jw_bool(&w, "Internal", net->internal);
	jw_u64(&w, "Mtu", net->mtu);
	write_pairs(&w, "Labels", o->labels);
	write_pairs(&w, "Options", o->options);
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

static int insert(const struct engine *en, const struct network *net, const char *config, struct err *e)
{
	char subnet[IP_TEXT_LEN], gateway[IP_TEXT_LEN];
	int r = cat_exec(en->catalog, e, "INSERT INTO networks(" COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
			 "ssissssiis", net->id, net->name, (int64_t)net->number, net->driver, net->device,
			 ip_net_text(&net->subnet, subnet), ip_text(&net->gateway, gateway), net->next, net->created, config);

	if (r < 0 && e->cls == ERR_CONFLICT)
		return err_set(e, ERR_CONFLICT, "a network is called %s already", net->name);
	return r < 0 ? r : 0;
}

static int name_it(const struct engine *en, struct arena *a, struct network *net, struct err *e)
{
	char id[ID_LEN + 1];
	int r = text_random_hex(ID_LEN / 2, id);
	bool usual = strcmp(en->state, ENGINE_STATE) == 0;

	if (r < 0)
		return err_errno(e, r, "make up an id");
	net->id = arena_strdup(a, id);
	net->device = network_is_default(net->name) && usual ? "tare0" : arena_printf(a, "tn%.10s", id);
	return net->id && net->device ? 0 : err_errno(e, -ENOMEM, "a network");
}

/* In an open transaction. */
static int make(const struct engine *en, struct arena *a, const struct network_options *o, struct network *net, struct err *e)
{
	CLEANUP_STRBUF struct strbuf config = STRBUF_INIT;
	struct network *all;
	struct timespec now;
	size_t n;
	int r = network_list(en, a, &all, &n, e);

	clock_gettime(CLOCK_REALTIME, &now);
	*net = (struct network){ .name = o->name, .driver = o->driver, .internal = o->internal, .next = 1,
				 .created = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec };
	if (r == 0)
		r = read_options(o, net, e);
	if (r == 0)
		r = name_it(en, a, net, e);
	if (r == 0)
		r = o->subnet ? given_subnet(o, all, n, &net->subnet, e) :
				choose_subnet(network_is_default(o->name), all, n, &net->subnet, e);
	if (r == 0)
		r = find_gateway(o, net, e);
	if (r < 0)
		return r;
	net->number = free_number(all, n);
	if (net->number > FIREWALL_NETWORKS)
		return err_set(e, ERR_LIMIT, "there are %u networks, and no more numbers for them", FIREWALL_NETWORKS);
	write_config(o, net, &config);
	r = sb_error(&config) < 0 ? err_errno(e, -ENOMEM, "a network") : insert(en, net, sb_str(&config), e);
	return r < 0 ? r : json_parse(a, config.s, config.len, NULL, &net->config, e);
}

int network_find(const struct engine *en, struct arena *a, const char *what, struct network *out, struct err *e)
{
	const struct network_options usual = { .name = NETWORK_DEFAULT, .driver = NETWORK_ROUTED };
	const char *name = network_is_default(what) ? NETWORK_DEFAULT : what;
	char near[NEAREST_LEN];
	int r = look(en, a, "name = ?1 OR id = ?1", name, out, e);

	if (r == 0 && network_is_default(name))
		return make(en, a, &usual, out, e);
	if (r == 0 && strlen(name) < ID_LEN && strspn(name, "0123456789abcdef") == strlen(name))
		r = look(en, a, "substr(id, 1, length(?1)) = ?1", name, out, e);
	if (r != 0)
		return r < 0 ? r : 0;
	if (nearest_row(en->catalog, "SELECT name FROM networks", name, near))
		return err_set(e, ERR_NOTFOUND, "no network is called %s; did you mean %s?", name, near);
	return err_set(e, ERR_NOTFOUND, "no network is called %s (tare network ls lists them)", name);
}

int network_create(const struct engine *en, struct arena *a, const struct network_options *o, struct network *out, struct err *e)
{
	CLEANUP_CATALOG_TXN struct catalog *c = en->catalog;
	int r = name_check(o->name, e);

	if (r < 0)
		return err_ctx(e, "a network's name is as a container's");
	if (network_is_default(o->name) || strcmp(o->name, "host") == 0 || strcmp(o->name, "none") == 0 || strcmp(o->name, "container") == 0)
		return err_set(e, ERR_CONFLICT, "the name %s has a meaning of its own", o->name);
	r = catalog_begin(c, CATALOG_DURABLE, e);
	if (r == 0)
		r = make(en, a, o, out, e);
	return r < 0 ? r : catalog_commit(c, e);
}

/* ---- removing ---- */

static int in_use(const struct engine *en, const struct network *net, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(en->catalog, &s, e,
			    "SELECT c.name FROM endpoints e JOIN containers c ON c.id = e.container WHERE e.network = ?1 LIMIT 1", "s", net->id);

	if (r == 0)
		r = cat_step(s, e);
	if (r > 0)
		return err_set(e, ERR_CONFLICT, "network %s is in use by container %s", net->name, cat_text(s, 0));
	return r;
}

static void take_down(const struct engine *en, const struct network *net)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;
	CLEANUP_FD int sock = nl_open(NETLINK_ROUTE);
	int index = sock < 0 ? sock : rtnl_index(sock, net->device), r = 0;
	struct firewall fw;

	network_firewall(en, &fw);
	firewall_begin(&q);
	network_elements(&fw, &q, false, net);
	if (firewall_commit(&q) < 0)
		log_debug("network %s had no rules", net->name);
	if (index > 0) {
		rtnl_del_link(&q, index);
		r = nl_exchange(sock, &q, NULL, NULL, NULL);
	}
	if (r < 0 && r != -ENODEV)
		log_warning("device %s of network %s: %s", net->device, net->name, strerror(-r));
}

int network_remove(const struct engine *en, struct arena *a, const char *what, struct err *e)
{
	CLEANUP_CATALOG_TXN struct catalog *c = en->catalog;
	struct network net;
	int r;

	if (network_is_default(what) || strcmp(what, "host") == 0 || strcmp(what, "none") == 0)
		return err_set(e, ERR_CONFLICT, "network %s is part of tare and cannot be removed", what);
	r = catalog_begin(c, CATALOG_DURABLE, e);
	if (r == 0)
		r = network_find(en, a, what, &net, e);
	if (r == 0)
		r = in_use(en, &net, e);
	if (r == 0)
		r = cat_exec(c, e, "DELETE FROM networks WHERE id = ?1", "s", net.id);
	if (r < 0)
		return r;
	take_down(en, &net);
	return catalog_commit(c, e);
}

/* ---- the host's side ---- */

void network_elements(const struct firewall *fw, struct nl_batch *q, bool add, const struct network *n)
{
	const struct firewall_network f = { .id = n->id, .group = firewall_group(fw, n->number), .subnet = n->subnet, .gateway = n->gateway, .internal = n->internal };

	firewall_network(fw, q, add, &f);
}

uint32_t network_mtu(const struct network *n)
{
	return n->mtu ? n->mtu : uplink_mtu();
}

static int let_forward(struct err *e)
{
	char now[4] = "";
	CLEANUP_FD int fd = open("/proc/sys/net/ipv4/ip_forward", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return err_errno(e, -errno, "net.ipv4.ip_forward");
	if (io_read_text(fd, now, sizeof(now)) > 0 && now[0] == '1')
		return 0;
	if (io_write_full(fd, "1", 1) < 0)
		return err_errno(e, -errno, "net.ipv4.ip_forward");
	log_info("net.ipv4.ip_forward is on now: containers reach the world through this machine");
	return 0;
}

static int make_device(int sock, const struct engine *en, const struct network *n, struct err *e)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;
	struct firewall fw;
	int r, index;

	network_firewall(en, &fw);
	rtnl_add_bridge(&q, n->device, firewall_group(&fw, n->number), network_mtu(n));
	r = nl_exchange(sock, &q, NULL, NULL, NULL);
	index = r < 0 && r != -EEXIST ? r : rtnl_index(sock, n->device);
	if (index < 0)
		return err_errno(e, index, "make the network's device %s", n->device);
	rtnl_add_address(&q, index, &n->gateway, n->subnet.prefix, false);
	rtnl_set_inet(&q, index, IPV4_DEVCONF_ROUTE_LOCALNET, 1);
	r = nl_exchange(sock, &q, NULL, NULL, NULL);
	return r < 0 ? err_errno(e, r, "give %s its address", n->device) : let_forward(e);
}

int network_up(const struct engine *en, const struct network *n, struct err *e)
{
	CLEANUP_FD int sock = nl_open(NETLINK_ROUTE);
	int index = sock < 0 ? sock : rtnl_index(sock, n->device);

	if (index == -ENODEV)
		return make_device(sock, en, n, e);
	return index < 0 ? err_errno(e, index, "look for %s", n->device) : 0;
}
