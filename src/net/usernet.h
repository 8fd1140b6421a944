/* The network of an ordinary user's container: a program of his, in the host's network, that speaks for a tap device in the
 * container's. It opens sockets as he may, so it needs no right over the host: pasta(1), of passt, or slirp4netns(1).
 *
 *	pasta, slirp4netns                       as NAME
 *	NAME:OPTION[,OPTION...]                  mtu=BYTES, cidr=SUBNET, allow_host_loopback=BOOL, enable_ipv6=BOOL; slirp4netns has
 *	                                         port_handler=slirp4netns, too, and pasta these of its own: --map-gw, --no-map-gw, -4 or
 *	                                         --ipv4-only, and -m or --mtu with the number as the next option
 *
 * The addresses are the same for both, numbers in the subnet, 10.0.2.0/24: the host is 2, its name server 3, the container 100. */
#ifndef TARE_NET_USERNET_H
#define TARE_NET_USERNET_H

#include "base/arena.h"
#include "base/err.h"
#include "base/ip.h"
#include "base/json.h"
#include "net/port.h"

enum usernet_kind { USERNET_PASTA, USERNET_SLIRP };

struct net_usernet {
	enum usernet_kind kind;
	uint32_t mtu;
	struct ip_net subnet;  /* IPv4, /25 or wider */
	bool host_loopback;    /* what listens on the host's 127.0.0.1 is reached by the host's address */
	bool ipv6;             /* the host's, where it has some */
	const struct net_port *ports;
	size_t n_ports;
};

/* Descriptors that the program is started with. */
#define USERNET_READY_FD 3 /* it writes there when it is ready */
#define USERNET_EXIT_FD 4  /* slirp4netns: it ends when the other end is closed */
#define USERNET_NETNS_FD 5 /* the container's network namespace: its process is nobody's to look into */
/* slirp4netns listens here for ports, in its working folder. */
#define USERNET_API "usernet.api"

/* Whether a network of this name is one of these, whatever its options. */
bool net_usernet_is(const char *text);
/* ERR_INVALID, ERR_UNSUPPORTED: which option. No ports. */
int net_usernet_parse(const char *text, struct net_usernet *out, struct err *e) MUST_CHECK;
/* Whether the program can lead this port to the container. */
int net_usernet_port(const struct net_usernet *u, const struct net_port *p, struct err *e) MUST_CHECK;

const char *net_usernet_program(const struct net_usernet *u);
struct ip net_usernet_gateway(const struct net_usernet *u);
struct ip net_usernet_dns(const struct net_usernet *u);
struct ip net_usernet_own(const struct net_usernet *u);

/* As a member of a description. The ports of what is read live in a. */
void net_usernet_write(struct json_writer *w, const char *key, const struct net_usernet *u);
int net_usernet_read(struct arena *a, const struct json *obj, struct net_usernet *out, struct err *e) MUST_CHECK;

/* The program's command line; NULL: no memory. */
const char *const *net_usernet_args(struct arena *a, const struct net_usernet *u);
/* slirp4netns: the request for the n-th of a port's numbers. */
void net_usernet_request(const struct net_usernet *u, const struct net_port *p, uint16_t n, struct strbuf *out);

#endif
