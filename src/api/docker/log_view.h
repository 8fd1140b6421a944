/* What stands before a line of a container's log. */
#ifndef TARE_API_DOCKER_LOG_VIEW_H
#define TARE_API_DOCKER_LOG_VIEW_H

#include "base/strbuf.h"

/* When it was written and a blank: with nine digits, in UTC, whoever wrote it. */
void log_put_time(struct strbuf *out, const char *time);
/* What it carries, an object in JSON or NULL: KEY=VALUE,KEY=VALUE by key and a blank, also where there are none. */
void log_put_details(struct strbuf *out, const char *attrs);

#endif
