/* The order of a move: addresses are read while the device is up, because going down drops IPv6's; it goes down, since
 * only then may it be renamed; namespace and name change in one request, so that it never stands under its old name in
 * the new place; then addresses and up, through a socket that was opened in the new namespace and belongs to it. */
#include "sys/netdev.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "sys/rtnl.h"

#define MAX_ADDRESSES 256U

struct address {
	unsigned char family, prefix;
	unsigned char len; /* of both */
	bool has_local;
	unsigned char address[16], local[16];
};

static int set_up(int sock, int index, bool up)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;

	rtnl_set_up(&q, index, up);
	return nl_exchange(sock, &q, NULL, NULL, NULL);
}

/* ---- addresses ---- */

struct addresses {
	int index;
	struct address v[MAX_ADDRESSES];
	size_t n;
	bool too_many;
};

static void read_attribute(const struct nlattr *a, struct address *out, uint32_t *flags)
{
	size_t len = nl_len(a);

	if (a->nla_type == IFA_FLAGS && len == sizeof(*flags))
		memcpy(flags, nl_data(a), len);
	if ((a->nla_type != IFA_ADDRESS && a->nla_type != IFA_LOCAL) || len > sizeof(out->address))
		return;
	out->len = (unsigned char)len;
	out->has_local = out->has_local || a->nla_type == IFA_LOCAL;
	memcpy(a->nla_type == IFA_LOCAL ? out->local : out->address, nl_data(a), len);
}

static void take_address(const struct nlmsghdr *m, void *data)
{
	struct addresses *all = data;
	const struct ifaddrmsg *head = NLMSG_DATA(m);
	const struct nlattr *a = NULL;
	struct address found = { 0 };
	uint32_t flags;

	if (m->nlmsg_type != RTM_NEWADDR || m->nlmsg_len < NLMSG_LENGTH(sizeof(*head)) ||
	    (int)head->ifa_index != all->index || head->ifa_scope != RT_SCOPE_UNIVERSE)
		return;
	found.family = head->ifa_family;
	found.prefix = head->ifa_prefixlen;
	flags = head->ifa_flags;
	while (nl_each(m, sizeof(*head), &a))
		read_attribute(a, &found, &flags);
	if (!(flags & IFA_F_PERMANENT) || !found.len)
		return;
	all->too_many = all->n == MAX_ADDRESSES;
	if (!all->too_many)
		all->v[all->n++] = found;
}

static int read_addresses(int sock, struct addresses *all)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;
	const struct ifaddrmsg any = { 0 };
	int r = -EINTR;

	for (int i = 0; r == -EINTR && i < NL_DUMP_TRIES; i++) {
		all->n = 0;
		all->too_many = false;
		nl_begin(&q, RTM_GETADDR, NLM_F_DUMP, &any, sizeof(any));
		r = nl_exchange(sock, &q, take_address, all, NULL);
	}
	return r < 0 ? r : all->too_many ? -E2BIG : 0;
}

static int add_address(int sock, int index, const struct address *a)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;
	const struct ifaddrmsg address = { .ifa_family = a->family, .ifa_prefixlen = a->prefix, .ifa_scope = RT_SCOPE_UNIVERSE,
					   .ifa_index = (unsigned int)index };

	nl_begin(&q, RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, &address, sizeof(address));
	if (a->has_local)
		nl_put(&q, IFA_LOCAL, a->local, a->len);
	nl_put(&q, IFA_ADDRESS, a->address, a->len);
	return nl_exchange(sock, &q, NULL, NULL, NULL);
}

/* ---- the move ---- */

static int move(int sock, int index, int netns, const char *name)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;
	const struct ifinfomsg link = { .ifi_index = index };

	nl_begin(&q, RTM_NEWLINK, NLM_F_ACK, &link, sizeof(link));
	nl_put_str(&q, IFLA_IFNAME, name);
	nl_put_u32(&q, IFLA_NET_NS_FD, (uint32_t)netns);
	return nl_exchange(sock, &q, NULL, NULL, NULL);
}

static int settle_there(int netns, const char *name, const struct addresses *all, struct err *e)
{
	CLEANUP_FD int sock = nl_open_in(netns, NETLINK_ROUTE);
	int index = sock < 0 ? sock : rtnl_index(sock, name), r;

	if (index < 0)
		return err_errno(e, index, "in the new network namespace");
	for (size_t i = 0; i < all->n; i++) {
		r = add_address(sock, index, &all->v[i]);
		if (r < 0)
			return err_errno(e, r, "giving it its addresses again");
	}
	r = set_up(sock, index, true);
	return r < 0 ? err_errno(e, r, "setting it up") : 0;
}

int netdev_move(const char *name, int netns, const char *new_name, struct err *e)
{
	CLEANUP_FD int sock = nl_open(NETLINK_ROUTE);
	CLEANUP_FREE struct addresses *all = calloc(1, sizeof(*all));
	const char *there = new_name ? new_name : name;
	int r;

	if (sock < 0 || !all)
		return err_errno(e, sock < 0 ? sock : -ENOMEM, "rtnetlink");
	if (strlen(name) >= IFNAMSIZ || strlen(there) >= IFNAMSIZ)
		return err_set(e, ERR_INVALID, "a name of a network device has at most %d bytes", IFNAMSIZ - 1);
	all->index = rtnl_index(sock, name);
	if (all->index == -ENODEV)
		return err_set(e, ERR_NOTFOUND, "there is no such network device");
	if (all->index < 0)
		return err_errno(e, all->index, "looking for it");
	r = read_addresses(sock, all);
	if (r < 0)
		return err_errno(e, r, "reading its addresses");
	r = set_up(sock, all->index, false);
	if (r < 0)
		return err_errno(e, r, "setting it down");
	r = move(sock, all->index, netns, there);
	if (r == -EEXIST)
		return err_set(e, ERR_CONFLICT, "the container has a network device \"%s\" already", there);
	if (r < 0)
		return err_errno(e, r, "moving it");
	return settle_there(netns, there, all, e);
}
