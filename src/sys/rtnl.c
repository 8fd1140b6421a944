#include "sys/rtnl.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

struct found {
	int index;
	uint32_t group;
};

static void take_link(const struct nlmsghdr *m, void *data)
{
	struct found *f = data;

	if (m->nlmsg_type != RTM_NEWLINK || m->nlmsg_len < NLMSG_LENGTH(sizeof(struct ifinfomsg)))
		return;
	f->index = ((const struct ifinfomsg *)NLMSG_DATA(m))->ifi_index;
	for (const struct nlattr *a = NULL; nl_each(m, sizeof(struct ifinfomsg), &a);)
		if (a->nla_type == IFLA_GROUP && nl_len(a) == sizeof(f->group))
			memcpy(&f->group, nl_data(a), sizeof(f->group));
}

int rtnl_group(int sock, const char *name, uint32_t *group)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;
	const struct ifinfomsg link = { 0 };
	struct found f = { .index = -ENODEV };
	int r;

	nl_begin(&q, RTM_GETLINK, NLM_F_ACK, &link, sizeof(link));
	nl_put_str(&q, IFLA_IFNAME, name);
	r = nl_exchange(sock, &q, take_link, &f, NULL);
	*group = f.group;
	return r < 0 ? r : f.index;
}

int rtnl_index(int sock, const char *name)
{
	uint32_t group;

	return rtnl_group(sock, name, &group);
}

struct links {
	rtnl_link_fn take;
	void *data;
};

static void take_each_link(const struct nlmsghdr *m, void *data)
{
	const struct links *x = data;
	const char *name = NULL;
	uint32_t group = 0;

	if (m->nlmsg_type != RTM_NEWLINK || m->nlmsg_len < NLMSG_LENGTH(sizeof(struct ifinfomsg)))
		return;
	for (const struct nlattr *a = NULL; nl_each(m, sizeof(struct ifinfomsg), &a);)
		if (a->nla_type == IFLA_GROUP && nl_len(a) == sizeof(group))
			memcpy(&group, nl_data(a), sizeof(group));
		else if (a->nla_type == IFLA_IFNAME && nl_len(a) > 0 && memchr(nl_data(a), '\0', nl_len(a)))
			name = nl_data(a);
	if (name)
		x->take(name, group, x->data);
}

int rtnl_links(int sock, rtnl_link_fn take, void *data)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;
	const struct ifinfomsg link = { 0 };
	struct links x = { .take = take, .data = data };

	nl_begin(&q, RTM_GETLINK, NLM_F_DUMP, &link, sizeof(link));
	return nl_exchange(sock, &q, take_each_link, &x, NULL);
}

/* ---- links ---- */

static void put_mtu(struct nl_batch *q, uint32_t mtu)
{
	if (mtu)
		nl_put_u32(q, IFLA_MTU, mtu);
}

static void put_peer(struct nl_batch *q, const struct rtnl_veth *v)
{
	const struct ifinfomsg link = { 0 };
	size_t data = nl_nest(q, IFLA_INFO_DATA), peer = nl_nest(q, VETH_INFO_PEER);

	nl_put_raw(q, &link, sizeof(link));
	nl_put_str(q, IFLA_IFNAME, v->inside);
	nl_put_u32(q, IFLA_NET_NS_FD, (uint32_t)v->netns);
	nl_put(q, IFLA_ADDRESS, v->mac, sizeof(v->mac));
	put_mtu(q, v->mtu);
	nl_nest_end(q, peer);
	nl_nest_end(q, data);
}

static void begin_link(struct nl_batch *q, const char *name, uint32_t group, uint32_t mtu, bool up)
{
	const struct ifinfomsg link = { .ifi_flags = up ? IFF_UP : 0, .ifi_change = IFF_UP };

	nl_begin(q, RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, &link, sizeof(link));
	nl_put_str(q, IFLA_IFNAME, name);
	nl_put_u32(q, IFLA_GROUP, group);
	put_mtu(q, mtu);
}

void rtnl_add_veth(struct nl_batch *q, const struct rtnl_veth *v)
{
	size_t info;

	begin_link(q, v->host, v->group, v->mtu, false);
	if (v->master)
		nl_put_u32(q, IFLA_MASTER, (uint32_t)v->master);
	info = nl_nest(q, IFLA_LINKINFO);
	nl_put_str(q, IFLA_INFO_KIND, "veth");
	put_peer(q, v);
	nl_nest_end(q, info);
}

void rtnl_add_direct(struct nl_batch *q, const struct rtnl_direct *d)
{
	bool ipvlan = strcmp(d->kind, "ipvlan") == 0;
	const uint16_t mode = (uint16_t)d->mode;
	size_t info, data;

	begin_link(q, d->inside, 0, d->mtu, false);
	nl_put_u32(q, IFLA_LINK, (uint32_t)d->parent);
	nl_put_u32(q, IFLA_NET_NS_FD, (uint32_t)d->netns);
	if (!ipvlan)
		nl_put(q, IFLA_ADDRESS, d->mac, sizeof(d->mac));
	info = nl_nest(q, IFLA_LINKINFO);
	nl_put_str(q, IFLA_INFO_KIND, d->kind);
	data = nl_nest(q, IFLA_INFO_DATA);
	if (ipvlan)
		nl_put(q, IFLA_IPVLAN_MODE, &mode, sizeof(mode));
	else
		nl_put_u32(q, IFLA_MACVLAN_MODE, d->mode);
	nl_nest_end(q, data);
	nl_nest_end(q, info);
}

