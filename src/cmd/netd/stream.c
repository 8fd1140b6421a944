/* A connection is served one query at a time: read it whole, answer it ourselves or fetch the answer by TCP from a name server, write it,
 * read the next. Each message has its length in front (RFC 1035, 4.2.2). Whoever is slow or silent is cut off; of name servers only the last one
 * is waited for as long. */
#include "cmd/netd/netd.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define MOST_RELAYS 256
#define MOST_OF_ONE 16 /* container: what it leaves open takes nothing from the others, nor what many do (make_room()) */
#define QUERY_MAX 4096
#define PATIENCE_NS 10000000000LL
#define SERVER_NS 2000000000LL /* until the next one is asked */

struct message {
	unsigned char *m; /* with its length in front */
	size_t len, done; /* len 0: not known yet */
};

struct relay {
	struct stub *s;
	int client, server;
	struct loop_source *on_client, *on_server, *timer, *server_timer;
	struct message query, answer;
	struct ip servers[NAMES_SERVERS];
	size_t n_servers, tried;
	struct relay *next;
};

static void message_reset(struct message *x)
{
	free(x->m);
	*x = (struct message){ 0 };
}

static void close_server(struct relay *r)
{
	loop_remove(r->s->d->loop, r->on_server);
	loop_remove(r->s->d->loop, r->server_timer);
	r->on_server = r->server_timer = NULL;
	r->server = close_fd(r->server);
}

static void relay_end(struct relay *r)
{
	struct netd *d = r->s->d;

	for (struct relay **at = &d->relays; *at; at = &(*at)->next)
		if (*at == r) {
			*at = r->next;
			break;
		}
	d->n_relays--;
	r->s->n_relays--;
	loop_remove(d->loop, r->on_client);
	loop_remove(d->loop, r->timer);
	close_server(r);
	close_fd(r->client);
	message_reset(&r->query);
	message_reset(&r->answer);
	free(r);
}

/* 1: the message is whole, 0: more is to come, negative: the connection is over. */
static int read_message(int fd, struct message *x, size_t most)
{
	if (!x->m) {
		x->m = malloc(most + 2);
		if (!x->m)
			return -ENOMEM;
		x->len = 2;
	}
	for (;;) {
		ssize_t n = recv(fd, x->m + x->done, x->len - x->done, MSG_DONTWAIT);

		if (n <= 0)
			return n == 0 ? -ECONNRESET : errno == EAGAIN ? 0 : -errno;
		x->done += (size_t)n;
		if (x->done < x->len)
			continue;
		if (x->len > 2)
			return 1;
		x->len = 2 + ((size_t)x->m[0] << 8 | x->m[1]);
		if (x->len == 2 || x->len > most + 2)
			return -EMSGSIZE;
	}
}

