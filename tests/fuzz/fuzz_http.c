/* api/server's http, query and route: any bytes as what a client sends. Taken whole and byte by byte they are the same request, with the same body and the same
 * refusal; no text of it has a NUL amid it; its target is looked up among routes. */
#include <stdlib.h>
#include <string.h>

#include "api/server/exchange_impl.h"
#include "api/server/http.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

struct got {
	struct http http;
	struct strbuf body;
	enum http_state head, end;
	size_t used;
};

static void check(int ok)
{
	if (!ok)
		abort();
}

static int keep(void *data, const char *bytes, size_t len)
{
	sb_add(data, bytes, len);
	return 0;
}

/* One message, in pieces of so many bytes. Each piece is a copy of its own, so that what is read behind it is seen. */
static void take(struct got *g, const char *bytes, size_t len, size_t piece)
{
	http_init(&g->http);
	g->head = g->end = HTTP_MORE;
	while (g->used < len && (g->head == HTTP_MORE || (g->head == HTTP_DONE && g->end == HTTP_MORE && http_body_length(&g->http) != 0))) {
		size_t n = len - g->used < piece ? len - g->used : piece, used = 0;
		char *copy = malloc(n);

		check(copy != NULL);
		memcpy(copy, bytes + g->used, n);
		if (g->head == HTTP_MORE)
			g->head = http_head(&g->http, copy, n, &used);
		else
			g->end = http_body(&g->http, copy, n, &used, keep, &g->body);
		free(copy);
		check(used <= n);
		g->used += used;
		check(used > 0 || g->head != HTTP_MORE); /* it comes to an end */
	}
}

static int handler(struct exchange *ex, struct err *e)
{
	(void)ex;
	(void)e;
	return 0;
}

static void look_up(const char *target)
{
	static const struct route routes[] = {
		{ .method = "GET", .path = "/images/{+}/json", .handler = handler },
		{ .method = "GET", .path = "/containers/{}/{}", .handler = handler },
		{ .method = "POST", .path = "/x", .handler = handler },
		{ 0 },
	};
	static const struct route *const tables[] = { routes };
	static const struct server_view view = { .tables = tables, .n_tables = 1, .min_api = 124, .max_api = 151 };
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct query_pair *pairs;
	struct route_match m;
	const char *path, *q = strchr(target, '?');
	struct err e = { 0 };
	unsigned int api;
	size_t n;

	if (exchange_version(&view, target, &api, &path, &e) == 0 && route_find(tables, 1, &a, "GET", path, &m, &e) == 0)
		check(m.route->handler == handler && m.params[0]);
	if (query_parse(&a, q ? q + 1 : NULL, &pairs, &n, &e) == 0)
		for (size_t i = 0; i < n; i++)
			check(pairs[i].key && pairs[i].value && (query_yes(pairs[i].value) || strlen(pairs[i].value) < strlen(target)));
}

static void same(const struct got *a, const struct got *b)
{
	const char *why_a, *why_b;

	check(a->head == b->head && a->end == b->end);
	check(a->head == HTTP_WRONG || a->end == HTTP_WRONG || a->used == b->used); /* where it is refused nobody goes on */
	check(a->body.len == b->body.len && (a->body.len == 0 || memcmp(a->body.s, b->body.s, a->body.len) == 0));
	if (a->head == HTTP_WRONG)
		check(http_refusal(&a->http, &why_a) == http_refusal(&b->http, &why_b) && !strcmp(why_a, why_b));
	if (a->head != HTTP_DONE)
		return;
	check(a->http.n_headers == b->http.n_headers && a->http.text.len == b->http.text.len && !memcmp(a->http.text.s, b->http.text.s, a->http.text.len));
	check(http_body_length(&a->http) == http_body_length(&b->http) && http_keeps(&a->http) == http_keeps(&b->http));
	for (size_t i = 0; i < a->http.n_headers; i++)
		check(http_header(&a->http, a->http.text.s + a->http.headers[i].name) != NULL);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct got whole = { .body = STRBUF_INIT }, bytes = { .body = STRBUF_INIT };

	take(&whole, (const char *)data, size, size ? size : 1);
	take(&bytes, (const char *)data, size, 1);
	same(&whole, &bytes);
	if (whole.head == HTTP_DONE)
		look_up(http_target(&whole.http));
	http_free(&whole.http);
	http_free(&bytes.http);
	sb_free(&whole.body);
	sb_free(&bytes.body);
	return 0;
}
