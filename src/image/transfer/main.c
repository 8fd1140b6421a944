/* tare-transfer: speaks with registries, in a process that can do little else. Started by image/registry.c with fixed handles; not for
 * people. Requests come as lines of JSON on handle 3, one after the other, until it is closed; the first names the endpoints. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <malloc.h>

#include "base/io.h"
#include "image/transfer/document.h"
#include "image/transfer/download.h"
#include "image/transfer/fetch.h"
#include "image/transfer/lanes.h"
#include "image/transfer/ping.h"
#include "image/transfer/push.h"
#include "image/transfer/sandbox.h"
#include "image/transfer/session.h"

#define MAX_REQUEST (16U << 20)

/* A line, without its end, to be free()d; NULL at the end of all. */
static char *read_line(int fd, struct strbuf *rest)
{
	char chunk[65536], *end;

	for (;;) {
		ssize_t n;

		if (rest->len && (end = memchr(rest->s, '\n', rest->len))) {
			size_t len = (size_t)(end - rest->s);
			char *line = strndup(rest->s, len);

			memmove(rest->s, end + 1, rest->len - len); /* with the NUL */
			rest->len -= len + 1;
			return line;
		}
		n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return NULL;
		sb_add(rest, chunk, (size_t)n);
		explicit_bzero(chunk, (size_t)n);
		if (sb_error(rest) < 0 || rest->len > MAX_REQUEST)
			return NULL;
	}
}

static int serve(struct session *s, const struct json *rq, struct err *e)
{
	const char *what = "";
	int r = json_get_str(rq, "request", "do", &what, e);

	if (r < 0)
		return r;
	if (strcmp(what, "document") == 0)
		return document_get(s, rq, e);
	if (strcmp(what, "blobs") == 0)
		return lanes_run(s, rq, e);
	if (strcmp(what, "fetch") == 0)
		return fetch_run(s, rq, e);
	if (strcmp(what, "ping") == 0)
		return ping_run(s, e);
	if (strcmp(what, "download") == 0)
		return download_run(s, rq, e);
	if (strcmp(what, "push") == 0)
		return push_blobs(s, rq, e);
	if (strcmp(what, "manifest") == 0)
		return push_manifest(s, rq, e);
	return err_set(e, ERR_INTERNAL, "the request is damaged: no such thing to do");
}

static int begin(struct session *s, struct arena *a, struct strbuf *rest, struct err *e)
{
	char *line = read_line(s->control, rest);
	const struct json *doc = NULL;
	bool by_socket = false;
	int r = line ? json_parse(a, line, strlen(line), NULL, &doc, e) : err_set(e, ERR_INTERNAL, "there is no request");

	if (line)
		explicit_bzero(line, strlen(line));
	free(line);
	if (r == 0)
		r = session_read(s, a, doc, e);
	for (size_t i = 0; i < s->n; i++)
		by_socket |= s->endpoints[i].http.socket != NULL;
	if (r == 0)
		r = http_setup(e);
	return r < 0 ? r : transfer_sandbox(by_socket, e);
}

int main(void)
{
	struct session s = { .control = TRANSFER_CONTROL_FD, .lock = PTHREAD_MUTEX_INITIALIZER, .control_lock = PTHREAD_MUTEX_INITIALIZER };
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf rest = STRBUF_INIT;
	struct err e = { 0 };
	char *line;
	int r;

	io_reserve_stdio();
	(void)signal(SIGPIPE, SIG_IGN);
	(void)mallopt(M_ARENA_MAX, 2);
	r = begin(&s, &a, &rest, &e);
	if (r < 0) {
		session_fail(&s, &e);
		return 1;
	}
	while ((line = read_line(s.control, &rest))) {
		CLEANUP_ARENA struct arena of_request = ARENA_INIT;
		const struct json *doc;

		e = (struct err){ 0 };
		r = json_parse(&of_request, line, strlen(line), NULL, &doc, &e);
		free(line);
		if (r == 0)
			r = serve(&s, doc, &e);
		if (r < 0)
			session_fail(&s, &e);
	}
	return 0;
}
