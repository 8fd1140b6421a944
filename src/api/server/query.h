/* What stands behind a path, and %XX in both: texts into texts. */
#ifndef TARE_API_SERVER_QUERY_H
#define TARE_API_SERVER_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

struct query_pair {
	const char *key, *value;
};

/* The pairs of "a=1&b=x%20y+z", in their order, in a. ERR_INVALID: an escape that is none or would be a NUL; ERR_LIMIT: more than QUERY_MAX. text NULL: none. */
#define QUERY_MAX 1000
int query_parse(struct arena *a, const char *text, struct query_pair **out, size_t *n, struct err *e) MUST_CHECK;

/* len bytes without their escapes, in a; plus: a '+' is a space. ERR_INVALID as above. */
int query_decode(struct arena *a, const char *text, size_t len, bool plus, const char **out, struct err *e) MUST_CHECK;

/* What Docker takes for no: "", 0, no, false, none, in any case; all else is yes. */
bool query_yes(const char *value);

#endif
