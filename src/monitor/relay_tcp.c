/* Bytes go from socket to socket and are not looked at: as long as they are few through a buffer, and when they are many through a pipe
 * (splice(2)), so that a connection which asks and is answered has no pipe to make. Both sockets are watched for edges: at any of them the ways
 * that it can have set in motion are pumped until they stand still. A way that has ended is closed for the other side alone, so what is half
 * closed stays so.
 *
 * A pipe holds 64 kB, until so much has come at once: then it is made wide, which halves the calls of a stream, and what only asks and
 * answers does not take its share of what the kernel allows a user's pipes. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "monitor/relay_impl.h"

#define MOST_PAIRS 1000U /* of one port */
#define LITTLE 8192U /* fits the smallest pipe there is */
#define AT_ONCE 65536U
#define AT_ONCE_WIDE (1U << 20)
#define MOST_WIDE 64U    /* pipes, of all ports */
#define DESCRIPTORS 6U   /* of a pair, at most */
#define ROUNDS 16 /* before others get their turn */
#define ORIGINAL_DST 80 /* IP6T_SO_ORIGINAL_DST, whose header does not go with netinet/in.h */

static unsigned int all_pairs, all_wide; /* of this worker */

struct way {
	int from, to, pipe[2];
	size_t waiting; /* bytes in the pipe */
	bool more; /* there may be some to be had */
	bool many, wide, ended, closed;
};

struct stream_pair {
	struct listener *l;
	int client, server;
	bool connected;
	struct loop_source *on_client, *on_server;
	struct way there, back;
	struct stream_pair *next;
};

static void way_free(struct way *w)
{
	all_wide -= w->wide;
	close_fd(w->pipe[0]);
	close_fd(w->pipe[1]);
}

static void pair_free(struct stream_pair *p)
{
	struct listener *l = p->l;

	for (struct stream_pair **at = &l->pairs; *at; at = &(*at)->next)
		if (*at == p) {
			*at = p->next;
			break;
		}
	l->n--;
	all_pairs--;
	loop_remove(l->loop, p->on_client);
	loop_remove(l->loop, p->on_server);
	close_fd(p->client);
	close_fd(p->server);
	way_free(&p->there);
	way_free(&p->back);
	free(p);
	if (l->full && loop_modify(l->loop, l->source, EPOLLIN) == 0)
		l->full = false;
}

