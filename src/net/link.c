/* What a link costs is two system calls that make devices and two that set them up: messages go together in batches.
 *
 * The container has its address without the route to its subnet that usually comes along where it is routed: only the gateway is
 * on the other side, so the kernel need not answer for the neighbours (proxy ARP, with its delays). */
#include "net/link.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "sys/ns.h"
#include "sys/rtnl.h"

#define LOOPBACK 1 /* its index in every network namespace */

static const char *const kinds[] = { [LINK_ROUTED] = "routed", [LINK_BRIDGED] = "bridged", [LINK_MACVLAN] = "macvlan", [LINK_IPVLAN] = "ipvlan" };

static bool routed(const struct net_link *l)
{
	return l->kind == LINK_ROUTED;
}

static bool direct(const struct net_link *l)
{
	return l->kind == LINK_MACVLAN || l->kind == LINK_IPVLAN;
}

/* What is the same for both families of addresses. */
struct side {
	const struct ip_net *ip;
	const struct ip *gateway;
	bool leads_out;
};

#define SIDES 2
static size_t sides(const struct net_link *l, struct side out[SIDES])
{
	out[0] = (struct side){ &l->ip, &l->gateway, l->leads_out };
	out[1] = (struct side){ &l->ip6, &l->gateway6, l->leads_out6 };
	return l->ip6.ip.len ? 2 : 1;
}

/* ---- modes ---- */

struct mode {
	enum link_kind kind;
	const char *name;
	uint32_t value;
};

static const struct mode modes[] = {
	{ LINK_MACVLAN, "bridge", MACVLAN_MODE_BRIDGE }, { LINK_MACVLAN, "private", MACVLAN_MODE_PRIVATE },
	{ LINK_MACVLAN, "vepa", MACVLAN_MODE_VEPA },	 { LINK_MACVLAN, "passthru", MACVLAN_MODE_PASSTHRU },
	{ LINK_IPVLAN, "l2", IPVLAN_MODE_L2 },		 { LINK_IPVLAN, "l3", IPVLAN_MODE_L3 },
	{ LINK_IPVLAN, "l3s", IPVLAN_MODE_L3S },
};

/* The first one of a kind is the usual one. */
int net_link_mode(enum link_kind kind, const char *name, uint32_t *out)
{
	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		if (modes[i].kind == kind && (!*name || strcmp(modes[i].name, name) == 0)) {
			*out = modes[i].value;
			return 0;
		}
	return -EINVAL;
}

/* Nobody answers for neighbours there: everything goes to the device. */
static bool no_neighbours(const struct net_link *l)
{
	return l->kind == LINK_IPVLAN && l->mode && l->mode[0] == 'l' && l->mode[1] == '3';
}

/* ---- texts ---- */

void net_link_write(struct json_writer *w, const struct net_link *l)
{
	char text[IP_TEXT_LEN], mac[MAC_TEXT_LEN];

	jw_object(w, NULL);
	jw_str(w, "host", l->host);
	jw_str(w, "name", l->name);
	jw_str(w, "kind", kinds[l->kind]);
	jw_str(w, "parent", l->parent);
	jw_str(w, "mode", l->mode ? l->mode : "");
	jw_u64(w, "group", l->group);
	jw_u64(w, "mtu", l->mtu);
	jw_str(w, "mac", mac_text(l->mac, mac));
	jw_str(w, "ip", ip_net_text(&l->ip, text));
	jw_str(w, "gateway", ip_text(&l->gateway, text));
	jw_bool(w, "leadsOut", l->leads_out);
	jw_str(w, "ip6", ip_net_text(&l->ip6, text));
	jw_str(w, "gateway6", ip_text(&l->gateway6, text));
	jw_bool(w, "leadsOut6", l->leads_out6);
	if (l->n_local) {
		jw_array(w, "local");
		for (size_t i = 0; i < l->n_local; i++)
			jw_str(w, NULL, ip_net_text(&l->local[i], text));
		jw_end_array(w);
	}
	if (l->sysctls)
		jw_str(w, "sysctls", l->sysctls);
	jw_end_object(w);
}

