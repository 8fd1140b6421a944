/* What one run of tare-transfer is about: the endpoints of one repository, who we are there, and the control socket. */
#ifndef TARE_TRANSFER_SESSION_H
#define TARE_TRANSFER_SESSION_H

#include <pthread.h>

#include "base/arena.h"
#include "base/json.h"
#include "image/transfer/http.h"

/* Handles as the caller places them (image/registry.c). */
#define TRANSFER_CONTROL_FD 3 /* a stream socket: requests and answers, a JSON object a line */
#define TRANSFER_BROKER_FD 4  /* gives connections to endpoints' sockets (image/broker.h) */
#define TRANSFER_FILES_FD 5   /* lanes of a pull, blobs of a push */

struct token {
	char *scope, *text;
	int64_t expires_ms; /* base/clock.h */
	struct token *next;
};

struct endpoint {
	struct http_endpoint http;
	const char *name;       /* as people know it, for messages */
	const char *repository; /* its path there */
	const char *user, *password, *identity_token, *registry_token; /* "" without */
	bool anonymous; /* no registry: a 401 is an answer like others, and nobody is told who we are */
	bool offline; /* a login: a token endpoint is asked for a refresh token besides */
	/* guarded by the session's lock */
	char *refresh; /* the one it gave; owned */
	bool basic; /* it wants user and password themselves */
	bool reached; /* it has answered before: if it does not now, it may again */
	struct token *tokens;
};

struct session {
	struct endpoint *endpoints; /* in the order in which they are asked */
	size_t n;
	struct proxy_settings proxies; /* for hosts that a registry sends us to */
	uint32_t patience; /* s without a byte; 0: the usual */
	pthread_mutex_t lock; /* of what endpoints learn */
	pthread_mutex_t control_lock;
	int control;
};

/* Takes the first request, {"version":1,"endpoints":[…]}; all lives in a. */
int session_read(struct session *s, struct arena *a, const struct json *doc, struct err *e) MUST_CHECK;

/* Plain HTTP is for where nobody speaks TLS: an endpoint that has answered by https is not asked, and told no password, without it. */
bool session_passes_over(struct session *s, size_t endpoint);

/* A line to the caller, and bytes that follow it; lines of threads never mix. */
int session_say(struct session *s, const struct strbuf *line, const void *bytes, size_t len, struct err *e) MUST_CHECK;
void session_fail(struct session *s, const struct err *failure);

#endif
