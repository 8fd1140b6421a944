#include "image/transfer/registry.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>
#include <curl/curl.h>

#include "base/text.h"
#include "image/transfer/auth.h"
#include "wire/answer.h"

#define MAX_REDIRECTS 10
#define MAX_LOGINS 3
#define MAX_FAILURES 5
#define MAX_WAIT_S 120
#define FIRST_WAIT_MS 250
#define MAX_HEADERS 8

int registry_open(struct session *s, struct endpoint *ep, const char *actions, struct registry *out, struct err *e)
{
	*out = (struct registry){ .session = s, .endpoint = ep, .actions = actions };
	return http_new(&out->http, e);
}

void registry_close(struct registry *r)
{
	http_free(r->http);
	r->http = NULL;
	arena_free(&r->arena);
}

/* ---- one request ---- */

struct attempt {
	struct registry *r;
	struct http_request *rq;
	const char *const *given; /* the caller's headers */
	const char *scope, *url;
	unsigned int redirects, logins;
};

static int too_many_headers(struct err *e)
{
	return err_set(e, ERR_INTERNAL, "too many headers");
}

/* Asks url; the login goes to the endpoint's host alone. */
static int ask(struct attempt *t, struct http_answer *out, const char **token, struct err *e)
{
	struct registry *r = t->r;
	const char *headers[MAX_HEADERS + 2], *auth;
	size_t n = 0;
	int k;

	for (; t->given && t->given[n]; n++) {
		if (n == MAX_HEADERS)
			return too_many_headers(e);
		headers[n] = t->given[n];
	}
	*token = NULL;
	t->rq->foreign = !http_same_host(t->url, r->endpoint->http.base);
	if (!t->rq->foreign) {
		auth = auth_header(r->session, r->endpoint, t->scope, &r->arena, token);
		if (auth)
			headers[n++] = auth;
	}
	headers[n] = NULL;
	t->rq->headers = headers;
	t->rq->url = t->url;
	t->rq->endpoint = &r->endpoint->http;
	k = http_exchange(r->http, t->rq, out, e);
	if (out->reached && !t->rq->foreign) {
		(void)pthread_mutex_lock(&r->session->lock);
		r->endpoint->reached = true;
		(void)pthread_mutex_unlock(&r->session->lock);
	}
	return k;
}

int registry_location(struct registry *r, const char *url, const char *location, const char **out, struct err *e)
{
	char shown[200];

	*out = http_resolve(&r->arena, url, location);
	(void)text_escape(location, shown, sizeof(shown));
	if (!*out)
		return err_set(e, ERR_INVALID, "%s sends us to '%s', which is no address", r->endpoint->name, shown);
	if (strncasecmp(url, "https://", 8) == 0 && strncasecmp(*out, "https://", 8) != 0 && !r->endpoint->http.insecure)
		return err_set(e, ERR_DENIED, "%s sends us from https to '%s'", r->endpoint->name, shown);
	return 0;
}

static int follow(struct attempt *t, const struct http_answer *a, struct err *e)
{
	char shown[200];

	if (++t->redirects > MAX_REDIRECTS)
		return err_set(e, ERR_INVALID, "%s sends us on more than %d times, at last to '%s'", t->r->endpoint->name, MAX_REDIRECTS,
			       text_escape(a->location, shown, sizeof(shown)));
	return registry_location(t->r, t->url, a->location, &t->url, e);
}

static bool is_redirect(const struct http_answer *a)
{
	return (a->status == 301 || a->status == 302 || a->status == 303 || a->status == 307 || a->status == 308) && a->location;
}

