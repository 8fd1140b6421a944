/* The request's body. What of it came with the head is in `rest`; the parser of the head goes on with it, and with what the connection gives.
 *
 * A body that comes too slowly holds one process of its sender's, who may have so many (server.c); one that never comes ends after BODY_SECONDS. */
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/server/exchange_impl.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/text.h"
#include "sys/spawn.h"

#define BODY_SECONDS 600
#define BODY_PIECE (64U * 1024)
#define BODY_PASSED (64 * 1024) /* so much is read for the connection's sake alone */
#define BODY_JSON (8U << 20)
#define BODY_PIPE (1024 * 1024)
#define DRAIN_MS 2000
#define NOT_WHOLE "the body of the request did not come whole"

static int broken(struct exchange *ex, struct err *e, enum err_class cls, const char *why)
{
	ex->body_broken = true;
	return err_set(e, cls, "%s", why);
}

static int ask_for_it(struct exchange *ex, struct err *e)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	const struct timeval limit = { .tv_sec = BODY_SECONDS };

	if (ex->body_wanted)
		return 0;
	ex->body_wanted = true;
	if (setsockopt(ex->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0)
		return err_errno(e, -errno, "limit the time of a read");
	if (http_expects(ex->http) && http_chunks(ex->http) && ex->n_rest == 0 && io_send_full(ex->fd, go_on, sizeof(go_on) - 1) < 0)
		return broken(ex, e, ERR_UNAVAILABLE, "the client is gone");
	return 0;
}

/* 0: these were taken, more are wanted; 1: it is over. */
static int feed(struct exchange *ex, const char *bytes, size_t len, size_t *used, int (*sink)(void *data, const char *bytes, size_t len), void *data,
		struct err *e)
{
	switch (http_body(ex->http, bytes, len, used, sink, data)) {
	case HTTP_MORE:
		return 0;
	case HTTP_DONE:
		ex->body_whole = true;
		return 1;
	case HTTP_ENDED:
		return broken(ex, e, ERR_LIMIT, "the body of the request is not taken");
	default:
		return broken(ex, e, ERR_INVALID, "the body of the request is not as HTTP has it");
	}
}

/* What is behind the body when it is over is a request that nobody has asked for an answer to yet, or of a connection that is hijacked:
 * kept in rest. */
static int feed_from_connection(struct exchange *ex, char *piece, int (*sink)(void *data, const char *bytes, size_t len), void *data, struct err *e)
{
	for (;;) {
		ssize_t n = recv(ex->fd, piece, BODY_PIECE, 0);
		size_t used;
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return broken(ex, e, ERR_UNAVAILABLE, "the body of the request did not come");
		if (n <= 0)
			return broken(ex, e, ERR_UNAVAILABLE, "the client went away amid the body of its request");
		r = feed(ex, piece, (size_t)n, &used, sink, data, e);
		if (r > 0) {
			ex->n_rest = (size_t)n - used;
			ex->rest = arena_strndup(&ex->arena, piece + used, ex->n_rest);
		}
		if (r != 0)
			return r < 0 ? r : ex->rest ? 0 : err_errno(e, -ENOMEM, "read the request");
	}
}

int body_read(struct exchange *ex, int (*sink)(void *data, const char *bytes, size_t len), void *data, struct err *e)
{
	CLEANUP_FREE char *piece = NULL;
	size_t used = 0;
	int r;

	if (ex->body_whole)
		return 0;
	if (ex->body_broken)
		return err_set(e, ERR_INTERNAL, "the body of this request was read already");
	r = ask_for_it(ex, e);
	if (r == 0)
		r = feed(ex, ex->rest, ex->n_rest, &used, sink, data, e);
	if (r < 0)
		return r;
	ex->rest += used;
	ex->n_rest -= used;
	if (r > 0)
		return 0;
	piece = malloc(BODY_PIECE);
	return piece ? feed_from_connection(ex, piece, sink, data, e) : err_errno(e, -ENOMEM, "read the request");
}

static int pass_over(void *data, const char *bytes, size_t len)
{
	(void)data;
	(void)bytes;
	(void)len;
	return 0;
}

void body_pass(struct exchange *ex)
{
	int64_t length = http_body_length(ex->http);
	struct err e = { 0 };

	if (ex->body_whole || ex->body_broken || ex->filler >= 0 || length < 0 || length > BODY_PASSED)
		return;
	if (http_expects(ex->http) && !ex->body_wanted)
		return;
	(void)!body_read(ex, pass_over, NULL, &e);
}

