/* The tables of catalog.db, in steps: the SQL at i brings format i to i + 1 (0 is an empty file). */
#ifndef TARE_ENGINE_CATALOG_SCHEMA_H
#define TARE_ENGINE_CATALOG_SCHEMA_H

#include "engine/catalog.h"

extern const char *const catalog_schema[CATALOG_VERSION];

#endif
