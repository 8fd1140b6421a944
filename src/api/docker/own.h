/* A client who is kept to his own containers, networks and volumes (api/server/authorize.h): those that he made through the API, which have his name as
 * a label. */
#ifndef TARE_API_DOCKER_OWN_H
#define TARE_API_DOCKER_OWN_H

#include "api/server/guard.h"

/* The view's guard. */
int docker_guard(struct exchange *ex, struct err *e) MUST_CHECK;
/* Whether the body of a create asks for nothing of the machine; whose the networks and volumes are that it names is not looked at. ERR_DENIED, ERR_INVALID. */
int own_may_create(const struct json *body, struct err *e) MUST_CHECK;

#endif