static int get_name(const struct json *obj, const char *key, char out[LINK_NAME_LEN], struct err *e)
{
	const char *s = "";
	int r = json_get_str(obj, "link", key, &s, e);

	if (r < 0)
		return r;
	if (strlen(s) >= LINK_NAME_LEN || strchr(s, '/'))
		return err_set(e, ERR_INVALID, "link.%s: \"%.40s\" is no name of a device", key, s);
	(void)snprintf(out, LINK_NAME_LEN, "%s", s);
	return 0;
}

static int get_kind(const struct json *obj, struct net_link *out, struct err *e)
{
	const char *kind = "";
	uint32_t mode;
	int r = json_get_str(obj, "link", "kind", &kind, e);

	out->mode = "";
	if (r == 0)
		r = json_get_str(obj, "link", "mode", &out->mode, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(kinds[i], kind) == 0) {
			out->kind = (enum link_kind)i;
			if (direct(out) && net_link_mode(out->kind, out->mode, &mode) < 0)
				return err_set(e, ERR_INVALID, "link.mode: \"%.20s\"", out->mode);
			return 0;
		}
	return err_set(e, ERR_INVALID, "link.kind: \"%.20s\"", kind);
}

static int get_side(const struct json *obj, const char *ip_key, const char *gateway_key, struct ip_net *ip, struct ip *gateway, struct err *e)
{
	const char *text = "", *gateway_text = "";
	int r = json_get_str(obj, "link", ip_key, &text, e);

	if (r == 0)
		r = json_get_str(obj, "link", gateway_key, &gateway_text, e);
	if (r == 0 && ((*text && ip_net_parse(text, ip) < 0) || (*gateway_text && ip_parse(gateway_text, gateway) < 0)))
		r = err_set(e, ERR_INVALID, "link.%s: \"%.50s\", %s: \"%.50s\"", ip_key, text, gateway_key, gateway_text);
	return r;
}

static int get_local(const struct json *obj, struct net_link *out, struct err *e)
{
	const struct json *list = NULL;
	int r = json_get_array(obj, "link", "local", &list, e);

	json_each(text, list)
		if (r == 0 && (text->type != JSON_STRING || out->n_local == LINK_LOCAL_MOST || ip_net_parse(text->str, &out->local[out->n_local++]) < 0))
			r = err_set(e, ERR_INVALID, "link.local: no address, or too many");
	return r < 0 ? r : json_get_str(obj, "link", "sysctls", &out->sysctls, e);
}

int net_link_parse(const struct json *obj, struct net_link *out, struct err *e)
{
	const char *mac = "";
	int r;

	*out = (struct net_link){ 0 };
	if ((r = get_name(obj, "host", out->host, e)) < 0 || (r = get_name(obj, "name", out->name, e)) < 0 ||
	    (r = get_name(obj, "parent", out->parent, e)) < 0 || (r = get_kind(obj, out, e)) < 0 || (r = json_get_u32(obj, "link", "group", &out->group, e)) < 0 ||
	    (r = json_get_u32(obj, "link", "mtu", &out->mtu, e)) < 0 || (r = json_get_bool(obj, "link", "leadsOut", &out->leads_out, e)) < 0 ||
	    (r = json_get_bool(obj, "link", "leadsOut6", &out->leads_out6, e)) < 0 || (r = json_get_str(obj, "link", "mac", &mac, e)) < 0 ||
	    (r = get_side(obj, "ip", "gateway", &out->ip, &out->gateway, e)) < 0 || (r = get_side(obj, "ip6", "gateway6", &out->ip6, &out->gateway6, e)) < 0 ||
	    (r = get_local(obj, out, e)) < 0)
		return r;
	if (!out->host[0] || !out->name[0] || mac_parse(mac, out->mac) < 0 || !out->ip.ip.len || (!routed(out) && !out->parent[0]))
		return err_set(e, ERR_INVALID, "link: host, name, kind, mac, ip, and parent of one that is not routed, are required");
	return 0;
}

