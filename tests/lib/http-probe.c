/* http-probe SOCKET...: the API's server (src/api/server) with a view of its own, whose requests do what is hard to ask of tared: each thing that a
 * handler may do, and some that it should not. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/server/server.h"
#include "base/io.h"
#include "base/log.h"

static int ping(struct exchange *ex, struct err *e)
{
	return ex_text(ex, 200, "text/plain", "OK", e);
}

/* What it was asked, as JSON. */
static int show(struct exchange *ex, struct err *e)
{
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	int64_t number = -1;
	size_t n;
	const char *const *all = ex_query_all(ex, "k", &n);

	if (ex_query_i64(ex, "number", &number, e) < 0)
		return e->code;
	jw_object(&w, NULL);
	jw_u64(&w, "api", ex_api(ex));
	jw_str(&w, "param", ex_param(ex, 0));
	jw_str(&w, "header", ex_header(ex, "x-test"));
	jw_strv(&w, "k", all);
	jw_bool(&w, "yes", ex_query_bool(ex, "yes", true));
	jw_i64(&w, "number", number);
	jw_i64(&w, "peer", ex_peer(ex) == (uid_t)-1 ? -1 : (int64_t)ex_peer(ex));
	jw_str(&w, "name", ex_peer_name(ex));
	jw_end_object(&w);
	return ex_json(ex, 200, &b, e);
}

static int body_json(struct exchange *ex, struct err *e)
{
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&b);
	const struct json *v;
	int r = ex_body_json(ex, 1000, &v, e);

	if (r < 0)
		return r;
	jw_object(&w, NULL);
	if (v)
		jw_value(&w, "body", v);
	jw_end_object(&w);
	return ex_json(ex, 200, &b, e);
}

/* The body comes back as it comes in; ?cut: not to its end. */
static int echo(struct exchange *ex, struct err *e)
{
	CLEANUP_FD int from = -1, to = -1;
	int r = ex_body_fd(ex, &from, e), whole;

	if (r == 0)
		r = ex_out_fd(ex, 200, "application/x-tar", &to, e);
	if (r < 0)
		return r;
	whole = io_copy(from, to) == 0 && ex_body_end(ex, -1, e) == 0 && !ex_query(ex, "cut");
	to = close_fd(to);
	return ex_out_end(ex, whole, e);
}

/* The body is read to its end, and counted. */
static int count(struct exchange *ex, struct err *e)
{
	CLEANUP_FD int from = -1;
	char piece[65536], text[40];
	long long all = 0;
	ssize_t n;
	int r = ex_body_fd(ex, &from, e);

	if (r < 0)
		return r;
	while ((n = read(from, piece, sizeof(piece))) > 0)
		all += n;
	r = ex_body_end(ex, -1, e);
	if (r < 0)
		return r;
	(void)snprintf(text, sizeof(text), "%lld\n", all);
	return ex_text(ex, 200, "text/plain", text, e);
}

static int hijack(struct exchange *ex, struct err *e)
{
	const void *early;
	size_t n_early;
	char piece[4096];
	ssize_t n;
	int fd, r = ex_hijack(ex, "application/vnd.docker.raw-stream", &fd, &early, &n_early, e);

	if (r < 0)
		return r;
	r = n_early ? io_send_full(fd, early, n_early) : 0;
	while (r == 0 && (n = read(fd, piece, sizeof(piece))) > 0)
		r = io_send_full(fd, piece, (size_t)n);
	return r == 0 ? io_send_full(fd, "bye\n", 4) : 0;
}

static int stream(struct exchange *ex, struct err *e)
{
	int64_t n = 3;
	int r = ex_query_i64(ex, "n", &n, e);

	if (r == 0)
		r = ex_begin(ex, 200, "application/json", e);
	for (int64_t i = 0; r == 0 && i < n; i++)
		r = ex_write(ex, "{\"line\":1}\r\n", 12, e);
	if (r == 0 && ex_query(ex, "fail"))
		return err_set(e, ERR_INVALID, "amid it");
	return r;
}

