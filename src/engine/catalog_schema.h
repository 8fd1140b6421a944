/* The tables of catalog.db. A change of them raises CATALOG_VERSION and adds a step that brings old ones forward. */
#ifndef TARE_ENGINE_CATALOG_SCHEMA_H
#define TARE_ENGINE_CATALOG_SCHEMA_H

extern const char catalog_schema[];

#endif
