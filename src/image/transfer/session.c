#include "image/transfer/session.h"

#include <string.h>

#include "base/io.h"

static int read_endpoint(struct endpoint *ep, const struct json *it, struct err *e)
{
	const struct {
		const char *key, **to;
	} texts[] = {
		{ "base", &ep->http.base },
		{ "socket", &ep->http.socket },
		{ "proxy", &ep->http.proxy },
		{ "ca", &ep->http.ca },
		{ "cert", &ep->http.cert },
		{ "key", &ep->http.key },
		{ "name", &ep->name },
		{ "repository", &ep->repository },
		{ "user", &ep->user },
		{ "password", &ep->password },
		{ "identityToken", &ep->identity_token },
		{ "registryToken", &ep->registry_token },
	};
	int r = json_get_bool(it, "request", "insecure", &ep->http.insecure, e);

	if (r == 0)
		r = json_get_bool(it, "request", "anonymous", &ep->anonymous, e);
	ep->user = ep->password = ep->identity_token = ep->registry_token = "";
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(texts); i++)
		r = json_get_str(it, "request", texts[i].key, texts[i].to, e);
	if (r < 0)
		return r;
	if (!ep->http.base || !ep->name || !ep->repository || !ep->http.cert != !ep->http.key)
		return err_set(e, ERR_INTERNAL, "the request is damaged: endpoints");
	return 0;
}

int session_read(struct session *s, struct arena *a, const struct json *doc, struct err *e)
{
	const struct json *list = NULL, *proxies = NULL;
	uint64_t version = 0;
	int r = json_get_u64(doc, "request", "version", &version, e);

	if (r == 0 && version != 1)
		return err_set(e, ERR_INTERNAL, "the request has version %llu: tare and tare-transfer are not of one release",
			       (unsigned long long)version);
	s->proxies = (struct proxy_settings){ "", "", "" };
	if (r == 0)
		r = json_get_u32(doc, "request", "patience", &s->patience, e);
	if (r == 0)
		r = json_get_obj(doc, "request", "proxies", &proxies, e);
	if (r == 0)
		r = json_get_str(proxies, "request", "http", &s->proxies.http, e);
	if (r == 0)
		r = json_get_str(proxies, "request", "https", &s->proxies.https, e);
	if (r == 0)
		r = json_get_str(proxies, "request", "except", &s->proxies.except, e);
	if (r == 0)
		r = json_get_array(doc, "request", "endpoints", &list, e);
	if (r < 0)
		return r;
	s->endpoints = list && list->len ? arena_array(a, list->len, sizeof(*s->endpoints)) : NULL;
	if (!s->endpoints)
		return err_set(e, ERR_INTERNAL, "the request is damaged: no endpoints");
	json_each(it, list) {
		s->endpoints[s->n].http = (struct http_endpoint){ .number = (uint32_t)s->n, .proxies = &s->proxies, .patience = s->patience };
		r = read_endpoint(&s->endpoints[s->n++], it, e);
		if (r < 0)
			return r;
	}
	return 0;
}

bool session_passes_over(struct session *s, size_t endpoint)
{
	const struct endpoint *ep = &s->endpoints[endpoint];
	bool answered = false;

	if (strncmp(ep->http.base, "http://", 7) != 0)
		return false;
	(void)pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < endpoint; i++)
		answered |= s->endpoints[i].reached && strncmp(s->endpoints[i].http.base, "https://", 8) == 0 &&
			    strcmp(s->endpoints[i].name, ep->name) == 0;
	(void)pthread_mutex_unlock(&s->lock);
	return answered;
}

int session_say(struct session *s, const struct strbuf *line, const void *bytes, size_t len, struct err *e)
{
	int r = sb_error(line);

	(void)pthread_mutex_lock(&s->control_lock);
	if (r == 0)
		r = io_write_full(s->control, line->s, line->len);
	if (r == 0)
		r = io_write_full(s->control, "\n", 1);
	if (r == 0 && len)
		r = io_write_full(s->control, bytes, len);
	(void)pthread_mutex_unlock(&s->control_lock);
	return r < 0 ? err_errno(e, r, "answer") : 0;
}

void session_fail(struct session *s, const struct err *failure)
{
	CLEANUP_STRBUF struct strbuf line = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&line);
	struct err ignored;

	jw_object(&w, NULL);
	jw_str(&w, "type", "error");
	jw_str(&w, "class", err_info(failure->cls)->name);
	jw_str(&w, "message", failure->msg);
	jw_end_object(&w);
	(void)!session_say(s, &line, NULL, 0, &ignored);
}
