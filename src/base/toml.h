/* TOML, the part of it that configuration files of containers use, read into the tree of base/json.
 *
 * Read (toml.io, version 1.0): comments, bare, quoted and dotted keys, tables, arrays of tables, inline tables, arrays over several
 * lines, basic and literal strings of one line, decimal integers of 64 bits, booleans. Everything else of TOML (strings over several
 * lines, floating-point numbers, other bases, dates) is an error that names it, as is what TOML itself forbids: a key or a table given
 * twice, a line with two values, bytes that are no UTF-8.
 *
 * Tables are JSON_OBJECT, arrays (of tables too) JSON_ARRAY, integers JSON_NUMBER, so json_get_*() reads them. */
#ifndef TARE_BASE_TOML_H
#define TARE_BASE_TOML_H

#include "base/json.h"

/* Parses text (len bytes, need not be NUL-terminated nor outlive the call; at most 1 MiB, 10,000 values, 32 levels) into a. On success
 * *out is the root table, living as long as a. Fails with ERR_INVALID, ERR_LIMIT or ERR_INTERNAL (memory); the message begins with
 * "line N: ". */
int toml_parse(struct arena *a, const char *text, size_t len, const struct json **out, struct err *e) MUST_CHECK;

#endif
