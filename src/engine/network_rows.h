/* Between network.c, which knows the rows, and network_create.c, which makes them. */
#ifndef TARE_ENGINE_NETWORK_ROWS_H
#define TARE_ENGINE_NETWORK_ROWS_H

#include "engine/network.h"

/* In an open transaction: a network by these options, into the catalog. */
int network_make(const struct engine *en, struct arena *a, const struct network_options *o, struct network *net, struct err *e) MUST_CHECK;
/* ERR_CONFLICT: the name is taken. */
int network_insert(const struct engine *en, const struct network *net, const char *config, struct err *e) MUST_CHECK;

#endif
