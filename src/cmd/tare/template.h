/* Go's templates as `docker inspect --format` takes them, over a JSON document: text with {{actions}}.
 *
 * Actions: pipelines of .Member.Member, $, $x, "texts", numbers, ( … ) and functions (template_calls.c lists them); $x := …; if, else, else
 * if, with, range (also $i, $v := …), break, continue, end, comments; define, template, block; {{- and -}} take blanks away. Sources: Go's package text/template, Docker's "Format
 * command and log output".
 *
 * Where Go distinguishes what JSON does not: an object is written as a map, map[KEY:VALUE]. A member that is not there is no (if, with, and,
 * or, not), and an error when it is written or used otherwise, unless the object is one of names that users give (labels, ports, …): then
 * it is "<no value>". */
#ifndef TARE_CMD_TARE_TEMPLATE_H
#define TARE_CMD_TARE_TEMPLATE_H

#include "base/json.h"

/* Writes text, applied to doc, onto out; values are in a. ERR_INVALID: what is wrong with it, and where. */
int template_apply(struct arena *a, const char *text, const struct json *doc, struct strbuf *out, struct err *e) MUST_CHECK;

#endif
