/* Points in time as Docker writes them: in ns since the epoch, which is a time as any other; TIME_NEVER is none. */
#ifndef TARE_API_DOCKER_TIMES_H
#define TARE_API_DOCKER_TIMES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

#define TIME_NEVER INT64_MIN

const char *time_text(struct arena *a, int64_t ns); /* RFC 3339, year 1 of TIME_NEVER */
const char *time_ago(struct arena *a, int64_t ns);  /* "3 minutes ago"; "" of TIME_NEVER */
/* As Docker's lists have it, here and now's: "2026-11-29 22:56:17 +0000 UTC"; exact: with the part of a second. */
const char *time_date(struct arena *a, int64_t ns, bool exact);

#endif
