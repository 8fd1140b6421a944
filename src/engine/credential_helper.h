/* Programs that keep credentials: docker-credential-NAME, found in PATH, run with "get", "store" or "erase" as its one argument (the
 * protocol of docker-credential-helpers). They are told the registry ("https://index.docker.io/v1/", "host:5000") or a JSON object on
 * standard input and answer on standard output. Our environment is theirs, and our terminal too: some ask for a passphrase there. */
#ifndef TARE_ENGINE_CREDENTIAL_HELPER_H
#define TARE_ENGINE_CREDENTIAL_HELPER_H

#include "engine/credentials.h"

struct credential_helper {
	const char *name;     /* NAME, without "docker-credential-" */
	unsigned int seconds; /* then it is killed */
};

/* *out CREDENTIAL_NONE: the helper knows none. The user name "<token>" means that the secret is an identity token. All texts are in a.
 * Each fails with ERR_INVALID (its name or its answer makes no sense), ERR_NOTFOUND (no such program), ERR_UNAVAILABLE (it failed, with
 * the first line that it said, or took too long). */
int credential_helper_get(struct arena *a, const struct credential_helper *h, const char *server, struct credential *out,
			  struct err *e) MUST_CHECK;
int credential_helper_store(const struct credential_helper *h, const char *server, const struct credential *c, struct err *e) MUST_CHECK;
/* *was false: it knew none. */
int credential_helper_erase(const struct credential_helper *h, const char *server, bool *was, struct err *e) MUST_CHECK;

#endif
