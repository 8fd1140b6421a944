#include "api/docker/registry_auth.h"

#include <string.h>

#include "base/base64.h"
#include "image/ref.h"

/* base64url, padded or not (RFC 4648, section 5). Some clients send the other alphabet. */
static int decode(struct arena *a, const char *header, const char *name, const struct json **out, struct err *e)
{
	char *text = arena_strdup(a, header);
	unsigned char *plain = arena_alloc(a, strlen(header) + 4);
	size_t len;

	if (!text || !plain)
		return err_errno(e, -ENOMEM, "%s", name);
	for (char *p = text; *p; p++)
		*p = *p == '-' ? '+' : *p == '_' ? '/' : *p;
	if (base64_decode(text, plain, &len) < 0)
		return err_set(e, ERR_INVALID, "%s is no base64url", name);
	if (json_parse(a, (const char *)plain, len, NULL, out, e) < 0)
		return err_set(e, ERR_INVALID, "%s is no JSON", name);
	if ((*out)->type == JSON_NULL)
		*out = NULL;
	return !*out || (*out)->type == JSON_OBJECT ? 0 : err_set(e, ERR_INVALID, "%s is no JSON object", name);
}

/* The same as what it says of a registry. */
static int of_registry(struct arena *a, const char *domain, const struct json *said, const struct json **out, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	int r;

	jw_object(&w, NULL);
	if (said)
		jw_value(&w, domain, said);
	jw_end_object(&w);
	r = sb_error(&text) < 0 ? err_errno(e, -ENOMEM, "X-Registry-Auth") : json_parse(a, text.s, text.len, NULL, out, e);
	sb_wipe(&text);
	return r;
}

int registry_auth(struct exchange *ex, struct engine *en, const char *name, struct err *e)
{
	const char *header = ex_header(ex, "x-registry-auth");
	const struct json *said = NULL;
	struct image_ref ref;
	int r = image_ref_parse(ex_arena(ex), name, &ref, e);

	if (r == 0 && header && *header)
		r = decode(ex_arena(ex), header, "X-Registry-Auth", &said, e);
	return r < 0 ? r : of_registry(ex_arena(ex), ref.domain, said, &en->auths, e);
}

int registry_auths(struct exchange *ex, struct engine *en, struct err *e)
{
	const char *header = ex_header(ex, "x-registry-config");
	const struct json *said = NULL;
	int r = header && *header ? decode(ex_arena(ex), header, "X-Registry-Config", &said, e) : 0;

	if (r < 0 || !said)
		return r < 0 ? r : of_registry(ex_arena(ex), "", NULL, &en->auths, e);
	en->auths = said;
	return 0;
}
