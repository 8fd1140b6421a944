/* "Did you mean", of what the catalog has. */
#ifndef TARE_ENGINE_NEAREST_H
#define TARE_ENGINE_NEAREST_H

#include <stdbool.h>

#include "base/nearest.h"
#include "engine/catalog.h"

/* Of containers, images, networks and volumes. */
bool nearest_thing(struct catalog *c, const char *what, char out[NEAREST_LEN]);
/* Of images, as people write them. */
bool nearest_image(struct catalog *c, const char *what, char out[NEAREST_LEN]);
/* The first column of the rows of sql, offered to n. */
void nearest_rows(struct catalog *c, const char *sql, struct nearest *n);
/* The first column of the rows of sql that is nearest to what, when near enough to be a slip. */
bool nearest_row(struct catalog *c, const char *sql, const char *what, char out[NEAREST_LEN]);

#endif
