/* TLS of a server's connections, which tare-tls (cmd/tls/) does: a process per connection, so that no OpenSSL is in the process that has the engine. */
#ifndef TARE_API_SERVER_TLS_H
#define TARE_API_SERVER_TLS_H

#include "api/server/server.h"
#include "base/loop.h"

/* Whether the files are there and fit. ERR_INVALID with tare-tls' own words. */
int tls_check(const struct server_tls *t, struct err *e) MUST_CHECK;

/* A tare-tls at work. It may stay a while longer than its connection, for what its client has not taken yet. */
struct tls_helper {
	int pidfd;
	struct loop *loop;
	struct loop_source *source;
	unsigned int *count;
	void (*ended)(void *data); /* called once, by the loop; both may be exchanged before */
	void *data;
};

/* Gives the connection *fd to a helper of its own; *fd is then where its plain bytes come, behind a greeting. It frees itself when it has ended. *count goes up by one,
 * and down with its end. */
int tls_start(const struct server_tls *t, struct loop *loop, int *fd, unsigned int *count, struct tls_helper **out, struct err *e) MUST_CHECK;
/* Its client is not waited for any more. */
void tls_kill(const struct tls_helper *h);

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
