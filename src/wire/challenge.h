/* What a registry asks for: the challenges of WWW-Authenticate (RFC 9110, sections 11.2, 11.3 and 11.6.1; RFC 6750, section 3;
 * RFC 7617). Bytes of a stranger in, a small struct out, no I/O.
 *
 * A header may hold several challenges, and there may be several headers: each value is given to challenge_parse() in turn, with the
 * same struct. Of each scheme that we speak the first challenge counts; of other schemes (Digest, Negotiate…) only the name of the
 * first is kept, for the message that we cannot speak them. */
#ifndef TARE_WIRE_CHALLENGE_H
#define TARE_WIRE_CHALLENGE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"

struct challenges {
	bool bearer;         /* Bearer is offered */
	const char *realm;   /* of Bearer: the token endpoint's URL, as it was sent; "" when none was */
	const char *service; /* "" when none was sent */
	const char *scope;   /* several, parted by blanks; "" when none was sent */
	const char *error;   /* "invalid_token", "insufficient_scope"…; "" when none was sent */
	bool basic;          /* Basic is offered */
	const char *basic_realm;
	const char *other; /* the first scheme that is neither, "" without */
};

#define CHALLENGES_INIT { .realm = "", .service = "", .scope = "", .error = "", .basic_realm = "", .other = "" }

/* Adds the challenges of one header's value (len bytes) to c; texts are in a. Nothing in them is checked but their form: they hold no
 * control characters. ERR_INVALID: it is not what RFC 9110 allows, or a parameter is given twice, or it is longer than 8 KiB; c then
 * has what came before. ERR_INTERNAL: no memory. */
int challenge_parse(struct arena *a, const char *value, size_t len, struct challenges *c, struct err *e) MUST_CHECK;

#endif