static void close_by_reset(int fd)
{
	const struct linger at_once = { .l_onoff = 1 };

	(void)!setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

/* A client whose container does not take it is told by a reset, as the container would; and the container, when it is the client who gives
 * up: an end would say that all has been said. */
static void pair_refuse(struct stream_pair *p)
{
	close_by_reset(p->client);
	close_by_reset(p->server);
	pair_free(p);
}

/* ---- moving ---- */

/* More than the user may have in pipes is not to be had; it goes on as it is. */
static void widen(struct way *w)
{
	if (all_wide >= MOST_WIDE)
		return;
	(void)!fcntl(w->pipe[1], F_SETPIPE_SZ, AT_ONCE_WIDE);
	w->wide = true;
	all_wide++;
}

/* What the other side does not take now waits in the pipe, which is empty and holds more than the buffer. */
static int keep(struct way *w, const unsigned char *bytes, size_t n)
{
	ssize_t kept;

	if (!n)
		return 1;
	if (w->pipe[0] < 0 && pipe2(w->pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	kept = write(w->pipe[1], bytes, n);
	if (kept != (ssize_t)n)
		return kept < 0 ? -errno : -ENOSPC;
	w->waiting = n;
	return 1;
}

static int move_few(struct way *w)
{
	static unsigned char buffer[LITTLE];
	ssize_t n = recv(w->from, buffer, sizeof(buffer), MSG_DONTWAIT), sent;

	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	w->ended = n == 0;
	w->many = n == sizeof(buffer);
	sent = n ? send(w->to, buffer, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
	if (sent < 0 && errno != EAGAIN)
		return -errno;
	if (sent < 0)
		sent = 0;
	return keep(w, buffer + sent, (size_t)(n - sent));
}

/* 1: something moved, 0: nothing can, negative: it is over. */
static int fill(struct way *w)
{
	ssize_t n;

	if (w->waiting || w->ended)
		return 0;
	if (!w->many)
		return move_few(w);
	if (w->pipe[0] < 0 && pipe2(w->pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	n = splice(w->from, NULL, w->pipe[1], NULL, w->wide ? AT_ONCE_WIDE : AT_ONCE, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	w->waiting = (size_t)n;
	w->ended = n == 0;
	if (n == AT_ONCE && !w->wide)
		widen(w);
	return 1;
}

static int drain(struct way *w)
{
	ssize_t n;

	if (!w->waiting) {
		if (!w->ended || w->closed)
			return 0;
		w->closed = true;
		return shutdown(w->to, SHUT_WR) < 0 ? -errno : 1;
	}
	n = splice(w->pipe[0], NULL, w->to, NULL, w->waiting, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	w->waiting -= (size_t)n;
	return n > 0;
}

/* What has come to a socket, its end and its failure included, sets the way from it in motion; room in one, the way to it. */
static int pump(struct way *w, int fd, uint32_t events)
{
	int in, out;

	if (fd == w->from && (events & ~(uint32_t)EPOLLOUT))
		w->more = true;
	for (int i = 0; i < ROUNDS && (w->more || w->waiting); i++) {
		in = fill(w);
		out = in < 0 ? in : drain(w);
		if (out < 0)
			return out;
		w->more = in || out;
		if (!w->more)
			break;
	}
	return 0;
}

static bool has_connected(struct stream_pair *p)
{
	struct sockaddr_in sa;
	socklen_t len = sizeof(sa);

	if (!p->connected)
		p->connected = getpeername(p->server, (struct sockaddr *)&sa, &len) == 0;
	return p->connected;
}

static bool has_failed(int fd)
{
	int error = 0;
	socklen_t len = sizeof(error);

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error;
}

static void on_pair(struct loop *loop, int fd, uint32_t events, void *data)
{
	struct stream_pair *p = data;

	if (!has_connected(p)) {
		if (has_failed(p->server))
			pair_refuse(p);
		return;
	}
	if (pump(&p->there, fd, events) < 0 || pump(&p->back, fd, events) < 0) {
		pair_refuse(p);
		return;
	}
	if (p->there.closed && p->back.closed)
		pair_free(p);
	else if ((p->there.more || p->back.more) && loop_modify(loop, p->on_client, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) < 0)
		pair_free(p);
}

/* ---- beginning ---- */

/* Which port was asked for: the socket's own, or of a shared one what the firewall changed. */
static uint16_t meant(const struct listener *l, int client)
{
	struct sockaddr_in6 sa;
	socklen_t len = sizeof(sa);
	uint16_t port;

	if (!net_relay_is_shared(&l->relay) || getsockopt(client, IPPROTO_IPV6, ORIGINAL_DST, &sa, &len) < 0)
		return l->port;
	port = ntohs(sa.sin6_port);
	return port >= l->relay.first && port - l->relay.first < l->relay.count ? port : l->port;
}

static void keep_alive(int fd)
{
	const int on = 1;

	(void)!setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

static int begin(struct listener *l, int client)
{
	struct stream_pair *p = calloc(1, sizeof(*p));
	const uint32_t events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
	int server = p ? relay_connect(&l->relay, meant(l, client), SOCK_STREAM) : -ENOMEM;

	if (server < 0) {
		free(p);
		close_fd(client);
		return server;
	}
	*p = (struct stream_pair){ .l = l, .client = client, .server = server, .next = l->pairs };
	p->there = (struct way){ .from = client, .to = server, .pipe = { -1, -1 }, .more = true };
	p->back = (struct way){ .from = server, .to = client, .pipe = { -1, -1 }, .more = true };
	l->pairs = p;
	l->n++;
	all_pairs++;
	keep_alive(client);
	keep_alive(server);
	if (loop_add(l->loop, client, events, on_pair, p, &p->on_client) < 0 || loop_add(l->loop, server, events, on_pair, p, &p->on_server) < 0)
		pair_free(p);
	return 0;
}

/* Descriptors are for the container's other clients, too: who comes when they are used up is turned away at once. */
static bool have_room(void)
{
	unsigned int room = relay_room();

	return all_pairs < (room - room / RELAY_UDP_PART) / DESCRIPTORS;
}

void relay_tcp_accept(struct listener *l)
{
	for (int i = 0; i < ROUNDS && l->n < MOST_PAIRS; i++) {
		int client = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (client < 0 && (errno == EMFILE || errno == ENFILE)) {
			(void)nanosleep(&(const struct timespec){ .tv_nsec = 10000000 }, NULL); /* it stays readable */
			return;
		}
		if (client < 0)
			return;
		if (!have_room()) {
			close_by_reset(client);
			close_fd(client);
		} else if (begin(l, client) < 0) {
			return;
		}
	}
	if (l->n >= MOST_PAIRS && loop_modify(l->loop, l->source, 0) == 0)
		l->full = true;
}

void relay_tcp_end(struct listener *l)
{
	while (l->pairs)
		pair_free(l->pairs);
}
