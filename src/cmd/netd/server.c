#include "cmd/netd/netd.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "base/io.h"
#include "base/log.h"

#define TABLE_MAX (16U << 20)
#define TTL 1 /* a second: a container may be gone by then */
#define MOST_ADDRESSES 32
#define ROUND 64 /* queries of one container before the next one's turn */

socklen_t netd_server(const struct ip *ip, struct sockaddr_storage *out)
{
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(53) };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(53) };

	memset(out, 0, sizeof(*out));
	if (ip->len == 16) {
		memcpy(&six.sin6_addr, ip->bytes, 16);
		memcpy(out, &six, sizeof(six));
		return sizeof(six);
	}
	memcpy(&four.sin_addr, ip->bytes, 4);
	memcpy(out, &four, sizeof(four));
	return sizeof(four);
}

/* ---- answers ---- */

/* Several containers of one name: each comes first in its turn. */
static void rotate(struct ip *ips, size_t n)
{
	static unsigned int turn;
	struct ip copy[MOST_ADDRESSES];
	size_t by = n ? turn++ % n : 0;

	memcpy(copy, ips, n * sizeof(*ips));
	for (size_t i = 0; i < n; i++)
		ips[i] = copy[(i + by) % n];
}

/* From the table: 0 when the question is not about ours. */
static size_t own_answer(const struct stub *s, const struct names_member *m, const unsigned char *query, const struct dns_query *q,
			 unsigned char *out, size_t size)
{
	struct ip ips[MOST_ADDRESSES];
	size_t n;

	if (!q->name[0])
		return 0;
	if (q->type == DNS_PTR) {
		struct ip ip;
		const char *name = dns_reverse(q->name, &ip) ? names_of(&s->d->names, m, &ip) : NULL;

		return name ? dns_pointer(query, q, name, TTL, out, size) : 0;
	}
	n = names_find(&s->d->names, m, q->name, ips, ARRAY_LEN(ips));
	if (!n)
		return 0;
	rotate(ips, n);
	return dns_addresses(query, q, ips, n, TTL, out, size);
}

int server_answer(const struct stub *s, const unsigned char *m, size_t len, bool stream, unsigned char *out, const struct ip **servers, size_t *n)
{
	const struct names_member *member = s->member;
	struct dns_query q;
	int r = dns_parse(m, len, &q);
	size_t own;

	if (r < 0)
		return SERVER_DROP;
	if (r > 0)
		return (int)dns_fail(m, &q, r, out);
	if (!member || q.type == DNS_AXFR || q.type == DNS_IXFR) /* the answer to a transfer is more than one message */
		return (int)dns_fail(m, &q, DNS_REFUSED, out);
	own = own_answer(s, member, m, &q, out, stream ? DNS_MESSAGE_MAX : q.udp_size);
	if (own)
		return (int)own;
	if (!names_may_ask(&s->d->names, member) || names_is_inside(&s->d->names, member, q.name))
		return (int)dns_fail(m, &q, DNS_NXDOMAIN, out);
	*servers = member->n_servers ? member->servers : s->d->names.upstreams;
	*n = member->n_servers ? member->n_servers : s->d->names.n_upstreams;
	return *n ? SERVER_FORWARD : (int)dns_fail(m, &q, DNS_SERVFAIL, out);
}

static void on_datagrams(struct loop *l, int fd, uint32_t events, void *data)
{
	static unsigned char in[DNS_MESSAGE_MAX], out[DNS_MESSAGE_MAX];
	struct stub *s = data;

	(void)l;
	(void)events;
	for (int i = 0; i < ROUND; i++) {
		struct sockaddr_in from;
		socklen_t from_len = sizeof(from);
		ssize_t len = recvfrom(fd, in, sizeof(in), MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);
		const struct ip *servers;
		size_t n = 0;
		int r;

		if (len < 0)
			return;
		r = server_answer(s, in, (size_t)len, false, out, &servers, &n);
		if (r == SERVER_FORWARD)
			forward_datagram(s, in, (size_t)len, &from, servers, n);
		else if (r > 0)
			(void)!sendto(fd, out, (size_t)r, MSG_DONTWAIT, (struct sockaddr *)&from, from_len);
	}
}

