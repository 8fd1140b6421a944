/* The answer's side of an exchange. An answer whose length is not known goes out in chunks, to a client of HTTP/1.0 up to the end of the
 * connection; each write is sent at once, for those who follow. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>

#include "api/server/exchange_impl.h"
#include "base/io.h"
#include "sys/spawn.h"

#define OUT_PIECE (64U * 1024)
#define OUT_PIPE (1024 * 1024)
#define OUT_SECONDS 60 /* without a byte taken: whoever writes the archive waits no longer */

static int put(struct exchange *ex, struct iovec *v, size_t n, struct err *e)
{
	struct msghdr msg = { .msg_iov = v, .msg_iovlen = n };

	if (ex->held) {
		for (size_t i = 0; i < n; i++)
			sb_add(ex->held, v[i].iov_base, v[i].iov_len);
		return sb_error(ex->held) < 0 ? err_errno(e, -ENOMEM, "answer") : 0;
	}
	while (msg.msg_iovlen > 0) {
		ssize_t sent = sendmsg(ex->fd, &msg, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0) {
			ex->gone = true;
			return err_errno(e, -errno, "the client is gone");
		}
		while (msg.msg_iovlen > 0 && (size_t)sent >= msg.msg_iov->iov_len) {
			sent -= (ssize_t)msg.msg_iov->iov_len;
			msg.msg_iov++;
			msg.msg_iovlen--;
		}
		if (msg.msg_iovlen > 0) {
			msg.msg_iov->iov_base = (char *)msg.msg_iov->iov_base + sent;
			msg.msg_iov->iov_len -= (size_t)sent;
		}
	}
	return 0;
}

static int put_two(struct exchange *ex, const struct strbuf *head, const char *body, size_t len, struct err *e)
{
	struct iovec v[] = { { head->s, head->len }, { (void *)(size_t)body, len } };

	return sb_error(head) < 0 ? err_errno(e, -ENOMEM, "answer") : put(ex, v, len ? 2 : 1, e);
}

void ex_add_header(struct exchange *ex, const char *name, const char *value)
{
	sb_printf(&ex->headers, "%s: %s\r\n", name, value);
}

static void add_date(struct strbuf *b)
{
	char text[40];
	time_t now = time(NULL);
	struct tm tm;

	if (gmtime_r(&now, &tm) && strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm) > 0)
		sb_printf(b, "Date: %s\r\n", text);
}

static void add_common(const struct exchange *ex, struct strbuf *b)
{
	for (const char *const *h = ex->view->headers; h && *h; h += 2)
		sb_printf(b, "%s: %s\r\n", h[0], h[1]);
	sb_add(b, sb_str(&ex->headers), ex->headers.len);
}

static bool has_no_body(const struct exchange *ex, int status)
{
	return status == 204 || status == 304 || !strcmp(http_method(ex->http), "HEAD");
}

static void write_head(struct exchange *ex, int status, const char *type, int64_t length, struct strbuf *b)
{
	ex->silent = has_no_body(ex, status);
	ex->chunked = length < 0 && !ex->silent && http_chunks(ex->http);
	if (!http_keeps(ex->http) || !ex->body_whole || (length < 0 && !ex->silent && !ex->chunked))
		ex->closing = true;
	if (http_body_length(ex->http) != 0 && ex->n_rest > 0) /* the front does not know how much of it was the body */
		ex->closing = true;
	sb_printf(b, "HTTP/1.1 %d %s\r\n", status, http_reason(status));
	add_common(ex, b);
	if (type)
		sb_printf(b, "Content-Type: %s\r\n", type);
	add_date(b);
	if (ex->chunked)
		sb_puts(b, "Transfer-Encoding: chunked\r\n");
	else if (length >= 0 && status != 204 && status != 304)
		sb_printf(b, "Content-Length: %lld\r\n", (long long)length);
	if (ex->closing)
		sb_puts(b, "Connection: close\r\n");
	sb_puts(b, "\r\n");
}

/* With what of the body is known already, so that a short answer is one packet. */
static int answer(struct exchange *ex, int status, const char *type, int64_t length, const char *body, struct err *e)
{
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;

	if (ex->began)
		return err_set(e, ERR_INTERNAL, "this request was answered already");
	body_pass(ex);
	ex->began = true;
	write_head(ex, status, type, length, &b);
	return put_two(ex, &b, body, body && !ex->silent ? (size_t)length : 0, e);
}

int answer_begin(struct exchange *ex, int status, const char *type, int64_t length, struct err *e)
{
	return answer(ex, status, type, length, NULL, e);
}

int ex_empty(struct exchange *ex, int status, struct err *e)
{
	return answer(ex, status, NULL, 0, NULL, e);
}

int ex_json(struct exchange *ex, int status, const struct strbuf *body, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;

	if (sb_reserve(&text, body->len + 1)) {
		sb_add(&text, sb_str(body), body->len);
		sb_putc(&text, '\n');
	}
	if (sb_error(body) < 0 || sb_error(&text) < 0)
		return err_errno(e, -ENOMEM, "answer");
	return answer(ex, status, "application/json", (int64_t)text.len, text.s, e);
}

