/* Private to monitor/relay*.c. */
#ifndef TARE_MONITOR_RELAY_IMPL_H
#define TARE_MONITOR_RELAY_IMPL_H

#include <netinet/in.h>
#include <stdbool.h>

#include "monitor/relays.h"

/* An open socket of one relay; of a shared one the only one. */
struct listener {
	struct loop *loop;
	struct net_relay relay;
	uint16_t port; /* its own */
	int fd;
	struct loop_source *source;
	struct stream_pair *pairs; /* of TCP */
	struct flow *flows;        /* of UDP */
	struct loop_source *timer; /* of UDP */
	unsigned int n;            /* how many of those */
	bool full;                 /* nobody is let in before somebody has gone */
	bool keep;                 /* it is in the file that was read last */
	struct listener *next;
};

/* Where what came to a port of the relay's goes. */
static inline uint16_t relay_target(const struct net_relay *r, uint16_t port)
{
	return (uint16_t)(r->target + (port - r->first));
}

/* A socket connected, or on its way, to that port of the container; -errno. type: SOCK_STREAM, SOCK_DGRAM. */
int relay_connect(const struct net_relay *r, uint16_t port, int type) MUST_CHECK;

/* How many descriptors all relays may have open; others of the worker need some, too. One part of that is for UDP, whose clients may come in
 * any number. */
#define RELAY_UDP_PART 4U
unsigned int relay_room(void);

/* Somebody is at its door. */
void relay_tcp_accept(struct listener *l);
void relay_tcp_end(struct listener *l);
void relay_udp_receive(struct listener *l);
void relay_udp_end(struct listener *l);

#endif
