/* tared: Docker's Engine API over the engine library, on sockets. It keeps nothing: what it does is what `tare` does, over the same state on disk.
 * What is not said on the command line is said by daemon.json; the same by both is an error, as with dockerd. */
#include <stdlib.h>
#include <string.h>

#include "api/docker/describe.h"
#include "api/docker/routes.h"
#include "base/io.h"
#include "base/log.h"
#include "cmd/tared/options.h"
#include "engine/engine.h"

/* What the file said last, with the memory it is in: a newer one takes its place as a whole. */
struct settled {
	const struct tared_opts *opts;
	const char *path;
	bool must;
	struct arena arena;
	struct daemon_json daemon;
	struct server_options *server;
};

static int no_conflict(const struct tared_opts *o, const struct json *doc, struct err *e)
{
	const struct {
		const char *key, *text;
	} both[] = {
		{ "hosts", o->hosts.n ? o->hosts.v[0] : NULL },
		{ "group", o->group },
		{ "data-root", o->root },
		{ "exec-root", o->state },
		{ "debug", o->debug ? "true" : NULL },
		{ "log-level", o->log_level },
		{ "tls", o->tls ? "true" : NULL },
		{ "tlsverify", o->tls_verify ? "true" : NULL },
		{ "tlscacert", o->tls_ca },
		{ "tlscert", o->tls_cert },
		{ "tlskey", o->tls_key },
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(both); i++)
		r = daemon_json_conflict(doc, both[i].key, both[i].text, e);
	return r;
}

static int read_file(const struct settled *s, struct arena *a, struct daemon_json *out, struct err *e)
{
	const struct json *doc;
	int r = daemon_json_read(a, s->path, s->must, &doc, e);

	if (r == 0)
		r = no_conflict(s->opts, doc, e);
	return r < 0 ? r : daemon_json_take(a, doc, out, e);
}

static void set_level(const struct tared_opts *o, const struct daemon_json *d)
{
	const char *level = o->debug ? "debug" : o->log_level ? o->log_level : d->log_level ? d->log_level : "info";

	if (!strcmp(level, "fatal"))
		level = "error";
	else if (!strcmp(level, "warn"))
		level = "warning";
	log_setup("tared", STDERR_FILENO, LOG_FORMAT_PLAIN, log_level_named(level));
}

/* Who speaks with registries asks the environment; what is not said of a proxy leaves that as it is. */
static int set_proxies(const struct daemon_json *d, struct err *e)
{
	if ((d->http_proxy && setenv("HTTP_PROXY", d->http_proxy, 1) < 0) || (d->https_proxy && setenv("HTTPS_PROXY", d->https_proxy, 1) < 0) ||
	    (d->no_proxy && setenv("NO_PROXY", d->no_proxy, 1) < 0))
		return err_errno(e, -errno, "proxies");
	return 0;
}

/* SIGHUP. Sockets and folders stay what they were. */
static void reload(void *data)
{
	struct settled *s = data;
	struct arena a = ARENA_INIT;
	struct daemon_json d;
	struct err e = { 0 };

	if (read_file(s, &a, &d, &e) < 0 || set_proxies(&d, &e) < 0) {
		log_error("%s; all stays as it was", e.msg);
		arena_free(&a);
		return;
	}
	d.root = s->daemon.root ? arena_strdup(&a, s->daemon.root) : NULL;
	d.state = s->daemon.state ? arena_strdup(&a, s->daemon.state) : NULL;
	if (arena_error(&a) < 0) {
		log_error("no memory for %s; all stays as it was", s->path);
		arena_free(&a);
		return;
	}
	if (!s->opts->root && s->daemon.root)
		s->server->root = d.root;
	if (!s->opts->state && s->daemon.state)
		s->server->state = d.state;
	arena_free(&s->arena);
	s->arena = a;
	s->daemon = d;
	set_level(s->opts, &s->daemon);
	log_info("%s was read again", s->path);
}

