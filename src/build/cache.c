#include "build/cache.h"

#include <string.h>

#include "base/csv.h"
#include "base/strbuf.h"

struct reading {
	struct arena *a;
	bool to, typed;
	const char *key; /* ref, src or dest; NULL: none */
	struct build_cache *out;
	struct err *e;
};

static const struct {
	const char *name;
	enum build_cache_kind kind;
	bool from;
} types[] = { { "registry", CACHE_REGISTRY, true }, { "local", CACHE_LOCAL, true }, { "inline", CACHE_INLINE, false } };

static int take_type(struct reading *r, const char *value)
{
	r->typed = true;
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (strcmp(value, types[i].name) == 0 && (r->to || types[i].from)) {
			r->out->kind = types[i].kind;
			return 0;
		}
	return err_set(r->e, ERR_UNSUPPORTED, "type=%s is not supported (registry%s and local are)", value, r->to ? ", inline" : "");
}

static int take_field(struct reading *r, char *field)
{
	char *value = strchr(field, '=');

	if (!value)
		return err_set(r->e, ERR_INVALID, "\"%s\" is not KEY=VALUE", field);
	*value++ = '\0';
	if (strcmp(field, "type") == 0)
		return take_type(r, value);
	if (strcmp(field, "ref") == 0 || strcmp(field, r->to ? "dest" : "src") == 0) {
		r->key = field;
		r->out->place = value;
		return 0;
	}
	if (r->to && strcmp(field, "mode") == 0 && (strcmp(value, "min") == 0 || strcmp(value, "max") == 0)) {
		r->out->all = strcmp(value, "max") == 0;
		return 0;
	}
	if (r->to && strcmp(field, "ignore-error") == 0 && (strcmp(value, "true") == 0 || strcmp(value, "false") == 0)) {
		r->out->may_fail = strcmp(value, "true") == 0;
		return 0;
	}
	return err_set(r->e, ERR_UNSUPPORTED, "%s=%s is not supported", field, value);
}

static int check(struct reading *r)
{
	const struct build_cache *o = r->out;
	const char *key = o->kind == CACHE_REGISTRY ? "ref" : r->to ? "dest" : "src";

	if (!r->typed)
		return err_set(r->e, ERR_INVALID, "its type= is missing");
	if (o->kind != CACHE_INLINE && (!o->place || !o->place[0] || strcmp(r->key, key) != 0))
		return err_set(r->e, ERR_INVALID, "want %s=%s", key, o->kind == CACHE_REGISTRY ? "NAME" : "FOLDER");
	if (o->kind == CACHE_INLINE && (o->place || o->all))
		return err_set(r->e, ERR_INVALID, "type=inline is in the image: it has no place of its own, and mode=min");
	return 0;
}

static int parse(struct reading *r, const char *text)
{
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;

	for (const char *s = text;; s++) {
		char *field;

		s = csv_next(s, &b);
		if (!s)
			return err_set(r->e, ERR_INVALID, "a double quote is not closed");
		field = arena_strndup(r->a, sb_str(&b), b.len);
		if (!field || sb_error(&b) < 0)
			return err_errno(r->e, -ENOMEM, "reading it");
		if (take_field(r, field) < 0)
			return r->e->code;
		if (!*s)
			return check(r);
	}
}

int build_cache_parse(struct arena *a, const char *text, bool to, struct build_cache *out, struct err *e)
{
	struct reading r = { .a = a, .to = to, .out = out, .e = e };

	*out = (struct build_cache){ .text = text };
	if (!strchr(text, '=') && text[0]) {
		out->place = text;
		return 0;
	}
	return parse(&r, text) < 0 ? err_ctx(e, "--cache-%s %s", to ? "to" : "from", text) : 0;
}
