/* How a view keeps a client to his own (AUTHORIZE_OWN): its guard sees each request before the handler does, refuses it, or makes of it what he may ask for. */
#ifndef TARE_API_SERVER_GUARD_H
#define TARE_API_SERVER_GUARD_H

#include "api/server/exchange.h"
#include "api/server/route.h"

/* What was found for the request. */
const struct route *guard_route(const struct exchange *ex);
/* Whose things are the client's. */
const char *guard_owner(const struct exchange *ex);

/* Another value for the path's i-th {}, for a parameter of the query (instead of all that there are of this key): texts of the exchange's arena. */
void guard_param(struct exchange *ex, size_t i, const char *value);
int guard_query(struct exchange *ex, const char *key, const char *value, struct err *e) MUST_CHECK;

/* What ex_body_json() gives goes through fn first, which may change it. */
typedef int (*guard_body_fn)(struct exchange *ex, struct json *body, struct err *e);
void guard_body(struct exchange *ex, guard_body_fn fn);

#endif
