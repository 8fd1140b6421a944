/* A container's place in a network as the API has it: an EndpointSettings. */
#ifndef TARE_API_DOCKER_PLACE_H
#define TARE_API_DOCKER_PLACE_H

#include "base/arena.h"
#include "base/json.h"
#include "engine/options.h"

/* settings NULL or null: nothing is asked for. What a client has from an inspect and sends back (NetworkID, EndpointID, addresses that were chosen) is passed over,
 * as in Docker. ERR_INVALID: a wrong type. */
int place_parse(struct arena *a, const char *network, const struct json *settings, struct ct_network *out, struct err *e) MUST_CHECK;

#endif
