/* What the parts of the front share (server.c, timeouts.c): its connections, and itself. */
#ifndef TARE_API_SERVER_FRONT_H
#define TARE_API_SERVER_FRONT_H

#include <sys/resource.h>

#include "api/server/exchange_impl.h"
#include "api/server/listen.h"
#include "api/server/readers.h"
#include "api/server/tls.h"
#include "api/server/users.h"
#include "base/loop.h"

#define FRONT_PIECE (64U * 1024)

enum conn_state { CONN_GREETS, CONN_READS, CONN_WORKS, CONN_DRAINS };

struct conn {
	struct conn *next, **at;
	struct front *front;
	struct user *user;
	int fd;
	struct loop_source *source;
	enum conn_state state;
	int64_t deadline;
	struct http http;
	struct strbuf rest; /* behind the head */
	const char *socket;       /* that he came through; the listener's */
	struct tls_greeting *tls; /* who he is; NULL: no TLS */
	struct tls_helper *helper; /* NULL: none, or it has ended */
	size_t held;        /* of HEADS_MAX */
	int pidfd;
	struct loop_source *worker;
};

struct front {
	const struct server_options *options;
	const struct server_view *view;
	struct loop *loop;
	struct listeners listeners;
	struct readers readers;
	struct loop_source *sources[LISTEN_MAX];
	struct conn *conns;
	struct users users;
	unsigned int n_conns, n_workers, n_greets, n_helpers, max_conns;
	size_t heads;
	struct loop_source *timer;
	int64_t timer_at;
	int64_t idle_since;
	struct rlimit files; /* as it was before we raised ours: what is started for a request has that one, and its containers */
	char piece[FRONT_PIECE];
};

/* Refuses, and ends the connection when the client has had the time to see why. */
void front_refuse(struct conn *c, int status, const char *why);
/* Ends it now, and forgets it: c is gone. */
void front_close(struct conn *c);

/* ---- timeouts.c ---- */

/* What is due at that moment (clock_ms()) is looked for then: connections by their deadlines, the front's own end when it is idle. */
void front_watch(struct front *f, int64_t at);

#endif
