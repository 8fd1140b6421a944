/* Published ports of a container, changed while it runs and for its next start. */
#ifndef TARE_ENGINE_PUBLISH_H
#define TARE_ENGINE_PUBLISH_H

#include "engine/engine.h"
#include "engine/options.h"
#include "engine/record.h"

/* Takes away what `remove` names (net_port_match_parse(), or a -p's own text), then adds `add` (-p's texts): all of it, or nothing. Connections to
 * what goes are cut. What is there already is not added twice. ERR_NOTFOUND: it publishes no such port. ERR_CONFLICT: a port is taken. */
int container_publish(const struct engine *en, const char *what, struct strv add, struct strv remove, struct err *e) MUST_CHECK;

/* Of a running one, for settle(): carries a change that was killed to its end, or takes it back. Nothing where there is none. wait: for
 * whoever is at work on the container; else it is left alone. */
int publish_mend(const struct engine *en, const struct record *rec, bool wait, struct err *e) MUST_CHECK;

#endif