/* Where a network has IPv4 alone nobody is to talk of addresses that lead nowhere, and the port of a bridge has nothing to say at all. A
 * kernel without IPv6 has nothing to set. */
static void no_ipv6(int sock, int index)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;

	rtnl_set_no_ipv6(&q, index);
	(void)!nl_exchange(sock, &q, NULL, NULL, NULL);
}

/* ---- the host's end ---- */

static struct rtnl_route host_route(const struct net_link *l, int index)
{
	return (struct rtnl_route){ .to = &l->ip.ip, .prefix = (unsigned char)(l->ip.ip.len * 8), .index = index,
				    .source = l->gateway.len ? &l->gateway : NULL };
}

static int make_direct(int sock, const struct net_link *l, int netns, struct err *e)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;
	struct rtnl_direct d = { .kind = kinds[l->kind], .inside = l->name, .netns = netns, .parent = rtnl_index(sock, l->parent), .mtu = l->mtu };
	int r;

	memcpy(d.mac, l->mac, sizeof(d.mac));
	if (d.parent < 0)
		return err_errno(e, d.parent, "the network's device %s", l->parent);
	r = net_link_mode(l->kind, l->mode, &d.mode);
	if (r < 0)
		return err_errno(e, r, "mode %s", l->mode);
	rtnl_add_direct(&q, &d);
	r = nl_exchange(sock, &q, NULL, NULL, NULL);
	if (r == -EOPNOTSUPP)
		return err_set(e, ERR_UNSUPPORTED, "this kernel has no %s devices (module %s)", d.kind, d.kind);
	if (r == -EBUSY)
		return err_set(e, ERR_CONFLICT, "%s cannot carry a device of kind %s: it is a port of a bridge, or carries another kind", l->parent, d.kind);
	return r < 0 ? err_errno(e, r, "make the %s device %s on %s", d.kind, l->name, l->parent) : 0;
}

static int make_devices(int sock, const struct net_link *l, int netns, struct err *e)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;
	struct rtnl_veth v = { .host = l->host, .inside = l->name, .netns = netns, .group = l->group, .mtu = l->mtu };
	int r;

	memcpy(v.mac, l->mac, sizeof(v.mac));
	if (!routed(l)) {
		v.master = rtnl_index(sock, l->parent);
		if (v.master < 0)
			return err_errno(e, v.master, "the network's bridge %s", l->parent);
	}
	rtnl_add_veth(&q, &v);
	r = nl_exchange(sock, &q, NULL, NULL, NULL);
	return r < 0 ? err_errno(e, r, "make the devices %s and %s", l->host, l->name) : rtnl_index(sock, l->host);
}

/* route_localnet: what goes to a published port of 127.0.0.1 leaves through here. Nothing else of 127/8 does: net/firewall.c. A bridge
 * that passes through the firewall (bridge-nf-call-iptables) sends what a container asks of its own published port back where it came
 * from. */
static int set_up_host(int sock, const struct net_link *l, int index, struct err *e)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;
	struct rtnl_route route = host_route(l, index);
	int r;

	no_ipv6(sock, index);
	rtnl_set_up(&q, index, true);
	if (routed(l)) {
		rtnl_set_inet(&q, index, IPV4_DEVCONF_ROUTE_LOCALNET, 1);
		rtnl_add_route(&q, &route);
	} else {
		rtnl_set_hairpin(&q, index);
	}
	r = nl_exchange(sock, &q, NULL, NULL, NULL);
	return r < 0 ? err_errno(e, r, "set up the host's end %s", l->host) : 0;
}

