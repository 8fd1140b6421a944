/* `tare login` and `tare logout`: who we are at a registry, asked of it and kept (engine/credentials.h). */
#ifndef TARE_ENGINE_LOGIN_H
#define TARE_ENGINE_LOGIN_H

#include <stdbool.h>

#include "base/arena.h"
#include "engine/engine.h"

struct login_result {
	const char *registry; /* as it is known, in the arena */
	const char *where;    /* the file, or docker-credential-NAME, that has it now */
	bool readable;        /* it is a password in a file, not in a helper */
};

/* server: "host[:port]", "https://host/v1/", NULL for Docker Hub. ERR_DENIED: the registry refuses the password; nothing is kept then. Where
 * its token endpoint gives a refresh token, that is kept instead of the password. */
int engine_login(const struct engine *en, const char *server, const char *user, const char *password, struct arena *a,
		 struct login_result *out, struct err *e) MUST_CHECK;

/* The same, and nothing is kept: *token is what its token endpoint gives for the password, in a; "" without. c: a user's name and password, or
 * an identity token. */
struct credential;
int engine_login_try(const struct engine *en, const char *server, const struct credential *c, struct arena *a, const char **registry,
		     const char **token, struct err *e) MUST_CHECK;

/* Who we are there, "" for nobody; *registry as above. */
int engine_login_get(const struct engine *en, const char *server, struct arena *a, const char **registry, const char **user,
		     struct err *e) MUST_CHECK;

/* *was: there was a login; *left: what still has one (credential_erase()). */
int engine_logout(const struct engine *en, const char *server, struct arena *a, const char **registry, bool *was, const char **left,
		  struct err *e) MUST_CHECK;

#endif
