/* Each question goes out on a socket of its own, connected to the server that is asked: the kernel gives it a port that nobody can foresee,
 * and lets no other sender in. The id is random as well, and the question must come back. */
#include "cmd/netd/netd.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#define MOST_ASKS 512
#define MOST_OF_ONE 64 /* container: the others want to ask as well, many together included (make_room()) */
#define QUERY_MAX 4096
#define PATIENCE_NS 2000000000LL
#define ROUNDS 2U

struct ask {
	struct stub *s;
	struct sockaddr_in from;
	unsigned char id[2]; /* the asker's */
	struct ip servers[NAMES_SERVERS];
	size_t n_servers, tried; /* tried: of all rounds */
	int fd;
	struct loop_source *on_answer, *timer;
	struct ask *next;
	size_t len;
	unsigned char query[];
};

static void stop_waiting(struct ask *a)
{
	loop_remove(a->s->d->loop, a->on_answer);
	loop_remove(a->s->d->loop, a->timer);
	a->on_answer = a->timer = NULL;
	a->fd = close_fd(a->fd);
}

static void ask_end(struct ask *a)
{
	struct netd *d = a->s->d;

	for (struct ask **at = &d->asks; *at; at = &(*at)->next)
		if (*at == a) {
			*at = a->next;
			break;
		}
	d->n_asks--;
	a->s->n_asks--;
	stop_waiting(a);
	free(a);
}

static void reply(struct ask *a, unsigned char *m, size_t len)
{
	memcpy(m, a->id, 2);
	(void)!sendto(a->s->udp, m, len, MSG_DONTWAIT, (struct sockaddr *)&a->from, sizeof(a->from));
}

static void give_up(struct ask *a)
{
	unsigned char out[DNS_UDP_LEAST + DNS_NAME_LEN];
	struct dns_query q;

	if (dns_parse(a->query, a->len, &q) == 0)
		reply(a, out, dns_fail(a->query, &q, DNS_SERVFAIL, out));
	ask_end(a);
}

static void try_next(struct ask *a);

static void on_answer(struct loop *l, int fd, uint32_t events, void *data)
{
	static unsigned char m[DNS_MESSAGE_MAX];
	struct ask *a = data;
	ssize_t len = recv(fd, m, sizeof(m), MSG_DONTWAIT);
	struct dns_query q;

	(void)l;
	(void)events;
	if (len < 0 && errno == EAGAIN)
		return;
	if (len < 0) {
		try_next(a); /* nobody is there */
		return;
	}
	if (!dns_answers(a->query, a->len, m, (size_t)len))
		return;
	if (dns_gave_up(m) && a->tried < a->n_servers) { /* as the C library does, whose list of servers is behind ours */
		try_next(a);
		return;
	}
	if (dns_parse(a->query, a->len, &q) == 0 && (size_t)len > q.udp_size)
		len = (ssize_t)dns_truncate(m, &q);
	reply(a, m, (size_t)len);
	ask_end(a);
}

static void on_timeout(struct loop *l, int fd, uint32_t events, void *data)
{
	struct ask *a = data;

	(void)l;
	(void)fd;
	(void)events;
	a->timer = NULL; /* it has fired, and is gone */
	try_next(a);
}

/* One server; false: it cannot be reached at all. */
static bool send_to(struct ask *a, const struct ip *server)
{
	struct sockaddr_storage sa;
	socklen_t sa_len = netd_server(server, &sa);
	uint16_t id;

	a->fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (a->fd < 0 || getrandom(&id, sizeof(id), 0) != sizeof(id) || connect(a->fd, (struct sockaddr *)&sa, sa_len) < 0)
		return false;
	memcpy(a->query, &id, 2);
	return send(a->fd, a->query, a->len, MSG_DONTWAIT) >= 0 && loop_add(a->s->d->loop, a->fd, EPOLLIN, on_answer, a, &a->on_answer) == 0 &&
	       loop_timer(a->s->d->loop, PATIENCE_NS, on_timeout, a, &a->timer) == 0;
}

static void try_next(struct ask *a)
{
	while (a->tried < ROUNDS * a->n_servers) {
		const struct ip *server = &a->servers[a->tried++ % a->n_servers];

		stop_waiting(a);
		if (send_to(a, server))
			return;
	}
	give_up(a);
}

static void refuse(const struct stub *s, const unsigned char *m, size_t len, const struct sockaddr_in *from)
{
	unsigned char out[DNS_UDP_LEAST + DNS_NAME_LEN];
	struct dns_query q;

	if (dns_parse(m, len, &q) == 0)
		(void)!sendto(s->udp, out, dns_fail(m, &q, DNS_SERVFAIL, out), MSG_DONTWAIT, (const struct sockaddr *)from, sizeof(*from));
}

/* Of all that may wait whoever has the most gives one up, his oldest, for one who has less. */
static bool make_room(const struct stub *s)
{
	struct netd *d = s->d;
	const struct stub *most = s;
	struct ask *oldest = NULL;

	if (d->n_asks < MOST_ASKS)
		return true;
	for (const struct stub *o = d->stubs; o; o = o->next)
		if (o->n_asks > most->n_asks)
			most = o;
	if (most->n_asks <= s->n_asks + 1)
		return false;
	for (struct ask *a = d->asks; a; a = a->next)
		if (a->s == most)
			oldest = a;
	if (oldest)
		give_up(oldest);
	return oldest;
}

void forward_datagram(struct stub *s, const unsigned char *m, size_t len, const struct sockaddr_in *from, const struct ip *servers, size_t n)
{
	struct netd *d = s->d;
	bool may = len <= QUERY_MAX && s->n_asks < MOST_OF_ONE && make_room(s);
	struct ask *a = may ? calloc(1, sizeof(*a) + len) : NULL;

	if (!a) {
		refuse(s, m, len, from);
		return;
	}
	*a = (struct ask){ .s = s, .from = *from, .n_servers = n, .fd = -1, .next = d->asks, .len = len };
	memcpy(a->id, m, 2);
	memcpy(a->query, m, len);
	memcpy(a->servers, servers, n * sizeof(*servers));
	d->asks = a;
	d->n_asks++;
	s->n_asks++;
	try_next(a);
}

void forward_forget(struct netd *d, const struct stub *s)
{
	for (struct ask *a = d->asks, *next; a; a = next) {
		next = a->next;
		if (a->s == s)
			ask_end(a);
	}
}
