/* What is in nf_tables, ours or not: read by dumps, which the kernel answers without a lock. iptables' rules are here, too, where it is
 * iptables-nft; its targets are expressions "target". */
#include "sys/nft.h"

#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "base/strbuf.h"

static void ask(struct nl_batch *q, unsigned char family, uint16_t type, uint16_t flags)
{
	const struct nfgenmsg g = { .nfgen_family = family, .version = NFNETLINK_V0 };

	nl_begin(q, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags, &g, sizeof(g));
}

int nft_has_table(int sock, unsigned char family, const char *table)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;

	ask(&q, family, NFT_MSG_GETTABLE, NLM_F_ACK);
	nl_put_str(&q, NFTA_TABLE_NAME, table);
	return nl_exchange(sock, &q, NULL, NULL, NULL);
}

int nft_has_element(int sock, const char *table, const struct nft_element *el)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;
	size_t list, one, key;

	ask(&q, el->family ? el->family : NFPROTO_INET, NFT_MSG_GETSETELEM, NLM_F_ACK);
	nl_put_str(&q, NFTA_SET_ELEM_LIST_TABLE, table);
	nl_put_str(&q, NFTA_SET_ELEM_LIST_SET, el->set);
	list = nl_nest(&q, NFTA_SET_ELEM_LIST_ELEMENTS);
	one = nl_nest(&q, NFTA_LIST_ELEM);
	key = nl_nest(&q, NFTA_SET_ELEM_KEY);
	nl_put(&q, NFTA_DATA_VALUE, el->key.bytes, el->key.len);
	nl_nest_end(&q, key);
	nl_nest_end(&q, one);
	nl_nest_end(&q, list);
	return nl_exchange(sock, &q, NULL, NULL, NULL);
}

/* ---- attributes within one ---- */

static int kind(const struct nlattr *a)
{
	return a->nla_type & NLA_TYPE_MASK;
}

/* Attributes of a nest, as nl_each(). */
static bool each_in(const struct nlattr *nest, const struct nlattr **a)
{
	const char *end = (const char *)nl_data(nest) + nl_len(nest);
	const char *at = *a ? (const char *)*a + nl_align((*a)->nla_len) : nl_data(nest);

	if (end - at < (ptrdiff_t)sizeof(**a))
		return false;
	*a = (const void *)at;
	return (*a)->nla_len >= sizeof(**a) && (*a)->nla_len <= end - at;
}

static const struct nlattr *find_in(const struct nlattr *nest, int type)
{
	const struct nlattr *a = NULL;

	while (nest && each_in(nest, &a))
		if (kind(a) == type)
			return a;
	return NULL;
}

static uint32_t number(const struct nlattr *a)
{
	uint32_t v = 0;

	if (a && nl_len(a) >= sizeof(v))
		memcpy(&v, nl_data(a), sizeof(v));
	return ntohl(v);
}

/* The kernel's texts end with a NUL. */
static const char *text(const struct nlattr *a)
{
	return a && nl_len(a) > 0 && memchr(nl_data(a), '\0', nl_len(a)) ? nl_data(a) : "";
}

/* ---- tables ---- */

static void take_handle(const struct nlmsghdr *m, void *data)
{
	const struct nlattr *a = NULL;

	if (m->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE))
		return;
	while (nl_each(m, sizeof(struct nfgenmsg), &a))
		if (kind(a) == NFTA_TABLE_HANDLE && nl_len(a) >= sizeof(uint64_t))
			memcpy(data, nl_data(a), sizeof(uint64_t));
}

int nft_table_handle(int sock, unsigned char family, const char *table, uint64_t *out)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;
	int r;

	*out = 0;
	ask(&q, family, NFT_MSG_GETTABLE, NLM_F_ACK);
	nl_put_str(&q, NFTA_TABLE_NAME, table);
	r = nl_exchange(sock, &q, take_handle, out, NULL);
	*out = be64toh(*out);
	return r;
}

/* ---- chains ---- */

struct chains {
	nft_chain_fn take;
	void *data;
};

