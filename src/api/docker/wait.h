#ifndef TARE_API_DOCKER_WAIT_H
#define TARE_API_DOCKER_WAIT_H

#include "api/server/exchange.h"

/* POST /containers/{}/wait */
int docker_wait(struct exchange *ex, struct err *e);

#endif
