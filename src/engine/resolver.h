/* Names in networks: what tare-netd (cmd/netd/) is told. The catalog is the truth; the process that answers can be killed at any time. */
#ifndef TARE_ENGINE_RESOLVER_H
#define TARE_ENGINE_RESOLVER_H

#include "engine/endpoint.h"

/* Whether a network has names: those that users make. */
bool resolver_serves(const struct network *n);
/* Whether an endpoint in a network without names has tare-netd as its name server all the same: the host's are out of the container's reach,
 * and it has none of its own. RESOLVER_FORWARDED is in the place of its servers then, as long as it is there. */
#define RESOLVER_FORWARDED "host"
bool resolver_forwards(const struct network *n, const char *servers);

/* After a change of endpoints was committed: tells the table, starts tare-netd where it does not live, ends it when nobody has a name. It is
 * given the sockets of every running container that it has none of. What cannot be done is a warning: names are missing then,
 * until the next command. */
void resolver_sync(const struct engine *en);
/* Before endpoints with names come or go in the catalog: whoever is killed before his resolver_sync() leaves that to the next command. */
void resolver_changing(const struct engine *en);
/* If there should be a tare-netd and there is none, or it was not told of a change: resolver_sync(). */
void resolver_check(const struct engine *en);

#endif
