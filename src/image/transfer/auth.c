/* Tokens are asked for under the session's lock: of several threads that are refused at once the first asks, the others find its
 * token. They are kept until shortly before their end, per scope. A token endpoint gets a password only where it would not be sent in
 * the clear while the registry itself is asked by TLS. */
#include "image/transfer/auth.h"

#include <curl/curl.h>
#include <string.h>
#include <strings.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/text.h"
#include "wire/answer.h"

#define EARLY 10 /* the last of so many parts of its life a token is not used any more */
#define MAX_TOKEN_ANSWER (1U << 20)

static struct token *find_token(struct endpoint *ep, const char *scope)
{
	struct token *t = ep->tokens;

	while (t && strcmp(t->scope, scope) != 0)
		t = t->next;
	return t;
}

static struct token *valid_token(struct endpoint *ep, const char *scope)
{
	struct token *t = find_token(ep, scope);

	return t && t->text && clock_ms() < t->expires_ms ? t : NULL;
}

static const char *basic_header(const struct endpoint *ep, struct arena *a)
{
	CLEANUP_STRBUF struct strbuf pair = STRBUF_INIT, text = STRBUF_INIT;

	sb_printf(&pair, "%s:%s", ep->user, ep->password);
	sb_puts(&text, "Authorization: Basic ");
	base64_encode(sb_str(&pair), pair.len, &text);
	return sb_error(&pair) < 0 || sb_error(&text) < 0 ? NULL : arena_strdup(a, sb_str(&text));
}

const char *auth_header(struct session *s, struct endpoint *ep, const char *scope, struct arena *a, const char **token)
{
	const char *out = NULL;
	struct token *t;

	*token = NULL;
	if (ep->registry_token[0])
		return arena_printf(a, "Authorization: Bearer %s", ep->registry_token);
	(void)pthread_mutex_lock(&s->lock);
	t = valid_token(ep, scope);
	if (t) {
		*token = arena_strdup(a, t->text);
		out = arena_printf(a, "Authorization: Bearer %s", t->text);
	} else if (ep->basic) {
		out = basic_header(ep, a);
	}
	(void)pthread_mutex_unlock(&s->lock);
	return out;
}

static int denied(const struct endpoint *ep, struct err *e)
{
	if (ep->offline && ep->user[0])
		return err_set(e, ERR_DENIED, "%s does not accept this user name and password", ep->name);
	if (ep->user[0] || ep->identity_token[0] || ep->registry_token[0])
		return err_set(e, ERR_DENIED, "%s refuses the login that is kept for it: tare login %s", ep->name, ep->name);
	return err_set(e, ERR_DENIED, "%s wants a login: tare login %s", ep->name, ep->name);
}

/* ---- the token endpoint ---- */

static int collect(void *data, const struct http_answer *a, const void *bytes, size_t len, struct err *e)
{
	struct strbuf *text = data;

	(void)a;
	if (text->len + len > MAX_TOKEN_ANSWER)
		return err_set(e, ERR_LIMIT, "the token endpoint's answer is longer than %u bytes", MAX_TOKEN_ANSWER);
	sb_add(text, bytes, len);
	return 0;
}

static void add_field(struct strbuf *b, const char *separator, const char *name, const char *value)
{
	char *escaped = curl_easy_escape(NULL, value, 0);

	sb_printf(b, "%s%s=%s", separator, name, escaped ? escaped : "");
	b->failed |= !escaped;
	curl_free(escaped);
}

/* A scope of several parts is one field each. */
static void add_scopes(struct strbuf *b, const char *scope)
{
	while (*scope) {
		size_t n = strcspn(scope, " ");
		char one[600];

		if (n > 0 && n < sizeof(one)) {
			memcpy(one, scope, n);
			one[n] = '\0';
			add_field(b, "&", "scope", one);
		}
		scope += n + (scope[n] == ' ');
	}
}

/* By GET with the password, or by POST with the identity token (OAuth2). */
static int ask_token(struct http *h, struct endpoint *ep, const char *scope, const struct challenges *c, struct arena *a,
		     struct strbuf *text, struct err *e)
{
	CLEANUP_STRBUF struct strbuf url = STRBUF_INIT, form = STRBUF_INIT;
	const char *headers[2] = { NULL, NULL };
	struct http_request rq = { .method = "GET", .endpoint = &ep->http, .headers = headers, .sink = collect, .data = text };
	struct http_answer answer;
	char shown[300];
	const char *complaint;
	size_t len;
	int r;

