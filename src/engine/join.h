/* Namespaces that a container shares with another one: --network, --pid and --ipc container:X.
 *
 * A user namespace belongs to all who share one of its namespaces, so X's comes along, with its id map. X is looked up by name once;
 * from then on its id is meant, and each start wants it to run. */
#ifndef TARE_ENGINE_JOIN_H
#define TARE_ENGINE_JOIN_H

#include "base/strbuf.h"
#include "engine/engine.h"
#include "engine/spec_plan.h"

/* The container in an option's "container:X", or NULL when it is something else. */
const char *join_named(const char *value);

/* Before spec_plan(): whom --network, --pid and --ipc name, and what the container has of them. ERR_NOTFOUND; ERR_INVALID where X shares the
 * host's, or where two that are named differ in their ids. */
int join_plan(const struct engine *en, struct plan *p, struct err *e) MUST_CHECK;
/* In the transaction that inserted the container's row. ERR_NOTFOUND: X was removed meanwhile. */
int join_insert(const struct engine *en, const struct plan *p, struct err *e) MUST_CHECK;

/* At each start: which processes' namespaces, for the monitor, as a member of its description. Nothing where none is shared.
 * ERR_NOTFOUND: X is gone for good; ERR_BUSY: it does not run. */
int join_describe(const struct engine *en, const char *id, struct strbuf *description, struct err *e) MUST_CHECK;

/* Who shares its network, which then goes on when the container ends: ids. */
int join_guests(const struct engine *en, struct arena *a, const char *id, struct strv *out, struct err *e) MUST_CHECK;

#endif
