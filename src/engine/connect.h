/* A container's networks, changed while it runs or for its next start. */
#ifndef TARE_ENGINE_CONNECT_H
#define TARE_ENGINE_CONNECT_H

#include "engine/engine.h"
#include "engine/options.h"

/* place: the network and what it is to be there. ERR_CONFLICT: it is in that network. A connect that was killed half-way is carried on by
 * the next one. */
int network_connect(const struct engine *en, const char *container, const struct ct_network *place, struct err *e) MUST_CHECK;
/* ERR_NOTFOUND: it is not in that network. When its default route went there, the next of its networks takes it over, and the ports. */
int network_disconnect(const struct engine *en, const char *container, const char *network, struct err *e) MUST_CHECK;

#endif
