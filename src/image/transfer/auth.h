/* Who we are to a registry, request by request: nothing, a password, or a token of its token endpoint (Docker Registry v2
 * authentication; RFC 6750, RFC 7617). */
#ifndef TARE_TRANSFER_AUTH_H
#define TARE_TRANSFER_AUTH_H

#include "image/transfer/session.h"

/* The Authorization header for scope, in a, as far as it is known what the registry wants; NULL: none. *token: the token in
 * it, for auth_renew(). */
const char *auth_header(struct session *s, struct endpoint *ep, const char *scope, struct arena *a, const char **token);

/* After a 401: gets what the challenges ask for. used: the token that was refused, NULL without; where another thread has
 * got a new one meanwhile, that is it. ERR_DENIED: there is nothing more we could show. */
int auth_renew(struct session *s, struct http *h, struct endpoint *ep, const char *scope, const struct challenges *c,
	       const char *used, struct err *e) MUST_CHECK;

#endif
