/* What tared makes of Docker's API, as tables of Markdown out of the tables that it works by: the second part of docs/docker-api.md. */
#ifndef TARE_API_DOCKER_DESCRIBE_H
#define TARE_API_DOCKER_DESCRIBE_H

#include "base/strbuf.h"

void docker_describe(struct strbuf *out);

#endif
