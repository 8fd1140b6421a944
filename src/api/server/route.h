/* The table of what a server answers: each view (api/docker/) brings rows, route_find() looks a request up among them. */
#ifndef TARE_API_SERVER_ROUTE_H
#define TARE_API_SERVER_ROUTE_H

#include "api/server/exchange.h"

typedef int (*route_fn)(struct exchange *ex, struct err *e);

enum route_access { /* for policies: who only looks, who changes something */
	ROUTE_PUBLIC, /* whoever can connect: /_ping, /version */
	ROUTE_READ,
	ROUTE_WRITE
};

struct route {
	const char *method; /* "GET", "HEAD"… */
	const char *path;   /* without the version: "/containers/{}/json": {} is one segment; "/images/{+}/json": {+} is one or more */
	route_fn handler;
	enum route_access access;
	const char *about;  /* for docs/docker-api.md: one line */
	const char *missing; /* instead of a handler: why there is none, which is the answer (501, or missing_status) */
	int missing_status;
	bool quick; /* a short answer without a body to read: one of the processes that stay may give it (readers.h) */
};

/* Rows of several tables, each ended by a row of zeros. */
struct route_match {
	const struct route *route;
	const char *params[EX_PARAMS];
};
/* path: decoded segment by segment where it is matched, in a. ERR_NOTFOUND: no row has this path; ERR_UNSUPPORTED: not with this method. */
int route_find(const struct route *const *tables, size_t n, struct arena *a, const char *method, const char *path, struct route_match *out, struct err *e) MUST_CHECK;

#endif
