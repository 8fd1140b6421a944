/* What a registry and its token endpoint answer in JSON. Bytes of a stranger in, no I/O.
 *
 * Sources: the distribution project's "Token Authentication Specification" and "OAuth2 Token Authentication", RFC 6749 sections 5.1 and
 * 5.2; OCI distribution specification, "Error codes". */
#ifndef TARE_WIRE_ANSWER_H
#define TARE_WIRE_ANSWER_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

struct token_answer {
	const char *token;         /* to be sent as "Authorization: Bearer TOKEN": visible ASCII, never empty */
	const char *refresh_token; /* NULL when none was given */
	int64_t issued_at;         /* seconds since the epoch, 0 when it does not say: count from when the answer came */
	int64_t expires_in;        /* seconds, at least 60 as the specification says when it does not or says less than 1 */
};

/* A token endpoint's answer to success, at most 1 MiB; texts are in a, which the caller wipes. A clock of the endpoint's own is not to be
 * trusted: expires_in counts from when the request was sent. Fails with ERR_INVALID (no JSON, no token, one with characters that would
 * end a header) or ERR_INTERNAL; the message has nothing of the token. */
int answer_token(struct arena *a, const char *text, size_t len, struct token_answer *out, struct err *e) MUST_CHECK;

/* One line for people of the body of an error, {"errors":[{"code","message","detail"}]} of a registry or {"error",
 * "error_description"} or {"details"} of a token endpoint: "MANIFEST_UNKNOWN: manifest unknown (and 2 more)". What is none of these, HTML
 * above all, gives "". Everything that is not printable ASCII is escaped, and it is cut at size, ending in "...". Gives out. */
const char *answer_error(const char *text, size_t len, char *out, size_t size);

#endif
