/* nf_tables by nfnetlink: elements of named sets and maps, added and removed in one transaction (a batch), and what tables and chains
 * there are. Tables, chains and rules are loaded by nft(8) itself, see net/firewall.h. */
#ifndef TARE_SYS_NFT_H
#define TARE_SYS_NFT_H

#include <stdbool.h>

#include "base/ip.h"
#include "sys/netlink.h"

/* A key or a value: fields one after the other, each padded to 4 bytes, as the kernel compares them. */
struct nft_data {
	unsigned char bytes[64];
	unsigned char len;
};
/* Appends a field. */
void nft_field(struct nft_data *d, const void *bytes, size_t len);

struct nft_element {
	unsigned char family; /* of the table: NFPROTO_*; 0: inet */
	const char *set;
	struct nft_data key;
	struct nft_data end;   /* of an interval; len 0: none */
	struct nft_data value; /* of a map; len 0: none */
	const char *comment;   /* at most 127 bytes; NULL: none */
};

/* An open batch: nft_begin(), nft_change() for each element, nft_commit(). add false takes it away. */
void nft_begin(struct nl_batch *q);
void nft_change(struct nl_batch *q, const char *table, bool add, const struct nft_element *el);
/* All or nothing. -ENOENT: no such table or set, or an element to be removed is not there. -EEXIST, -EBUSY: an element with that key
 * has another value. *failed as in nl_exchange(), the number of the element. */
int nft_commit(int sock, struct nl_batch *q, uint32_t *failed) MUST_CHECK;

/* A table of family ip that is made anew, with one chain for what leaves the machine itself: what goes to `at` and a port is sent to another
 * port there. Between nft_begin() and nft_commit(). */
void nft_local_table(struct nl_batch *q, const char *table);
void nft_local_port(struct nl_batch *q, const char *table, const struct ip *at, unsigned char proto, uint16_t port, uint16_t to);

int nft_has_table(int sock, unsigned char family, const char *table) MUST_CHECK; /* 0, -ENOENT */
/* The number that the kernel gave it; made anew, a table has another. -ENOENT. */
int nft_table_handle(int sock, unsigned char family, const char *table, uint64_t *out) MUST_CHECK;
int nft_has_element(int sock, const char *table, const struct nft_element *el) MUST_CHECK; /* 0, -ENOENT */

#define NFT_UDATA_COMMENT 0 /* of an element's user data, as libnftnl has it: type, length, bytes */
#define NFT_NAME_LEN 256 /* the kernel's NFT_NAME_MAXLEN, with the NUL */
/* A chain of anybody's, as the kernel lists it. */
struct nft_chain {
	unsigned char family;    /* NFPROTO_* */
	const char *table, *name;
	const char *type;        /* of a base chain: "filter", "nat"; else "" */
	int hook;                /* NF_INET_*; -1: no base chain */
	bool drops;              /* its policy */
	uint32_t uses;           /* rules in it and jumps to it */
};
typedef void (*nft_chain_fn)(const struct nft_chain *c, void *data);
/* All chains of all families. -EINTR, as of the next one: nl_exchange() says what that is. */
int nft_chains(int sock, nft_chain_fn take, void *data) MUST_CHECK;
/* Whether rules of a chain itself, not of those it jumps to, drop or reject what they meet. */
enum nft_refusal {
	NFT_REFUSES_NOTHING,
	NFT_REFUSES_SOME,
	NFT_REFUSES_REST, /* one of them whatever gets there */
};
/* One of these, or -errno. *by_group: a rule of it asks for the group of the device something came from. */
int nft_chain_refuses(int sock, unsigned char family, const char *table, const char *chain, bool *by_group) MUST_CHECK;
/* How many chains, sets and rules a table has, together; -ENOENT. */
int nft_count(int sock, unsigned char family, const char *table, uint32_t *n) MUST_CHECK;

typedef void (*nft_element_fn)(const struct nft_element *el, void *data);
/* The elements of a table's named sets and maps that have a comment: their family, set, key, end and comment. What take() is given lives while
 * it runs. -ENOENT: no such table; -EINTR, as of the next one: nl_exchange() says what that is. */
int nft_elements(int sock, unsigned char family, const char *table, nft_element_fn take, void *data) MUST_CHECK;

/* What others do to a table. */
struct nft_watch {
	int sock;   /* non-blocking, to be polled; who has it needs no right any more */
	bool taken; /* by the transaction whose end is still to come */
};
#define NFT_WATCH_INIT { .sock = -1 }
/* Needs CAP_NET_ADMIN. */
int nft_watch(struct nft_watch *w) MUST_CHECK;
/* Reads what is there. 1: something of the table was taken away by a program of another name than `ours`, or nobody knows, for messages
 * were lost; 0: no; or -errno. */
int nft_watch_read(struct nft_watch *w, const char *table, const char *ours) MUST_CHECK;

#endif
