/* "Did you mean": the nearest of some names. */
#ifndef TARE_ENGINE_NEAREST_H
#define TARE_ENGINE_NEAREST_H

#include <stdbool.h>

#include "engine/catalog.h"

#define NEAREST_LEN 200

/* The first column of the rows of sql that is nearest to what, when near enough to be a slip. */
bool nearest_row(struct catalog *c, const char *sql, const char *what, char out[NEAREST_LEN]);

#endif
