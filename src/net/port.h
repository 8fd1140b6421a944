/* Ports of a container that the host answers on: docker's -p. */
#ifndef TARE_NET_PORT_H
#define TARE_NET_PORT_H

#include "base/err.h"
#include "base/ip.h"

struct net_port {
	unsigned char proto; /* IPPROTO_TCP, _UDP, _SCTP */
	struct ip host;      /* the host's address; none: all of them */
	uint16_t first;      /* the host's port; 0: one that is free */
	uint16_t last;       /* with target's end: of a range; for first 0 meaningless but with count */
	uint16_t target;     /* the container's, of first; the others follow */
	uint16_t count;
};

/* "[[HOST]:][PORT[-PORT]]:PORT[-PORT][/tcp|udp|sctp]", HOST an address, IPv6 in brackets. A range of the host for a single port of
 * the container is one free one of it (first and last say which). ERR_INVALID says what is wrong with it. */
int net_port_parse(const char *text, struct net_port *out, struct err *e) MUST_CHECK;

const char *net_proto_name(unsigned char proto);
int net_proto_parse(const char *s, unsigned char *out) MUST_CHECK; /* -EINVAL */

#endif
