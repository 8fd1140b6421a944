/* POST /containers/{}/exec, /exec/{}/start, /exec/{}/resize, GET /exec/{}/json */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "api/docker/attach.h"
#include "api/docker/fields.h"
#include "api/docker/relay.h"
#include "api/docker/routes.h"
#include "api/docker/words.h"
#include "base/io.h"
#include "engine/container.h"
#include "engine/events.h"
#include "engine/exec.h"
#include "engine/exec_left.h"
#include "engine/execs.h"

struct asked {
	struct exec_options opt;
	const char *keys;
	unsigned int attach;
	unsigned int rows, columns; /* 0: not said */
};

static int read_size(const struct json *body, struct asked *out, struct err *e)
{
	const struct json *size = json_get(body, "ConsoleSize");
	int64_t v[2] = { 0 };
	size_t i = 0;

	json_each(it, size)
		if (i < 2 && json_as_i64(it, &v[i++]) < 0)
			return err_set(e, ERR_INVALID, "ConsoleSize: want rows and columns");
	if (v[0] < 0 || v[1] < 0 || v[0] > UINT16_MAX || v[1] > UINT16_MAX)
		return err_set(e, ERR_INVALID, "ConsoleSize: no size of a terminal");
	if (v[0] && v[1]) {
		out->rows = (unsigned int)v[0];
		out->columns = (unsigned int)v[1];
	}
	return 0;
}

/* What the client asked for, as write_kept() wrote it. */
static int read_asked(struct arena *a, const struct json *body, struct asked *out, struct err *e)
{
	static const char where[] = "exec";
	bool in = false, sout = false, serr = false;
	const char **args, **env;
	int r;

	*out = (struct asked){ 0 };
	r = json_get_strv(a, body, where, "Cmd", &args, &out->opt.args.n, e);
	if (r == 0)
		r = json_get_strv(a, body, where, "Env", &env, &out->opt.env.n, e);
	if (r == 0)
		r = json_get_str(body, where, "User", &out->opt.user, e);
	if (r == 0)
		r = json_get_str(body, where, "WorkingDir", &out->opt.workdir, e);
	if (r == 0)
		r = json_get_str(body, where, "DetachKeys", &out->keys, e);
	if (r == 0)
		r = json_get_bool(body, where, "Tty", &out->opt.tty, e);
	if (r == 0)
		r = json_get_bool(body, where, "Privileged", &out->opt.privileged, e);
	if (r == 0)
		r = json_get_bool(body, where, "AttachStdin", &in, e);
	if (r == 0)
		r = json_get_bool(body, where, "AttachStdout", &sout, e);
	if (r == 0)
		r = json_get_bool(body, where, "AttachStderr", &serr, e);
	if (r == 0)
		r = read_size(body, out, e);
	if (r < 0)
		return r;
	out->opt.args.v = args;
	out->opt.env.v = env;
	out->opt.open_stdin = in;
	if (out->opt.user && !*out->opt.user)
		out->opt.user = NULL;
	if (out->opt.workdir && !*out->opt.workdir)
		out->opt.workdir = NULL;
	out->attach = (in ? FRAME_WANT_STDIN : 0U) | (sout ? FRAME_WANT_STDOUT : 0U) | (serr ? FRAME_WANT_STDERR : 0U);
	return out->opt.args.n ? 0 : err_set(e, ERR_INVALID, "No exec command specified");
}

/* what: as the client named it */
static int must_run(const struct record *rec, const char *what, struct err *e)
{
	if (rec->status == RECORD_RESTARTING)
		return err_set(e, ERR_BUSY, "Container %s is restarting, wait until the container is running", rec->id);
	if (rec->status != RECORD_RUNNING)
		return err_set(e, ERR_BUSY, "container %s is not running", rec->id);
	if (container_paused(rec))
		return err_set(e, ERR_BUSY, "Container %s is paused, unpause the container before exec", what);
	return 0;
}

/* ---- create ---- */

#define CREATE_MAX (256U << 10) /* it is kept in memory, as the state of what runs */

/* The members that read_asked() reads: what else a client says is read by nobody. As Docker reads a name, in any case: docker-py says "detachKeys". */
static void write_kept(const struct json *body, struct json_writer *w)
{
	static const char *const read[] = { "Cmd", "Env", "User", "WorkingDir", "DetachKeys", "Tty", "Privileged", "AttachStdin", "AttachStdout", "AttachStderr", "ConsoleSize" };

	jw_object(w, NULL);
	json_each(it, body && body->type == JSON_OBJECT ? body : NULL)
		for (size_t i = 0; i < ARRAY_LEN(read); i++)
			if (strcasecmp(read[i], it->key) == 0)
				jw_value(w, read[i], it);
	jw_end_object(w);
}

