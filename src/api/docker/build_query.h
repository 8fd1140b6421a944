/* The query of POST /build as a build has it. */
#ifndef TARE_API_DOCKER_BUILD_QUERY_H
#define TARE_API_DOCKER_BUILD_QUERY_H

#include "api/server/exchange.h"
#include "build/build.h"

/* What a build's arguments point to. */
struct build_query {
	uint64_t cpu_shares;
	int64_t cpu_period, cpu_quota;
};

/* Everything but the context's body and who looks on. ERR_INVALID, ERR_UNSUPPORTED: the message names the parameter. */
int build_query(struct exchange *ex, struct build_query *q, struct build_args *out, struct err *e) MUST_CHECK;

/* A parameter, and what is made of it; for the document of the API. */
struct build_parameter {
	const char *name;
	const char *about; /* how it is honoured, refused, or why it changes nothing */
};
extern const struct build_parameter build_parameters[]; /* ended by a row of zeros */

#endif
