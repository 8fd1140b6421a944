#include "sys/nft.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>
#include <sys/socket.h>

/* What nft(8) keeps with an element: a type, a length, the text. */
#define UDATA_COMMENT 0

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

static void begin(struct nl_batch *q, uint16_t type, uint16_t flags)
{
	const struct nfgenmsg g = { .nfgen_family = NFPROTO_INET, .version = NFNETLINK_V0 };

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

	udata[0] = UDATA_COMMENT;
	udata[1] = (unsigned char)(len + 1);
	memcpy(udata + 2, comment, len);
	udata[2 + len] = '\0';
	nl_put(q, NFTA_SET_ELEM_USERDATA, udata, len + 3);
}

static void element(struct nl_batch *q, uint16_t type, uint16_t flags, const char *table, const struct nft_element *el)
{
	size_t list, one;

	begin(q, type, flags);
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

void nft_add(struct nl_batch *q, const char *table, const struct nft_element *el)
{
	element(q, NFT_MSG_NEWSETELEM, NLM_F_CREATE, table, el);
}

void nft_remove(struct nl_batch *q, const char *table, const struct nft_element *el)
{
	struct nft_element bare = *el;

	bare.value.len = 0;
	bare.comment = NULL;
	element(q, NFT_MSG_DELSETELEM, 0, table, &bare);
}

int nft_commit(int sock, struct nl_batch *q, uint32_t *failed)
{
	int r;

	/* the last element is answered, whatever became of it; an earlier one only when it failed */
	if (sb_error(&q->b) == 0 && q->n > 1) {
		((struct nlmsghdr *)(void *)(q->b.s + q->at))->nlmsg_flags |= NLM_F_ACK;
		q->acked = q->n;
	}
	mark(q, NFNL_MSG_BATCH_END, 0);
	r = nl_exchange(sock, q, NULL, NULL, failed);
	if (failed && *failed)
		--*failed; /* the batch's own head is not counted */
	return r;
}

int nft_has_table(int sock, const char *table)
{
	CLEANUP_NL struct nl_batch q = NL_BATCH_INIT;

	begin(&q, NFT_MSG_GETTABLE, NLM_F_ACK);
	nl_put_str(&q, NFTA_TABLE_NAME, table);
	return nl_exchange(sock, &q, NULL, NULL, NULL);
}
