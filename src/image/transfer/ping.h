/* Does a registry answer, and does it take us for whom we say we are? GET /v2/ (OCI distribution specification, end-1). */
#ifndef TARE_TRANSFER_PING_H
#define TARE_TRANSFER_PING_H

#include "image/transfer/session.h"

/* The first endpoint that speaks as a registry; a login that it wants is given, for these actions (SCOPE_, or NULL). ERR_DENIED: one that
 * does, and refuses us; the next is not asked then. */
int ping_find(struct session *s, const char *actions, size_t *endpoint, struct err *e) MUST_CHECK;

/* {"do":"ping"}: a login is tried. Answers {"type":"pong","endpoint":n,"identityToken"}, the latter where the token endpoint gave one. */
int ping_run(struct session *s, struct err *e) MUST_CHECK;

#endif
