/* What a link costs is two system calls that make devices and two that set them up: messages go together in batches.
 *
 * The container has its address without the route to its subnet that usually comes along where it is routed: only the gateway is
 * on the other side, so the kernel need not answer for the neighbours (proxy ARP, with its delays). */
#include "net/link.h"

#include <linux/ip.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "sys/rtnl.h"

#define LOOPBACK 1 /* its index in every network namespace */

static bool routed(const struct net_link *l)
{
	return !l->bridge[0];
}

/* ---- texts ---- */

void net_link_write(struct json_writer *w, const struct net_link *l)
{
	char text[IP_TEXT_LEN], mac[MAC_TEXT_LEN];

	jw_object(w, NULL);
	jw_str(w, "host", l->host);
	jw_str(w, "name", l->name);
	jw_str(w, "bridge", l->bridge);
	jw_u64(w, "group", l->group);
	jw_u64(w, "mtu", l->mtu);
	jw_str(w, "mac", mac_text(l->mac, mac));
	jw_str(w, "ip", ip_net_text(&l->ip, text));
	jw_str(w, "gateway", ip_text(&l->gateway, text));
	jw_bool(w, "leadsOut", l->leads_out);
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

int net_link_parse(const struct json *obj, struct net_link *out, struct err *e)
{
	const char *mac = "", *ip = "", *gateway = "";
	int r;

	*out = (struct net_link){ 0 };
	if ((r = get_name(obj, "host", out->host, e)) < 0 || (r = get_name(obj, "name", out->name, e)) < 0 ||
	    (r = get_name(obj, "bridge", out->bridge, e)) < 0 || (r = json_get_u32(obj, "link", "group", &out->group, e)) < 0 ||
	    (r = json_get_u32(obj, "link", "mtu", &out->mtu, e)) < 0 || (r = json_get_bool(obj, "link", "leadsOut", &out->leads_out, e)) < 0 || (r = json_get_str(obj, "link", "mac", &mac, e)) < 0 ||
	    (r = json_get_str(obj, "link", "ip", &ip, e)) < 0 || (r = json_get_str(obj, "link", "gateway", &gateway, e)) < 0)
		return r;
	if (!out->host[0] || !out->name[0] || mac_parse(mac, out->mac) < 0 || ip_net_parse(ip, &out->ip) < 0 ||
	    (gateway[0] && ip_parse(gateway, &out->gateway) < 0))
		return err_set(e, ERR_INVALID, "link: host, name, mac, ip and gateway are required");
	return 0;
}

/* A network has IPv4 alone: nobody is to talk of addresses there that lead nowhere. A kernel without IPv6 has nothing to set. */
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

static int make_devices(int sock, const struct net_link *l, int netns, struct err *e)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;
	struct rtnl_veth v = { .host = l->host, .inside = l->name, .netns = netns, .group = l->group, .mtu = l->mtu };
	int r;

	memcpy(v.mac, l->mac, sizeof(v.mac));
	if (!routed(l)) {
		v.master = rtnl_index(sock, l->bridge);
		if (v.master < 0)
			return err_errno(e, v.master, "the network's bridge %s", l->bridge);
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
static void add_routes(struct nl_batch *q, const struct net_link *l, int index)
{
	struct rtnl_route gateway = { .to = &l->gateway, .prefix = (unsigned char)(l->gateway.len * 8), .index = index };
	struct ip subnet = ip_nth(&l->ip, 0);
	struct rtnl_route neighbours = { .to = &subnet, .prefix = l->ip.prefix, .via = &l->gateway, .index = index };
	struct rtnl_route everything = { .via = &l->gateway, .index = index };

	if (!l->gateway.len)
		return;
	if (routed(l)) {
		rtnl_add_route(q, &gateway);
		rtnl_add_route(q, &neighbours);
	}
	if (l->leads_out)
		rtnl_add_route(q, &everything);
}

static int set_up_inside(const struct net_link *l, int netns, struct err *e)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;
	CLEANUP_FD int sock = nl_open_in(netns, NETLINK_ROUTE);
	int index = sock < 0 ? sock : rtnl_index(sock, l->name), r;

	if (index < 0)
		return err_errno(e, index, "in the container's network namespace");
	no_ipv6(sock, index);
	rtnl_set_up(&q, LOOPBACK, true);
	rtnl_set_up(&q, index, true);
	rtnl_add_address(&q, index, &l->ip.ip, l->ip.prefix, routed(l));
	add_routes(&q, l, index);
	r = nl_exchange(sock, &q, NULL, NULL, NULL);
	return r < 0 ? err_errno(e, r, "set up %s in the container", l->name) : 0;
}

int net_link_lead_out(const struct net_link *l, int netns, struct err *e)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;
	CLEANUP_FD int sock = nl_open_in(netns, NETLINK_ROUTE);
	int index = sock < 0 ? sock : rtnl_index(sock, l->name), r;

	if (index < 0)
		return err_errno(e, index, "in the container's network namespace");
	if (!l->gateway.len)
		return 0;
	add_routes(&q, l, index);
	r = nl_exchange(sock, &q, NULL, NULL, NULL);
	return r < 0 ? err_errno(e, r, "lead out by %s", l->name) : 0;
}

static int unmake(int sock, int index)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;

	rtnl_del_link(&q, index);
	return nl_exchange(sock, &q, NULL, NULL, NULL);
}

int net_link_unmake(const struct net_link *l, struct err *e)
{
	CLEANUP_FD int sock = nl_open(NETLINK_ROUTE);
	int index = sock < 0 ? sock : rtnl_index(sock, l->host), r;

	if (index == -ENODEV)
		return 0;
	r = index < 0 ? index : unmake(sock, index);
	return r < 0 && r != -ENODEV ? err_errno(e, r, "remove %s", l->host) : 0;
}

int net_link_make(const struct net_link *l, int netns, struct err *e)
{
	CLEANUP_FD int sock = nl_open(NETLINK_ROUTE);
	int index = sock < 0 ? err_errno(e, sock, "rtnetlink") : make_devices(sock, l, netns, e), r;

	if (index < 0)
		return index;
	r = set_up_host(sock, l, index, e);
	if (r == 0)
		r = set_up_inside(l, netns, e);
	if (r < 0 && unmake(sock, index) < 0)
		return err_ctx(e, "%s is left", l->host);
	return r;
}
