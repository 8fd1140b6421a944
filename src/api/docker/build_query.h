/* The query of POST /build as a build has it. */
#ifndef TARE_API_DOCKER_BUILD_QUERY_H
#define TARE_API_DOCKER_BUILD_QUERY_H

#include "api/docker/fields.h"
#include "api/server/exchange.h"
#include "build/build.h"

/* What a build's arguments point to. */
struct build_query {
	uint64_t cpu_shares;
	int64_t cpu_period, cpu_quota;
};

/* Everything but the context's body and who looks on. ERR_INVALID, ERR_UNSUPPORTED: the message names the parameter. */
int build_query(struct exchange *ex, struct build_query *q, struct build_args *out, struct err *e) MUST_CHECK;

/* The parameters, and what is made of each: for docs/docker-api.md. A row of zeros ends it. */
extern const struct field build_parameters[];

#endif
