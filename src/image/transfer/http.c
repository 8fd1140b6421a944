/* libcurl does TCP, TLS and HTTP; what it could do besides (follow, remember, other protocols, a user's .netrc) is off, so that nothing
 * is asked that nobody asked for. A handle's answer texts are in its arena, which is emptied by the next exchange. */
#include "image/transfer/http.h"

#include <curl/curl.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "image/transfer/dial.h"

#define CONNECT_SECONDS 20L
#define STALL_SECONDS 30L /* without a byte */
#define BUFFER_SIZE 262144L
#define COMPLAINT_MAX 65536U
#define RESEND_MAX 1048576U

struct http {
	CURL *curl;
	struct arena arena;
	struct strbuf complaint;
	/* of the exchange that runs */
	const struct http_request *rq;
	struct http_answer answer;
	uint64_t sent;
	struct err e;
	char message[CURL_ERROR_SIZE];
};

int http_setup(struct err *e)
{
	return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : err_set(e, ERR_INTERNAL, "libcurl does not start");
}

int http_new(struct http **out, struct err *e)
{
	struct http *h = calloc(1, sizeof(*h));

	if (h)
		h->curl = curl_easy_init();
	if (!h || !h->curl) {
		free(h);
		return err_errno(e, -ENOMEM, "connection");
	}
	*out = h;
	return 0;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	curl_easy_cleanup(h->curl);
	arena_free(&h->arena);
	sb_free(&h->complaint);
	free(h);
}

const char *http_complaint(const struct http *h, size_t *len)
{
	*len = h->complaint.len;
	return sb_str(&h->complaint);
}

/* ---- the answer ---- */

static void take_header(struct http *h, const char *name, size_t name_len, const char *value, size_t len)
{
	struct http_answer *a = &h->answer;
	const struct {
		const char *name, **to;
	} kept[] = {
		{ "content-type", &a->media_type },
		{ "location", &a->location },
		{ "docker-content-digest", &a->digest },
		{ "retry-after", &a->retry_after },
		{ "range", &a->range },
		{ "content-range", &a->content_range },
		{ "oci-chunk-min-length", &a->chunk_min },
		{ "etag", &a->etag },
		{ "last-modified", &a->last_modified },
		{ "link", &a->link },
		{ "oci-subject", &a->subject },
	};
	struct err ignored;

	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		if (strlen(kept[i].name) == name_len && strncasecmp(name, kept[i].name, name_len) == 0)
			*kept[i].to = arena_strndup(&h->arena, value, len);
	if (name_len == strlen("www-authenticate") && strncasecmp(name, "www-authenticate", name_len) == 0)
		(void)!challenge_parse(&h->arena, value, len, &a->challenges, &ignored);
}

static void begin_answer(struct http *h)
{
	h->answer = (struct http_answer){ .length = -1, .challenges = CHALLENGES_INIT };
}

/* Called for each line of each head; an interim one (100) is followed by another. */
static size_t on_header(char *line, size_t size, size_t n, void *data)
{
	struct http *h = data;
	size_t len = size * n;
	const char *colon = memchr(line, ':', len), *value, *end = line + len;

	if (len >= 5 && strncasecmp(line, "HTTP/", 5) == 0) {
		begin_answer(h);
		return len;
	}
	if (!colon)
		return len;
	for (value = colon + 1; value < end && (*value == ' ' || *value == '\t'); value++)
		;
	while (end > value && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' ' || end[-1] == '\t'))
		end--;
	if (!memchr(value, '\0', (size_t)(end - value)))
		take_header(h, line, (size_t)(colon - line), value, (size_t)(end - value));
	return len;
}

static void know_head(struct http *h)
{
	curl_off_t length = -1;

	(void)curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &h->answer.status);
	(void)curl_easy_getinfo(h->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	h->answer.length = length;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *data)
{
	struct http *h = data;
	size_t len = size * n;

	know_head(h);
	if (h->answer.status / 100 != 2) {
		if (h->complaint.len + len > COMPLAINT_MAX)
			return 0; /* nobody complains that long */
		sb_add(&h->complaint, bytes, len);
		return len;
	}
	if (h->rq->sink && h->rq->sink(h->rq->data, &h->answer, bytes, len, &h->e) < 0)
		return 0;
	return len;
}

static size_t on_source(char *buf, size_t size, size_t n, void *data)
{
	struct http *h = data;
	size_t len = size * n, got = 0;

	if (h->sent == h->rq->source_len)
		return 0;
	if (len > h->rq->source_len - h->sent)
		len = (size_t)(h->rq->source_len - h->sent);
	if (h->rq->source(h->rq->data, h->sent, buf, len, &got, &h->e) < 0)
		return CURL_READFUNC_ABORT;
	h->sent += got;
	return got;
}

/* A connection that was kept had ended meanwhile, and libcurl asks again by a new one: the bytes are wanted once more. When it took many of
 * them before, it was not that: who sends finds out first what became of them. */
