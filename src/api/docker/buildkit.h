/* BuildKit's protocols, which are not spoken here: how its clients are told so in words that they show. */
#ifndef TARE_API_DOCKER_BUILDKIT_H
#define TARE_API_DOCKER_BUILDKIT_H

#include "api/server/exchange.h"

#define BUILDKIT_REFUSED "BuildKit's builds are not served here yet: build with DOCKER_BUILDKIT=0"

/* POST /session: a client shows what goes wrong with its POST /build, but of this request only a number; so it gets its connection, which ends
 * at once. */
int buildkit_session(struct exchange *ex, struct err *e) MUST_CHECK;
/* POST /grpc: every call is refused with the sentence. */
int buildkit_grpc(struct exchange *ex, struct err *e) MUST_CHECK;

#endif