static int create(struct exchange *ex, struct err *e)
{
	CLEANUP_LIVE struct live live = LIVE_INIT;
	CLEANUP_STRBUF struct strbuf config = STRBUF_INIT, out = STRBUF_INIT;
	struct json_writer kept = JSON_WRITER(&config), w = JSON_WRITER(&out);
	const struct json *body = NULL;
	char id[ID_LEN + 1];
	struct asked asked;
	struct detach keys;
	struct engine *en;
	struct record rec;
	int r = ex_body_json(ex, CREATE_MAX, &body, e);

	if (r == 0)
		write_kept(body, &kept);
	if (r == 0)
		r = sb_error(&config) < 0 ? err_errno(e, -ENOMEM, "exec") : json_parse(ex_arena(ex), config.s, config.len, NULL, &body, e);
	if (r == 0)
		r = read_asked(ex_arena(ex), body, &asked, e);
	if (r == 0)
		r = attach_keys(ex, asked.keys, &keys, e);
	if (r == 0)
		r = words_container(ex, &en, &rec, &live, e);
	if (r == 0)
		r = must_run(&rec, ex_param(ex, 0), e);
	if (r == 0)
		r = execs_create(en, &rec, &config, id, e);
	if (r < 0)
		return r;
	events_exec(en, &rec, "create", id, asked.opt.args);
	jw_object(&w, NULL);
	jw_str(&w, "Id", id);
	jw_end_object(&w);
	return ex_json(ex, 201, &out, e);
}

/* ---- start ---- */

struct starting {
	struct exchange *ex;
	struct engine *en;
	struct kept_exec x;
	struct record rec;
	struct asked asked;
	struct detach keys;
	struct client c;
	bool detach;
	bool raw; /* the answer has no frames: by what the start says of a terminal, not the process's */
};

static int look(struct starting *s, struct err *e)
{
	struct arena *a = ex_arena(s->ex);
	int r = ex_engine(s->ex, &s->en, e);

	if (r == 0)
		r = execs_find(s->en, a, ex_param(s->ex, 0), &s->x, e);
	if (r == 0)
		r = read_asked(a, s->x.config, &s->asked, e);
	return r;
}

static int read_start(struct starting *s, struct err *e)
{
	CLEANUP_LIVE struct live live = LIVE_INIT;
	const struct json *body = NULL;
	int r = ex_body_json(s->ex, 0, &body, e);

	if (r == 0)
		r = json_get_bool(body, "start", "Detach", &s->detach, e);
	if (r == 0)
		r = json_get_bool(body, "start", "Tty", &s->raw, e);
	if (r == 0)
		r = look(s, e);
	if (r == 0)
		r = read_size(body, &s->asked, e);
	if (r == 0)
		r = attach_keys(s->ex, s->asked.keys, &s->keys, e);
	if (r == 0)
		r = settle_find(s->en, ex_arena(s->ex), s->x.container, SETTLE_WAIT, &s->rec, &live, e);
	if (r == 0)
		r = must_run(&s->rec, s->rec.id, e);
	return r < 0 ? r : execs_begin(s->en, &s->x, e);
}

static int launch(struct starting *s, struct err *e)
{
	struct exec_made made;
	struct err ignored;
	int r;

	s->asked.opt.id = s->x.id;
	s->asked.opt.attach = s->detach ? 0 : s->asked.attach;
	fields_no_env_of_ours(s->asked.opt.env);
	r = container_exec(s->en, s->x.container, &s->asked.opt, &s->c, &made, e);
	if (r < 0) {
		execs_failed(s->en, &s->x, err_info(e->cls)->exit_code);
		return words_start_failed(s->asked.opt.args.v[0], true, e);
	}
	/* the client is dropped by a monitor that nobody attached to: then who asks for a size has to find it by itself */
	if (s->asked.opt.tty && s->asked.rows && s->asked.opt.attach)
		(void)!client_resize(&s->c, s->asked.rows, s->asked.columns, &ignored);
	return 0;
}

/* It is too late for a status: as Docker does, the stream says it, and inspect has the exit code. */
static int say_failed(const struct starting *s, int fd, const struct err *why, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	unsigned char header[RELAY_HEADER];
	int r;

	relay_header(header, RELAY_STDOUT, strlen(why->msg) + 2);
	if (!s->raw)
		sb_add(&text, header, sizeof(header));
	sb_printf(&text, "%s\r\n", why->msg);
	r = sb_error(&text);
	relay_after_head(fd);
	if (r == 0)
		r = io_send_full(fd, text.s, text.len);
	return r < 0 ? err_errno(e, r, "tell why it was not started") : 0;
}

static int stay(struct starting *s, struct err *e)
{
	struct relay relay = { .framed = !s->raw, .input = s->asked.attach & FRAME_WANT_STDIN, .keys = s->asked.opt.tty ? &s->keys : NULL };
	struct err why = { 0 };
	enum relay_end end;
	int r = ex_hijack(s->ex, attach_type(s->ex, s->raw), &relay.client, &relay.early, &relay.n_early, e);

	if (r < 0)
		return r;
	if (launch(s, &why) < 0)
		return say_failed(s, relay.client, &why, e);
	if (!s->asked.attach)
		return 0;
	relay.monitor = s->c.fd;
	ex_rest(s->ex);
	relay.heard = sb_str(&s->c.in) + s->c.at; /* the first of it may have come with the word that it was started */
	relay.n_heard = s->c.in.len - s->c.at;
	r = relay_run(&relay, &end, e);
	if (r == 0)
		r = ex_engine(s->ex, &s->en, e);
	if (r == 0 && end == RELAY_DETACHED)
		events_exec_detached(s->en, &s->rec, s->x.id);
	else if (r == 0 && end == RELAY_ENDED && !relay.ended)
		exec_tell_lost(s->en, &s->rec, s->x.id);
	return r;
}