	sb_puts(&url, c->realm);
	rq.foreign = !http_same_host(c->realm, ep->http.base);
	if (ep->identity_token[0]) {
		rq.method = "POST";
		add_field(&form, "", "grant_type", "refresh_token");
		add_field(&form, "&", "service", c->service);
		add_field(&form, "&", "client_id", "tare");
		add_field(&form, "&", "scope", scope);
		add_field(&form, "&", "refresh_token", ep->identity_token);
		headers[0] = "Content-Type: application/x-www-form-urlencoded";
		rq.body = sb_str(&form);
		rq.body_len = form.len;
	} else {
		add_field(&url, strchr(c->realm, '?') ? "&" : "?", "service", c->service);
		add_scopes(&url, scope);
		if (ep->user[0] && ep->offline) {
			add_field(&url, "&", "account", ep->user);
			add_field(&url, "&", "client_id", "tare");
			add_field(&url, "&", "offline_token", "true");
		}
		if (ep->user[0])
			headers[0] = basic_header(ep, a);
	}
	rq.url = sb_str(&url);
	if (sb_error(&url) < 0 || sb_error(&form) < 0 || arena_error(a) < 0)
		return err_errno(e, -ENOMEM, "token");
	r = http_exchange(h, &rq, &answer, e);
	if (form.s)
		explicit_bzero(form.s, form.len);
	if (r < 0)
		return r;
	if (answer.status / 100 == 2)
		return 0;
	if (answer.status == 401 || answer.status == 403 || answer.status == 400)
		return denied(ep, e);
	complaint = http_complaint(h, &len);
	(void)answer_error(complaint, len, shown, sizeof(shown));
	return err_set(e, answer.status / 100 == 5 || answer.status == 429 ? ERR_UNAVAILABLE : ERR_INVALID,
		       "the token endpoint of %s answers %ld%s%s", ep->name, answer.status, shown[0] ? ": " : "", shown);
}

static int keep_token(struct endpoint *ep, const char *scope, const struct token_answer *got, struct err *e)
{
	struct token *t = find_token(ep, scope);
	char *text = strdup(got->token);

	if (ep->offline && got->refresh_token && !ep->refresh)
		ep->refresh = strdup(got->refresh_token);
	if (!t && text) {
		t = calloc(1, sizeof(*t));
		if (t && !(t->scope = strdup(scope))) {
			free(t);
			t = NULL;
		}
		if (t) {
			t->next = ep->tokens;
			ep->tokens = t;
		}
	}
	if (!t || !text) {
		free(text);
		return err_errno(e, -ENOMEM, "token");
	}
	free(t->text);
	t->text = text;
	t->expires_ms = clock_ms() + (got->expires_in - got->expires_in / EARLY) * 1000;
	return 0;
}

static int renew_token(struct http *h, struct endpoint *ep, const char *scope, const struct challenges *c, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	/* the challenge's texts are the connection's, which is used for the question */
	struct challenges copy = { .realm = arena_strdup(&a, c->realm), .service = arena_strdup(&a, c->service) };
	struct token_answer got;
	bool secret = ep->user[0] || ep->identity_token[0];
	int r;

	if (arena_error(&a) < 0)
		return err_errno(e, -ENOMEM, "token");
	if (strncasecmp(copy.realm, "https://", 8) != 0 &&
	    (strncasecmp(copy.realm, "http://", 7) != 0 || (secret && strncasecmp(ep->http.base, "https://", 8) == 0))) {
		char shown[300];

		return err_set(e, ERR_DENIED, "%s wants a token of '%s', which is no https address: no password is sent there", ep->name,
			       text_escape(copy.realm, shown, sizeof(shown)));
	}
	r = ask_token(h, ep, scope, &copy, &a, &text, e);
	if (r == 0)
		r = answer_token(&a, sb_str(&text), text.len, &got, e);
	if (r == 0)
		r = keep_token(ep, scope, &got, e);
	if (text.s)
		explicit_bzero(text.s, text.len);
	return r;
}

static int renew(struct http *h, struct endpoint *ep, const char *scope, const struct challenges *c, const char *used, struct err *e)
{
	struct token *t = valid_token(ep, scope);

	if (ep->registry_token[0])
		return denied(ep, e);
	if (c->bearer) {
		if (t && (!used || strcmp(t->text, used) != 0))
			return 0; /* somebody was faster */
		return renew_token(h, ep, scope, c, e);
	}
	if (c->basic && ep->user[0] && !ep->basic) {
		ep->basic = true;
		return 0;
	}
	return denied(ep, e);
}

int auth_renew(struct session *s, struct http *h, struct endpoint *ep, const char *scope, const struct challenges *c,
	       const char *used, struct err *e)
{
	int r;

	(void)pthread_mutex_lock(&s->lock);
	r = renew(h, ep, scope, c, used, e);
	(void)pthread_mutex_unlock(&s->lock);
	return r;
}
