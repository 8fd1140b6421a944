/* The front: it listens, reads heads of requests, and starts a process for each (ADR 27). It opens no store and parses no body. */
#ifndef TARE_API_SERVER_SERVER_H
#define TARE_API_SERVER_SERVER_H

#include "api/server/daemon_json.h"
#include "api/server/route.h"

/* TLS on tcp://, done by tare-tls, a process per connection; paths of files in PEM, read for each. */
struct server_tls {
	const char *cert, *key; /* NULL: none */
	const char *ca;         /* only clients that show a certificate which these have signed; NULL: anybody */
};

struct server_options {
	const char *root, *state;      /* of the engine; NULL: usual */
	const char *const *hosts;      /* unix://PATH, tcp://ADDRESS:PORT, fd://; NULL-terminated */
	const char *group;             /* of unix sockets; NULL: "docker" where there is one, else root's */
	struct server_tls tls;
	int64_t idle_ms;               /* ends after so long without a connection; 0: never. Only where the sockets are a service manager's */
	const struct daemon_json *daemon; /* what daemon.json says; never NULL */
	/* SIGHUP: what can change while we serve is exchanged by the caller, for requests that begin later. NULL: nothing can */
	void (*reload)(void *data);
	void *reload_data;
};

struct server_view {
	const struct route *const *tables;
	size_t n_tables;
	/* "/v1.41/x" is taken apart: which versions are known (in hundredths: 124, 151), which one is meant without */
	unsigned int min_api, max_api;
	/* headers of every answer, NULL-terminated pairs */
	const char *const *headers;
	/* A path (without its version) that the front answers itself: its handler says one short thing, and opens nothing. NULL: none */
	const char *at_once;
	/* A client who is kept to his own (guard.h): 0, perhaps of a changed request, or ERR_DENIED. NULL: he may do what is public alone */
	int (*guard)(struct exchange *ex, struct err *e);
};

/* Listens and serves until SIGTERM or SIGINT: then no more is accepted, and what is at work goes on in its processes. */
int server_run(const struct server_options *o, const struct server_view *view, struct err *e) MUST_CHECK;

#endif