static int start(struct exchange *ex, struct err *e)
{
	struct starting s = { .ex = ex, .c = CLIENT_INIT };
	int r = read_start(&s, e);

	if (r == 0)
		r = s.detach ? launch(&s, e) : stay(&s, e);
	client_close(&s.c);
	return r < 0 || !s.detach ? r : ex_empty(ex, 200, e);
}

/* ---- resize, json ---- */

#define START_MS 10000
#define LOOK_MS 20

/* A client sends the size as soon as its start was answered, which is before there is a process. */
static int await_start(struct starting *s, struct client *c, struct err *e)
{
	const struct timespec pause = { .tv_nsec = LOOK_MS * 1000000L };
	int r = look(s, e);

	for (int i = 0; r == 0 && !s->x.ended && i < START_MS / LOOK_MS; i++) {
		if (s->x.running && execs_connect(s->en, &s->x, 0, c, e) == 0)
			return 0;
		(void)nanosleep(&pause, NULL);
		r = execs_look(s->en, &s->x, e);
	}
	return r < 0 ? r : err_set(e, ERR_CONFLICT, "exec process %s is not running", s->x.id);
}

static int resize(struct exchange *ex, struct err *e)
{
	CLEANUP_CLIENT struct client c = CLIENT_INIT;
	struct starting s = { .ex = ex, .c = CLIENT_INIT };
	int64_t h = 0, w = 0;
	int r = ex_query_i64(ex, "h", &h, e);

	if (r == 0)
		r = ex_query_i64(ex, "w", &w, e);
	if (r == 0 && (h < 0 || w < 0 || h > UINT16_MAX || w > UINT16_MAX))
		r = err_set(e, ERR_INVALID, "h=%lld, w=%lld: no size of a terminal", (long long)h, (long long)w);
	if (r == 0)
		r = await_start(&s, &c, e);
	if (r == 0)
		r = client_resize(&c, (unsigned int)h, (unsigned int)w, e);
	return r < 0 ? r : ex_empty(ex, 200, e);
}

static void write_process(const struct starting *s, struct json_writer *w)
{
	const struct strv args = s->asked.opt.args;

	jw_object(w, "ProcessConfig");
	jw_bool(w, "tty", s->asked.opt.tty);
	jw_str(w, "entrypoint", args.v[0]);
	jw_array(w, "arguments");
	for (size_t i = 1; i < args.n; i++)
		jw_str(w, NULL, args.v[i]);
	jw_end_array(w);
	jw_bool(w, "privileged", s->asked.opt.privileged);
	if (s->asked.opt.user)
		jw_str(w, "user", s->asked.opt.user);
	jw_end_object(w);
}

static int inspect(struct exchange *ex, struct err *e)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&out);
	struct starting s = { .ex = ex, .c = CLIENT_INIT };
	int r = look(&s, e);

	if (r < 0)
		return r;
	jw_object(&w, NULL);
	jw_str(&w, "ID", s.x.id);
	jw_bool(&w, "Running", s.x.running);
	if (s.x.ended)
		jw_i64(&w, "ExitCode", s.x.code);
	else
		jw_null(&w, "ExitCode");
	write_process(&s, &w);
	jw_bool(&w, "OpenStdin", s.asked.attach & FRAME_WANT_STDIN);
	jw_bool(&w, "OpenStderr", s.asked.attach & FRAME_WANT_STDERR);
	jw_bool(&w, "OpenStdout", s.asked.attach & FRAME_WANT_STDOUT);
	jw_bool(&w, "CanRemove", s.x.ended);
	jw_str(&w, "ContainerID", s.x.container);
	jw_str(&w, "DetachKeys", s.asked.keys ? s.asked.keys : "");
	jw_i64(&w, "Pid", s.x.running ? s.x.pid : 0);
	jw_end_object(&w);
	return ex_json(ex, 200, &out, e);
}

const struct route docker_exec_routes[] = {
	{ .method = "POST", .path = "/containers/{}/exec", .handler = create, .access = ROUTE_WRITE, .about = "says what is to be executed in it" },
	{ .method = "POST", .path = "/exec/{}/start", .handler = start, .access = ROUTE_WRITE, .about = "executes it, with its streams on the connection" },
	{ .method = "POST", .path = "/exec/{}/resize", .handler = resize, .access = ROUTE_WRITE, .about = "says how large its terminal is (h, w)" },
	{ .method = "GET", .path = "/exec/{}/json", .handler = inspect, .access = ROUTE_READ, .about = "what was asked for, and how it ended", .quick = true },
	{ 0 }
};
