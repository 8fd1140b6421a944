/* Answers come in datagrams of several messages; a request is answered by one NLMSG_ERROR (0 = done), a dump by messages up to
 * NLMSG_DONE. One that did not ask for an answer gets one all the same when it failed. */
#include "sys/netlink.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "sys/ns.h"

#define BUF_SIZE 32768U

void nl_free(struct nl_batch *q)
{
	sb_free(&q->b);
	*q = (struct nl_batch)NL_BATCH_INIT;
}

static struct nlmsghdr *head(struct nl_batch *q)
{
	return (void *)(q->b.s + q->at);
}

/* The open message grows with the buffer. */
static void grow(struct nl_batch *q, const void *data, size_t len)
{
	sb_add(&q->b, data, len);
	sb_fill(&q->b, '\0', nl_align(len) - len);
	if (sb_error(&q->b) == 0)
		head(q)->nlmsg_len = (uint32_t)(q->b.len - q->at);
}

void nl_begin(struct nl_batch *q, uint16_t type, uint16_t flags, const void *body, size_t len)
{
	const struct nlmsghdr h = { .nlmsg_len = sizeof(h), .nlmsg_type = type, .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags),
				    .nlmsg_seq = ++q->n };

	q->at = q->b.len;
	if (flags & (NLM_F_ACK | NLM_F_DUMP))
		q->acked = q->n;
	sb_add(&q->b, &h, sizeof(h));
	grow(q, body, len);
}

void nl_put(struct nl_batch *q, uint16_t type, const void *data, size_t len)
{
	const struct nlattr a = { .nla_len = (uint16_t)(sizeof(struct nlattr) + len), .nla_type = type };

	sb_add(&q->b, &a, sizeof(a));
	grow(q, data, len);
}

void nl_put_u32(struct nl_batch *q, uint16_t type, uint32_t v)
{
	nl_put(q, type, &v, sizeof(v));
}

void nl_put_str(struct nl_batch *q, uint16_t type, const char *s)
{
	nl_put(q, type, s, strlen(s) + 1);
}

void nl_put_raw(struct nl_batch *q, const void *data, size_t len)
{
	grow(q, data, len);
}

size_t nl_nest(struct nl_batch *q, uint16_t type)
{
	size_t at = q->b.len;

	nl_put(q, type | NLA_F_NESTED, "", 0);
	return at;
}

void nl_nest_end(struct nl_batch *q, size_t at)
{
	if (sb_error(&q->b) == 0)
		((struct nlattr *)(void *)(q->b.s + at))->nla_len = (uint16_t)(q->b.len - at);
}

int nl_open(int protocol)
{
	CLEANUP_FD int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	struct sockaddr_nl sa = { .nl_family = AF_NETLINK };

	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return -errno;
	return take_fd(&fd);
}

