/* RUN --mount: "type=cache,target=/root/.cache,…". Docker's "Dockerfile reference", RUN --mount. */
#ifndef TARE_BUILD_MOUNT_H
#define TARE_BUILD_MOUNT_H

#include "build/dockerfile.h"
#include "build/expand.h"

/* vars: what variables in the values are, but not in from=, which may have none. NULL: they have no values yet; a text
 * that has any is then looked through for its keys alone, and *out has from and no more. A key that says nothing of its
 * type is ERR_INVALID. Everything is in a. */
int df_mount_parse(struct arena *a, const char *text, const struct df_vars *vars, struct df_mount *out,
		   struct err *e) MUST_CHECK;

#endif
