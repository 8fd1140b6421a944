/* HTTP/1.1 as a server hears it: bytes in, a head and a body out, no I/O. llhttp takes the bytes apart, strictly; here is what we keep of them, and
 * the limits. What it refuses is for the client's eyes: a status and a line. */
#ifndef TARE_API_SERVER_HTTP_H
#define TARE_API_SERVER_HTTP_H

#include <llhttp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/strbuf.h"

#define HTTP_HEAD_MAX (64U * 1024)
#define HTTP_HEADERS_MAX 100

struct http_header {
	size_t name, value; /* where they begin in http.text */
};

/* One request. It holds pointers into itself nowhere, but is not to be moved between http_init() and the end. */
struct http {
	llhttp_t parser;
	struct strbuf text; /* target, then names (in lower case) and values, each with its NUL */
	struct http_header headers[HTTP_HEADERS_MAX];
	size_t n_headers;
	size_t taken; /* bytes of the head so far */
	int part;     /* what the last bytes belonged to */
	int refused;  /* a status, of ours: 0 none */
	int (*sink)(void *data, const char *bytes, size_t len);
	void *sink_data;
};

enum http_state {
	HTTP_MORE,  /* all bytes were taken, and more are wanted */
	HTTP_DONE,  /* the head, or the body, is whole; what is behind it was not taken */
	HTTP_TWO,   /* it begins as HTTP/2 does */
	HTTP_WRONG, /* http_refusal() tells; nothing more is to be fed */
	HTTP_ENDED  /* the sink said that it takes no more */
};

void http_init(struct http *h);
/* For the next request of the connection. Memory is given back. */
void http_reset(struct http *h);
void http_free(struct http *h);

/* Takes bytes of the head; *used: how many. */
enum http_state http_head(struct http *h, const char *bytes, size_t len, size_t *used) MUST_CHECK;
/* Whether anything of the head is there yet. */
bool http_begun(const struct http *h);

/* Why it was HTTP_WRONG: the status to answer, and *why in words. */
int http_refusal(const struct http *h, const char **why);

/* ---- of a whole head ---- */

const char *http_method(const struct http *h);
const char *http_target(const struct http *h); /* as it was sent */
/* The value of a header by its name in lower case, the first one; NULL. */
const char *http_header(const struct http *h, const char *name);
/* HTTP/1.1 or later; else 1.0, which knows no chunks. */
bool http_chunks(const struct http *h);
/* Whether the client lets the connection be used for another request. */
bool http_keeps(const struct http *h);
bool http_upgrade(const struct http *h);
/* It is to be told that we want its body (Expect: 100-continue). */
bool http_expects(const struct http *h);
/* Its length; 0: none; -1: in chunks, not known before. */
int64_t http_body_length(const struct http *h);

/* ---- the body, of which there must be one ---- */

/* Gives the body's bytes in these to sink, which gives nonzero to end it. *used as above. HTTP_DONE: that was all of it. */
enum http_state http_body(struct http *h, const char *bytes, size_t len, size_t *used, int (*sink)(void *data, const char *bytes, size_t len),
			  void *data) MUST_CHECK;

/* "No Content" and so on: the words behind a status. */
const char *http_reason(int status);

#endif
