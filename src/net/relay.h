/* What is asked for by IPv6 at a published port, of a container that has IPv4 alone, or at ::1, from where nothing can be sent elsewhere:
 * a relay takes it and asks the container by IPv4. The container's monitor does that (monitor/relays.h), by a file of lines in its
 * state folder, one for each range of ports:
 *
 *	PROTO AT FIRST COUNT TO TARGET		tcp :: 8080 1 10.210.0.2 80 */
#ifndef TARE_NET_RELAY_H
#define TARE_NET_RELAY_H

#include "base/err.h"
#include "base/ip.h"
#include "base/strbuf.h"
#include "net/port.h"

#define RELAY_FILE "relays"
#define RELAY_SOCKETS 16U /* a range of more ports has one socket for all, at its first port, where the firewall sends the others */
#define RELAY_FILE_MAX (1U << 20)

struct net_relay {
	unsigned char proto; /* IPPROTO_TCP or _UDP */
	struct ip at;        /* IPv6; "::" is any address */
	uint16_t first, count;
	struct ip to;
	uint16_t target; /* of first; the others follow */
};

/* What a port needs for a container with these addresses (ip6: none is len 0); false: nothing. */
bool net_relay_of(const struct net_port *p, const struct ip *ip, const struct ip *ip6, struct net_relay *out);
/* Whether it has but one socket. */
bool net_relay_is_shared(const struct net_relay *r);

void net_relay_write(const struct net_relay *r, struct strbuf *out);
/* A line, without its end. ERR_INVALID. */
int net_relay_parse(const char *line, struct net_relay *out, struct err *e) MUST_CHECK;

#endif
