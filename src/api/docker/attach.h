/* What attaching to a container and to another process of it have in common. */
#ifndef TARE_API_DOCKER_ATTACH_H
#define TARE_API_DOCKER_ATTACH_H

#include "api/server/exchange.h"
#include "engine/detach.h"

/* The Content-Type of a hijacked connection. */
const char *attach_type(const struct exchange *ex, bool tty);
/* text NULL or "": the usual ones. ERR_INVALID. */
int attach_keys(struct exchange *ex, const char *text, struct detach *out, struct err *e) MUST_CHECK;

#endif
