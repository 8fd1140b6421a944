/* Ports of a container that the host answers on: docker's -p. */
#ifndef TARE_NET_PORT_H
#define TARE_NET_PORT_H

#include "base/err.h"
#include "base/ip.h"

struct net_port {
	unsigned char proto; /* IPPROTO_TCP, _UDP, _SCTP */
	struct ip host;      /* the host's address; none: all of them */
	unsigned char only;  /* 4 or 16: reached by addresses of that length (struct ip) alone, host's or all; 0: by both */
	uint16_t first;      /* the host's port; 0: one that is free */
	uint16_t last;       /* with target's end: of a range; for first 0 meaningless but with count */
	uint16_t target;     /* the container's, of first; the others follow */
	uint16_t count;
};

/* "[[HOST]:][PORT[-PORT]]:PORT[-PORT][/tcp|udp|sctp]", HOST an address, IPv6 in brackets or not; or
 * "published=…,target=…,protocol=…", each as there. The host's port 0 is as none. A range of the host for a single port of
 * the container is one free one of it (first and last say which). ERR_INVALID, or ERR_UNSUPPORTED, says what is wrong with it. */
int net_port_parse(const char *text, struct net_port *out, struct err *e) MUST_CHECK;

/* The host's part as text: "" for all addresses, "0.0.0.0" or "::" for those of a family. And back; -EINVAL. */
const char *net_port_host(const struct net_port *p, char out[IP_TEXT_LEN]);
int net_port_set_host(struct net_port *p, const char *text) MUST_CHECK;

/* The way back, of one that net_port_parse() gave or that is one like it. */
#define NET_PORT_TEXT_LEN (IP_TEXT_LEN + 32)
const char *net_port_text(const struct net_port *p, char out[NET_PORT_TEXT_LEN]);
bool net_port_same(const struct net_port *a, const struct net_port *b);

/* What is to be found among published ports. A port is meant when each thing that is said fits. */
struct net_port_match {
	unsigned char proto;
	bool at;             /* of the address host alone; without one: of all addresses, those of the family `only` among them */
	struct ip host;
	unsigned char only;
	uint16_t first, last;          /* the host's; first 0: any */
	uint16_t target, target_last;  /* the container's; target 0: any */
};
/* PORT (the host's), ADDRESS:PORT, and what is written for -p: [ADDRESS:][PORT]:PORT; each PORT a range, too; as `tare port` and
 * `tare ps` write it: "80/tcp -> ADDRESS:PORT", "ADDRESS:PORT->80/tcp". ERR_INVALID. */
int net_port_match_parse(const char *text, struct net_port_match *out, struct err *e) MUST_CHECK;
/* How many of p's ports fit, from its `*at`-th on; they follow each other. p is a place on the host: first is not 0, nor one of several. */
uint16_t net_port_match(const struct net_port_match *m, const struct net_port *p, uint16_t *at);

const char *net_proto_name(unsigned char proto);
int net_proto_parse(const char *s, unsigned char *out) MUST_CHECK; /* -EINVAL */

#endif
