/* One HTTP exchange by libcurl: a request, its answer, nothing is followed and nothing is tried again. */
#ifndef TARE_TRANSFER_HTTP_H
#define TARE_TRANSFER_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/strbuf.h"
#include "wire/challenge.h"
#include "wire/proxy.h"

/* Where a registry is asked, as the request says (image/registry.h). */
struct http_endpoint {
	const char *base;       /* "https://host:port" */
	const char *socket;     /* a unix socket's path instead of a connection to host; NULL without */
	uint32_t number;        /* by which the broker knows it (image/broker.h) */
	const char *proxy;      /* NULL: none */
	const struct proxy_settings *proxies; /* for other hosts, to which it sends us */
	unsigned int patience;  /* s without a byte until it is given up; 0: the usual */
	bool insecure;          /* https: any certificate will do */
	const char *ca;         /* PEM of further authorities; NULL without */
	const char *cert, *key; /* PEM of ours; NULL without */
};

/* An answer's head; texts live in the connection until its next exchange. */
struct http_answer {
	long status;
	const char *media_type, *location, *digest, *retry_after, *range, *content_range, *chunk_min, *etag, *last_modified, *link, *subject;
	int64_t length; /* -1: not said */
	bool reached;   /* somebody spoke HTTP with us there */
	struct challenges challenges;
};

struct http_request {
	const char *method; /* "GET" */
	const char *url;
	const struct http_endpoint *endpoint;
	bool foreign;                /* another host than the endpoint's: it gets neither our certificate nor its socket nor its proxy */
	const char *const *headers;  /* "Name: value", NULL-terminated; may be NULL */
	const void *body;            /* what is sent, NULL for none */
	size_t body_len;
	/* or so many bytes, as they are wanted; at: from which of them on (they may be wanted again); *n 0 never. */
	int (*source)(void *data, uint64_t at, void *buf, size_t len, size_t *n, struct err *e);
	uint64_t source_len;
	unsigned int patience; /* as the endpoint's, where that says nothing and this is longer */
	/* What comes of a 2xx, in pieces; the head is known. Negative ends the exchange with its error. NULL: thrown away. */
	int (*sink)(void *data, const struct http_answer *a, const void *bytes, size_t len, struct err *e);
	void *data;
};

/* A handle for one thread at a time; connections are kept and used again. */
struct http;
int http_new(struct http **out, struct err *e) MUST_CHECK;
void http_free(struct http *h); /* NULL allowed */
/* Once in a process, before the sandbox: libraries read their configuration. */
int http_setup(struct err *e) MUST_CHECK;

/* Any status is an answer. ERR_UNAVAILABLE: no answer, or one cut short, and trying again may help; ERR_DENIED: the other side's
 * certificate; the sink's and the source's own errors. */
int http_exchange(struct http *h, const struct http_request *rq, struct http_answer *out, struct err *e) MUST_CHECK;

/* The beginning of the body of an answer that is no 2xx. */
const char *http_complaint(const struct http *h, size_t *len);

/* What location means at url: an absolute URL in a, NULL when it is none, or neither http nor https. */
const char *http_resolve(struct arena *a, const char *url, const char *location);
/* url with "NAME=VALUE" added to its query, VALUE escaped; in a, NULL when url is none. */
const char *http_with_query(struct arena *a, const char *url, const char *assignment);
/* Scheme, host and port are the same. */
bool http_same_host(const char *a, const char *b);

#endif