/* Who administers the container's network can end a socket there, ours too: what is left of it would be reported for ever. */
static void on_connection(struct loop *l, int fd, uint32_t events, void *data)
{
	struct stub *s = data;

	(void)fd;
	if (!(events & (EPOLLHUP | EPOLLERR))) {
		stream_accept(s);
		return;
	}
	loop_remove(l, s->on_tcp);
	s->on_tcp = NULL;
}

/* ---- containers ---- */

static void stub_free(struct stub *s)
{
	if (s->member)
		s->member->served = false;
	forward_forget(s->d, s);
	stream_forget(s->d, s);
	loop_remove(s->d->loop, s->on_udp);
	loop_remove(s->d->loop, s->on_tcp);
	close_fd(s->udp);
	close_fd(s->tcp);
	free(s);
}

/* Those that keep says no to. */
static void forget(struct netd *d, bool (*keep)(const struct netd *d, const struct stub *s, const void *data), const void *data)
{
	for (struct stub **at = &d->stubs; *at;) {
		struct stub *s = *at;

		if (keep(d, s, data)) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		stub_free(s);
	}
}

static bool is_listed(const struct netd *d, const struct stub *s, const void *data)
{
	(void)d;
	(void)data;
	return s->member;
}

static bool is_another(const struct netd *d, const struct stub *s, const void *data)
{
	(void)d;
	return strcmp(s->id, data) != 0;
}

static bool is_nobody(const struct netd *d, const struct stub *s, const void *data)
{
	(void)d;
	(void)s;
	(void)data;
	return false;
}

static void attach(struct stub *s)
{
	s->member = names_member(&s->d->names, s->id);
	if (s->member)
		s->member->served = true;
}

int server_add(struct netd *d, const char *id, int udp, int tcp, struct err *e)
{
	struct stub *s = calloc(1, sizeof(*s));
	int r;

	forget(d, is_another, id);
	if (!s) {
		close_fd(udp);
		close_fd(tcp);
		return err_errno(e, -ENOMEM, "a container's name server");
	}
	*s = (struct stub){ .d = d, .udp = udp, .tcp = tcp };
	memcpy(s->id, id, strnlen(id, NAMES_ID_LEN));
	r = loop_add(d->loop, udp, EPOLLIN, on_datagrams, s, &s->on_udp);
	if (r == 0)
		r = loop_add(d->loop, tcp, EPOLLIN, on_connection, s, &s->on_tcp);
	if (r < 0) {
		stub_free(s);
		return err_errno(e, r, "watch a container's name server");
	}
	s->next = d->stubs;
	d->stubs = s;
	attach(s);
	return 0;
}

void server_missing(const struct netd *d, char out[STUB_MISSING * NAMES_ID_LEN + 1])
{
	size_t n = 0;

	*out = '\0';
	for (size_t i = 0; i < d->names.n_members && n < STUB_MISSING; i++)
		if (!d->names.members[i].served)
			memcpy(out + n++ * NAMES_ID_LEN, d->names.members[i].id, NAMES_ID_LEN + 1);
}

static void take_names(struct netd *d, struct names *names)
{
	names_free(&d->names);
	d->names = *names;
	for (struct stub *s = d->stubs; s; s = s->next)
		attach(s);
	forget(d, is_listed, NULL);
}

int server_table(struct netd *d, int fd, struct err *e)
{
	struct names names = NAMES_INIT;
	off_t len = lseek(fd, 0, SEEK_END);
	char *text;
	int r;

	if (len < 0 || len > TABLE_MAX)
		return err_errno(e, len < 0 ? -errno : -EFBIG, "the table of names");
	if (len == 0) {
		take_names(d, &names);
		return 0;
	}
	text = mmap(NULL, (size_t)len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (text == MAP_FAILED)
		return err_errno(e, -errno, "the table of names");
	r = names_parse(text, (size_t)len, &names, e);
	munmap(text, (size_t)len);
	if (r < 0) {
		names_free(&names);
		return r;
	}
	take_names(d, &names);
	return 0;
}

void server_end(struct netd *d)
{
	forget(d, is_nobody, NULL);
	names_free(&d->names);
}
