#include "wire/answer.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/text.h"

/* The specification's, for answers that do not say; clients of old count on it. */
#define EXPIRES_AT_LEAST 60
#define EXPIRES_AT_MOST (366LL * 86400)

static const struct json_limits limits = { .max_bytes = 1U << 20, .max_depth = 32, .max_nodes = 10000 };

static bool is_visible(const char *s)
{
	for (; *s; s++)
		if (*s <= 0x20 || *s >= 0x7f)
			return false;
	return true;
}

static int token_member(const struct json *doc, const char *key, const char **out, struct err *e)
{
	int r = json_get_str(doc, "the token endpoint's answer", key, out, e);

	if (r < 0)
		return r;
	if (*out && !**out)
		*out = NULL;
	return *out && !is_visible(*out) ? err_set(e, ERR_INVALID, "the token endpoint's answer: %s has characters that no token has", key) : 0;
}

static int times(const struct json *doc, struct token_answer *out, struct err *e)
{
	const char *issued = NULL;
	struct timespec ts;
	int r = json_get_i64(doc, "the token endpoint's answer", "expires_in", &out->expires_in, e);

	if (r == 0)
		r = json_get_str(doc, "the token endpoint's answer", "issued_at", &issued, e);
	if (r < 0)
		return r;
	if (out->expires_in < 1)
		out->expires_in = EXPIRES_AT_LEAST;
	if (out->expires_in > EXPIRES_AT_MOST)
		out->expires_in = EXPIRES_AT_MOST;
	if (issued && *issued) {
		if (text_parse_time(issued, &ts) < 0)
			return err_set(e, ERR_INVALID, "the token endpoint's answer: issued_at is no time of RFC 3339");
		out->issued_at = ts.tv_sec;
	}
	return 0;
}

int answer_token(struct arena *a, const char *text, size_t len, struct token_answer *out, struct err *e)
{
	const char *token = NULL, *access_token = NULL;
	const struct json *doc;
	struct err why = { 0 };
	int r = json_parse(a, text, len, &limits, &doc, &why);

	*out = (struct token_answer){ 0 };
	if (r < 0)
		return err_set(e, why.cls == ERR_INTERNAL ? ERR_INTERNAL : ERR_INVALID, "the token endpoint's answer is no JSON: %s", why.msg);
	if (doc->type != JSON_OBJECT)
		return err_set(e, ERR_INVALID, "the token endpoint's answer is no object");
	r = token_member(doc, "token", &token, e);
	if (r == 0)
		r = token_member(doc, "access_token", &access_token, e);
	if (r == 0)
		r = token_member(doc, "refresh_token", &out->refresh_token, e);
	if (r == 0)
		r = times(doc, out, e);
	if (r < 0)
		return r;
	out->token = token ? token : access_token;
	return out->token ? 0 : err_set(e, ERR_INVALID, "the token endpoint's answer has neither token nor access_token");
}

/* ---- errors ---- */

/* "CODE: message: detail", of which each may be missing; a detail that is no text is written as JSON. */
static void add_error(struct strbuf *b, const struct json *err)
{
	const struct json *detail = json_get(err, "detail");
	const char *code = json_text(err, "code", ""), *message = json_text(err, "message", "");
	struct json_writer w = JSON_WRITER(b);

	sb_puts(b, code);
	if (*message)
		sb_printf(b, "%s%s", b->len ? ": " : "", message);
	if (!detail || detail->type == JSON_NULL || (detail->type != JSON_NUMBER && detail->type != JSON_BOOL && !detail->len))
		return;
	sb_puts(b, b->len ? ": " : "");
	if (detail->type == JSON_STRING)
		sb_puts(b, detail->str);
	else
		jw_value(&w, NULL, detail);
}

static void add_errors(struct strbuf *b, const struct json *errors)
{
	size_t more = 0;

	json_each(it, errors) {
		if (it->type != JSON_OBJECT)
			continue;
		if (b->len)
			more++;
		else
			add_error(b, it);
	}
	if (more)
		sb_printf(b, " (and %zu more)", more);
}

const char *answer_error(const char *text, size_t len, char *out, size_t size)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;
	struct err ignored = { 0 };
	const struct json *doc, *errors;

	*out = '\0';
	if (json_parse(&a, text, len, &limits, &doc, &ignored) < 0 || doc->type != JSON_OBJECT)
		return out;
	errors = json_get(doc, "errors");
	if (errors && errors->type == JSON_ARRAY)
		add_errors(&b, errors);
	if (!b.len) {
		const char *said = json_text(doc, "error_description", "");

		sb_puts(&b, json_text(doc, "error", ""));
		said = *said ? said : json_text(doc, "details", "");
		said = *said ? said : json_text(doc, "message", "");
		if (*said)
			sb_printf(&b, "%s%s", b.len ? ": " : "", said);
	}
	return sb_error(&b) < 0 ? out : text_escape(sb_str(&b), out, size);
}
