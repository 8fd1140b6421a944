/* tare exec and tare attach. */
#include "engine/exec.h"

#include <stdio.h>

#include "base/log.h"
#include "cmd/tare/session.h"
#include "cmd/tare/tare.h"
#include "engine/config.h"
#include "engine/events.h"
#include "engine/exec_left.h"
#include "engine/settle.h"

const struct cli_option exec_options[] = {
	{ "interactive", 'i', NULL, CLI_FLAG, "send it our input", offsetof(struct exec_opts, interactive) },
	{ "tty", 't', NULL, CLI_FLAG, "give it a terminal", offsetof(struct exec_opts, tty) },
	{ "detach", 'd', NULL, CLI_FLAG, "leave it running", offsetof(struct exec_opts, detach) },
	{ "user", 'u', "USER[:GROUP]", CLI_STR, "who it runs as", offsetof(struct exec_opts, user) },
	{ "workdir", 'w', "PATH-INSIDE", CLI_STR, "its working folder", offsetof(struct exec_opts, workdir) },
	{ "env", 'e', "NAME[=VALUE]", CLI_STRV, "set an environment variable", offsetof(struct exec_opts, env) },
	{ "env-file", 0, "FILE", CLI_STRV, "environment variables from a file", offsetof(struct exec_opts, env_file) },
	{ "privileged", 0, NULL, CLI_FLAG, "all capabilities", offsetof(struct exec_opts, privileged) },
	{ "preserve-fds", 0, "N", CLI_U32, "pass N more descriptors behind stdio and those of LISTEN_FDS", offsetof(struct exec_opts, preserve_fds) },
	{ "detach-keys", 0, "KEYS", CLI_STR, "keys that leave it running (default ctrl-p,ctrl-q)",
	  offsetof(struct exec_opts, detach_keys) },
	{ 0 }
};

const struct cli_option attach_options[] = {
	{ "no-stdin", 0, NULL, CLI_FLAG, "do not send our input", offsetof(struct attach_opts, no_stdin) },
	{ "sig-proxy", 0, NULL, CLI_FLAG, "pass signals on to it (default true)", offsetof(struct attach_opts, sig_proxy) },
	{ "detach-keys", 0, "KEYS", CLI_STR, "keys that leave it running (default ctrl-p,ctrl-q)",
	  offsetof(struct attach_opts, detach_keys) },
	{ 0 }
};
const struct attach_opts attach_defaults = { .sig_proxy = true };

/* What its monitor does not tell. */
static void tell(const struct engine *en, const struct exec_made *made, enum session_end end)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct err ignored;
	struct record rec;

	if (record_get(en->catalog, &a, made->container, &rec, &ignored) < 0)
		return;
	if (end == SESSION_DETACHED)
		events_exec_detached(en, &rec, made->id);
	else if (end == SESSION_LOST)
		exec_tell_lost(en, &rec, made->id);
}

/* Stays with an exec: its signals are not proxied (as Docker's are not), so a signal ends us and not it. */
static int stay(const struct engine *en, const struct exec_opts *o, const struct exec_made *made, struct client *c, struct err *e)
{
	const struct session s = { .client = c, .tty = o->tty, .stdin_open = o->interactive, .pidfd = -1,
				   .names_keys = true, .detach_keys = o->detach_keys };
	struct client_exit exit = { 0 };
	enum session_end end;
	int r = session_run(&s, &end, &exit, e);

	session_say_left(&s, r, end);
	if (r == 0)
		tell(en, made, end);
	if (r < 0 || end == SESSION_DETACHED)
		return r;
	if (end == SESSION_LOST)
		return err_set(e, ERR_UNAVAILABLE, "the process's monitor was killed; its exit code is unknown");
	return exit.code & 0xff;
}

int cmd_exec(const struct cli_call *call, struct err *e)
{
	const struct exec_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	CLEANUP_CLIENT struct client c = CLIENT_INIT;
	struct exec_made made;
	struct exec_options x = {
		.args = { call->args + 1, call->n_args - 1 },
		.env = { o->env.v, o->env.n },
		.env_files = { o->env_file.v, o->env_file.n },
		.user = o->user,
		.workdir = o->workdir,
		.tty = o->tty,
		.open_stdin = o->interactive,
		.privileged = o->privileged,
	};
	struct service service;
	int r = service_read(o->preserve_fds, &service, e);

	x.service = &service;
	if (r == 0)
		r = session_check_keys(o->detach_keys, e);
	if (r == 0 && !o->detach)
		r = session_check_tty(o->tty, o->interactive, "leave out -t when input comes from a pipe", e);
	if (r == 0)
		r = tare_engine(call, &en, e);
	if (r < 0)
		return r;
	if (!o->detach) {
		x.attach = FRAME_WANT_STDOUT | FRAME_WANT_STDERR | (o->interactive ? FRAME_WANT_STDIN : 0U);
		session_block_signals();
	}
	r = container_exec(&en, call->args[0], &x, &c, &made, e);
	service_close(&service);
	return r < 0 || o->detach ? r : stay(&en, o, &made, &c, e);
}

int cmd_attach(const struct cli_call *call, struct err *e)
{
	const struct attach_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	CLEANUP_CLIENT struct client c = CLIENT_INIT;
	CLEANUP_LIVE struct live live = LIVE_INIT;
	struct session s = { .client = &c, .sig_proxy = o->sig_proxy, .names_keys = true, .detach_keys = o->detach_keys };
	struct ct_config config;
	struct record rec;
	int r = tare_engine(call, &en, e);

	if (r == 0)
		r = container_running(&en, call->arena, call->args[0], &rec, &live, e);
	if (r == 0)
		r = config_parse(call->arena, rec.config, &config, e);
	if (r == 0)
		r = session_check_keys(o->detach_keys, e);
	if (r < 0)
		return r;
	s.tty = config.tty;
	s.stdin_open = config.open_stdin && !o->no_stdin;
	r = session_check_tty(s.tty, s.stdin_open, "the container has a terminal, and wants one: --no-stdin only shows its output", e);
	if (r == 0)
		r = container_attach(&en, rec.id, FRAME_WANT_STDOUT | FRAME_WANT_STDERR | (s.stdin_open ? FRAME_WANT_STDIN : 0), &c, e);
	return r < 0 ? r : session_stay(&en, rec.id, &s, e);
}
