#include "sys/conntrack.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>
#include <sys/socket.h>

#include "base/io.h"
#include "base/text.h"
#include "sys/netlink.h"
#include "sys/spawn.h"

/* What a dump is compared by (Linux 5.8): the kernel has these numbers in a header of its own. */
#define FEW 10000U /* connections: to be told of all costs less than another walk */
#define BY_SOURCE (1U << 0)
#define BY_PROTOCOL (1U << 3)

struct flow {
	unsigned char proto;
	uint16_t to_port;
	struct ip from, to; /* of the first packet */
	struct ip answers, asked; /* who answers it, and to whom */
};

struct wanted {
	const struct ip *ip; /* began or answers it; NULL: by the rest */
	size_t n_ips;
	unsigned char proto; /* 0: any, and any port */
	uint16_t first, last;
	struct nl_batch deletions;
	unsigned char family; /* AF_UNSPEC: either */
	int n;
};

static void begin(struct nl_batch *q, unsigned char family, uint16_t type, uint16_t flags)
{
	const struct nfgenmsg g = { .nfgen_family = family, .version = NFNETLINK_V0 };

	nl_begin(q, (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type), flags, &g, sizeof(g));
}

/* ---- reading ---- */

static unsigned int type_of(const struct nlattr *a)
{
	return a->nla_type & ~(unsigned int)(NLA_F_NESTED | NLA_F_NET_BYTEORDER);
}

/* The attribute of that type among those within a; NULL. */
static const struct nlattr *within(const struct nlattr *a, uint16_t type)
{
	const char *at = nl_data(a), *end = at + nl_len(a);

	while (end - at >= (ptrdiff_t)sizeof(struct nlattr)) {
		const struct nlattr *inner = (const void *)at;

		if (inner->nla_len < sizeof(*inner) || inner->nla_len > end - at)
			return NULL;
		if (type_of(inner) == type)
			return inner;
		at += nl_align(inner->nla_len);
	}
	return NULL;
}

static void get(const struct nlattr *a, void *out, size_t len)
{
	if (a && nl_len(a) == len)
		memcpy(out, nl_data(a), len);
}

static struct ip get_ip(const struct nlattr *tuple, unsigned char family, bool source)
{
	const struct nlattr *ip = within(tuple, CTA_TUPLE_IP);
	struct ip out = { .len = family == AF_INET6 ? 16 : 4 };

	if (ip)
		get(within(ip, (uint16_t)(family == AF_INET6 ? (source ? CTA_IP_V6_SRC : CTA_IP_V6_DST) : source ? CTA_IP_V4_SRC : CTA_IP_V4_DST)),
		    out.bytes, out.len);
	return out;
}

static void read_first(const struct nlattr *tuple, unsigned char family, struct flow *f)
{
	const struct nlattr *proto = within(tuple, CTA_TUPLE_PROTO);
	uint16_t port = 0;

	f->from = get_ip(tuple, family, true);
	f->to = get_ip(tuple, family, false);
	if (!proto)
		return;
	get(within(proto, CTA_PROTO_NUM), &f->proto, 1);
	get(within(proto, CTA_PROTO_DST_PORT), &port, 2);
	f->to_port = ntohs(port);
}

static bool is_wanted(const struct flow *f, const struct wanted *w)
{
	bool translated = !ip_same(&f->to, &f->answers), port = f->proto == w->proto && f->to_port >= w->first && f->to_port <= w->last;

	for (size_t i = 0; !w->proto && i < w->n_ips; i++)
		if (ip_same(&f->from, &w->ip[i]) || ip_same(&f->answers, &w->ip[i]))
			return true;
	if (w->ip && !w->proto)
		return false;
	if (w->ip)
		return port && translated && ip_same(&f->answers, w->ip);
	return port && !translated && ip_same(&f->asked, &f->from); /* else it left this machine in another's name, and the answer is for that one */
}

/* One connection of a dump: a deletion of its own, by the tuple as it came. */
static void take(const struct nlmsghdr *m, void *data)
{
	struct wanted *w = data;
	const unsigned char family = ((const struct nfgenmsg *)NLMSG_DATA(m))->nfgen_family;
	const struct nlattr *a = NULL, *first = NULL, *zone = NULL;
	struct flow f = { 0 };

	while (nl_each(m, sizeof(struct nfgenmsg), &a)) {
		unsigned int type = type_of(a);

		if (type == CTA_TUPLE_ORIG) {
			first = a;
			read_first(a, family, &f);
		} else if (type == CTA_TUPLE_REPLY) {
			f.answers = get_ip(a, family, true);
			f.asked = get_ip(a, family, false);
		} else if (type == CTA_ZONE) {
			zone = a;
		}
	}
	if (!first || !is_wanted(&f, w))
		return;
	begin(&w->deletions, family, IPCTNL_MSG_CT_DELETE, NLM_F_ACK);
	nl_put(&w->deletions, CTA_TUPLE_ORIG | NLA_F_NESTED, nl_data(first), nl_len(first));
	if (zone)
		nl_put(&w->deletions, CTA_ZONE, nl_data(zone), nl_len(zone));
	w->n++;
}