/* Until the client goes away, which the file ?path= is told. */
static int gone(struct exchange *ex, struct err *e)
{
	struct pollfd p = { .fd = ex_gone_fd(ex), .events = POLLRDHUP | POLLHUP };
	CLEANUP_FD int fd = -1;
	int r = ex_begin(ex, 200, "text/plain", e);

	if (r < 0)
		return r;
	r = poll(&p, 1, 20000);
	fd = open(ex_query(ex, "path"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	return fd < 0 ? -errno : io_write_full(fd, r > 0 ? "gone\n" : "late\n", 5);
}

static int later(struct exchange *ex, struct err *e)
{
	int64_t ms = 0;

	if (ex_query_i64(ex, "ms", &ms, e) < 0)
		return e->code;
	(void)poll(NULL, 0, (int)ms);
	return ex_text(ex, 200, "text/plain", "at last\n", e);
}

static int crash(struct exchange *ex, struct err *e)
{
	(void)ex;
	(void)e;
	(void)raise(SIGKILL);
	return 0;
}

static int nothing(struct exchange *ex, struct err *e)
{
	(void)ex;
	(void)e;
	return 0;
}

static int store(struct exchange *ex, struct err *e)
{
	struct engine *en;
	int r = ex_engine(ex, &en, e);

	return r < 0 ? r : ex_text(ex, 200, "text/plain", en->root, e);
}

static int empty(struct exchange *ex, struct err *e)
{
	int64_t status = 204;

	return ex_query_i64(ex, "status", &status, e) < 0 ? e->code : ex_empty(ex, (int)status, e);
}

static const struct route routes[] = {
	{ "GET", "/_ping", ping, ROUTE_PUBLIC, "" },
	{ "GET", "/things/{+}/show", show, ROUTE_READ, "" },
	{ "GET", "/things/{}", show, ROUTE_READ, "" },
	{ "POST", "/json", body_json, ROUTE_WRITE, "" },
	{ "POST", "/echo", echo, ROUTE_WRITE, "" },
	{ "POST", "/count", count, ROUTE_WRITE, "" },
	{ "POST", "/hijack", hijack, ROUTE_WRITE, "" },
	{ "GET", "/stream", stream, ROUTE_READ, "" },
	{ "GET", "/gone", gone, ROUTE_READ, "" },
	{ "GET", "/later", later, ROUTE_READ, "" },
	{ "GET", "/crash", crash, ROUTE_READ, "" },
	{ "GET", "/nothing", nothing, ROUTE_READ, "" },
	{ "GET", "/store", store, ROUTE_READ, "" },
	{ "GET", "/empty", empty, ROUTE_READ, "" },
	{ "HEAD", "/stream", stream, ROUTE_READ, "" },
	{ "GET", "/absent", NULL, ROUTE_READ, "", "there are no swarms here", 503 },
	{ 0 },
};

int main(int argc, char **argv)
{
	static const struct route *const tables[] = { routes };
	static const char *const headers[] = { "Api-Version", "1.51", NULL };
	static const struct server_view view = {
		.tables = tables, .n_tables = 1, .min_api = 124, .max_api = 151, .headers = headers, .at_once = "/_ping",
	};
	static const struct daemon_json daemon;
	struct server_options o = { .daemon = &daemon, .hosts = (const char *const *)argv + 1, .root = getenv("TARE_ROOT"), .state = getenv("TARE_STATE") };
	struct err e = { 0 };

	o.tls = (struct server_tls){ getenv("PROBE_CERT"), getenv("PROBE_KEY"), getenv("PROBE_CA") };
	log_setup("http-probe", STDERR_FILENO, LOG_FORMAT_PLAIN, LOG_LEVEL_INFO);
	if (argc < 2)
		return 2;
	if (server_run(&o, &view, &e) == 0)
		return 0;
	log_error("%s", e.msg);
	return 1;
}
