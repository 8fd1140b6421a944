/* What the `inspect` commands have in common, and formats of single documents. */
#ifndef TARE_CMD_TARE_DOCUMENTS_H
#define TARE_CMD_TARE_DOCUMENTS_H

#include "base/json.h"
#include "cmd/cli.h"
#include "engine/engine.h"

/* Writes the object of what is called so. ERR_NOTFOUND where there is none. */
typedef int (*document_fn)(const struct engine *en, const struct cli_call *call, const char *what, struct json_writer *w, struct err *e);

/* Each argument of the call: one JSON list of all, or (format a template) a line of each as it says. What fails is printed as it fails,
 * and gives 1. */
int documents_print(const struct engine *en, const struct cli_call *call, const char *format, document_fn fn, struct err *e) MUST_CHECK;

/* Whether format is neither NULL, "table" nor "json". */
bool document_is_template(const char *format);
/* A line: the object in text as the template says. */
int document_apply(struct arena *a, const char *template, const struct strbuf *text, struct strbuf *out, struct err *e) MUST_CHECK;

/* Those of a network and a volume (inspect.c). */
int network_document(const struct engine *en, const struct cli_call *call, const char *what, struct json_writer *w, struct err *e);
int volume_document(const struct engine *en, const struct cli_call *call, const char *what, struct json_writer *w, struct err *e);

#endif
