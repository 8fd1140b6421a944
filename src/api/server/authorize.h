/* Who may do what with a server: by the socket he comes through, his user, his certificate. Without rules it is as with Docker: whoever can connect may do
 * everything. docs/docker-api.md, "Access". */
#ifndef TARE_API_SERVER_AUTHORIZE_H
#define TARE_API_SERVER_AUTHORIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

#define AUTHORIZE_KEY "tare-authorization" /* in daemon.json */

enum authorize_role {
	AUTHORIZE_NONE,      /* what is public alone (route.h) */
	AUTHORIZE_READ_ONLY, /* what only looks */
	AUTHORIZE_OWN,       /* what is his own: the view's matter (guard.h) */
	AUTHORIZE_FULL
};

/* The first rule that fits is the one that counts; what it does not speak of fits. */
struct authorize_rule {
	const char *socket, *certificate;
	bool has_user;
	uid_t user;
	enum authorize_role role;
	const char *owner; /* of AUTHORIZE_OWN: whose things are his; NULL: his own name */
};

struct authorize_rules {
	bool given; /* else everybody has AUTHORIZE_FULL; with rules, whom none fits has AUTHORIZE_NONE */
	const struct authorize_rule *v;
	size_t n;
};

struct authorize_who {
	const char *socket; /* as listen.h names it */
	uid_t user;         /* (uid_t)-1: not known */
	const char *certificate; /* NULL: none */
};

/* v: the key's value, a list; NULL: there is none. All in a. ERR_INVALID. */
int authorize_take(struct arena *a, const struct json *v, struct authorize_rules *out, struct err *e) MUST_CHECK;

/* *owner: in a, of AUTHORIZE_OWN alone. ERR_INTERNAL: no memory. */
int authorize(const struct authorize_rules *rules, struct arena *a, const struct authorize_who *who, enum authorize_role *role, const char **owner,
	      struct err *e) MUST_CHECK;

#endif
