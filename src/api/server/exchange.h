/* One request and its answer, as a handler sees them: in a process of its own, so everything here may block (ADR 27).
 *
 * A handler answers exactly once: ex_empty(), ex_json(), ex_text(), or ex_begin() and what it streams, or ex_hijack(). One that gives an error before
 * that has it told to the client, with the status of its class, as {"message":"…"}. What comes after the answer began is for the handler to say
 * in the stream. A client that goes away ends the process with the next write, or sooner where the handler polls ex_gone_fd(). */
#ifndef TARE_API_SERVER_EXCHANGE_H
#define TARE_API_SERVER_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "engine/engine.h"

#define EX_PARAMS 2

struct exchange; /* opaque: exchange.c */

/* ---- the request ---- */

struct arena *ex_arena(struct exchange *ex); /* lives as long as the exchange */
/* Which version of the API was asked for: 141 is 1.41. */
unsigned int ex_api(const struct exchange *ex);
/* "GET", "HEAD"…: handlers of several methods. */
const char *ex_method(const struct exchange *ex);
/* What stood for the route's i-th {} (decoded; may have slashes, where it is the name of an image). */
const char *ex_param(const struct exchange *ex, size_t i);
/* A header's value by its name in lower case, NULL: there is none. */
const char *ex_header(const struct exchange *ex, const char *name);

/* A parameter of the query, decoded; NULL: not given. Given several times: the first; ex_query_all() has them all, NULL-terminated. */
const char *ex_query(struct exchange *ex, const char *key);
const char *const *ex_query_all(struct exchange *ex, const char *key, size_t *n);
/* As Docker reads them: false is "", "0", "no", "false", "none" in any case; usual where it is not given. */
bool ex_query_bool(struct exchange *ex, const char *key, bool usual);
/* Leaves *out alone where it is not given or empty. ERR_INVALID. */
int ex_query_i64(struct exchange *ex, const char *key, int64_t *out, struct err *e) MUST_CHECK;

/* The body, at most max bytes (0: 8 MiB), as JSON; *out NULL where there is none. ERR_LIMIT: it is larger (413). ERR_INVALID: another Content-Type (where there is a body), no JSON. */
int ex_body_json(struct exchange *ex, size_t max, const struct json **out, struct err *e) MUST_CHECK;
/* The body as a stream for reading, whose end is the body's: a pipe that a process of its own fills. To be called before the answer begins. The caller's. A client
 * that goes away amid it: the stream ends, and ex_body_end() says so. */
int ex_body_fd(struct exchange *ex, int *fd, struct err *e) MUST_CHECK;
/* Reads what is left of it (fd; -1: nothing is). 0 when the body came whole, else ERR_UNAVAILABLE. */
int ex_body_end(struct exchange *ex, int fd, struct err *e) MUST_CHECK;
/* The same for those who read it elsewhere: they ask (engine/arrival.h). data: a struct ex_body. */
struct ex_body {
	struct exchange *ex;
	int fd;
};
int ex_body_arrived(void *data, struct err *e) MUST_CHECK;

/* The store (opened when it is first asked for, once per exchange); settled as the commands of `tare` do. Registries are told nobody's name, until a
 * handler says the client's (en->auths). */
int ex_engine(struct exchange *ex, struct engine **out, struct err *e) MUST_CHECK;
/* What a handler keeps for the questions to come, in a process that answers several (routes that are quick). It is emptied whenever the catalog has
 * changed: what was made of that alone is as good as made anew; what was made of anything else is looked at again by who kept it. */
#define EX_KEEP_MAX ((size_t)2 << 20)
struct ex_keep {
	struct arena arena;
	uint64_t generation; /* of the catalog */
	size_t size;         /* what is in it, as told by who put it there: nothing more once it is EX_KEEP_MAX */
	void *data;          /* the view's; NULL: it is empty */
};
/* *out NULL: nothing is kept here. Behind ex_engine(). */
int ex_keep(struct exchange *ex, struct ex_keep **out, struct err *e) MUST_CHECK;
/* For a handler that from now on only carries bytes, for as long as its client likes: the store is closed, and memory goes back. What was asked of the store
 * stays; ex_engine() opens it anew. */
void ex_rest(struct exchange *ex);
/* The same for one that needs nothing any more of what it was asked: ex_arena() and all that came of it (parameters, query, body) is gone, too. Such a
 * process is as small as it can be; many of them wait at the same time. */
void ex_forget(struct exchange *ex);
/* The server's own options, and who is at the other end (peer's uid, or (uid_t)-1 where it is no unix socket). */
const struct server_options *ex_server(const struct exchange *ex);
uid_t ex_peer(const struct exchange *ex);
/* The common name of the client's certificate; NULL: it showed none. */
const char *ex_peer_name(const struct exchange *ex);

/* ---- the answer ---- */

/* A header for the answer, before it begins. */
void ex_add_header(struct exchange *ex, const char *name, const char *value);

/* Each gives 0, or a negative errno with *e where the client is gone. Status as HTTP has it; of 204, 304 and HEAD no body is sent. */
int ex_empty(struct exchange *ex, int status, struct err *e) MUST_CHECK;
int ex_json(struct exchange *ex, int status, const struct strbuf *body, struct err *e) MUST_CHECK; /* sb_error() of body is ERR_INTERNAL; a newline is added */
int ex_text(struct exchange *ex, int status, const char *type, const char *text, struct err *e) MUST_CHECK;
/* The error as Docker's clients know it, with its class's status or (status > 0) another. */
int ex_error(struct exchange *ex, int status, const struct err *why, struct err *e) MUST_CHECK;
/* How much of an error's message its client is told: not the hint at its end, "(tare ps -a lists them)", which is for who uses that command. */
size_t ex_told_length(const char *message);

/* Begins an answer without a known length: headers go out at once; each ex_write() is one chunk, sent at once. The end follows when the handler returns 0. */
int ex_begin(struct exchange *ex, int status, const char *type, struct err *e) MUST_CHECK;
int ex_write(struct exchange *ex, const void *data, size_t len, struct err *e) MUST_CHECK;
bool ex_began(const struct exchange *ex);
/* The same as a descriptor for writing, for who writes an archive: a pipe that a process of its own empties to the client. ex_out_end() after it was closed:
 * waits until all is sent. whole false: the answer is cut off, which tells the client that it is not whole. So is one of which nothing is taken for a minute. */
int ex_out_fd(struct exchange *ex, int status, const char *type, int *fd, struct err *e) MUST_CHECK;
int ex_out_end(struct exchange *ex, bool whole, struct err *e) MUST_CHECK;
/* The connection itself, 101 where the client asks for an upgrade, else 200: *fd (borrowed, blocking) for both ways. What the client sent behind its request already
 * is *early, n_early bytes. type: Content-Type. */
int ex_hijack(struct exchange *ex, const char *type, int *fd, const void **early, size_t *n_early, struct err *e) MUST_CHECK;

/* To be polled for POLLRDHUP | POLLHUP: the client is gone. Only where the request has been read whole. */
int ex_gone_fd(const struct exchange *ex);

#endif