/* The same for writing. */
static int write_message(int fd, struct message *x)
{
	while (x->done < x->len) {
		ssize_t n = send(fd, x->m + x->done, x->len - x->done, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		x->done += (size_t)n;
	}
	return 1;
}

static bool set_answer(struct relay *r, const unsigned char *m, size_t len)
{
	message_reset(&r->answer);
	r->answer.m = malloc(len + 2);
	if (!r->answer.m)
		return false;
	r->answer.m[0] = (unsigned char)(len >> 8);
	r->answer.m[1] = (unsigned char)len;
	memcpy(r->answer.m + 2, m, len);
	r->answer.len = len + 2;
	return true;
}

/* ---- the name server's side ---- */

static bool give_answer(struct relay *r);
static bool try_server(struct relay *r);

static bool is_final(const struct relay *r)
{
	return dns_answers(r->query.m + 2, r->query.len - 2, r->answer.m + 2, r->answer.len - 2) &&
	       (r->tried == r->n_servers || !dns_gave_up(r->answer.m + 2));
}

static void on_server(struct loop *l, int fd, uint32_t events, void *data)
{
	struct relay *r = data;
	int n = 1;

	if (r->query.done < r->query.len)
		n = write_message(fd, &r->query);
	if (n == 1 && r->query.done == r->query.len) {
		n = loop_modify(l, r->on_server, EPOLLIN);
		if (n == 0 && events & (EPOLLIN | EPOLLHUP | EPOLLERR))
			n = read_message(fd, &r->answer, DNS_MESSAGE_MAX);
	}
	if (n == 1 && is_final(r)) {
		close_server(r);
		r->answer.done = 0;
		if (!give_answer(r))
			relay_end(r);
	} else if (n != 0 && !try_server(r)) {
		relay_end(r);
	}
}

static void on_slow_server(struct loop *l, int fd, uint32_t events, void *data)
{
	struct relay *r = data;

	(void)l;
	(void)fd;
	(void)events;
	r->server_timer = NULL;
	if (!try_server(r))
		relay_end(r);
}

static bool connect_to(struct relay *r, const struct ip *server)
{
	struct loop *l = r->s->d->loop;
	struct sockaddr_storage sa;
	socklen_t len = netd_server(server, &sa);

	r->server = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return r->server >= 0 && (connect(r->server, (struct sockaddr *)&sa, len) == 0 || errno == EINPROGRESS) &&
	       loop_add(l, r->server, EPOLLOUT | EPOLLIN, on_server, r, &r->on_server) == 0 &&
	       (r->tried == r->n_servers || loop_timer(l, SERVER_NS, on_slow_server, r, &r->server_timer) == 0);
}

/* The next one; with none left it is a failure, told as an answer. */
static bool try_server(struct relay *r)
{
	unsigned char out[DNS_UDP_LEAST + DNS_NAME_LEN];
	struct dns_query q;

	message_reset(&r->answer);
	while (r->tried < r->n_servers) {
		close_server(r);
		r->query.done = 0;
		if (connect_to(r, &r->servers[r->tried++]))
			return true;
	}
	close_server(r);
	if (dns_parse(r->query.m + 2, r->query.len - 2, &q) != 0 || !set_answer(r, out, dns_fail(r->query.m + 2, &q, DNS_SERVFAIL, out)))
		return false;
	return give_answer(r);
}

/* ---- the container's side ---- */

static void on_timeout(struct loop *l, int fd, uint32_t events, void *data)
{
	struct relay *r = data;

	(void)l;
	(void)fd;
	(void)events;
	r->timer = NULL;
	relay_end(r);
}

/* From the connection's begin, or its last whole query, to the end of the next answer. */
static bool begin_patience(struct relay *r)
{
	struct loop *l = r->s->d->loop;

	loop_remove(l, r->timer);
	r->timer = NULL;
	return loop_timer(l, PATIENCE_NS, on_timeout, r, &r->timer) == 0;
}

/* A whole query is there. */
static bool serve(struct relay *r)
{
	static unsigned char out[DNS_MESSAGE_MAX];
	const struct ip *servers;
	size_t n = 0;
	int len = server_answer(r->s, r->query.m + 2, r->query.len - 2, true, out, &servers, &n);

	if (len == SERVER_DROP || !begin_patience(r))
		return false;
	if (len > 0) {
		return set_answer(r, out, (size_t)len) && give_answer(r);
	}
	/* while a name server is at work nothing is read from here */
	if (loop_modify(r->s->d->loop, r->on_client, 0) < 0)
		return false;
	memcpy(r->servers, servers, n * sizeof(*servers));
	r->n_servers = n;
	r->tried = 0;
	return try_server(r);
}

/* False: the connection is over. */
static bool give_answer(struct relay *r)
{
	int n = write_message(r->client, &r->answer);

	if (n > 0) {
		message_reset(&r->query);
		message_reset(&r->answer);
	}
	return n >= 0 && loop_modify(r->s->d->loop, r->on_client, n > 0 ? EPOLLIN : EPOLLOUT) == 0;
}

static void on_client(struct loop *l, int fd, uint32_t events, void *data)
{
	struct relay *r = data;
	bool goes_on;
	int n;

	(void)l;
	if (r->server >= 0) {
		goes_on = !(events & (EPOLLHUP | EPOLLERR));
	} else if (r->answer.len) {
		goes_on = give_answer(r);
	} else {
		n = read_message(fd, &r->query, QUERY_MAX);
		goes_on = n == 0 || (n > 0 && serve(r));
	}
	if (!goes_on)
		relay_end(r);
}

/* Of all that may be open whoever has the most loses one, his oldest, to one who has less. */
static bool make_room(const struct stub *s)
{
	struct netd *d = s->d;
	const struct stub *most = s;
	struct relay *oldest = NULL;

	if (d->n_relays < MOST_RELAYS)
		return true;
	for (const struct stub *o = d->stubs; o; o = o->next)
		if (o->n_relays > most->n_relays)
			most = o;
	if (most->n_relays <= s->n_relays + 1)
		return false;
	for (struct relay *r = d->relays; r; r = r->next)
		if (r->s == most)
			oldest = r;
	if (oldest)
		relay_end(oldest);
	return oldest;
}

void stream_accept(struct stub *s)
{
	CLEANUP_FD int fd = accept4(s->tcp, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	bool may = fd >= 0 && s->n_relays < MOST_OF_ONE && make_room(s);
	struct relay *r = may ? calloc(1, sizeof(*r)) : NULL;

	if (!r)
		return;
	*r = (struct relay){ .s = s, .client = take_fd(&fd), .server = -1, .next = s->d->relays };
	s->d->relays = r;
	s->d->n_relays++;
	s->n_relays++;
	if (loop_add(s->d->loop, r->client, EPOLLIN, on_client, r, &r->on_client) < 0 || !begin_patience(r))
		relay_end(r);
}

void stream_forget(struct netd *d, const struct stub *s)
{
	for (struct relay *r = d->relays, *next; r; r = next) {
		next = r->next;
		if (r->s == s)
			relay_end(r);
	}
}