static void take_chain(const struct nlmsghdr *m, void *data)
{
	const struct chains *x = data;
	const struct nfgenmsg *g = NLMSG_DATA(m);
	struct nft_chain c = { .table = "", .name = "", .type = "", .hook = -1 };
	const struct nlattr *a = NULL;

	if (m->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN) || m->nlmsg_len < NLMSG_LENGTH(sizeof(*g)))
		return;
	c.family = g->nfgen_family;
	while (nl_each(m, sizeof(*g), &a)) {
		switch (kind(a)) {
		case NFTA_CHAIN_TABLE: c.table = text(a); break;
		case NFTA_CHAIN_NAME: c.name = text(a); break;
		case NFTA_CHAIN_TYPE: c.type = text(a); break;
		case NFTA_CHAIN_HOOK: c.hook = (int)number(find_in(a, NFTA_HOOK_HOOKNUM)); break;
		case NFTA_CHAIN_POLICY: c.drops = number(a) == NF_DROP; break;
		case NFTA_CHAIN_USE: c.uses = number(a); break;
		default: break;
		}
	}
	x->take(&c, x->data);
}

int nft_chains(int sock, nft_chain_fn take, void *data)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;
	struct chains x = { .take = take, .data = data };

	ask(&q, AF_UNSPEC, NFT_MSG_GETCHAIN, NLM_F_DUMP);
	return nl_exchange(sock, &q, take_chain, &x, NULL);
}

/* ---- rules ---- */

enum effect { ANY_CONDITION, NO_EFFECT, REFUSES };

static enum effect effect_of(const struct nlattr *expression)
{
	const char *name = text(find_in(expression, NFTA_EXPR_NAME));
	const struct nlattr *data = find_in(expression, NFTA_EXPR_DATA);
	const struct nlattr *verdict;

	if (strcmp(name, "reject") == 0)
		return REFUSES;
	if (strcmp(name, "target") == 0)
		return strcmp(text(find_in(data, NFTA_TARGET_NAME)), "REJECT") == 0 ? REFUSES : ANY_CONDITION;
	if (strcmp(name, "immediate") == 0) {
		verdict = find_in(find_in(data, NFTA_IMMEDIATE_DATA), NFTA_DATA_VERDICT);
		return verdict && number(find_in(verdict, NFTA_VERDICT_CODE)) == NF_DROP ? REFUSES : ANY_CONDITION;
	}
	return strcmp(name, "counter") == 0 || strcmp(name, "log") == 0 ? NO_EFFECT : ANY_CONDITION;
}

struct rules {
	enum nft_refusal refusal;
	bool by_group;
};

static bool asks_for_group(const struct nlattr *expression)
{
	const struct nlattr *data = find_in(expression, NFTA_EXPR_DATA);

	return strcmp(text(find_in(expression, NFTA_EXPR_NAME)), "meta") == 0 && number(find_in(data, NFTA_META_KEY)) == NFT_META_IIFGROUP;
}

static void take_rule(const struct nlmsghdr *m, void *data)
{
	const struct nlattr *a = NULL, *x = NULL;
	bool refuses = false, always = true;
	struct rules *out = data;

	if (m->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE))
		return;
	while (nl_each(m, sizeof(struct nfgenmsg), &a))
		if (kind(a) == NFTA_RULE_EXPRESSIONS)
			while (each_in(a, &x)) {
				enum effect one = effect_of(x);

				refuses = refuses || one == REFUSES;
				always = always && one != ANY_CONDITION;
				out->by_group = out->by_group || asks_for_group(x);
			}
	if (refuses)
		out->refusal = always || out->refusal == NFT_REFUSES_REST ? NFT_REFUSES_REST : NFT_REFUSES_SOME;
}

int nft_chain_refuses(int sock, unsigned char family, const char *table, const char *chain, bool *by_group)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;
	struct rules rules = { .refusal = NFT_REFUSES_NOTHING };
	int r;

	ask(&q, family, NFT_MSG_GETRULE, NLM_F_DUMP);
	nl_put_str(&q, NFTA_RULE_TABLE, table);
	nl_put_str(&q, NFTA_RULE_CHAIN, chain);
	r = nl_exchange(sock, &q, take_rule, &rules, NULL);
	*by_group = rules.by_group;
	return r < 0 ? r : (int)rules.refusal;
}

