/* Ours as the catalog has it, compared with what the kernel has: table, devices, routes, ports, names. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "engine/check.h"
#include "engine/endpoint.h"
#include "engine/live.h"
#include "engine/record.h"
#include "engine/resolver.h"
#include "engine/strays.h"
#include "net/stub.h"
#include "net/uplink.h"
#include "sys/rtnl.h"
#include "sys/sock.h"

struct look {
	const struct engine *en;
	struct checks *c;
	struct firewall fw;
	bool loaded, named;
	int sock; /* of rtnetlink */
};

/* ---- a container's ---- */

static bool is_its_route(const struct ip_net *to, const char *device, void *data)
{
	const struct net_link *l = data;

	return to->prefix == l->ip.ip.len * 8 && ip_same(&to->ip, &l->ip.ip) && strcmp(device, l->host) == 0;
}

static void check_link(struct look *k, const char *name, struct endpoint *p, int netns)
{
	struct net_link *l = &p->link;
	const char *again = check_text(k->c, "tare restart %s", name);
	const char *where = check_text(k->c, "container %s, network %s", name, p->network.name);
	int there = net_link_there(l, netns);

	if (there == 0)
		check_add(k->c, true, where, check_text(k->c, "its device %s is gone", network_is_direct(&p->network) ? l->name : l->host), again);
	if (there <= 0 || network_is_direct(&p->network))
		return;
	if (network_is_routed(&p->network) && !uplink_each_route(false, is_its_route, l))
		check_add(k->c, true, where, check_text(k->c, "the route to it through %s is gone", l->host), again);
	if (k->loaded && !firewall_knows(&k->fw, l))
		check_add(k->c, true, where, check_text(k->c, "its address is not in the firewall (table inet %s), so what it sends is dropped", k->fw.table), again);
}

static void check_ports(struct look *k, const char *name, const struct endpoints *own)
{
	for (size_t i = 0; i < own->n_ports; i++) {
		const struct net_port *p = &own->ports[i];

		for (uint32_t port = p->first; port <= p->last; port++)
			if (endpoint_port_is_hosts(p, (uint16_t)port))
				check_add(k->c, true, check_text(k->c, "container %s, port %u/%s", name, port, net_proto_name(p->proto)),
					  "a program of this machine listens there, and gets nothing while the port is published",
					  check_text(k->c, "let it listen on another port, or publish another one (ss -lnp 'sport = %u' shows it)", port));
	}
}

static int check_container(struct look *k, const char *id, const char *name, struct err *e)
{
	CLEANUP_LIVE struct live live = LIVE_INIT;
	CLEANUP_FD int netns = -1;
	struct endpoints own;
	char path[48];
	int r = endpoint_read(k->en, k->c->a, id, &own, e);

	if (r == 0)
		r = live_read(k->en, id, &live, e);
	if (r < 0 || !live.container)
		return r;
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)live.pid);
	netns = open(path, O_RDONLY | O_CLOEXEC);
	for (size_t i = 0; netns >= 0 && i < own.n; i++)
		check_link(k, name, &own.v[i], netns);
	check_ports(k, name, &own);
	k->named = k->named || endpoint_has_names(&own);
	return 0;
}

static int check_each_container(struct look *k, bool *any, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(k->en->catalog, &s, e, "SELECT DISTINCT e.container, c.name FROM endpoints e JOIN containers c ON c.id = e.container", "");

	while (r == 0 && (r = cat_step(s, e)) > 0) {
		const char *id = arena_strdup(k->c->a, cat_text(s, 0)), *name = arena_strdup(k->c->a, cat_text(s, 1));

		*any = true;
		r = id && name ? check_container(k, id, name, e) : err_errno(e, -ENOMEM, "check");
	}
	return r < 0 ? r : 0;
}

/* ---- a network's ---- */

struct overlap {
	struct look *k;
	const struct network *n;
	const struct ip_net *subnet;
};

/* A link of ours, or the network's own device. */
static bool is_ours(const struct overlap *o, const char *device)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	struct err ignored = { 0 };

	if (strcmp(device, o->n->device) == 0)
		return true;
	return cat_prepare(o->k->en->catalog, &s, &ignored, "SELECT 1 FROM endpoints WHERE host = ?1", "s", device) == 0 && cat_step(s, &ignored) > 0;
}

