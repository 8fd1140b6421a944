#include "sys/nft.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>
#include <sys/socket.h>

/* What nft(8) keeps with an element: a type, a length, the text. */

void nft_field(struct nft_data *d, const void *bytes, size_t len)
{
	size_t room = sizeof(d->bytes) - d->len, padded = nl_align(len);

	if (padded > room)
		return; /* no key of ours is as long */
	memset(d->bytes + d->len, 0, padded);
	memcpy(d->bytes + d->len, bytes, len);
	d->len = (unsigned char)(d->len + padded);
}

static void mark(struct nl_batch *q, uint16_t type, uint16_t flags)
{
	const struct nfgenmsg g = { .nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0, .res_id = htons(NFNL_SUBSYS_NFTABLES) };

	nl_begin(q, type, flags, &g, sizeof(g));
}

static void begin_of(struct nl_batch *q, unsigned char family, uint16_t type, uint16_t flags)
{
	const struct nfgenmsg g = { .nfgen_family = family, .version = NFNETLINK_V0 };

	nl_begin(q, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags, &g, sizeof(g));
}

static void put_data(struct nl_batch *q, uint16_t type, const struct nft_data *d)
{
	size_t at;

	if (!d->len)
		return;
	at = nl_nest(q, type);
	nl_put(q, NFTA_DATA_VALUE, d->bytes, d->len);
	nl_nest_end(q, at);
}

static void put_comment(struct nl_batch *q, const char *comment)
{
	unsigned char udata[130];
	size_t len = strnlen(comment, sizeof(udata) - 3);

	udata[0] = NFT_UDATA_COMMENT;
	udata[1] = (unsigned char)(len + 1);
	memcpy(udata + 2, comment, len);
	udata[2 + len] = '\0';
	nl_put(q, NFTA_SET_ELEM_USERDATA, udata, len + 3);
}

static void element(struct nl_batch *q, uint16_t type, uint16_t flags, const char *table, const struct nft_element *el)
{
	size_t list, one;

	begin_of(q, el->family ? el->family : NFPROTO_INET, type, flags);
	nl_put_str(q, NFTA_SET_ELEM_LIST_TABLE, table);
	nl_put_str(q, NFTA_SET_ELEM_LIST_SET, el->set);
	list = nl_nest(q, NFTA_SET_ELEM_LIST_ELEMENTS);
	one = nl_nest(q, NFTA_LIST_ELEM);
	put_data(q, NFTA_SET_ELEM_KEY, &el->key);
	put_data(q, NFTA_SET_ELEM_KEY_END, &el->end);
	put_data(q, NFTA_SET_ELEM_DATA, &el->value);
	if (el->comment)
		put_comment(q, el->comment);
	nl_nest_end(q, one);
	nl_nest_end(q, list);
}

void nft_begin(struct nl_batch *q)
{
	mark(q, NFNL_MSG_BATCH_BEGIN, 0);
}

void nft_change(struct nl_batch *q, const char *table, bool add, const struct nft_element *el)
{
	struct nft_element bare = *el;

	if (add) {
		element(q, NFT_MSG_NEWSETELEM, NLM_F_CREATE, table, el);
		return;
	}
	bare.value.len = 0;
	bare.comment = NULL;
	element(q, NFT_MSG_DELSETELEM, 0, table, &bare);
}

int nft_commit(int sock, struct nl_batch *q, uint32_t *failed)
{
	int r;

	if (sb_error(&q->b) == 0 && q->n <= 1) { /* nothing, which nobody would answer */
		sb_reset(&q->b);
		q->n = q->acked = 0;
		if (failed)
			*failed = 0;
		return 0;
	}
	/* the last element is answered, whatever became of it; an earlier one only when it failed */
	if (sb_error(&q->b) == 0 && q->n > 1) {
		((struct nlmsghdr *)(void *)(q->b.s + q->at))->nlmsg_flags |= NLM_F_ACK;
		q->acked = q->n;
	}
	mark(q, NFNL_MSG_BATCH_END, 0);
	r = nl_exchange(sock, q, NULL, NULL, failed);
	if (failed && *failed)
		--*failed; /* the batch's own head is not counted */
	return r == -EOPNOTSUPP ? -ENOENT : r; /* a kernel without nf_tables has no table */
}

/* ---- a table of rules ---- */

#define CHAIN "leaving"
#define DADDR_OFFSET 16 /* in IPv4's header */
#define DPORT_OFFSET 2  /* in TCP's and UDP's */

static void table_message(struct nl_batch *q, uint16_t type, uint16_t flags, const char *table)
{
	begin_of(q, NFPROTO_IPV4, type, flags);
	nl_put_str(q, NFTA_TABLE_NAME, table);
}

