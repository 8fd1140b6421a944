/* Labels and options as JSON. */
#ifndef TARE_API_DOCKER_PAIRS_VIEW_H
#define TARE_API_DOCKER_PAIRS_VIEW_H

#include "base/json.h"

/* An object: {} where there are none (pairs NULL, too), or (null) null. */
void pairs_view(const char *key, const struct json *pairs, bool null, struct json_writer *w);

#endif