int ex_text(struct exchange *ex, int status, const char *type, const char *text, struct err *e)
{
	return answer(ex, status, type, (int64_t)strlen(text), text, e);
}

size_t ex_told_length(const char *message)
{
	const char *hint = strstr(message, " (tare ");
	size_t len = strlen(message);

	return hint && strchr(hint, ')') == message + len - 1 ? (size_t)(hint - message) : len;
}

int ex_error(struct exchange *ex, int status, const struct err *why, struct err *e)
{
	CLEANUP_STRBUF struct strbuf body = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&body);

	jw_object(&w, NULL);
	jw_strn(&w, "message", why->msg, ex_told_length(why->msg));
	jw_end_object(&w);
	return ex_json(ex, status > 0 ? status : err_info(why->cls)->http_status, &body, e);
}

int ex_begin(struct exchange *ex, int status, const char *type, struct err *e)
{
	return answer_begin(ex, status, type, -1, e);
}

bool ex_began(const struct exchange *ex)
{
	return ex->began;
}

int ex_write(struct exchange *ex, const void *data, size_t len, struct err *e)
{
	char size[24];
	struct iovec v[] = { { size, 0 }, { (void *)(size_t)data, len }, { (void *)(size_t)"\r\n", 2 } };

	if (len == 0 || ex->silent) /* an empty chunk would be the end */
		return 0;
	if (!ex->chunked)
		return put(ex, v + 1, 1, e);
	v[0].iov_len = (size_t)snprintf(size, sizeof(size), "%zx\r\n", len);
	return put(ex, v, ARRAY_LEN(v), e);
}

int answer_end(struct exchange *ex, struct err *e)
{
	struct iovec v = { (void *)(size_t)"0\r\n\r\n", 5 };

	return ex->chunked && !ex->cut ? put(ex, &v, 1, e) : 0;
}

/* ---- out of a pipe ---- */

/* In a process of its own. Exits with 0 when all of it was sent. */
static _Noreturn void empty_pipe(struct exchange *ex, int from)
{
	struct err e = { 0 };
	char *piece = malloc(OUT_PIECE);
	ssize_t n = -1;

	while (piece && (n = read(from, piece, OUT_PIECE)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || ex_write(ex, piece, (size_t)n, &e) < 0)
			break;
	}
	_exit(n == 0 ? 0 : 1);
}

static int limit_sending(const struct exchange *ex, time_t seconds, struct err *e)
{
	const struct timeval limit = { .tv_sec = seconds };

	return setsockopt(ex->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 ? err_errno(e, -errno, "limit the time of a write") : 0;
}

int ex_out_fd(struct exchange *ex, int status, const char *type, int *fd, struct err *e)
{
	int pair[2], r = ex_begin(ex, status, type, e);
	CLEANUP_FD int from = -1, to = -1;
	pid_t pid;

	if (r == 0)
		r = limit_sending(ex, OUT_SECONDS, e);
	if (r < 0)
		return r;
	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_errno(e, -errno, "make a pipe");
	from = pair[0];
	to = pair[1];
	(void)!fcntl(from, F_SETPIPE_SZ, OUT_PIPE); /* fewer turns; users may have less */
	pid = spawn_fork(&ex->emptier);
	if (pid == 0) {
		to = close_fd(to);
		empty_pipe(ex, from);
	}
	if (pid < 0)
		return err_errno(e, (int)pid, "start who sends the answer");
	*fd = take_fd(&to);
	return 0;
}

int ex_out_end(struct exchange *ex, bool whole, struct err *e)
{
	int status = 0, r = spawn_wait(ex->emptier, -1, &status);

	ex->emptier = close_fd(ex->emptier);
	if (!whole)
		ex->cut = true;
	if (r < 0)
		return err_errno(e, r, "wait for who sends the answer");
	if (status != 0) {
		ex->gone = ex->cut = true;
		return err_errno(e, -EPIPE, "the client is gone, or took nothing for %d seconds", OUT_SECONDS);
	}
	return limit_sending(ex, 0, e); /* it is the connection's, whatever is asked next */
}

/* ---- the connection itself ---- */

int ex_hijack(struct exchange *ex, const char *type, int *fd, const void **early, size_t *n_early, struct err *e)
{
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;
	const char *to = http_upgrade(ex->http) ? http_header(ex->http, "upgrade") : NULL;

	if (ex->began)
		return err_set(e, ERR_INTERNAL, "this request was answered already");
	body_pass(ex);
	if (!ex->body_whole)
		return err_set(e, ERR_INVALID, "the body of this request is too large");
	ex->began = ex->hijacked = ex->closing = true;
	if (to)
		sb_printf(&b, "HTTP/1.1 101 UPGRADED\r\nContent-Type: %s\r\nConnection: Upgrade\r\nUpgrade: %s\r\n", type, to);
	else
		sb_printf(&b, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\n", type);
	add_common(ex, &b);
	sb_puts(&b, "\r\n");
	*fd = ex->fd;
	*early = ex->rest;
	*n_early = ex->n_rest;
	return put_two(ex, &b, NULL, 0, e);
}

int ex_gone_fd(const struct exchange *ex)
{
	return ex->fd;
}
