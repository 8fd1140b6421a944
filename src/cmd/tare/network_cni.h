/* Networks of CNI among the others, in lists and as JSON. */
#ifndef TARE_CMD_TARE_NETWORK_CNI_H
#define TARE_CMD_TARE_NETWORK_CNI_H

#include "base/json.h"
#include "cmd/tare/table.h"
#include "engine/engine.h"

/* A row for each, in the columns of `tare network ls`; a configuration that cannot be read is a warning. */
int network_cni_rows(const struct engine *en, struct table *t, bool whole, struct err *e) MUST_CHECK;
/* The object that `tare network inspect` shows. */
int network_cni_inspect(const struct engine *en, struct arena *a, const char *name, struct json_writer *w, struct err *e) MUST_CHECK;

#endif
