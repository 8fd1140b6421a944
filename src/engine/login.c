#include "engine/login.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "engine/access.h"

#define HUB "docker.io"

/* The registry's name out of what people, and Docker's file, call it. */
static int read_server(struct arena *a, const char *server, struct image_ref *ref, struct err *e)
{
	const char *host = server ? server : HUB, *name;
	struct err ignored;

	if (strncasecmp(host, "https://", 8) == 0)
		host += 8;
	else if (strncasecmp(host, "http://", 7) == 0)
		host += 7;
	name = arena_printf(a, "%.*s/team/login", (int)strcspn(host, "/"), host);
	if (!name)
		return err_errno(e, -ENOMEM, "login");
	/* what looks like no host would be a part of a name at Docker Hub, and never be asked */
	if (image_ref_parse(a, name, ref, &ignored) < 0 || strcmp(ref->path, "team/login") != 0)
		return err_set(e, ERR_INVALID, "'%s' is no registry: HOST or HOST:PORT, and in HOST a '.', or localhost", server);
	return 0;
}

static int find(struct access *q, const struct engine *en, const char *server, struct arena *a, const struct credential *given,
		struct image_ref *ref, struct err *e)
{
	int r = read_server(a, server, ref, e);

	return r < 0 ? r : access_find(q, en, ref, REGISTRY_PUSH, given, e);
}

static int try_it(struct access *q, const struct image_ref *ref, const char **identity_token, struct err *e)
{
	CLEANUP_REGISTRY_CLIENT struct registry_client client = REGISTRY_CLIENT_INIT;
	char transfer[PATH_MAX];
	uint64_t endpoint;
	int r = engine_program("tare-transfer", transfer, e);

	if (r < 0)
		return r;
	if (q->n && strcmp(q->found[0].domain, ref->domain) != 0)
		return err_set(e, ERR_INVALID, "registries.conf has %s at %s: tare login %s", ref->domain, q->found[0].domain, q->found[0].domain);
	r = registry_start(transfer, q->endpoints, q->n, NULL, 0, &client, e);
	return r < 0 ? r : registry_ping(&client, &q->secrets, &endpoint, identity_token, e);
}

static int check_user(const char *user, struct err *e)
{
	return strchr(user, ':') ? err_set(e, ERR_INVALID, "a user name with ':' cannot be sent to a registry (RFC 7617)") : 0;
}

int engine_login_try(const struct engine *en, const char *server, const struct credential *c, struct arena *a, const char **registry,
		     const char **token, struct err *e)
{
	CLEANUP_ACCESS struct access q = ACCESS_INIT;
	const char *given = NULL;
	struct image_ref ref;
	int r = check_user(c->username, e);

	if (r == 0)
		r = find(&q, en, server, a, c, &ref, e);
	if (r == 0)
		r = try_it(&q, &ref, &given, e);
	if (r < 0)
		return r;
	*registry = ref.domain;
	*token = arena_strdup(a, given ? given : "");
	return *token ? 0 : err_errno(e, -ENOMEM, "login");
}

int engine_login(const struct engine *en, const char *server, const char *user, const char *password, struct arena *a,
		 struct login_result *out, struct err *e)
{
	CLEANUP_ACCESS struct access q = ACCESS_INIT;
	struct credential c = CREDENTIAL_NONE;
	const char *token = NULL;
	struct image_ref ref;
	int r = check_user(user, e);

	c.username = user;
	c.password = password;
	if (r == 0)
		r = find(&q, en, server, a, &c, &ref, e);
	if (r == 0)
		r = try_it(&q, &ref, &token, e);
	if (r < 0)
		return r;
	if (token) {
		c.identity_token = token;
		c.password = "";
	}
	out->registry = ref.domain;
	r = credential_store(a, &q.files, ref.domain, &c, &out->where, e);
	if (r < 0)
		return r;
	out->readable = !text_starts(out->where, "docker-credential-");
	return 0;
}

int engine_login_get(const struct engine *en, const char *server, struct arena *a, const char **registry, const char **user, struct err *e)
{
	CLEANUP_ACCESS struct access q = ACCESS_INIT;
	const struct credential nobody = CREDENTIAL_NONE;
	struct credential c;
	struct image_ref ref;
	int r = find(&q, en, server, a, &nobody, &ref, e);

	if (r == 0)
		r = credential_get(&q.secrets, &q.files, ref.domain, "", &c, e);
	if (r < 0)
		return r;
	*registry = ref.domain;
	*user = arena_strdup(a, *c.username || !credential_known(&c) ? c.username : "<token>");
	return *user ? 0 : err_errno(e, -ENOMEM, "login");
}

int engine_logout(const struct engine *en, const char *server, struct arena *a, const char **registry, bool *was, const char **left,
		  struct err *e)
{
	CLEANUP_ACCESS struct access q = ACCESS_INIT;
	const struct credential nobody = CREDENTIAL_NONE;
	const char *from = NULL;
	struct image_ref ref;
	int r = find(&q, en, server, a, &nobody, &ref, e);

	if (r == 0)
		r = credential_erase(&q.secrets, &q.files, ref.domain, was, &from, e);
	if (r < 0)
		return r;
	*registry = ref.domain;
	*left = from ? arena_strdup(a, from) : NULL;
	return arena_error(a) < 0 ? err_errno(e, -ENOMEM, "logout") : 0;
}