static bool find_overlap(const struct ip_net *to, const char *device, void *data)
{
	const struct overlap *o = data;
	char route[IP_TEXT_LEN], subnet[IP_TEXT_LEN];

	if (to->prefix == 0 || !ip_net_overlap(to, o->subnet) || is_ours(o, device))
		return false;
	check_add(o->k->c, true, check_text(o->k->c, "network %s, %s", o->n->name, ip_net_text(o->subnet, subnet)),
		  check_text(o->k->c, "a route of this machine, %s through %s, leads to a part of it: either is unreachable", ip_net_text(to, route), device),
		  check_text(o->k->c, "make the network anew with another --subnet, or change that route"));
	return true;
}

static void check_network(struct look *k, const struct network *n, bool runs)
{
	struct overlap o = { .k = k, .n = n, .subnet = &n->subnet };

	if (network_is_direct(n))
		return;
	if (runs && rtnl_index(k->sock, n->device) == -ENODEV)
		check_add(k->c, true, check_text(k->c, "network %s", n->name), check_text(k->c, "its device %s is gone", n->device), "restart its containers: the first start makes it again");
	(void)uplink_each_route(false, find_overlap, &o);
	o.subnet = &n->subnet6;
	if (n->subnet6.ip.len)
		(void)uplink_each_route(true, find_overlap, &o);
}

static int check_each_network(struct look *k, struct err *e)
{
	struct network *all;
	size_t n;
	int r = network_list(k->en, k->c->a, &all, &n, e);

	for (size_t i = 0; r == 0 && i < n; i++) {
		CLEANUP_STMT struct cat_stmt *s = NULL;

		r = cat_prepare(k->en->catalog, &s, e, "SELECT 1 FROM endpoints WHERE network = ?1", "s", all[i].id);
		if (r == 0)
			r = cat_step(s, e);
		if (r < 0)
			return r;
		check_network(k, &all[i], r > 0);
		r = 0;
	}
	return r;
}

/* ---- of another store ---- */

#define DYING_LOOKS 10
#define DYING_MS 100
#define SWEEP "tare network prune removes what is left"

static int check_strays(struct look *k, struct err *e)
{
	struct strays x;
	int r = strays_find(k->en, k->c->a, &x, e);

	for (int i = 0; r == 0 && x.n_links && i < DYING_LOOKS; i++) { /* the kernel takes its time with a network namespace that has ended */
		(void)poll(NULL, 0, DYING_MS);
		r = strays_find(k->en, k->c->a, &x, e);
	}
	if (r == 0 && x.living) {
		check_add(k->c, true, k->en->state, check_text(k->c, "is the state folder of another store, too, whose container %.12s lives", x.living),
			  "give each --root a --state of its own");
		return 0;
	}
	if (r == 0 && x.n_elements)
		check_add(k->c, true, check_text(k->c, "nf_tables, tables inet and bridge %s", k->fw.table),
			  check_text(k->c, "have %zu elements of containers and networks that are not in %s: of a store that was here before", x.n_elements,
				     k->en->root), SWEEP);
	for (size_t i = 0; r == 0 && i < x.n_devices; i++)
		check_add(k->c, true, check_text(k->c, "device %s", x.devices[i]), "is of no network: of a store that was here before", SWEEP);
	for (size_t i = 0; r == 0 && i < x.n_links; i++)
		check_add(k->c, true, check_text(k->c, "device %s", x.links[i]), "is of no container: processes of one that a store had here before live on", SWEEP);
	return r;
}

/* ---- all ---- */

static void check_names(struct look *k)
{
	CLEANUP_FD int sock = k->named ? sock_connect(k->en->state_fd, STUB_SOCKET, SOCK_SEQPACKET | SOCK_NONBLOCK) : -1;

	if (k->named && sock < 0 && sock != -EAGAIN)
		check_add(k->c, true, "tare-netd", "does not live: containers in networks with names have none", "any other tare command starts it again, as tare ps");
}

int check_networks(const struct engine *en, struct checks *c, struct err *e)
{
	CLEANUP_FD int sock = nl_open(NETLINK_ROUTE);
	struct look k = { .en = en, .c = c, .sock = sock };
	bool any = false;
	int r;

	if (sock < 0)
		return err_errno(e, sock, "rtnetlink");
	network_firewall(en, &k.fw);
	k.loaded = firewall_loaded(&k.fw);
	r = check_each_container(&k, &any, e);
	if (r == 0)
		r = check_each_network(&k, e);
	if (r < 0)
		return r;
	if (any && !k.loaded)
		check_add(c, true, check_text(c, "nf_tables, tables inet and bridge %s", k.fw.table),
			  "are gone (somebody flushed the ruleset): no way out, no published ports, no walls", "start any container: that loads them, for all");
	check_names(&k);
	return check_strays(&k, e);
}