/* ---- asking ---- */

static void put_tuple(struct nl_batch *q, uint16_t type, const struct wanted *w)
{
	size_t tuple = nl_nest(q, type), inner;

	if (w->ip) {
		inner = nl_nest(q, CTA_TUPLE_IP);
		nl_put(q, w->family == AF_INET6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, w->ip->bytes, w->ip->len);
	} else {
		inner = nl_nest(q, CTA_TUPLE_PROTO);
		nl_put(q, CTA_PROTO_NUM, &w->proto, 1);
	}
	nl_nest_end(q, inner);
	nl_nest_end(q, tuple);
}

/* The deletions go one by one: one that ended meanwhile is no reason to leave the others. */
static int forget(int sock, struct wanted *w)
{
	size_t at = 0;
	int result = 0;

	if (sb_error(&w->deletions.b) < 0)
		return -ENOMEM;
	while (at < w->deletions.b.len) {
		CLEANUP_NL struct nl_batch one = NL_BATCH_INIT;
		struct nlmsghdr *m = (void *)(w->deletions.b.s + at);
		int r;

		m->nlmsg_seq = 1;
		sb_add(&one.b, m, m->nlmsg_len);
		one.n = one.acked = 1;
		at += nl_align(m->nlmsg_len);
		r = nl_exchange(sock, &one, NULL, NULL, NULL);
		if (r < 0 && r != -ENOENT)
			result = r;
	}
	return result < 0 ? result : w->n;
}

enum side { ALL, ORIGINAL, REPLY };

static int ask(int sock, struct wanted *w, enum side side)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;
	bool reply = side == REPLY;
	size_t filter;

	begin(&q, w->family, IPCTNL_MSG_CT_GET, NLM_F_DUMP);
	if (side == ALL)
		return nl_exchange(sock, &q, take, w, NULL);
	put_tuple(&q, reply ? CTA_TUPLE_REPLY : CTA_TUPLE_ORIG, w);
	filter = nl_nest(&q, CTA_FILTER);
	nl_put_u32(&q, reply ? CTA_FILTER_REPLY_FLAGS : CTA_FILTER_ORIG_FLAGS, w->ip ? BY_SOURCE : BY_PROTOCOL);
	nl_nest_end(&q, filter);
	return nl_exchange(sock, &q, take, w, NULL);
}

static unsigned char family_of(const struct ip *ip)
{
	return ip->len == 16 ? AF_INET6 : AF_INET;
}

/* How many connections there are in this network namespace; UINT32_MAX: nobody says. */
static uint32_t tracked(void)
{
	CLEANUP_FD int fd = open("/proc/sys/net/netfilter/nf_conntrack_count", O_RDONLY | O_CLOEXEC);
	char text[16] = "";
	const char *at = text;
	uint32_t n;

	return fd >= 0 && io_read_text(fd, text, sizeof(text)) > 0 && text_take_u32(&at, &n) ? n : UINT32_MAX;
}

/* A dump walks over the kernel's whole table, which takes milliseconds however little is in it: none where there is nothing, one where
 * that is little. */
static int run(struct wanted *w)
{
	uint32_t n = tracked();
	bool all = n < FEW || w->n_ips > 1;
	int sock = n ? nl_open(NETLINK_NETFILTER) : -1, r;

	if (n == 0 || sock < 0)
		return n == 0 ? 0 : sock;
	r = ask(sock, w, all ? ALL : ORIGINAL);
	if (r == 0 && w->ip && !all)
		r = ask(sock, w, REPLY);
	r = r < 0 ? r : forget(sock, w);
	nl_free(&w->deletions);
	spawn_close(&sock); /* the firewall's may still be at it: net/firewall.c */
	return r;
}

int conntrack_forget_ips(const struct ip *v, size_t n)
{
	struct wanted w = { .ip = v, .n_ips = n, .family = n == 1 ? family_of(v) : AF_UNSPEC };

	return n ? run(&w) : 0;
}

int conntrack_forget_ports(unsigned char proto, uint16_t first, uint16_t last)
{
	struct wanted w = { .proto = proto, .first = first, .last = last, .family = AF_INET };

	return run(&w);
}

int conntrack_forget_published(const struct ip *ip, unsigned char proto, uint16_t first, uint16_t last)
{
	struct wanted w = { .ip = ip, .n_ips = 1, .proto = proto, .first = first, .last = last, .family = family_of(ip) };

	return run(&w);
}
