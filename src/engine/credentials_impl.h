/* Between credentials.c and credentials_write.c. */
#ifndef TARE_ENGINE_CREDENTIALS_IMPL_H
#define TARE_ENGINE_CREDENTIALS_IMPL_H

#include "base/json.h"
#include "engine/credentials.h"

/* Docker Hub's name in Docker's files, and to helpers. */
#define HUB "docker.io"
#define HUB_KEY "https://index.docker.io/v1/"

/* What the registry is called in auths, and to a helper. */
const char *credentials_key(const char *domain);
/* The entry of map (KEY: …) for the repository; path "": the whole registry. NULL without. */
const struct json *credentials_match(const struct json *map, const char *domain, const char *path);
/* Does key stand for that whole registry? */
bool credentials_same(const char *key, const char *domain);
/* The text of fd, which is file, as an object. */
int credentials_read(struct arena *a, int fd, const char *file, const struct json **doc, struct err *e) MUST_CHECK;
/* Which helper is responsible; "": none, auths is. */
int credentials_helper(const struct json *doc, const char *domain, const char *path, const char **name, struct err *e) MUST_CHECK;

#endif
