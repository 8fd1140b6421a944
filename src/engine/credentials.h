/* Who we are to a registry: what `tare login` keeps and `tare pull` and `tare push` read.
 *
 * Docker's config.json is read and written, the auth.json of podman, skopeo and buildah is read where Docker's has nothing. Of both:
 *
 *   {"auths": {KEY: {"auth": BASE64 of USER:PASSWORD, "username", "password", "identitytoken", "registrytoken"}},
 *    "credHelpers": {KEY: NAME}, "credsStore": NAME}
 *
 * KEY is a registry, "host", "host:port", "https://host/v1/" (Docker Hub's is "https://index.docker.io/v1/"), or a part of one,
 * "host/path": the longest that the repository begins with, part by part, counts. A registry that credHelpers names, or every one where
 * there is a credsStore, is asked of the program docker-credential-NAME and not looked for in auths (engine/credential_helper.h);
 * NAME "" means auths.
 *
 * Where a file has nothing for a registry the next is asked: there, to go without is no error. A file that cannot be read, or an entry
 * that is asked for and makes no sense, is. All that is read is in an arena of the caller's, which is a CLEANUP_SECRETS. */
#ifndef TARE_ENGINE_CREDENTIALS_H
#define TARE_ENGINE_CREDENTIALS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"

struct credential {
	const char *username; /* "" without; all "" : nothing is known */
	const char *password;
	const char *identity_token; /* a refresh token for the token endpoint (OAuth2), instead of a password */
	const char *registry_token; /* to be sent as it is: "Authorization: Bearer TOKEN" */
	const char *from;           /* the file, or the helper's name, for messages */
};

#define CREDENTIAL_NONE { .username = "", .password = "", .identity_token = "", .registry_token = "", .from = "" }

struct credential_files {
	const char *docker;          /* config.json; NULL when the environment names no place for it */
	const char *others[3];       /* read after it, in this order, up to NULL */
	unsigned int helper_seconds; /* how long a helper may take; people may have to type something */
};

/* As the environment says: $DOCKER_CONFIG/config.json or $HOME/.docker/config.json; then $REGISTRY_AUTH_FILE, and
 * $XDG_RUNTIME_DIR/containers/auth.json or else /run/containers/UID/auth.json. uid: the user's on the machine, not what he is in his
 * user namespace (engine/rootless.h). */
int credential_files_find(struct arena *a, uid_t uid, struct credential_files *out, struct err *e) MUST_CHECK;

/* Of credentials that somebody brought along: entries as auths has them, by the same keys. *out is CREDENTIAL_NONE where there is none. */
struct json;
int credential_among(struct arena *a, const struct json *auths, const char *domain, const char *path, struct credential *out,
		     struct err *e) MUST_CHECK;

bool credential_known(const struct credential *c);

/* What is known for a repository (path) of a registry: domain as in struct image_ref ("docker.io", "host:5000"). *out is
 * CREDENTIAL_NONE where nothing is. ERR_INVALID names a damaged file and its entry, ERR_NOTFOUND a missing helper. */
int credential_get(struct arena *a, const struct credential_files *files, const char *domain, const char *path,
		   struct credential *out, struct err *e) MUST_CHECK;

/* Keeps c (username and password, or an identity token) for a whole registry, in the helper that is responsible for it or in Docker's
 * file, which is replaced by rename, mode 0600, of the owner that it had; its folder is made, mode 0700. Everything else that the file
 * says stays, also what we do not know. A file that is damaged or no regular one is an error and stays as it is; so is
 * a link, the folder too, that is neither the caller's own nor root's (of a link that is, what it leads to is replaced, if that is the
 * caller's). *where: the file's or the helper's name, in a, for the message. */
int credential_store(struct arena *a, const struct credential_files *files, const char *domain, const struct credential *c,
		     const char **where, struct err *e) MUST_CHECK;

/* Forgets what is kept for a whole registry, whichever way its key is spelled, and asks its helper to. *was: there was something. *left:
 * what still has a credential for it (podman's file; NULL: nothing does). */
int credential_erase(struct arena *a, const struct credential_files *files, const char *domain, bool *was, const char **left,
		     struct err *e) MUST_CHECK;

#endif
