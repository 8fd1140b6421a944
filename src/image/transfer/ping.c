#include "image/transfer/ping.h"

#include "image/transfer/registry.h"

static bool has_answered(struct session *s, struct endpoint *ep)
{
	bool reached;

	(void)pthread_mutex_lock(&s->lock);
	reached = ep->reached;
	(void)pthread_mutex_unlock(&s->lock);
	return reached;
}

static int ping(struct session *s, struct endpoint *ep, const char *actions, struct err *e)
{
	CLEANUP_REGISTRY struct registry reg = { 0 };
	CLEANUP_STRBUF struct strbuf url = STRBUF_INIT;
	struct http_request rq = { .method = "GET" };
	struct http_answer a = { 0 };
	struct retry again = { 0 };
	int r = registry_open(s, ep, actions, &reg, e);

	if (r < 0)
		return r;
	sb_printf(&url, "%s/v2/", ep->http.base);
	if (sb_error(&url) < 0)
		return err_errno(e, -ENOMEM, "ping");
	do
		r = registry_exchange(&reg, sb_str(&url), NULL, &rq, &a, NULL, e);
	while ((r < 0 || a.status / 100 != 2) && retry_again(&reg, &again, r, &a, e));
	if (r < 0 || a.status / 100 == 2)
		return r;
	if (a.status == 404 || a.status == 405)
		return err_set(e, ERR_INVALID, "%s: no registry answers there (%s/v2/: %ld)", ep->name, ep->http.base, a.status);
	return registry_complaint(&reg, &a, "the registry", e);
}

int ping_find(struct session *s, const char *actions, size_t *endpoint, struct err *e)
{
	int r = err_set(e, ERR_INTERNAL, "there is no registry to ask");

	for (size_t i = 0; i < s->n; i++) {
		*e = (struct err){ 0 };
		r = ping(s, &s->endpoints[i], actions, e);
		*endpoint = i;
		if (r == 0 || (e->cls == ERR_DENIED && has_answered(s, &s->endpoints[i])))
			return r;
	}
	return r;
}

int ping_run(struct session *s, struct err *e)
{
	CLEANUP(sb_wipe) struct strbuf line = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&line);
	size_t i = 0;
	int r;

	for (size_t k = 0; k < s->n; k++)
		s->endpoints[k].offline = true;
	r = ping_find(s, NULL, &i, e);
	if (r < 0)
		return r;
	jw_object(&w, NULL);
	jw_str(&w, "type", "pong");
	jw_u64(&w, "endpoint", i);
	if (s->endpoints[i].refresh)
		jw_str(&w, "identityToken", s->endpoints[i].refresh);
	jw_end_object(&w);
	return session_say(s, &line, NULL, 0, e);
}
