/* A container's log as the API gives it, for logs and for what is sent to who attaches. */
#ifndef TARE_API_DOCKER_LOGS_H
#define TARE_API_DOCKER_LOGS_H

#include <stdbool.h>

#include "engine/engine.h"
#include "engine/logs.h"

struct logs_want {
	struct log_query query;
	bool out, err, timestamps, details, framed;
};
/* A piece for the client, whole frames or bytes as they are; a negative result ends it. */
typedef int (*logs_fn)(void *data, const void *bytes, size_t len, struct err *e);

int logs_send(const struct engine *en, const char *id, const struct logs_want *want, logs_fn fn, void *data, struct err *e) MUST_CHECK;

#endif
