/* llhttp calls back with pieces as they come; the pieces of the head are kept, one behind the other, each text with its NUL. It is made to pause where the
 * head ends, so that what is behind it stays with the caller: the body is read by another process (server.c), or is the next request.
 *
 * A head is bounded by its bytes and by the number of its lines. Nothing is bounded in the body's framing, of which nothing is kept. */
#include "api/server/http.h"

#include <string.h>
#include <strings.h>

enum { IN_NOTHING, IN_TARGET, IN_NAME, IN_VALUE, IN_BODY };

static struct http *of(llhttp_t *p)
{
	return (struct http *)p->data;
}

/* Ends what was taken last, and begins another. */
static void begin(struct http *h, int part)
{
	sb_putc(&h->text, '\0');
	h->part = part;
}

static int refuse(struct http *h, int status)
{
	h->refused = status;
	return HPE_USER;
}

static int on_target(llhttp_t *p, const char *at, size_t len)
{
	struct http *h = of(p);

	if (memchr(at, '\0', len))
		return refuse(h, 400);
	h->part = IN_TARGET;
	sb_add(&h->text, at, len);
	return 0;
}

static int on_name(llhttp_t *p, const char *at, size_t len)
{
	struct http *h = of(p);

	if (h->part == IN_BODY) /* behind the last chunk: for nobody */
		return 0;
	if (h->part != IN_NAME) {
		if (h->n_headers == HTTP_HEADERS_MAX)
			return refuse(h, 431);
		begin(h, IN_NAME);
		h->headers[h->n_headers++] = (struct http_header){ h->text.len, 0 };
	}
	for (size_t i = 0; i < len; i++)
		sb_putc(&h->text, (char)(at[i] >= 'A' && at[i] <= 'Z' ? at[i] + ('a' - 'A') : at[i]));
	return 0;
}

/* A value may be empty, and is not told of then: the name behind it is another one all the same. */
static int on_name_end(llhttp_t *p)
{
	struct http *h = of(p);

	if (h->part == IN_BODY)
		return 0;
	if (h->part != IN_NAME || h->text.len == h->headers[h->n_headers - 1].name) /* ": value", which is let through to us */
		return refuse(h, 400);
	h->part = IN_NOTHING;
	return 0;
}

static int on_value(llhttp_t *p, const char *at, size_t len)
{
	struct http *h = of(p);

	if (h->part == IN_BODY)
		return 0;
	if (memchr(at, '\0', len) || h->n_headers == 0)
		return refuse(h, 400);
	if (h->part != IN_VALUE) {
		begin(h, IN_VALUE);
		h->headers[h->n_headers - 1].value = h->text.len;
	}
	sb_add(&h->text, at, len);
	return 0;
}

static int on_head(llhttp_t *p)
{
	struct http *h = of(p);

	begin(h, IN_BODY);
	return HPE_PAUSED;
}

static int on_body(llhttp_t *p, const char *at, size_t len)
{
	struct http *h = of(p);

	return h->sink && h->sink(h->sink_data, at, len) != 0 ? HPE_USER : 0;
}

static int on_end(llhttp_t *p)
{
	(void)p;
	return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
	.on_url = on_target,
	.on_header_field = on_name,
	.on_header_field_complete = on_name_end,
	.on_header_value = on_value,
	.on_headers_complete = on_head,
	.on_body = on_body,
	.on_message_complete = on_end,
};

void http_init(struct http *h)
{
	h->text = (struct strbuf)STRBUF_INIT;
	llhttp_init(&h->parser, HTTP_REQUEST, &settings);
	h->parser.data = h;
	h->n_headers = 0;
	h->taken = 0;
	h->part = IN_NOTHING;
	h->refused = 0;
	h->sink = NULL;
	h->sink_data = NULL;
}

void http_reset(struct http *h)
{
	http_free(h);
	http_init(h);
}

void http_free(struct http *h)
{
	sb_free(&h->text);
}

bool http_begun(const struct http *h)
{
	return h->taken > 0;
}

/* Empty lines before a request are passed over, as RFC 9112 (2.2) asks for; only so many. */
enum http_state http_head(struct http *h, const char *bytes, size_t len, size_t *used)
{
	size_t room = HTTP_HEAD_MAX - h->taken, now = len < room ? len : room;
	llhttp_errno_t r = llhttp_execute(&h->parser, bytes, now);
	const char *coding;

