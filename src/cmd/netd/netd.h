/* tare-netd: answers the names of containers, one process per machine, only while a container is in a network with names
 * or can reach none of the host's name servers.
 *
 * It is given everything: the table of names as a descriptor, and for each container two sockets that were opened in the container's
 * network namespace (net/stub.h). It has no right to anything else, and keeps nothing: killed, it is started again with all of it. */
#ifndef TARE_CMD_NETD_NETD_H
#define TARE_CMD_NETD_NETD_H

#include <netinet/in.h>

#include "base/loop.h"
#include "net/names.h"
#include "net/stub.h"
#include "wire/dns.h"

struct netd;
struct stub;

/* ---- server.c: whose question it is, and what we know ourselves ---- */

struct netd {
	struct loop *loop;
	struct names names;
	struct stub *stubs;
	struct ask *asks; /* forward.c */
	unsigned int n_asks;
	struct relay *relays; /* stream.c */
	unsigned int n_relays;
};

struct stub {
	struct netd *d;
	char id[NAMES_ID_LEN + 1];
	struct names_member *member; /* in the table; NULL: not yet */
	int udp, tcp;
	struct loop_source *on_udp, *on_tcp;
	unsigned int n_asks, n_relays; /* its share of them */
	struct stub *next;
};

/* A container's sockets; they are ours now. In the place of those it had. */
int server_add(struct netd *d, const char *id, int udp, int tcp, struct err *e) MUST_CHECK;
/* The table of fd (read whole); containers that are not in it are forgotten, their sockets closed. */
int server_table(struct netd *d, int fd, struct err *e) MUST_CHECK;
/* Those of the table whose sockets we do not have: their ids, one behind the other, STUB_MISSING of them at most. */
void server_missing(const struct netd *d, char out[STUB_MISSING * NAMES_ID_LEN + 1]);
void server_end(struct netd *d);

enum { SERVER_DROP = 0, SERVER_FORWARD = -1 };
/* What to say to a query of len bytes: the length of the answer in out (DNS_MESSAGE_MAX bytes; limit: what may come back), or one of
 * these. With SERVER_FORWARD *servers are those to ask, *n of them, at least one. */
int server_answer(const struct stub *s, const unsigned char *m, size_t len, bool stream, unsigned char *out, const struct ip **servers,
		  size_t *n);

/* ---- forward.c: questions to the host's name servers, by UDP ---- */
void forward_datagram(struct stub *s, const unsigned char *m, size_t len, const struct sockaddr_in *from, const struct ip *servers, size_t n);
void forward_forget(struct netd *d, const struct stub *s);

/* ---- stream.c: TCP, from the container and on to the host's name servers ---- */
void stream_accept(struct stub *s);
void stream_forget(struct netd *d, const struct stub *s);

/* The address of a name server, port 53; its length. */
socklen_t netd_server(const struct ip *ip, struct sockaddr_storage *out);

#endif
