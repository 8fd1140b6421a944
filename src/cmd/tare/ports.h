/* Published ports and networks of a container as texts and as `inspect` shows them. */
#ifndef TARE_CMD_TARE_PORTS_H
#define TARE_CMD_TARE_PORTS_H

#include "engine/endpoint.h"

/* "0.0.0.0:8080->80/tcp, 0.0.0.0:9000-9009->9000-9009/tcp" */
const char *ports_text(struct arena *a, const struct endpoints *own);
/* The member "NetworkSettings"; with endpoints that are none for a container that does not run. */
void ports_write_settings(struct arena *a, const struct endpoints *own, struct json_writer *w);

#endif