static const char *first(const char *option, const char *file, const char *variable)
{
	const char *v = option ? option : file ? file : getenv(variable);

	return v && *v ? v : NULL;
}

static int check_idle(const struct server_options *s, struct err *e)
{
	for (size_t i = 0; s->idle_ms && s->hosts[i]; i++)
		if (strncmp(s->hosts[i], "fd://", 5) != 0)
			return err_set(e, ERR_INVALID, "--idle-exit: nobody would start us again for %s: only with fd://", s->hosts[i]);
	return 0;
}

/* In memory of its own: the file's may go. */
static int settle_tls(struct arena *a, const struct tared_opts *o, const struct daemon_json *d, struct server_tls *out, struct err *e)
{
	const char *cert = o->tls_cert ? o->tls_cert : d->tls_cert, *key = o->tls_key ? o->tls_key : d->tls_key, *ca = o->tls_ca ? o->tls_ca : d->tls_ca;
	bool verify = o->tls_verify || d->tls_verify;

	if (!verify && !o->tls && !d->tls)
		return 0;
	if (!cert || !key)
		return err_set(e, ERR_INVALID, "TLS: name the server's certificate and its key, --tlscert and --tlskey");
	if (verify && !ca)
		return err_set(e, ERR_INVALID, "TLS: name who signs the certificates of clients, --tlscacert");
	*out = (struct server_tls){ arena_strdup(a, cert), arena_strdup(a, key), verify ? arena_strdup(a, ca) : NULL };
	return arena_error(a) < 0 ? err_errno(e, -ENOMEM, "TLS") : 0;
}

static void free_settled(struct settled *s)
{
	arena_free(&s->arena);
}

static int describe(struct err *e)
{
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;
	int r;

	docker_describe(&b);
	r = sb_error(&b) < 0 ? -ENOMEM : io_write_full(STDOUT_FILENO, b.s, b.len);
	return r < 0 ? err_errno(e, r, "describe") : 0;
}

static int run(const struct cli_call *call, struct err *e)
{
	static const char *const usual[] = { TARED_HOST, NULL };
	const struct tared_opts *o = call->global;
	struct server_options server = { .group = o->group, .idle_ms = o->idle / 1000000, .reload = reload };
	CLEANUP(free_settled) struct settled s = { .opts = o, .path = o->config ? o->config : DAEMON_JSON, .must = o->config, .arena = ARENA_INIT, .server = &server };
	int r;

	if (o->describe)
		return describe(e);
	r = read_file(&s, &s.arena, &s.daemon, e);
	if (r == 0)
		r = set_proxies(&s.daemon, e);
	if (r < 0)
		return r;
	set_level(o, &s.daemon);
	server.daemon = &s.daemon;
	server.reload_data = &s;
	server.root = first(o->root, s.daemon.root, "TARE_ROOT");
	server.state = first(o->state, s.daemon.state, "TARE_STATE");
	server.hosts = o->hosts.n ? o->hosts.v : s.daemon.hosts.n ? s.daemon.hosts.v : usual;
	/* what is needed beyond the beginning is not the file's memory, which goes with it */
	if (!server.group && s.daemon.group)
		server.group = arena_strdup(call->arena, s.daemon.group);
	r = check_idle(&server, e);
	if (r == 0)
		r = settle_tls(call->arena, o, &s.daemon, &server.tls, e);
	if (r < 0 || o->validate)
		return r;
	return server_run(&server, &docker_view, e);
}

int main(int argc, char **argv)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct cli_call call;
	struct err e = { 0 };
	int r;

	io_reserve_stdio();
	log_setup("tared", STDERR_FILENO, LOG_FORMAT_PLAIN, LOG_LEVEL_INFO);
	r = cli_parse(&a, &tared_program, argc, (const char *const *)argv, &call, &text, &e);
	if (r > 0)
		return io_write_full(STDOUT_FILENO, sb_str(&text), text.len) < 0;
	if (r == 0)
		r = run(&call, &e);
	if (r >= 0)
		return 0;
	log_error("%s", e.msg);
	return 1;
}