/* ---- elements ---- */

struct elements {
	unsigned char family;
	const char *table, *set;
	nft_element_fn take;
	void *data;
};

static void add_name(struct strbuf *names, const char *table, const char *name)
{
	sb_add(names, table, strlen(table) + 1);
	sb_add(names, name, strlen(name) + 1);
}

/* Names of sets, each behind its table's, one behind the other with their NULs; not of those that belong to a rule. */
static void take_set_name(const struct nlmsghdr *m, void *data)
{
	const struct nlattr *a = NULL;
	const char *table = "", *name = "";

	if (m->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSET))
		return;
	while (nl_each(m, sizeof(struct nfgenmsg), &a))
		if (kind(a) == NFTA_SET_TABLE)
			table = text(a);
		else if (kind(a) == NFTA_SET_NAME)
			name = text(a);
	if (*name && strncmp(name, "__", 2) != 0)
		add_name(data, table, name);
}

static void put_data(struct nft_data *out, const struct nlattr *nest)
{
	const struct nlattr *value = find_in(nest, NFTA_DATA_VALUE);

	out->len = 0;
	if (value && nl_len(value) <= sizeof(out->bytes)) {
		memcpy(out->bytes, nl_data(value), nl_len(value));
		out->len = (unsigned char)nl_len(value);
	}
}

static const char *comment_of(const struct nlattr *user)
{
	const unsigned char *at = user ? nl_data(user) : NULL;
	size_t left = user ? nl_len(user) : 0;

	while (left >= 2 && left - 2 >= at[1]) {
		if (at[0] == NFT_UDATA_COMMENT && at[1] > 0 && at[1 + at[1]] == '\0')
			return (const char *)at + 2;
		left -= 2U + at[1];
		at += 2U + at[1];
	}
	return NULL;
}

static void take_element(const struct elements *x, const struct nlattr *one)
{
	struct nft_element el = { .family = x->family, .set = x->set, .comment = comment_of(find_in(one, NFTA_SET_ELEM_USERDATA)) };

	put_data(&el.key, find_in(one, NFTA_SET_ELEM_KEY));
	put_data(&el.end, find_in(one, NFTA_SET_ELEM_KEY_END));
	if (el.comment && el.key.len)
		x->take(&el, x->data);
}

static void take_elements(const struct nlmsghdr *m, void *data)
{
	const struct nlattr *a = NULL, *one = NULL;

	if (m->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM))
		return;
	while (nl_each(m, sizeof(struct nfgenmsg), &a))
		if (kind(a) == NFTA_SET_ELEM_LIST_ELEMENTS)
			while (each_in(a, &one))
				take_element(data, one);
}

static int dump_set(int sock, struct elements *x)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;
	int r;

	ask(&q, x->family, NFT_MSG_GETSETELEM, NLM_F_DUMP);
	nl_put_str(&q, NFTA_SET_ELEM_LIST_TABLE, x->table);
	nl_put_str(&q, NFTA_SET_ELEM_LIST_SET, x->set);
	r = nl_exchange(sock, &q, take_elements, x, NULL);
	return r == -ENOENT ? 0 : r; /* it has gone meanwhile */
}

int nft_elements(int sock, unsigned char family, const char *table, nft_element_fn take, void *data)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;
	CLEANUP_STRBUF struct strbuf names = STRBUF_INIT;
	struct elements x = { .family = family, .table = table, .take = take, .data = data };
	int r = nft_has_table(sock, family, table);

	if (r < 0)
		return r;
	ask(&q, family, NFT_MSG_GETSET, NLM_F_DUMP);
	nl_put_str(&q, NFTA_SET_TABLE, table);
	r = nl_exchange(sock, &q, take_set_name, &names, NULL);
	if (r == 0)
		r = sb_error(&names);
	for (size_t at = 0; r == 0 && at < names.len;) {
		const char *of = names.s + at;

		x.set = of + strlen(of) + 1;
		at += strlen(of) + strlen(x.set) + 2;
		if (strcmp(of, table) == 0)
			r = dump_set(sock, &x);
	}
	return r;
}
