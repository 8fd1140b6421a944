/* TLS of a server's connections, which tare-tls (cmd/tls/) does: a process per connection, so that no OpenSSL is in the process that has the engine. */
#ifndef TARE_API_SERVER_TLS_H
#define TARE_API_SERVER_TLS_H

#include "api/server/server.h"

/* Whether the files are there and fit. ERR_INVALID with tare-tls' own words. */
int tls_check(const struct server_tls *t, struct err *e) MUST_CHECK;

/* Gives the connection *fd to a tare-tls of its own; *fd is then where its plain bytes come, behind a greeting. *pidfd: that process, to be waited for. */
int tls_start(const struct server_tls *t, int *fd, int *pidfd, struct err *e) MUST_CHECK;

/* The greeting tells who the client is; before it nothing is from him. */
#define TLS_NAME_MAX 200
struct tls_greeting {
	size_t have;
	unsigned char bytes[2 + TLS_NAME_MAX];
	char name[TLS_NAME_MAX + 1]; /* the common name of his certificate; "": he showed none, or it has none */
};
/* Takes bytes of it; *used: how many. 1: it is whole; 0: not yet; -EPROTO. */
int tls_greet(struct tls_greeting *g, const char *bytes, size_t len, size_t *used) MUST_CHECK;

#endif
