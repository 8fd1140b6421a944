/* What changes the configuration of an image that no Dockerfile made: single instructions (--change), a configuration (POST /commit). */
#ifndef TARE_BUILD_CHANGE_H
#define TARE_BUILD_CHANGE_H

#include "build/conf.h"
#include "engine/options.h"

/* One after the other; $NAME in them is of the environment so far. Which there are: what CMD, ENV, LABEL and their like say, nothing that
 * writes files. The message begins with "--change TEXT". */
int conf_change(struct arena *a, struct conf *c, struct strv changes, struct err *e) MUST_CHECK;

/* What Docker's "Config" of a container says, member by member; empty ones say nothing, and those that no image has are not looked at. NULL:
 * nothing. The message begins with the member's name. */
int conf_change_data(struct arena *a, struct conf *c, const struct json *config, struct err *e) MUST_CHECK;

#endif
