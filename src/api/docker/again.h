/* What is asked again and again, told by the text of before as long as nothing has changed (ex_keep()): of lists and containers. What is no part of
 * the catalog is looked at anew each time: who lives, who is paused, whose health is which, how long it is up. */
#ifndef TARE_API_DOCKER_AGAIN_H
#define TARE_API_DOCKER_AGAIN_H

#include "api/docker/container_list.h"
#include "api/server/exchange.h"
#include "base/json.h"

/* The members of a list, without filters: 1, or 0, where they are too many to be kept, and nothing is written. */
int again_list(const struct engine *en, struct ex_keep *keep, const struct container_query *q, struct json_writer *w, struct err *e) MUST_CHECK;
/* inspect_container() without sizes. */
int again_inspect(const struct engine *en, struct arena *a, struct ex_keep *keep, const char *what, struct json_writer *w, struct err *e) MUST_CHECK;

#endif
