/* Who a client is to registries: what it sends along with a request, and what is sent on to the registry and kept nowhere. */
#ifndef TARE_API_DOCKER_REGISTRY_AUTH_H
#define TARE_API_DOCKER_REGISTRY_AUTH_H

#include "api/server/exchange.h"

/* X-Registry-Auth, for the registry of a name (as people write it): the engine's transfers with that go as that, and with others as nobody. Without
 * the header everywhere as nobody: what the server's own user keeps is never a client's. ERR_INVALID: it is no base64url of JSON. */
int registry_auth(struct exchange *ex, struct engine *en, const char *name, struct err *e) MUST_CHECK;
/* X-Registry-Config, of several registries. */
int registry_auths(struct exchange *ex, struct engine *en, struct err *e) MUST_CHECK;

#endif
