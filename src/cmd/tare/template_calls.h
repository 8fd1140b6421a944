/* The functions of templates, and what a value is like as text. Private to template.c. */
#ifndef TARE_CMD_TARE_TEMPLATE_CALLS_H
#define TARE_CMD_TARE_TEMPLATE_CALLS_H

#include "base/json.h"

/* A member that is not there. key: what it would be called. */
const struct json *template_absent(struct arena *a, const char *key, bool users);
bool template_is_absent(const struct json *v);

bool template_truth(const struct json *v);
/* As Go prints it. ERR_INVALID: it is not there. */
int template_print(const struct json *v, struct strbuf *out, struct err *e) MUST_CHECK;
/* The value of that member. */
int template_member(struct arena *a, const struct json *of, const char *key, const struct json **out, struct err *e) MUST_CHECK;

/* Whether docker shows that member of an object otherwise than as nothing where it is null or left out; v: what the object has, NULL or null.
 * shown: "" (a text), "[]", "map[]", or NULL: <nil>. To json all but a text are null. */
bool template_typed(const struct json *of, const char *key, const struct json *v, const char **shown);

bool template_is_function(const char *name);
#define TEMPLATE_ARGS 16
int template_call(struct arena *a, const char *name, const struct json *const *args, size_t n, const struct json **out, struct err *e) MUST_CHECK;

const struct json *template_text(struct arena *a, const char *s);

#endif
