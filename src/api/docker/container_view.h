/* One container in a list, as the API has it. */
#ifndef TARE_API_DOCKER_CONTAINER_VIEW_H
#define TARE_API_DOCKER_CONTAINER_VIEW_H

#include "api/docker/container_filter.h"
#include "base/json.h"

/* An object; s with its configuration. size: what it takes, too, for which its files are walked. */
int container_write_summary(const struct engine *en, struct arena *a, const struct seen *s, bool size, struct json_writer *w, struct err *e) MUST_CHECK;

#endif