void nft_local_table(struct nl_batch *q, const char *table)
{
	size_t hook;

	/* once more, so that there is one to be deleted */
	table_message(q, NFT_MSG_NEWTABLE, NLM_F_CREATE, table);
	table_message(q, NFT_MSG_DELTABLE, 0, table);
	table_message(q, NFT_MSG_NEWTABLE, NLM_F_CREATE, table);
	begin_of(q, NFPROTO_IPV4, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	nl_put_str(q, NFTA_CHAIN_TABLE, table);
	nl_put_str(q, NFTA_CHAIN_NAME, CHAIN);
	hook = nl_nest(q, NFTA_CHAIN_HOOK);
	nl_put_u32(q, NFTA_HOOK_HOOKNUM, htonl(NF_INET_LOCAL_OUT));
	nl_put_u32(q, NFTA_HOOK_PRIORITY, htonl((uint32_t)-100)); /* where destinations are translated */
	nl_nest_end(q, hook);
	nl_put_str(q, NFTA_CHAIN_TYPE, "nat");
}

struct expression {
	size_t element, data;
};

static struct expression expression(struct nl_batch *q, const char *name)
{
	struct expression x = { .element = nl_nest(q, NFTA_LIST_ELEM) };

	nl_put_str(q, NFTA_EXPR_NAME, name);
	x.data = nl_nest(q, NFTA_EXPR_DATA);
	return x;
}

static void end_expression(struct nl_batch *q, struct expression x)
{
	nl_nest_end(q, x.data);
	nl_nest_end(q, x.element);
}

static void put_value(struct nl_batch *q, uint16_t type, const void *value, size_t len)
{
	size_t at = nl_nest(q, type);

	nl_put(q, NFTA_DATA_VALUE, value, len);
	nl_nest_end(q, at);
}

/* What is in the register must be this. */
static void compare(struct nl_batch *q, const void *value, size_t len)
{
	struct expression x = expression(q, "cmp");

	nl_put_u32(q, NFTA_CMP_SREG, htonl(NFT_REG_1));
	nl_put_u32(q, NFTA_CMP_OP, htonl(NFT_CMP_EQ));
	put_value(q, NFTA_CMP_DATA, value, len);
	end_expression(q, x);
}

static void compare_payload(struct nl_batch *q, uint32_t base, uint32_t offset, const void *value, size_t len)
{
	struct expression x = expression(q, "payload");

	nl_put_u32(q, NFTA_PAYLOAD_DREG, htonl(NFT_REG_1));
	nl_put_u32(q, NFTA_PAYLOAD_BASE, htonl(base));
	nl_put_u32(q, NFTA_PAYLOAD_OFFSET, htonl(offset));
	nl_put_u32(q, NFTA_PAYLOAD_LEN, htonl((uint32_t)len));
	end_expression(q, x);
	compare(q, value, len);
}

static void compare_protocol(struct nl_batch *q, unsigned char proto)
{
	struct expression x = expression(q, "meta");

	nl_put_u32(q, NFTA_META_DREG, htonl(NFT_REG_1));
	nl_put_u32(q, NFTA_META_KEY, htonl(NFT_META_L4PROTO));
	end_expression(q, x);
	compare(q, &proto, sizeof(proto));
}

static void translate_port(struct nl_batch *q, uint16_t to)
{
	struct expression x = expression(q, "immediate");

	nl_put_u32(q, NFTA_IMMEDIATE_DREG, htonl(NFT_REG_1));
	put_value(q, NFTA_IMMEDIATE_DATA, &to, sizeof(to));
	end_expression(q, x);
	x = expression(q, "nat");
	nl_put_u32(q, NFTA_NAT_TYPE, htonl(NFT_NAT_DNAT));
	nl_put_u32(q, NFTA_NAT_FAMILY, htonl(NFPROTO_IPV4));
	nl_put_u32(q, NFTA_NAT_REG_PROTO_MIN, htonl(NFT_REG_1));
	end_expression(q, x);
}

void nft_local_port(struct nl_batch *q, const char *table, const struct ip *at, unsigned char proto, uint16_t port, uint16_t to)
{
	uint16_t wire = htons(port);
	size_t list;

	begin_of(q, NFPROTO_IPV4, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	nl_put_str(q, NFTA_RULE_TABLE, table);
	nl_put_str(q, NFTA_RULE_CHAIN, CHAIN);
	list = nl_nest(q, NFTA_RULE_EXPRESSIONS);
	compare_payload(q, NFT_PAYLOAD_NETWORK_HEADER, DADDR_OFFSET, at->bytes, 4);
	compare_protocol(q, proto);
	compare_payload(q, NFT_PAYLOAD_TRANSPORT_HEADER, DPORT_OFFSET, &wire, sizeof(wire));
	translate_port(q, htons(to));
	nl_nest_end(q, list);
}

/* ---- what is there ---- */

struct counting {
	const char *table;
	uint32_t n;
};

/* Whether its attribute of that type is this text. */
static bool says(const struct nlmsghdr *m, unsigned int type, const char *text)
{
	for (const struct nlattr *a = NULL; nl_each(m, sizeof(struct nfgenmsg), &a);)
		if ((a->nla_type & NLA_TYPE_MASK) == type)
			return nl_len(a) == strlen(text) + 1 && memcmp(nl_data(a), text, nl_len(a)) == 0;
	return false;
}

/* Tables, chains, sets, rules and elements all name their table in the same attribute. */
static bool is_of(const struct nlmsghdr *m, const char *table)
{
	return says(m, NFTA_TABLE_NAME, table);
}

/* One that belongs to a rule, where the set is written out. */
static bool is_anonymous_set(const struct nlmsghdr *m)
{
	for (const struct nlattr *a = NULL; (m->nlmsg_type & 0xff) == NFT_MSG_NEWSET && nl_each(m, sizeof(struct nfgenmsg), &a);)
		if ((a->nla_type & NLA_TYPE_MASK) == NFTA_SET_NAME)
			return nl_len(a) > 2 && memcmp(nl_data(a), "__", 2) == 0;
	return false;
}

static void count_one(const struct nlmsghdr *m, void *data)
{
	struct counting *c = data;

	c->n += is_of(m, c->table) && !is_anonymous_set(m);
}

static int count_all(int sock, unsigned char family, struct counting *c)
{
	static const uint16_t kinds[] = { NFT_MSG_GETCHAIN, NFT_MSG_GETSET, NFT_MSG_GETRULE };
	int r = 0;

	c->n = 0;
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(kinds); i++) {
		CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;

		begin_of(&q, family, kinds[i], NLM_F_DUMP);
		nl_put_str(&q, NFTA_TABLE_NAME, c->table); /* where the kernel takes it as a wish */
		r = nl_exchange(sock, &q, count_one, c, NULL);
	}
	return r;
}

int nft_count(int sock, unsigned char family, const char *table, uint32_t *n)
{
	struct counting c = { .table = table };
	int r = -EINTR;

	for (int i = 0; r == -EINTR && i < NL_DUMP_TRIES; i++)
		r = count_all(sock, family, &c);
	*n = c.n;
	return r;
}

/* ---- what happens ----
 *
 * A transaction's messages come one after the other, and behind them who made it. */

#define WATCH_BUFFER (1 << 20)
#define MESSAGE_MAX 16384

int nft_watch(struct nft_watch *w)
{
	const int group = NFNLGRP_NFTABLES, room = WATCH_BUFFER;
	CLEANUP_FD int fd = nl_open(NETLINK_NETFILTER);

	*w = (struct nft_watch)NFT_WATCH_INIT;
	if (fd < 0)
		return fd;
	/* with less room more is lost, and then looked after */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		return -errno;
	w->sock = take_fd(&fd);
	return 0;
}

static bool takes_away(const struct nlmsghdr *m)
{
	switch (m->nlmsg_type & 0xff) {
	case NFT_MSG_DELTABLE:
	case NFT_MSG_DELCHAIN:
	case NFT_MSG_DELRULE:
	case NFT_MSG_DELSET:
	case NFT_MSG_DELSETELEM:
		return true;
	default:
		return false;
	}
}

/* True: a transaction has ended, and did what it should not have. */
static bool take_event(struct nft_watch *w, const struct nlmsghdr *m, const char *table, const char *ours)
{
	bool bad;

	if (m->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES || m->nlmsg_len < NLMSG_LENGTH(sizeof(struct nfgenmsg)))
		return false;
	w->taken = w->taken || (takes_away(m) && is_of(m, table));
	if ((m->nlmsg_type & 0xff) != NFT_MSG_NEWGEN)
		return false;
	bad = w->taken && !says(m, NFTA_GEN_PROC_NAME, ours);
	w->taken = false;
	return bad;
}

int nft_watch_read(struct nft_watch *w, const char *table, const char *ours)
{
	static char buf[MESSAGE_MAX];
	bool bad = false;

	for (;;) {
		ssize_t len = recv(w->sock, buf, sizeof(buf), MSG_DONTWAIT | MSG_TRUNC);
		const struct nlmsghdr *m;

		if (len < 0 && errno == EAGAIN)
			return bad;
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0 && errno != ENOBUFS)
			return -errno;
		bad = bad || len < 0 || len > MESSAGE_MAX;
		if (len < 0 || len > MESSAGE_MAX)
			continue;
		for (size_t at = 0; (size_t)len >= at + sizeof(*m); at += NLMSG_ALIGN(m->nlmsg_len)) {
			m = (const void *)(buf + at);
			if (m->nlmsg_len < sizeof(*m) || m->nlmsg_len > (size_t)len - at)
				break;
			bad = take_event(w, m, table, ours) || bad;
		}
	}
}
