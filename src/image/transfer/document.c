#include "image/transfer/document.h"

#include <string.h>

#include "image/transfer/registry.h"

struct wanted {
	const char *path, *what;
	uint64_t max, only;
	const char **accept;
	size_t n_accept;
	struct strbuf text;
};

static int collect(void *data, const struct http_answer *a, const void *bytes, size_t len, struct err *e)
{
	struct wanted *w = data;

	if (a->length > (int64_t)w->max || len > w->max - w->text.len)
		return err_set(e, ERR_LIMIT, "%s: it is larger than %llu bytes", w->what, (unsigned long long)w->max);
	sb_add(&w->text, bytes, len);
	return sb_error(&w->text) < 0 ? err_errno(e, -ENOMEM, "document") : 0;
}

static int answer(struct session *s, const struct wanted *w, const struct http_answer *a, size_t endpoint, struct err *e)
{
	CLEANUP_STRBUF struct strbuf line = STRBUF_INIT;
	struct json_writer jw = JSON_WRITER(&line);

	jw_object(&jw, NULL);
	jw_str(&jw, "type", "document");
	jw_u64(&jw, "size", w->text.len);
	jw_u64(&jw, "endpoint", endpoint);
	if (a->media_type)
		jw_str(&jw, "mediaType", a->media_type);
	if (a->digest)
		jw_str(&jw, "digest", a->digest);
	if (a->link)
		jw_str(&jw, "link", a->link);
	jw_end_object(&jw);
	return session_say(s, &line, w->text.s, w->text.len, e);
}

/* 1: it was sent to the caller. */
static int try_endpoint(struct session *s, size_t i, struct wanted *w, struct err *e)
{
	CLEANUP_REGISTRY struct registry reg = { 0 };
	const char *headers[2] = { NULL, NULL };
	CLEANUP_STRBUF struct strbuf accept = STRBUF_INIT;
	struct http_request rq = { .method = "GET", .headers = headers, .sink = collect, .data = w };
	struct http_answer a = { 0 };
	struct retry again = { 0 };
	int r = registry_open(s, &s->endpoints[i], w->path[0] == '/' ? NULL : SCOPE_PULL, &reg, e); /* "/…": of no repository */

	if (r < 0)
		return r;
	sb_puts(&accept, "Accept: ");
	for (size_t k = 0; k < w->n_accept; k++)
		sb_printf(&accept, "%s%s", k ? ", " : "", w->accept[k]);
	headers[0] = w->n_accept ? sb_str(&accept) : NULL;
	do {
		sb_reset(&w->text);
		r = registry_exchange(&reg, NULL, w->path, &rq, &a, NULL, e);
		if (r == 0 && a.status / 100 == 2) {
			r = answer(s, w, &a, i, e);
			return r < 0 ? r : 1;
		}
	} while (retry_again(&reg, &again, r, &a, e));
	return r < 0 ? r : registry_complaint(&reg, &a, w->what, e);
}

/* The first from i on that is to be asked; s->n: none. */
static size_t next_endpoint(struct session *s, const struct wanted *w, size_t i)
{
	while (i < s->n && (w->only == UINT64_MAX ? session_passes_over(s, i) : w->only != i))
		i++;
	return i;
}

/* A mirror that has it not, or is down, is not the last word. */
static int try_endpoints(struct session *s, struct wanted *w, struct err *e)
{
	size_t i = next_endpoint(s, w, 0);
	int r = i < s->n ? 0 : err_set(e, ERR_INTERNAL, "the request is damaged: endpoint");

	while (r == 0) {
		r = try_endpoint(s, i, w, e);
		i = next_endpoint(s, w, i + 1);
		if (r < 0 && i < s->n && e->cls != ERR_LIMIT && e->cls != ERR_INTERNAL)
			r = 0;
	}
	return r < 0 ? r : 0;
}

int document_get(struct session *s, const struct json *doc, struct err *e)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct wanted w = { .only = UINT64_MAX };
	int r = json_get_str(doc, "request", "path", &w.path, e);

	if (r == 0)
		r = json_get_str(doc, "request", "what", &w.what, e);
	if (r == 0)
		r = json_get_u64(doc, "request", "max", &w.max, e);
	if (r == 0)
		r = json_get_u64(doc, "request", "endpoint", &w.only, e);
	if (r == 0)
		r = json_get_strv(&arena, doc, "request", "accept", &w.accept, &w.n_accept, e);
	if (r == 0 && (!w.path || !w.what))
		r = err_set(e, ERR_INTERNAL, "the request is damaged: document");
	if (r == 0)
		r = try_endpoints(s, &w, e);
	sb_free(&w.text);
	return r;
}