int registry_exchange(struct registry *r, const char *url, const char *path, struct http_request *rq, struct http_answer *out,
		      const char **landed, struct err *e)
{
	struct attempt t = { .r = r, .rq = rq, .given = rq->headers };

	arena_reset(&r->arena);
	t.scope = r->actions ? arena_printf(&r->arena, "repository:%s:%s%s%s%s", r->endpoint->repository, r->actions,
					    r->also ? " repository:" : "", r->also ? r->also : "", r->also ? ":" SCOPE_PULL : "") :
			       "";
	if (url)
		t.url = arena_strdup(&r->arena, url);
	else if (path[0] == '/')
		t.url = arena_printf(&r->arena, "%s%s", r->endpoint->http.base, path);
	else
		t.url = arena_printf(&r->arena, "%s/v2/%s/%s", r->endpoint->http.base, r->endpoint->repository, path);
	for (;;) {
		const char *token;
		int k = arena_error(&r->arena) < 0 ? err_errno(e, -ENOMEM, "request") : ask(&t, out, &token, e);

		if (k == 0 && out->status == 401 && !rq->foreign && !r->endpoint->anonymous && t.logins++ < MAX_LOGINS) {
			struct challenges c = out->challenges;

			k = auth_renew(r->session, r->http, r->endpoint, t.scope, &c, token, e);
		} else if (k == 0 && is_redirect(out)) {
			k = follow(&t, out, e);
		} else {
			rq->headers = t.given;
			if (landed)
				*landed = t.url;
			return k;
		}
		if (k < 0) {
			rq->headers = t.given;
			return k;
		}
	}
}

int registry_complaint(struct registry *r, const struct http_answer *a, const char *what, struct err *e)
{
	const char *name = r->endpoint->name;
	char said[300];
	size_t len;
	const char *text = http_complaint(r->http, &len);

	(void)answer_error(text, len, said, sizeof(said));
	switch (a->status) {
	case 401:
	case 403:
		return err_set(e, ERR_DENIED, "%s: %s refuses it%s%s; tare login %s", what, name, said[0] ? ": " : "", said, name);
	case 404:
		return err_set(e, ERR_NOTFOUND, "%s: %s does not have it%s%s", what, name, said[0] ? ": " : "", said);
	case 408:
	case 429:
	case 500:
	case 502:
	case 503:
	case 504:
		return err_set(e, ERR_UNAVAILABLE, "%s: %s answers %ld%s%s", what, name, a->status, said[0] ? ": " : "", said);
	default:
		return err_set(e, ERR_INVALID, "%s: %s answers %ld%s%s", what, name, a->status, said[0] ? ": " : "", said);
	}
}

/* ---- again ---- */

static bool may_change(struct registry *r, int result, const struct http_answer *a, const struct err *e)
{
	bool reached;

	(void)pthread_mutex_lock(&r->session->lock);
	reached = r->endpoint->reached;
	(void)pthread_mutex_unlock(&r->session->lock);
	if (result < 0)
		return e->cls == ERR_UNAVAILABLE && reached;
	return a->status == 408 || a->status == 429 || a->status == 500 || a->status == 502 || a->status == 503 || a->status == 504;
}

/* Seconds, or a date. */
static int64_t wanted_wait_s(const char *text)
{
	char *end;
	long long n = strtoll(text, &end, 10);
	time_t when;

	if (*text >= '0' && *text <= '9' && !*end)
		return n;
	when = curl_getdate(text, NULL);
	return when < 0 ? 0 : when > time(NULL) ? when - time(NULL) : 0;
}

bool retry_again(struct registry *r, struct retry *t, int result, const struct http_answer *a, const struct err *e)
{
	int64_t ms;
	uint8_t jitter = 0;

	if (!may_change(r, result, a, e) || ++t->failures >= MAX_FAILURES)
		return false;
	(void)!getrandom(&jitter, sizeof(jitter), 0);
	ms = ((int64_t)FIRST_WAIT_MS << (t->failures - 1)) + jitter;
	if (result == 0 && a->retry_after) {
		int64_t s = wanted_wait_s(a->retry_after);

		if (s > MAX_WAIT_S)
			return false;
		ms = s > 0 ? s * 1000 + jitter : ms;
	}
	(void)nanosleep(&(const struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 }, NULL);
	return true;
}
