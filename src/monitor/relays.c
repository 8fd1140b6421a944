/* A socket for each port, so that the port is the container's in the eyes of the host's other programs. Short ranges have one each, a long
 * one has one in all. */
#include "monitor/relays.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/io.h"
#include "base/log.h"
#include "monitor/relay_impl.h"

#define BACKLOG 512
#define RESERVE 128U /* descriptors for others of the worker */

struct relays {
	struct loop *loop;
	struct listener *first;
};

int relay_connect(const struct net_relay *r, uint16_t port, int type)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(relay_target(r, port)) };
	int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(&sa.sin_addr, r->to.bytes, sizeof(sa.sin_addr));
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 && errno != EINPROGRESS) {
		int r2 = -errno;

		close_fd(fd);
		return r2;
	}
	return fd;
}

unsigned int relay_room(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur <= RESERVE)
		return 0;
	return limit.rlim_cur - RESERVE > INT_MAX ? INT_MAX : (unsigned int)(limit.rlim_cur - RESERVE);
}

static void on_event(struct loop *loop, int fd, uint32_t events, void *data)
{
	struct listener *l = data;

	(void)loop;
	(void)fd;
	(void)events;
	if (l->relay.proto == IPPROTO_TCP)
		relay_tcp_accept(l);
	else
		relay_udp_receive(l);
}

static void listener_free(struct listener *l)
{
	if (l->relay.proto == IPPROTO_TCP)
		relay_tcp_end(l);
	else
		relay_udp_end(l);
	loop_remove(l->loop, l->source);
	close_fd(l->fd);
	free(l);
}

/* ---- opening ---- */

static int set(int fd, int level, int name)
{
	const int on = 1;

	return setsockopt(fd, level, name, &on, sizeof(on)) < 0 ? -errno : 0;
}

static int open_socket(const struct net_relay *relay, uint16_t port)
{
	bool tcp = relay->proto == IPPROTO_TCP;
	struct sockaddr_in6 sa = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	CLEANUP_FD int fd = socket(AF_INET6, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r;

	memcpy(&sa.sin6_addr, relay->at.bytes, sizeof(sa.sin6_addr));
	if (fd < 0)
		return -errno;
	if ((r = set(fd, IPPROTO_IPV6, IPV6_V6ONLY)) < 0 || (tcp && (r = set(fd, SOL_SOCKET, SO_REUSEADDR)) < 0) ||
	    (!tcp && (r = set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO)) < 0))
		return r;
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || (tcp && listen(fd, BACKLOG) < 0))
		return -errno;
	return take_fd(&fd);
}

static int open_one(struct relays *r, const struct net_relay *relay, uint16_t port)
{
	struct listener *l = calloc(1, sizeof(*l));
	int result;

	if (!l)
		return -ENOMEM;
	*l = (struct listener){ .loop = r->loop, .relay = *relay, .port = port, .keep = true, .fd = open_socket(relay, port) };
	result = l->fd < 0 ? l->fd : loop_add(r->loop, l->fd, EPOLLIN, on_event, l, &l->source);
	if (result < 0) {
		close_fd(l->fd);
		free(l);
		return result;
	}
	l->next = r->first;
	r->first = l;
	return 0;
}

static struct listener *find(const struct relays *r, const struct net_relay *relay, uint16_t port)
{
	for (struct listener *l = r->first; l; l = l->next)
		if (l->port == port && l->relay.proto == relay->proto && ip_same(&l->relay.at, &relay->at))
			return l;
	return NULL;
}

static bool leads_to_the_same(const struct net_relay *a, const struct net_relay *b)
{
	return a->first == b->first && a->count == b->count && a->target == b->target && ip_same(&a->to, &b->to);
}

/* A machine without IPv6, or without that address, has nothing to relay. */
static void open_all(struct relays *r, const struct net_relay *relay)
{
	uint16_t n = net_relay_is_shared(relay) ? 1 : relay->count;

	for (uint16_t i = 0; i < n; i++) {
		uint16_t port = (uint16_t)(relay->first + i);
		struct listener *l = find(r, relay, port);
		int result = 0;

		if (l && leads_to_the_same(&l->relay, relay))
			l->keep = true;
		else if (!l)
			result = open_one(r, relay, port);
		if (result < 0 && result != -EAFNOSUPPORT && result != -EADDRNOTAVAIL)
			log_warning("port %u/%s is not reached by IPv6: %s", port, net_proto_name(relay->proto), strerror(-result));
	}
}

static void close_others(struct relays *r)
{
	for (struct listener **at = &r->first; *at;) {
		struct listener *l = *at;

		if (l->keep) {
			at = &l->next;
			continue;
		}
		*at = l->next;
		listener_free(l);
	}
}

/* ---- the file ---- */

/* Each line to fn. */
static void each_line(char *text, struct relays *r, void (*fn)(struct relays *r, const struct net_relay *relay))
{
	char *rest = NULL;

	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		struct net_relay relay;
		struct err e = { 0 };

		if (net_relay_parse(line, &relay, &e) == 0)
			fn(r, &relay);
		else
			log_warning("%s", e.msg);
	}
}

static void mark(struct relays *r, const struct net_relay *relay)
{
	for (struct listener *l = r->first; l; l = l->next)
		if (l->relay.proto == relay->proto && ip_same(&l->relay.at, &relay->at) && leads_to_the_same(&l->relay, relay))
			l->keep = true;
}

static void more_descriptors(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0)
		return;
	l.rlim_cur = l.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &l) < 0)
		log_debug("the limit of open files stays");
}

void relays_read(struct relays **r, struct loop *loop, int state_dir)
{
	CLEANUP_FREE char *text = NULL, *again = NULL;
	int result = io_read_file(state_dir, RELAY_FILE, RELAY_FILE_MAX, &text, NULL);

	if (result == -ENOENT && !*r)
		return;
	if (result < 0 && result != -ENOENT) {
		log_warning("%s: %s", RELAY_FILE, strerror(-result));
		return;
	}
	if (!*r) {
		*r = calloc(1, sizeof(**r));
		if (!*r)
			return;
		(*r)->loop = loop;
		more_descriptors();
	}
	for (struct listener *l = (*r)->first; l; l = l->next)
		l->keep = false;
	again = text ? strdup(text) : NULL;
	if (text && !again)
		return;
	if (again)
		each_line(again, *r, mark);
	close_others(*r); /* before others open: a port may lead elsewhere now */
	if (text)
		each_line(text, *r, open_all);
}

void relays_close(struct relays **r)
{
	if (!*r)
		return;
	for (struct listener *l = (*r)->first; l; l = l->next)
		l->keep = false;
	close_others(*r);
	free(*r);
	*r = NULL;
}