/* A socket works in the namespace it was opened in. Not to come back would be worse than to fail. */
int nl_open_in(int netns, int protocol)
{
	CLEANUP_FD int home = openat(AT_FDCWD, "/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	CLEANUP_FD int fd = -1;
	int r = home < 0 ? -errno : ns_enter(netns, CLONE_NEWNET);

	if (r < 0)
		return r;
	fd = nl_open(protocol);
	if (ns_enter(home, CLONE_NEWNET) < 0)
		abort();
	return take_fd(&fd);
}

/* ---- one exchange ---- */

struct answers {
	uint32_t acked;
	nl_take_fn take;
	void *data;
	int error; /* the first */
	uint32_t failed;
	bool lost;        /* there were more than the socket holds */
	bool interrupted; /* what a dump walked over was changed meanwhile */
};

/* A dump ends with a number: what it failed with, or none. */
static int take_done(const struct nlmsghdr *m, struct answers *x)
{
	int32_t code = 0;

	if (m->nlmsg_len >= NLMSG_LENGTH(sizeof(code)))
		memcpy(&code, NLMSG_DATA(m), sizeof(code));
	if (code < 0 && x->error == 0)
		x->error = code;
	return 1;
}

/* 1: the exchange is over. */
static int take_answer(const struct nlmsghdr *m, struct answers *x)
{
	const struct nlmsgerr *failure = NLMSG_DATA(m);

	x->interrupted = x->interrupted || (m->nlmsg_flags & NLM_F_DUMP_INTR && m->nlmsg_type != NLMSG_ERROR);
	if (m->nlmsg_type == NLMSG_DONE)
		return take_done(m, x);
	if (m->nlmsg_type != NLMSG_ERROR) {
		if (x->take)
			x->take(m, x->data);
		return 0;
	}
	if (m->nlmsg_len < NLMSG_LENGTH(sizeof(*failure)))
		return -EBADMSG;
	if (failure->error < 0 && x->error == 0) {
		x->error = failure->error;
		x->failed = m->nlmsg_seq - 1;
	}
	/* an error of the first may be all that is said: of a batch that nobody looked into */
	return m->nlmsg_seq == x->acked || (failure->error < 0 && m->nlmsg_seq == 1);
}

static int take_datagram(const char *buf, size_t len, struct answers *x)
{
	const struct nlmsghdr *m;
	int r = 0;

	for (size_t at = 0; r == 0 && len >= at + sizeof(*m); at += NLMSG_ALIGN(m->nlmsg_len)) {
		m = (const void *)(buf + at);
		if (m->nlmsg_len < sizeof(*m) || m->nlmsg_len > len - at)
			return -EBADMSG;
		r = take_answer(m, x);
	}
	return r;
}

/* Of many messages that fail each has its answer, and they may be more than the socket holds: the first ones are there, and the kernel has
 * nothing more to say by the time that it tells so. */
static int receive(int sock, struct answers *x)
{
	CLEANUP_FREE char *buf = malloc(BUF_SIZE);
	int r = 0;

	if (!buf)
		return -ENOMEM;
	while (r == 0) {
		ssize_t n = recv(sock, buf, BUF_SIZE, MSG_TRUNC | (x->lost ? MSG_DONTWAIT : 0));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == ENOBUFS) {
			x->lost = true;
			continue;
		}
		if (n < 0 && errno == EAGAIN && x->lost)
			r = x->error ? 1 : -ENOBUFS;
		else
			r = n < 0 ? -errno : n > (ssize_t)BUF_SIZE ? -EMSGSIZE : take_datagram(buf, (size_t)n, x);
	}
	if (r < 0 || x->error)
		return r < 0 ? r : x->error;
	return x->interrupted ? -EINTR : 0;
}

/* A message is refused that is longer than the socket's share of memory. */
static int send_all(int sock, const struct strbuf *b)
{
	const int room = b->len < INT_MAX / 4 ? (int)b->len + (int)b->len / 8 + 4096 : INT_MAX / 4;

	if (send(sock, b->s, b->len, 0) >= 0)
		return 0;
	if (errno != EMSGSIZE)
		return -errno;
	if (setsockopt(sock, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) < 0)
		return -EMSGSIZE;
	return send(sock, b->s, b->len, 0) < 0 ? -errno : 0;
}

int nl_exchange(int sock, struct nl_batch *q, nl_take_fn take, void *data, uint32_t *failed)
{
	struct answers x = { .acked = q->acked, .take = take, .data = data };
	int r = sb_error(&q->b);

	if (r == 0)
		r = send_all(sock, &q->b);
	if (r == 0)
		r = receive(sock, &x);
	sb_reset(&q->b);
	q->n = q->acked = 0;
	if (failed)
		*failed = x.failed;
	return r;
}

/* ---- attributes ---- */

bool nl_each(const struct nlmsghdr *m, size_t body, const struct nlattr **a)
{
	const char *end = (const char *)m + m->nlmsg_len;
	const char *at = *a ? (const char *)*a + nl_align((*a)->nla_len) : (const char *)m + NLMSG_HDRLEN + nl_align(body);

	if (end - at < (ptrdiff_t)sizeof(**a))
		return false;
	*a = (const void *)at;
	return (*a)->nla_len >= sizeof(**a) && (*a)->nla_len <= end - at;
}

const void *nl_data(const struct nlattr *a)
{
	return a + 1;
}

size_t nl_len(const struct nlattr *a)
{
	return a->nla_len - sizeof(*a);
}