static int on_seek(void *data, curl_off_t offset, int origin)
{
	struct http *h = data;

	if (origin != SEEK_SET || offset < 0 || h->sent > RESEND_MAX)
		return CURL_SEEKFUNC_FAIL;
	h->sent = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

/* ---- the request ---- */

static void url_end(CURLU **u)
{
	curl_url_cleanup(*u);
}

static void set_blob(CURL *c, CURLoption option, const char *pem)
{
	struct curl_blob blob = { .data = (void *)(uintptr_t)pem, .len = strlen(pem), .flags = CURL_BLOB_NOCOPY };

	(void)curl_easy_setopt(c, option, &blob);
}

static void set_tls(CURL *c, const struct http_endpoint *ep, bool foreign)
{
	if (ep->insecure) {
		(void)curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
		(void)curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (ep->ca)
		set_blob(c, CURLOPT_CAINFO_BLOB, ep->ca);
	if (foreign || !ep->cert)
		return;
	set_blob(c, CURLOPT_SSLCERT_BLOB, ep->cert);
	set_blob(c, CURLOPT_SSLKEY_BLOB, ep->key);
}

static curl_socket_t on_open(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
	const struct http_endpoint *ep = data;
	int fd = dial(ep->number);

	(void)purpose;
	(void)address;
	if (fd < 0)
		errno = -fd;
	return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static int on_opened(void *data, curl_socket_t fd, curlsocktype purpose)
{
	(void)data;
	(void)fd;
	(void)purpose;
	return CURL_SOCKOPT_ALREADY_CONNECTED;
}

static void set_socket(CURL *c, const struct http_endpoint *ep)
{
	(void)curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, ep->socket);
	(void)curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, on_open);
	(void)curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, ep);
	(void)curl_easy_setopt(c, CURLOPT_SOCKOPTFUNCTION, on_opened);
}

/* Another host's proxy is what the environment says of that host. */
static int find_proxy(struct http *h, const struct http_request *rq, const char **out, struct err *e)
{
	CLEANUP(url_end) CURLU *u = curl_url();
	char *scheme = NULL, *host = NULL, *port = NULL;
	uint32_t number = 0;
	int r = 0;

	*out = rq->endpoint->proxy;
	if (!rq->foreign || !rq->endpoint->proxies)
		return 0;
	*out = NULL;
	if (u && curl_url_set(u, CURLUPART_URL, rq->url, 0) == CURLUE_OK && curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK && curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
	    text_u32(port, &number) == 0)
		r = proxy_for(&h->arena, rq->endpoint->proxies, strcasecmp(scheme, "https") == 0, host, number, out, e);
	else
		r = err_set(e, ERR_INVALID, "%s: it is no address", rq->url);
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	return r;
}

static long patience_of(const struct http_request *rq)
{
	return rq->endpoint->patience ? (long)rq->endpoint->patience : rq->patience ? (long)rq->patience : STALL_SECONDS;
}

static void set_way(CURL *c, const struct http_request *rq, const char *proxy)
{
	const struct http_endpoint *ep = rq->endpoint;

	(void)curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(c, CURLOPT_PROXY, proxy ? proxy : "");
	(void)curl_easy_setopt(c, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	if (ep->socket && !rq->foreign)
		set_socket(c, ep);
	(void)curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
	(void)curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
	(void)curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, patience_of(rq));
	(void)curl_easy_setopt(c, CURLOPT_BUFFERSIZE, BUFFER_SIZE);
	(void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(c, CURLOPT_USERAGENT, "tare");
	set_tls(c, ep, rq->foreign);
}

static void set_what(struct http *h, const struct http_request *rq)
{
	CURL *c = h->curl;

	(void)curl_easy_setopt(c, CURLOPT_URL, rq->url);
	if (rq->source) {
		(void)curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
		(void)curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)rq->source_len);
		(void)curl_easy_setopt(c, CURLOPT_READFUNCTION, on_source);
		(void)curl_easy_setopt(c, CURLOPT_READDATA, h);
		(void)curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, on_seek);
		(void)curl_easy_setopt(c, CURLOPT_SEEKDATA, h);
	} else if (rq->body) {
		(void)curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)rq->body_len);
		(void)curl_easy_setopt(c, CURLOPT_POSTFIELDS, rq->body);
	}
	if (strcmp(rq->method, "HEAD") == 0)
		(void)curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
	else
		(void)curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, rq->method);
	(void)curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl_easy_setopt(c, CURLOPT_HEADERDATA, h);
	(void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(c, CURLOPT_WRITEDATA, h);
	(void)curl_easy_setopt(c, CURLOPT_ERRORBUFFER, h->message);
}

static struct curl_slist *header_list(const struct http_request *rq)
{
	struct curl_slist *list = curl_slist_append(NULL, "Expect:"); /* no second round for it */

	for (size_t i = 0; list && rq->headers && rq->headers[i]; i++) {
		struct curl_slist *more = curl_slist_append(list, rq->headers[i]);

		if (!more) {
			curl_slist_free_all(list);
			return NULL;
		}
		list = more;
	}
	return list;
}

