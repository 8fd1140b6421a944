/* Requests to a registry's API: with what it wants to know of us, through its redirections, again when it was busy. */
#ifndef TARE_TRANSFER_REGISTRY_H
#define TARE_TRANSFER_REGISTRY_H

#include "image/transfer/session.h"

#define SCOPE_PULL "pull"
#define SCOPE_PUSH "pull,push"

/* One thread's way to one endpoint. */
struct registry {
	struct session *session;
	struct endpoint *endpoint;
	const char *actions; /* SCOPE_; NULL: of no repository, the registry itself */
	const char *also;    /* another repository that is to be pulled from; NULL without */
	struct http *http;
	struct arena arena; /* of the request that runs */
};
int registry_open(struct session *s, struct endpoint *ep, const char *actions, struct registry *out, struct err *e) MUST_CHECK;
void registry_close(struct registry *r);
#define CLEANUP_REGISTRY CLEANUP(registry_close)

/* One request; rq's url and endpoint are set here. url: an absolute one, or NULL for path below /v2/REPOSITORY/, which with
 * a slash in front is below the endpoint's base. Redirections are
 * followed (another host gets nothing of our login), a 401 is answered. Any other status is an answer.
 * *landed, when not NULL: the URL that answered, in r's arena. */
int registry_exchange(struct registry *r, const char *url, const char *path, struct http_request *rq, struct http_answer *out,
		      const char **landed, struct err *e) MUST_CHECK;

/* What Location means in the answer of url: in r's arena. ERR_INVALID: no address; ERR_DENIED: away from TLS. */
int registry_location(struct registry *r, const char *url, const char *location, const char **out, struct err *e) MUST_CHECK;

/* An answer that is no 2xx as an error: what was asked for, and what the registry says about it. */
int registry_complaint(struct registry *r, const struct http_answer *a, const char *what, struct err *e) MUST_CHECK;

/* ---- again ---- */

struct retry {
	unsigned int failures; /* since something came */
};
/* After a failed exchange (result < 0) or an answer: shall it be tried again? Waits before it says so: as long as Retry-After says,
 * else each time longer. False at the fifth failure, for what will not change (a registry that has never answered, too), and for a wait
 * of more than two minutes. */
bool retry_again(struct registry *r, struct retry *t, int result, const struct http_answer *a, const struct err *e);

#endif