int net_link_rejoin(const struct net_link *l, struct err *e)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;
	CLEANUP_FD int sock = nl_open(NETLINK_ROUTE);
	int index = sock < 0 || direct(l) ? -ENODEV : rtnl_index(sock, l->host), master, r;

	if (index < 0)
		return index == -ENODEV ? 0 : err_errno(e, index, "look for %s", l->host);
	if (!routed(l)) {
		master = rtnl_index(sock, l->parent);
		if (master < 0)
			return err_errno(e, master, "the network's bridge %s", l->parent);
		rtnl_set_master(&q, index, master);
		r = nl_exchange(sock, &q, NULL, NULL, NULL);
		if (r < 0)
			return err_errno(e, r, "make %s a port of %s", l->host, l->parent);
	}
	return set_up_host(sock, l, index, e);
}

int net_link_unroute(const struct net_link *l, struct err *e)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;
	CLEANUP_FD int sock = nl_open(NETLINK_ROUTE);
	int index = sock < 0 ? sock : rtnl_index(sock, l->host), r;
	struct rtnl_route route = host_route(l, index);

	if (!routed(l) || index == -ENODEV)
		return 0;
	if (index < 0)
		return err_errno(e, index, "look for %s", l->host);
	route.source = NULL;
	rtnl_del_route(&q, &route);
	r = nl_exchange(sock, &q, NULL, NULL, NULL);
	return r < 0 && r != -ESRCH && r != -ENODEV ? err_errno(e, r, "remove the route through %s", l->host) : 0;
}

/* ---- the container's end ---- */

/* Where what is not the container's goes. A routed link is on the wire with its gateway alone, so its subnet is behind that, too. */
static void add_routes(struct nl_batch *q, const struct net_link *l, const struct side *s, int index)
{
	struct ip subnet = ip_first(s->ip), everywhere = { .len = s->ip->ip.len };
	struct rtnl_route gateway = { .to = s->gateway, .prefix = (unsigned char)(s->gateway->len * 8), .index = index };
	struct rtnl_route neighbours = { .to = &subnet, .prefix = s->ip->prefix, .via = s->gateway, .index = index };
	struct rtnl_route everything = { .to = &everywhere, .via = s->gateway, .index = index };

	if (!s->gateway->len)
		return;
	if (routed(l)) {
		rtnl_add_route(q, &gateway);
		rtnl_add_route(q, &neighbours);
	}
	if (no_neighbours(l))
		everything.via = NULL;
	if (s->leads_out)
		rtnl_add_route(q, &everything);
}

/* A socket in the container's namespace, and the device's index there. */
static int open_inside(const struct net_link *l, int netns, int *index, struct err *e)
{
	int sock = nl_open_in(netns, NETLINK_ROUTE);

	*index = sock < 0 ? sock : rtnl_index(sock, l->name);
	if (*index >= 0)
		return sock;
	close_fd(sock);
	return err_errno(e, *index, "in the container's network namespace");
}

static bool has_local6(const struct net_link *l)
{
	for (size_t i = 0; i < l->n_local; i++)
		if (l->local[i].ip.len == 16)
			return true;
	return false;
}

/* "net.ipv4.conf.IFNAME.forwarding=1": a file of /proc/sys, with the device's name in place of IFNAME. */
static int set_sysctl(const struct net_link *l, int netns, const char *text, size_t len, struct err *e)
{
	char one[256], path[320] = "/proc/sys/", *value, *rest = NULL;
	int r;

	(void)snprintf(one, sizeof(one), "%.*s", (int)len, text);
	value = strchr(one, '=');
	if (len >= sizeof(one) || !value || strchr(one, '/'))
		return err_set(e, ERR_INVALID, "link.sysctls: \"%.100s\"", one);
	*value++ = '\0';
	for (char *part = strtok_r(one, ".", &rest); part; part = strtok_r(NULL, ".", &rest)) {
		size_t at = strlen(path);

		(void)snprintf(path + at, sizeof(path) - at, "%s%s", strcmp(part, "IFNAME") == 0 ? l->name : part, rest && *rest ? "/" : "");
	}
	r = ns_write_in(netns, path, value);
	return r < 0 ? err_errno(e, r, "%s of the container", path) : 0;
}

