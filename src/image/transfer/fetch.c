#include "image/transfer/fetch.h"

#include <curl/curl.h>

#include "base/text.h"
#include "image/transfer/registry.h"

struct fetching {
	struct session *s;
	const char *url;
	uint64_t max, sent;
};

static int say(struct session *s, const char *type, uint64_t size, const void *bytes, struct err *e)
{
	CLEANUP_STRBUF struct strbuf line = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&line);

	jw_object(&w, NULL);
	jw_str(&w, "type", type);
	if (size)
		jw_u64(&w, "size", size);
	jw_end_object(&w);
	return session_say(s, &line, bytes, size, e);
}

static int pass_on(void *data, const struct http_answer *a, const void *bytes, size_t len, struct err *e)
{
	struct fetching *f = data;

	if (a->length > 0 && (uint64_t)a->length > f->max)
		return err_set(e, ERR_LIMIT, "%s: it has %lld bytes, more than %llu", f->url, (long long)a->length, (unsigned long long)f->max);
	if (len > f->max - f->sent)
		return err_set(e, ERR_LIMIT, "%s: it has more than %llu bytes", f->url, (unsigned long long)f->max);
	f->sent += len;
	return len ? say(f->s, "data", len, bytes, e) : 0;
}

static int finish(struct session *s, const struct http_answer *a, struct err *e)
{
	CLEANUP_STRBUF struct strbuf line = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&line);
	time_t modified = a->last_modified ? curl_getdate(a->last_modified, NULL) : -1;

	jw_object(&w, NULL);
	jw_str(&w, "type", "fetched");
	if (a->etag)
		jw_str(&w, "etag", a->etag);
	if (a->media_type)
		jw_str(&w, "mediaType", a->media_type);
	if (modified >= 0)
		jw_u64(&w, "modified", (uint64_t)modified);
	jw_end_object(&w);
	return session_say(s, &line, NULL, 0, e);
}

static int complain(const struct http_answer *a, const char *url, struct err *e)
{
	static const struct {
		long status;
		enum err_class cls;
		const char *text;
	} rows[] = {
		{ 401, ERR_DENIED, "the server wants a login, and ADD has none" },
		{ 403, ERR_DENIED, "the server refuses it" },
		{ 404, ERR_NOTFOUND, "the server does not have it" },
		{ 410, ERR_NOTFOUND, "the server does not have it any more" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].status == a->status)
			return err_set(e, rows[i].cls, "%s: %s (%ld)", url, rows[i].text, a->status);
	return err_set(e, a->status / 100 == 5 ? ERR_UNAVAILABLE : ERR_INVALID, "%s: the server answers %ld", url, a->status);
}

static int fetch(struct fetching *f, const char *etag, struct arena *a, struct err *e)
{
	CLEANUP_REGISTRY struct registry reg = { 0 };
	const char *headers[2] = { etag ? arena_printf(a, "If-None-Match: %s", etag) : NULL, NULL };
	struct http_request rq = { .method = "GET", .headers = headers, .sink = pass_on, .data = f };
	struct http_answer answer = { 0 };
	struct retry again = { 0 };
	int r = registry_open(f->s, &f->s->endpoints[0], NULL, &reg, e);

	if (r < 0 || arena_error(a) < 0)
		return r < 0 ? r : err_errno(e, -ENOMEM, "fetch");
	do {
		r = f->sent ? say(f->s, "again", 0, NULL, e) : 0;
		f->sent = 0;
		if (r < 0)
			return r;
		r = registry_exchange(&reg, f->url, NULL, &rq, &answer, NULL, e);
		if (r == 0 && answer.status == 304 && etag)
			return say(f->s, "unchanged", 0, NULL, e);
		if (r == 0 && answer.status == 200)
			return finish(f->s, &answer, e);
	} while (retry_again(&reg, &again, r, &answer, e));
	return r < 0 ? r : complain(&answer, f->url, e);
}

int fetch_run(struct session *s, const struct json *doc, struct err *e)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct fetching f = { .s = s };
	const char *etag = NULL;
	int r = json_get_str(doc, "request", "url", &f.url, e);

	if (r == 0)
		r = json_get_str(doc, "request", "etag", &etag, e);
	if (r == 0)
		r = json_get_u64(doc, "request", "max", &f.max, e);
	if (r == 0 && !f.url)
		r = err_set(e, ERR_INTERNAL, "the request is damaged: fetch");
	return r < 0 ? r : fetch(&f, etag, &arena, e);
}
