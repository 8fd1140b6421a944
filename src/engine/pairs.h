/* "KEY=VALUE" texts of options (--label, --opt) as a JSON object. */
#ifndef TARE_ENGINE_PAIRS_H
#define TARE_ENGINE_PAIRS_H

#include "base/json.h"
#include "engine/options.h"

#define PAIRS_KEY_MAX 255

/* The other way: "KEY=VALUE" of each member, in a. ERR_INVALID: a value that is no text; what: whose, for the message. object NULL or null: none. */
int pairs_texts(struct arena *a, const struct json *object, const char *what, struct strv *out, struct err *e) MUST_CHECK;

/* The last one of a key wins; one without '=' is empty. A key longer than PAIRS_KEY_MAX is left out: the caller has refused it. */
void pairs_write(struct json_writer *w, const char *key, struct strv v);

#endif
