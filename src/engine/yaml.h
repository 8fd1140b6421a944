/* YAML, as far as it says what JSON can say, read by libyaml into the tree of base/json.
 *
 * One document (yaml.org, 1.1 as libyaml knows it): mappings whose keys are texts, sequences, scalars in every style. Of plain scalars
 * null, true and false, whole numbers (decimal, 0x…, 0o…, and 0… which is octal as Go's readers have it) and what JSON calls a number are
 * that; everything else is a text, "yes" and "on" too. Anchors and aliases: an alias is a copy, and copies count like what is written, so
 * that a small file is no large tree. Not read, each an error: several documents, tags other than those of texts, sequences and mappings,
 * "<<", a key given twice, NUL in a text. */
#ifndef TARE_ENGINE_YAML_H
#define TARE_ENGINE_YAML_H

#include "base/json.h"

/* Parses text (len bytes; at most 1 MiB, 10,000 values, 32 levels, 64 anchors) into a. On success *out is the root, living as long as a;
 * of an empty text it is JSON_NULL. Fails with ERR_INVALID, ERR_LIMIT or ERR_INTERNAL (memory); the message begins with "line N: ". */
int yaml_read(struct arena *a, const char *text, size_t len, const struct json **out, struct err *e) MUST_CHECK;

#endif
