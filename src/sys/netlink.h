/* netlink(7): messages put together in a buffer and sent as one, and what the kernel answers. What is said with it is in
 * sys/rtnl.h (links, addresses, routes), sys/nft.h (elements of sets) and sys/netdev.h (moving a device).
 *
 * Errors are sticky as in strbuf: nl_exchange() tells that there was no memory. */
#ifndef TARE_SYS_NETLINK_H
#define TARE_SYS_NETLINK_H

#include <linux/netlink.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/strbuf.h"

struct nl_batch {
	struct strbuf b;
	size_t at;      /* where the open message begins */
	uint32_t n;     /* messages so far; their sequence numbers count from 1 */
	uint32_t acked; /* the last one that asks for an answer */
};
#define NL_BATCH_INIT { .b = STRBUF_INIT }
void nl_free(struct nl_batch *q);
#define CLEANUP_NL CLEANUP(nl_free)

static inline size_t nl_align(size_t len)
{
	return (len + 3) & ~(size_t)3;
}

/* A new message with its family's struct; NLM_F_REQUEST is added to flags. */
void nl_begin(struct nl_batch *q, uint16_t type, uint16_t flags, const void *body, size_t len);
/* Attributes of the last message, or of the nest that is open. */
void nl_put(struct nl_batch *q, uint16_t type, const void *data, size_t len);
void nl_put_u32(struct nl_batch *q, uint16_t type, uint32_t v);
void nl_put_str(struct nl_batch *q, uint16_t type, const char *s); /* with its NUL */
/* Bytes as they are, padded. */
void nl_put_raw(struct nl_batch *q, const void *data, size_t len);
/* Attributes within an attribute: nl_nest() gives what nl_nest_end() wants. */
size_t nl_nest(struct nl_batch *q, uint16_t type);
void nl_nest_end(struct nl_batch *q, size_t at);

/* A socket for a protocol (NETLINK_ROUTE, NETLINK_NETFILTER) of our network namespace, or of that fd netns refers to. The second
 * is for single-threaded callers: the calling thread enters netns for a moment. */
int nl_open(int protocol) MUST_CHECK;
int nl_open_in(int netns, int protocol) MUST_CHECK;

/* How often a dump is asked for that was interrupted: others change that much no more often. */
#define NL_DUMP_TRIES 10

/* Each message that is no acknowledgement goes to take (may be NULL). */
typedef void (*nl_take_fn)(const struct nlmsghdr *m, void *data);

/* Sends all of it and waits for the answer to the last message that wants one (NLM_F_ACK or a dump). The first error of any of the
 * messages is the result, and *failed (may be NULL) its number, from 0. Empties the batch. -EINTR: of a dump, which something was changed
 * under meanwhile: what take got may be less than all, or some of it twice; it is to be asked for again. */
int nl_exchange(int sock, struct nl_batch *q, nl_take_fn take, void *data, uint32_t *failed) MUST_CHECK;

/* The attributes behind the family's struct of `body` bytes: one after the other into *a, false after the last. NULL first. */
bool nl_each(const struct nlmsghdr *m, size_t body, const struct nlattr **a);
const void *nl_data(const struct nlattr *a);
size_t nl_len(const struct nlattr *a); /* of the data */

#endif