void body_drain(struct exchange *ex)
{
	const struct timeval limit = { .tv_usec = 200000 };
	int64_t end = clock_ms() + DRAIN_MS;
	char piece[4096];

	if (ex->gone || shutdown(ex->fd, SHUT_WR) < 0 || setsockopt(ex->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0)
		return;
	while (clock_ms() < end) {
		ssize_t n = recv(ex->fd, piece, sizeof(piece), 0);

		if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
			return;
	}
}

/* ---- as JSON ---- */

struct gather {
	struct strbuf text;
	size_t max;
	bool large;
};

static int gather(void *data, const char *bytes, size_t len)
{
	struct gather *g = data;

	g->large = len > g->max - g->text.len;
	if (g->large)
		return 1;
	sb_add(&g->text, bytes, len);
	return sb_error(&g->text);
}

static void free_gather(struct gather *g)
{
	sb_free(&g->text);
}

/* "application/json", with or without parameters behind it. */
static bool is_json(const char *type)
{
	size_t len = strcspn(type, ";");

	while (len > 0 && strchr(" \t", type[len - 1]))
		len--;
	return len == strlen("application/json") && !strncasecmp(type, "application/json", len);
}

/* Where somebody is to see it first nothing goes past him. */
static int no_body(const struct exchange *ex, struct err *e)
{
	return ex->body_guard ? err_set(e, ERR_INVALID, "the request has no body") : 0;
}

static int too_large(struct exchange *ex, size_t max, struct err *e)
{
	ex->body_large = true;
	return err_set(e, ERR_LIMIT, "the body of the request is larger than %zu bytes", max);
}

int ex_body_json(struct exchange *ex, size_t max, const struct json **out, struct err *e)
{
	CLEANUP(free_gather) struct gather g = { .max = max ? max : BODY_JSON };
	const char *type = http_header(ex->http, "content-type");
	struct json_limits limits = json_default_limits;
	char shown[100];
	int r;

	*out = NULL;
	if (http_body_length(ex->http) == 0)
		return no_body(ex, e);
	if (!type || !is_json(type))
		return err_set(e, ERR_INVALID, "unsupported Content-Type header (%s): must be 'application/json'", text_tame(type ? type : "", shown, sizeof(shown)));
	if (http_body_length(ex->http) > (int64_t)g.max)
		return too_large(ex, g.max, e);
	r = body_read(ex, gather, &g, e);
	if (r < 0 && g.large)
		return too_large(ex, g.max, e);
	if (r < 0 || g.text.len == 0)
		return r < 0 ? r : no_body(ex, e);
	limits.max_bytes = g.max;
	r = json_parse(&ex->arena, g.text.s, g.text.len, &limits, out, e);
	if (r < 0)
		return err_ctx(e, "invalid JSON in the body of the request");
	/* it is in the exchange's arena, and nobody has seen it yet */
	return ex->body_guard ? ex->body_guard(ex, (struct json *)(uintptr_t)*out, e) : 0;
}

/* ---- as a stream ---- */

static int fill(void *data, const char *bytes, size_t len)
{
	return io_write_full(*(const int *)data, bytes, len);
}

enum { FILLED, FILLED_AND_MORE, NOT_FILLED };

/* In a process of its own, whose exit code tells what became of it. */
static _Noreturn void fill_pipe(struct exchange *ex, int to)
{
	struct err e = { 0 };

	_exit(body_read(ex, fill, &to, &e) < 0 ? NOT_FILLED : ex->n_rest > 0 ? FILLED_AND_MORE : FILLED);
}

int ex_body_fd(struct exchange *ex, int *fd, struct err *e)
{
	CLEANUP_FD int from = -1, to = -1;
	int pair[2];
	pid_t pid;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_errno(e, -errno, "make a pipe");
	from = pair[0];
	to = pair[1];
	if (!ex->body_whole) {
		(void)!fcntl(from, F_SETPIPE_SZ, BODY_PIPE); /* fewer turns; users may have less */
		pid = spawn_fork(&ex->filler);
		if (pid == 0) {
			from = close_fd(from);
			fill_pipe(ex, to);
		}
		if (pid < 0)
			return err_errno(e, (int)pid, "start who reads the body of the request");
	}
	*fd = take_fd(&from);
	return 0;
}

/* Who fills the pipe ends no sooner than what he has for it is taken. */
static void read_rest(int fd)
{
	char rest[4096];
	ssize_t n;

	while ((n = read(fd, rest, sizeof(rest))) > 0 || (n < 0 && errno == EINTR))
		;
}

int ex_body_end(struct exchange *ex, int fd, struct err *e)
{
	int status = 0, r;

	if (ex->filler < 0)
		return ex->body_broken ? err_set(e, ERR_UNAVAILABLE, NOT_WHOLE) : 0;
	if (fd >= 0)
		read_rest(fd);
	r = spawn_wait(ex->filler, -1, &status);
	ex->filler = close_fd(ex->filler);
	if (r < 0)
		return err_errno(e, r, "wait for who reads the body of the request");
	if (!WIFEXITED(status) || WEXITSTATUS(status) == NOT_FILLED)
		return broken(ex, e, ERR_UNAVAILABLE, NOT_WHOLE);
	ex->body_whole = true;
	ex->n_rest = 0;
	if (WEXITSTATUS(status) == FILLED_AND_MORE)
		ex->closing = true; /* what came behind it went with that process */
	return 0;
}

int ex_body_arrived(void *data, struct err *e)
{
	const struct ex_body *body = data;

	return ex_body_end(body->ex, body->fd, e);
}
