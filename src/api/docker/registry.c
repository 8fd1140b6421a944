/* POST /auth, GET /distribution/NAME/json: what is asked of registries and changes nothing here. */
#include <string.h>

#include "api/docker/registry_auth.h"
#include "api/docker/routes.h"
#include "engine/credentials.h"
#include "engine/describe.h"
#include "engine/login.h"

/* 401 whatever the reason of a refusal is: by that clients know it. */
static int refused(struct exchange *ex, struct err *e)
{
	struct err why = *e;

	if (why.cls != ERR_DENIED)
		return e->code;
	(void)err_ctx(&why, "unauthorized");
	return ex_error(ex, 401, &why, e);
}

static int login(struct exchange *ex, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	struct credential c = CREDENTIAL_NONE;
	const struct json *body = NULL;
	const char *server = "", *registry, *token;
	struct engine *en;
	int r = ex_body_json(ex, 0, &body, e);

	if (r == 0)
		r = json_get_str(body, "", "username", &c.username, e);
	if (r == 0)
		r = json_get_str(body, "", "password", &c.password, e);
	if (r == 0)
		r = json_get_str(body, "", "identitytoken", &c.identity_token, e);
	if (r == 0)
		r = json_get_str(body, "", "serveraddress", &server, e);
	if (r == 0)
		r = ex_engine(ex, &en, e);
	if (r < 0)
		return r;
	if (engine_login_try(en, *server ? server : NULL, &c, ex_arena(ex), &registry, &token, e) < 0)
		return refused(ex, e);
	jw_object(&w, NULL);
	jw_str(&w, "Status", "Login Succeeded");
	jw_str(&w, "IdentityToken", token);
	jw_end_object(&w);
	return ex_json(ex, 200, &text, e);
}

static void write_platform(struct json_writer *w, const struct platform *p)
{
	jw_object(w, NULL);
	jw_str(w, "architecture", p->arch);
	jw_str(w, "os", p->os);
	if (*p->variant)
		jw_str(w, "variant", p->variant);
	jw_end_object(w);
}

static int distribution(struct exchange *ex, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	const char *name = ex_param(ex, 0);
	struct described d;
	struct engine *en;
	int r = ex_engine(ex, &en, e);

	if (r == 0)
		r = registry_auth(ex, en, name, e);
	if (r < 0)
		return r;
	if (engine_describe(en, name, ex_arena(ex), &d, e) < 0)
		return refused(ex, e);
	jw_object(&w, NULL);
	jw_object(&w, "Descriptor");
	jw_str(&w, "mediaType", d.media_type);
	jw_str(&w, "digest", d.digest);
	jw_u64(&w, "size", d.size);
	jw_end_object(&w);
	jw_array(&w, "Platforms");
	for (size_t i = 0; i < d.n; i++)
		write_platform(&w, &d.platforms[i]);
	jw_end_array(&w);
	jw_end_object(&w);
	return ex_json(ex, 200, &text, e);
}

const struct route docker_registry_routes[] = {
	{ .method = "POST", .path = "/auth", .handler = login, .access = ROUTE_READ, .about = "try a login at a registry" },
	{ .method = "GET", .path = "/distribution/{+}/json", .handler = distribution, .access = ROUTE_READ, .about = "what a registry has under a name" },
	{ 0 }
};