void rtnl_add_bridge(struct nl_batch *q, const char *name, uint32_t group, uint32_t mtu)
{
	size_t info;

	begin_link(q, name, group, mtu, true);
	info = nl_nest(q, IFLA_LINKINFO);
	nl_put_str(q, IFLA_INFO_KIND, "bridge");
	nl_nest_end(q, info);
}

void rtnl_del_link(struct nl_batch *q, int index)
{
	const struct ifinfomsg link = { .ifi_index = index };

	nl_begin(q, RTM_DELLINK, NLM_F_ACK, &link, sizeof(link));
}

void rtnl_set_up(struct nl_batch *q, int index, bool up)
{
	const struct ifinfomsg link = { .ifi_index = index, .ifi_change = IFF_UP, .ifi_flags = up ? IFF_UP : 0 };

	nl_begin(q, RTM_NEWLINK, NLM_F_ACK, &link, sizeof(link));
}

static void set_number(struct nl_batch *q, int index, uint16_t type, uint32_t value)
{
	const struct ifinfomsg link = { .ifi_index = index };

	nl_begin(q, RTM_NEWLINK, NLM_F_ACK, &link, sizeof(link));
	nl_put_u32(q, type, value);
}

void rtnl_set_group(struct nl_batch *q, int index, uint32_t group)
{
	set_number(q, index, IFLA_GROUP, group);
}

void rtnl_set_master(struct nl_batch *q, int index, int master)
{
	set_number(q, index, IFLA_MASTER, (uint32_t)master);
}

void rtnl_set_inet(struct nl_batch *q, int index, uint16_t which, uint32_t value)
{
	const struct ifinfomsg link = { .ifi_index = index };
	size_t spec, inet, conf;

	nl_begin(q, RTM_SETLINK, NLM_F_ACK, &link, sizeof(link));
	spec = nl_nest(q, IFLA_AF_SPEC);
	inet = nl_nest(q, AF_INET);
	conf = nl_nest(q, IFLA_INET_CONF);
	nl_put_u32(q, which, value);
	nl_nest_end(q, conf);
	nl_nest_end(q, inet);
	nl_nest_end(q, spec);
}

void rtnl_set_no_ipv6(struct nl_batch *q, int index)
{
	const struct ifinfomsg link = { .ifi_index = index };
	const unsigned char none = IN6_ADDR_GEN_MODE_NONE;
	size_t spec, inet6;

	nl_begin(q, RTM_SETLINK, NLM_F_ACK, &link, sizeof(link));
	spec = nl_nest(q, IFLA_AF_SPEC);
	inet6 = nl_nest(q, AF_INET6);
	nl_put(q, IFLA_INET6_ADDR_GEN_MODE, &none, sizeof(none));
	nl_nest_end(q, inet6);
	nl_nest_end(q, spec);
}

void rtnl_set_hairpin(struct nl_batch *q, int index)
{
	const struct ifinfomsg link = { .ifi_family = AF_BRIDGE, .ifi_index = index };
	const unsigned char on = 1;
	size_t port;

	nl_begin(q, RTM_SETLINK, NLM_F_ACK, &link, sizeof(link));
	port = nl_nest(q, IFLA_PROTINFO);
	nl_put(q, IFLA_BRPORT_MODE, &on, sizeof(on));
	nl_nest_end(q, port);
}

/* ---- addresses and routes ---- */

static unsigned char family(const struct ip *ip)
{
	return ip->len == 16 ? AF_INET6 : AF_INET;
}

void rtnl_add_address(struct nl_batch *q, int index, const struct ip *ip, unsigned char prefix, bool no_route)
{
	const struct ifaddrmsg address = { .ifa_family = family(ip), .ifa_prefixlen = prefix, .ifa_scope = RT_SCOPE_UNIVERSE,
					   .ifa_index = (unsigned int)index };
	uint32_t flags = no_route ? IFA_F_NOPREFIXROUTE : 0;

	if (ip->len == 16)
		flags |= IFA_F_NODAD; /* nobody else can have it: it comes out of the catalog */
	nl_begin(q, RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, &address, sizeof(address));
	nl_put(q, IFA_LOCAL, ip->bytes, ip->len);
	nl_put(q, IFA_ADDRESS, ip->bytes, ip->len);
	if (flags)
		nl_put_u32(q, IFA_FLAGS, flags);
}

static void route(struct nl_batch *q, uint16_t type, uint16_t flags, const struct rtnl_route *r)
{
	const struct ip *any = r->to ? r->to : r->via;
	const struct rtmsg m = { .rtm_family = family(any), .rtm_dst_len = r->to ? r->prefix : 0, .rtm_table = RT_TABLE_MAIN,
				 .rtm_protocol = RTPROT_STATIC, .rtm_scope = r->via ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
				 .rtm_type = RTN_UNICAST };

	nl_begin(q, type, flags, &m, sizeof(m));
	if (r->to)
		nl_put(q, RTA_DST, r->to->bytes, r->to->len);
	if (r->via)
		nl_put(q, RTA_GATEWAY, r->via->bytes, r->via->len);
	if (r->source)
		nl_put(q, RTA_PREFSRC, r->source->bytes, r->source->len);
	nl_put_u32(q, RTA_OIF, (uint32_t)r->index);
}

void rtnl_add_route(struct nl_batch *q, const struct rtnl_route *r)
{
	route(q, RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, r);
}

void rtnl_del_route(struct nl_batch *q, const struct rtnl_route *r)
{
	route(q, RTM_DELROUTE, NLM_F_ACK, r);
}