static int verdict(struct http *h, CURLcode code, struct err *e)
{
	const char *host = h->rq->url;
	char shown[400];

	if (h->e.code != 0) {
		*e = h->e;
		return e->code;
	}
	if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && h->answer.status / 100 != 2 && h->answer.status))
		return 0;
	if (code == CURLE_SEND_ERROR && h->answer.status >= 400) /* who refuses need not take all of it first */
		return 0;
	(void)text_escape(h->message[0] ? h->message : curl_easy_strerror(code), shown, sizeof(shown));
	switch (code) {
	case CURLE_OUT_OF_MEMORY:
		return err_errno(e, -ENOMEM, "connection");
	case CURLE_SSL_CONNECT_ERROR:
		if (!strstr(shown, "wrong version number"))
			return err_set(e, ERR_UNAVAILABLE, "%s: %s", host, shown);
		return err_set(e, ERR_UNAVAILABLE, "%s: it does not answer by TLS; to ask a registry by plain HTTP: insecure = true in registries.conf", host);
	case CURLE_PEER_FAILED_VERIFICATION:
		return err_set(e, ERR_DENIED, "%s: %s (authorities of a registry: /etc/tare/certs.d/HOST[:PORT]/NAME.crt)", host, shown);
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_ISSUER_ERROR:
		return err_set(e, ERR_DENIED, "%s: %s", host, shown);
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return err_set(e, ERR_INVALID, "%s: %s", host, shown);
	default:
		return err_set(e, ERR_UNAVAILABLE, "%s: %s", host, shown);
	}
}

int http_exchange(struct http *h, const struct http_request *rq, struct http_answer *out, struct err *e)
{
	struct curl_slist *headers;
	const char *proxy;
	CURLcode code;
	int r;

	arena_reset(&h->arena);
	r = find_proxy(h, rq, &proxy, e);
	if (r < 0)
		return r;
	headers = header_list(rq);
	if (!headers)
		return err_errno(e, -ENOMEM, "connection");
	sb_reset(&h->complaint);
	h->rq = rq;
	h->sent = 0;
	h->e = (struct err){ 0 };
	h->message[0] = '\0';
	begin_answer(h);
	curl_easy_reset(h->curl);
	set_way(h->curl, rq, proxy);
	set_what(h, rq);
	(void)curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, headers);
	code = curl_easy_perform(h->curl);
	know_head(h);
	r = verdict(h, code, e);
	h->answer.reached = code != CURLE_COULDNT_CONNECT && code != CURLE_COULDNT_RESOLVE_HOST && code != CURLE_COULDNT_RESOLVE_PROXY &&
			    code != CURLE_SSL_CONNECT_ERROR && (code == CURLE_OK || h->answer.status);
	curl_slist_free_all(headers);
	*out = h->answer;
	return r;
}

/* ---- URLs ---- */

const char *http_resolve(struct arena *a, const char *url, const char *location)
{
	CURLU *u = curl_url();
	char *text = NULL;
	const char *out = NULL;

	if (u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK && curl_url_set(u, CURLUPART_URL, location, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_URL, &text, 0) == CURLUE_OK &&
	    (strncasecmp(text, "http://", 7) == 0 || strncasecmp(text, "https://", 8) == 0))
		out = arena_strdup(a, text);
	curl_free(text);
	curl_url_cleanup(u);
	return out;
}

const char *http_with_query(struct arena *a, const char *url, const char *assignment)
{
	CURLU *u = curl_url();
	char *text = NULL;
	const char *out = NULL;

	if (u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK && curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0) == CURLUE_OK &&
	    curl_url_set(u, CURLUPART_QUERY, assignment, CURLU_APPENDQUERY | CURLU_URLENCODE) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_URL, &text, 0) == CURLUE_OK)
		out = arena_strdup(a, text);
	curl_free(text);
	curl_url_cleanup(u);
	return out;
}

static bool same_part(CURLU *a, CURLU *b, CURLUPart part)
{
	char *x = NULL, *y = NULL;
	bool same = curl_url_get(a, part, &x, CURLU_DEFAULT_PORT) == CURLUE_OK && curl_url_get(b, part, &y, CURLU_DEFAULT_PORT) == CURLUE_OK &&
		    strcasecmp(x, y) == 0;

	curl_free(x);
	curl_free(y);
	return same;
}

bool http_same_host(const char *a, const char *b)
{
	CURLU *x = curl_url(), *y = curl_url();
	bool same = x && y && curl_url_set(x, CURLUPART_URL, a, 0) == CURLUE_OK && curl_url_set(y, CURLUPART_URL, b, 0) == CURLUE_OK &&
		    same_part(x, y, CURLUPART_SCHEME) && same_part(x, y, CURLUPART_HOST) && same_part(x, y, CURLUPART_PORT);

	curl_url_cleanup(x);
	curl_url_cleanup(y);
	return same;
}
