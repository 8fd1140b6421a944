/* Whoever sends a datagram to one of the host's addresses has a flow: a socket of its own towards the container, by which answers find their
 * way back. It is forgotten when nothing came or went for a while, and the one that was silent the longest when there are too many. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "monitor/relay_impl.h"

#define MOST_FLOWS 256U /* of one port */
#define SILENCE_MS 120000
#define LOOK_NS 30000000000LL
#define ROUNDS 64
#define DATAGRAM_MAX 65535

struct flow {
	struct listener *l;
	struct sockaddr_in6 from;
	struct in6_addr at; /* the address that it asked */
	int fd;
	int64_t used; /* clock_ms() */
	struct loop_source *source;
	struct flow *next;
};

static unsigned char buffer[DATAGRAM_MAX];
static unsigned int all_flows; /* of this worker */

static void flow_free(struct flow *f)
{
	struct listener *l = f->l;

	for (struct flow **at = &l->flows; *at; at = &(*at)->next)
		if (*at == f) {
			*at = f->next;
			break;
		}
	l->n--;
	all_flows--;
	loop_remove(l->loop, f->source);
	close_fd(f->fd);
	free(f);
}

static void on_timer(struct loop *loop, int fd, uint32_t events, void *data)
{
	struct listener *l = data;
	int64_t now = clock_ms();

	(void)fd;
	(void)events;
	l->timer = NULL;
	for (struct flow *f = l->flows, *next; f; f = next) {
		next = f->next;
		if (now - f->used > SILENCE_MS)
			flow_free(f);
	}
	if (l->flows && loop_timer(loop, LOOK_NS, on_timer, l, &l->timer) < 0)
		l->timer = NULL;
}

/* ---- back ---- */

static void answer(const struct flow *f, size_t len)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	} control = { 0 };
	const struct in6_pktinfo info = { .ipi6_addr = f->at };
	struct iovec iov = { buffer, len };
	struct msghdr m = { .msg_name = (void *)&f->from, .msg_namelen = sizeof(f->from), .msg_iov = &iov, .msg_iovlen = 1,
			    .msg_control = &control, .msg_controllen = sizeof(control) };

	control.head = (struct cmsghdr){ .cmsg_level = IPPROTO_IPV6, .cmsg_type = IPV6_PKTINFO, .cmsg_len = CMSG_LEN(sizeof(info)) };
	memcpy(CMSG_DATA(&control.head), &info, sizeof(info));
	(void)!sendmsg(f->l->fd, &m, MSG_DONTWAIT);
}

static void on_flow(struct loop *loop, int fd, uint32_t events, void *data)
{
	struct flow *f = data;

	(void)loop;
	(void)events;
	for (int i = 0; i < ROUNDS; i++) {
		ssize_t n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			flow_free(f); /* nobody listens there */
			return;
		}
		f->used = clock_ms();
		answer(f, (size_t)n);
	}
}

/* ---- there ---- */

static void drop_oldest(struct listener *l)
{
	struct flow *oldest = l->flows;

	for (struct flow *f = l->flows; f; f = f->next)
		if (f->used < oldest->used)
			oldest = f;
	if (oldest)
		flow_free(oldest);
}

static struct flow *begin(struct listener *l, const struct sockaddr_in6 *from, const struct in6_addr *at)
{
	struct flow *f;

	if (l->n >= MOST_FLOWS || all_flows >= relay_room() / RELAY_UDP_PART)
		drop_oldest(l);
	f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	*f = (struct flow){ .l = l, .from = *from, .at = *at, .fd = relay_connect(&l->relay, l->port, SOCK_DGRAM) };
	if (f->fd < 0 || loop_add(l->loop, f->fd, EPOLLIN, on_flow, f, &f->source) < 0) {
		close_fd(f->fd);
		free(f);
		return NULL;
	}
	f->next = l->flows;
	l->flows = f;
	l->n++;
	all_flows++;
	if (!l->timer && loop_timer(l->loop, LOOK_NS, on_timer, l, &l->timer) < 0)
		l->timer = NULL;
	return f;
}

static bool same_address(const struct in6_addr *a, const struct in6_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static struct flow *find(const struct listener *l, const struct sockaddr_in6 *from, const struct in6_addr *at)
{
	for (struct flow *f = l->flows; f; f = f->next)
		if (f->from.sin6_port == from->sin6_port && f->from.sin6_scope_id == from->sin6_scope_id && same_address(&f->from.sin6_addr, &from->sin6_addr) &&
		    same_address(&f->at, at))
			return f;
	return NULL;
}

static ssize_t receive(int fd, struct sockaddr_in6 *from, struct in6_addr *at)
{
	union {
		struct cmsghdr head;
		char space[256];
	} control;
	struct iovec iov = { buffer, sizeof(buffer) };
	struct msghdr m = { .msg_name = from, .msg_namelen = sizeof(*from), .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);

	memset(at, 0, sizeof(*at));
	for (struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)
			memcpy(at, &((const struct in6_pktinfo *)(const void *)CMSG_DATA(c))->ipi6_addr, sizeof(*at));
	return n;
}

void relay_udp_receive(struct listener *l)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct sockaddr_in6 from;
		struct in6_addr at;
		ssize_t n = receive(l->fd, &from, &at);
		struct flow *f;

		if (n < 0)
			return;
		f = find(l, &from, &at);
		if (!f)
			f = begin(l, &from, &at);
		if (!f)
			continue;
		f->used = clock_ms();
		(void)!send(f->fd, buffer, (size_t)n, MSG_DONTWAIT);
	}
}

void relay_udp_end(struct listener *l)
{
	while (l->flows)
		flow_free(l->flows);
	loop_remove(l->loop, l->timer);
	l->timer = NULL;
}