	*used = r == HPE_OK ? now : (size_t)(llhttp_get_error_pos(&h->parser) - bytes);
	h->taken += *used;
	if (sb_error(&h->text) < 0) {
		h->refused = 503;
		return HTTP_WRONG;
	}
	if (r == HPE_PAUSED_H2_UPGRADE)
		return HTTP_TWO;
	if (r == HPE_PAUSED) {
		/* where the length is not told there can be no next request; and nothing else is taken out of the chunks */
		coding = http_header(h, "transfer-encoding");
		if (coding && (strcasecmp(coding, "chunked") != 0 || !http_chunks(h)))
			h->refused = 501;
		if (h->parser.http_major != 1) /* 0.9 has no version at all */
			h->refused = 505;
		return h->refused ? HTTP_WRONG : HTTP_DONE;
	}
	if (r == HPE_OK && h->taken == HTTP_HEAD_MAX)
		h->refused = 431;
	return r == HPE_OK && !h->refused ? HTTP_MORE : HTTP_WRONG;
}

enum http_state http_body(struct http *h, const char *bytes, size_t len, size_t *used, int (*sink)(void *data, const char *bytes, size_t len),
			  void *data)
{
	llhttp_errno_t r;

	h->sink = sink;
	h->sink_data = data;
	if (llhttp_get_errno(&h->parser) == HPE_PAUSED)
		llhttp_resume(&h->parser);
	r = llhttp_execute(&h->parser, bytes, len);
	*used = r == HPE_OK ? len : (size_t)(llhttp_get_error_pos(&h->parser) - bytes);
	if (r == HPE_OK)
		return HTTP_MORE;
	if (r == HPE_PAUSED || r == HPE_PAUSED_UPGRADE)
		return HTTP_DONE;
	return r == HPE_USER ? HTTP_ENDED : HTTP_WRONG;
}

int http_refusal(const struct http *h, const char **why)
{
	int code = h->refused ? h->refused : (int)llhttp_get_errno(&h->parser);

	switch (code) {
	case 431:
		*why = "the head of the request is too large";
		return 431;
	case 501:
		*why = "this Transfer-Encoding is not known";
		return 501;
	case 503:
		*why = "no memory";
		return 503;
	case 505:
	case HPE_INVALID_VERSION:
		*why = "this version of HTTP is not spoken here: HTTP/1.1 is";
		return 505;
	default:
		*why = llhttp_get_error_reason(&h->parser);
		if (!*why || !**why || h->refused)
			*why = "this is no request of HTTP";
		return 400;
	}
}

const char *http_method(const struct http *h)
{
	return llhttp_method_name((llhttp_method_t)h->parser.method);
}

const char *http_target(const struct http *h)
{
	return sb_str(&h->text);
}

const char *http_header(const struct http *h, const char *name)
{
	for (size_t i = 0; i < h->n_headers; i++)
		if (!strcmp(h->text.s + h->headers[i].name, name))
			return h->headers[i].value ? h->text.s + h->headers[i].value : "";
	return NULL;
}

bool http_chunks(const struct http *h)
{
	return h->parser.http_major == 1 && h->parser.http_minor > 0;
}

bool http_keeps(const struct http *h)
{
	return http_chunks(h) && !(h->parser.flags & F_CONNECTION_CLOSE);
}

bool http_upgrade(const struct http *h)
{
	return (h->parser.flags & F_UPGRADE) && (h->parser.flags & F_CONNECTION_UPGRADE);
}

bool http_expects(const struct http *h)
{
	const char *expect = http_header(h, "expect");

	return expect && !strcasecmp(expect, "100-continue");
}

int64_t http_body_length(const struct http *h)
{
	if (h->parser.flags & F_CHUNKED)
		return -1;
	if (!(h->parser.flags & F_CONTENT_LENGTH))
		return 0;
	return h->parser.content_length > INT64_MAX ? INT64_MAX : (int64_t)h->parser.content_length;
}

const char *http_reason(int status)
{
	static const struct {
		int status;
		const char *words;
	} reasons[] = {
		{ 101, "UPGRADED" },
		{ 200, "OK" },
		{ 201, "Created" },
		{ 202, "Accepted" },
		{ 204, "No Content" },
		{ 304, "Not Modified" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 406, "Not Acceptable" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 410, "Gone" },
		{ 413, "Content Too Large" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 503, "Service Unavailable" },
		{ 505, "HTTP Version Not Supported" },
		{ 507, "Insufficient Storage" },
	};

	for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].words;
	return "Other";
}
