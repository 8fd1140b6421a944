/* What the parts of an exchange (exchange.c, body.c, answer.c) share, and how the front has one served. */
#ifndef TARE_API_SERVER_EXCHANGE_IMPL_H
#define TARE_API_SERVER_EXCHANGE_IMPL_H

#include "api/server/authorize.h"
#include "api/server/exchange.h"
#include "api/server/guard.h"
#include "api/server/http.h"
#include "api/server/query.h"
#include "api/server/route.h"
#include "api/server/server.h"

struct exchange {
	/* given by the front */
	int fd; /* the connection, blocking */
	uid_t peer;
	const char *peer_name;
	const char *socket; /* that he came through (listen.h) */
	const struct server_options *options;
	const struct server_view *view;
	struct http *http;        /* a whole head */
	const char *rest;         /* what came behind it */
	size_t n_rest;
	struct engine *kept;      /* not NULL: the store that is to be used, open or not (opened), and that stays open (readers.c) */
	struct ex_keep *keep;     /* beside kept */
	struct strbuf *held;      /* not NULL: the answer goes here, not to the connection, which is not touched */

	/* the request */
	struct arena arena;
	unsigned int api;
	struct route_match match;
	struct query_pair *query;
	size_t n_query;
	const char *owner; /* he is kept to what is this one's; NULL: he is not */
	guard_body_fn body_guard;
	struct engine engine;
	bool opened, checked;

	/* its body */
	bool body_wanted; /* the client was told to send it */
	bool body_whole;  /* there is none, or it was read to its end */
	bool body_large;  /* it is larger than what is taken of such a one */
	bool body_broken; /* nothing more can be read: the client is gone, or what it sent is none */
	int filler;       /* pidfd of who reads it into a pipe, -1: none */

	/* the answer */
	struct strbuf headers;
	bool began, chunked, silent, closing, hijacked, gone;
	int emptier; /* pidfd of who sends what is written into a pipe, -1: none */
	bool cut;
};

/* Serves one request: everything, until the answer is out. Whether the connection may be used for another one; then nothing of rest was used. */
bool exchange_serve(struct exchange *ex) MUST_CHECK;

/* Which version of the API a target means, and *path, where it is without that (in the target). ERR_INVALID: none that we know. */
int exchange_version(const struct server_view *view, const char *target, unsigned int *api, const char **path, struct err *e) MUST_CHECK;

/* ---- body.c ---- */

/* Reads the body on into sink, which gives nonzero to end it. 0, or ERR_UNAVAILABLE, ERR_INVALID. */
int body_read(struct exchange *ex, int (*sink)(void *data, const char *bytes, size_t len), void *data, struct err *e) MUST_CHECK;
/* Before an answer begins: a body that nobody has read and that is small is passed over, so that the connection can go on. */
void body_pass(struct exchange *ex);
/* Behind an answer that ends the connection: what the client still sends is read, for a while; else it might not get to see the answer. */
void body_drain(struct exchange *ex);

/* ---- answer.c ---- */

/* Head of an answer: length -1 where it is not known before. */
int answer_begin(struct exchange *ex, int status, const char *type, int64_t length, struct err *e) MUST_CHECK;
/* Sends what the end of it takes. */
int answer_end(struct exchange *ex, struct err *e) MUST_CHECK;

#endif
