/* Networks of CNI among the others, in lists and as JSON. */
#ifndef TARE_API_DOCKER_NETWORK_CNI_H
#define TARE_API_DOCKER_NETWORK_CNI_H

#include "base/json.h"
#include "engine/network.h"

/* Puts them behind the n networks in *all, with the subnet that their address management names, if it is one; a configuration that cannot be
 * read is a warning. */
int network_cni_list(const struct engine *en, struct arena *a, struct network **all, size_t *n, struct err *e) MUST_CHECK;
/* The object that `tare network inspect` shows. */
int network_cni_inspect(const struct engine *en, struct arena *a, const char *name, struct json_writer *w, struct err *e) MUST_CHECK;

#endif