static int set_sysctls(const struct net_link *l, int netns, struct err *e)
{
	int r = 0;

	for (const char *at = l->sysctls; r == 0 && at && *at; at += strcspn(at, ","), at += *at == ',')
		r = set_sysctl(l, netns, at, strcspn(at, ","), e);
	return r;
}

static int set_up_inside(const struct net_link *l, int netns, struct err *e)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;
	struct side side[SIDES];
	size_t n = sides(l, side);
	int index, r;
	CLEANUP_FD int sock = open_inside(l, netns, &index, e);

	if (sock < 0)
		return sock;
	r = set_sysctls(l, netns, e);
	if (r < 0)
		return r;
	if (n < SIDES && !has_local6(l))
		no_ipv6(sock, index);
	rtnl_set_up(&q, LOOPBACK, true);
	rtnl_set_up(&q, index, true);
	for (size_t i = 0; i < n; i++) {
		rtnl_add_address(&q, index, &side[i].ip->ip, side[i].ip->prefix, routed(l));
		add_routes(&q, l, &side[i], index);
	}
	for (size_t i = 0; i < l->n_local; i++)
		rtnl_add_address(&q, index, &l->local[i].ip, l->local[i].prefix, routed(l));
	r = nl_exchange(sock, &q, NULL, NULL, NULL);
	if (r == -EACCES && (n == SIDES || has_local6(l)))
		return err_set(e, ERR_UNSUPPORTED, "IPv6 is switched off for containers (net.ipv6.conf.default.disable_ipv6), and their network has it");
	return r < 0 ? err_errno(e, r, "set up %s in the container", l->name) : 0;
}

int net_link_lead_out(const struct net_link *l, int netns, struct err *e)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;
	struct side side[SIDES];
	size_t n = sides(l, side);
	int index, r;
	CLEANUP_FD int sock = open_inside(l, netns, &index, e);

	if (sock < 0)
		return sock;
	for (size_t i = 0; i < n; i++)
		add_routes(&q, l, &side[i], index);
	if (!q.n)
		return 0;
	r = nl_exchange(sock, &q, NULL, NULL, NULL);
	return r < 0 ? err_errno(e, r, "lead out by %s", l->name) : 0;
}

static int unmake(int sock, int index)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;

	rtnl_del_link(&q, index);
	return nl_exchange(sock, &q, NULL, NULL, NULL);
}

/* The end that is taken away, and where it is: a direct one has but that in the container. */
static int open_end(const struct net_link *l, int netns, int *index)
{
	int sock = direct(l) ? nl_open_in(netns, NETLINK_ROUTE) : nl_open(NETLINK_ROUTE);

	*index = sock < 0 ? sock : rtnl_index(sock, direct(l) ? l->name : l->host);
	return sock;
}

int net_link_there(const struct net_link *l, int netns)
{
	int index;
	CLEANUP_FD int sock = open_end(l, netns, &index);

	return index < 0 && index != -ENODEV ? index : index >= 0 && sock >= 0;
}

int net_link_unmake(const struct net_link *l, int netns, struct err *e)
{
	int index, r;
	CLEANUP_FD int sock = open_end(l, netns, &index);

	if (index == -ENODEV)
		return 0;
	r = index < 0 ? index : unmake(sock, index);
	return r < 0 && r != -ENODEV ? err_errno(e, r, "remove %s", direct(l) ? l->name : l->host) : 0;
}

int net_link_make(const struct net_link *l, int netns, struct err *e)
{
	CLEANUP_FD int sock = nl_open(NETLINK_ROUTE);
	struct err second;
	int r = sock < 0 ? err_errno(e, sock, "rtnetlink") : direct(l) ? make_direct(sock, l, netns, e) : make_devices(sock, l, netns, e);

	if (r < 0)
		return r;
	r = direct(l) ? 0 : set_up_host(sock, l, r, e);
	if (r == 0)
		r = set_up_inside(l, netns, e);
	if (r < 0 && net_link_unmake(l, netns, &second) < 0)
		return err_ctx(e, "%s is left", direct(l) ? l->name : l->host);
	return r;
}
