/* "Did you mean", of what the catalog has. */
#ifndef TARE_ENGINE_NEAREST_H
#define TARE_ENGINE_NEAREST_H

#include <stdbool.h>

#include "base/nearest.h"
#include "engine/catalog.h"

/* The first column of the rows of sql that is nearest to what, when near enough to be a slip. */
bool nearest_row(struct catalog *c, const char *sql, const char *what, char out[NEAREST_LEN]);

#endif
