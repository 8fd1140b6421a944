/* tared: Docker's Engine API over the engine library, on sockets. It keeps nothing: what it does is what `tare` does, over the same state on disk. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "api/docker/routes.h"
#include "base/io.h"
#include "base/log.h"
#include "cmd/cli.h"
#include "engine/engine.h"

#define USUAL_HOST "unix://" ENGINE_STATE "/docker.sock"
#define CONFIG_MAX (1U << 20)

struct opts {
	struct cli_strv hosts;
	const char *root, *state, *group, *config;
	int64_t idle;
};

static const struct cli_option options[] = {
	{ "host", 'H', "SOCKET", CLI_STRV, "where to listen: unix://PATH, tcp://ADDRESS:PORT, fd:// (default " USUAL_HOST ")", offsetof(struct opts, hosts) },
	{ "group", 'G', "GROUP", CLI_STR, "who may use the unix sockets (default docker, or root where there is no such group)", offsetof(struct opts, group) },
	{ "root", 0, "DIR", CLI_STR, "where images and containers are kept (TARE_ROOT, default " ENGINE_ROOT ")", offsetof(struct opts, root) },
	{ "state", 0, "DIR", CLI_STR, "where the state of what runs is kept (TARE_STATE, default " ENGINE_STATE ")", offsetof(struct opts, state) },
	{ "config", 0, "FILE", CLI_STR, "settings, as dockerd's daemon.json has them", offsetof(struct opts, config) },
	{ "idle-exit", 0, "TIME", CLI_DURATION, "end after so long without a connection, where the service manager listens (fd://)", offsetof(struct opts, idle) },
	{ 0 }
};

static const char *given(const char *option, const char *variable)
{
	const char *v = option ? option : getenv(variable);

	return v && *v ? v : NULL;
}

static int read_config(struct arena *a, const char *path, const struct json **out, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	size_t len;
	int r;

	*out = NULL;
	if (!path)
		return 0;
	r = io_read_file(AT_FDCWD, path, CONFIG_MAX, &text, &len);
	if (r < 0)
		return err_errno(e, r, "read %s", path);
	r = json_parse(a, text, len, NULL, out, e);
	return r < 0 ? err_ctx(e, "%s", path) : 0;
}

static const struct cli_program program = {
	.name = "tared",
	.about = "Docker's Engine API for containers of tare",
	.version = "tared " TARE_VERSION "\n",
	.options = options,
	.size = sizeof(struct opts),
};

static int run(const struct cli_call *call, struct err *e)
{
	static const char *const usual[] = { USUAL_HOST, NULL };
	const struct opts *o = call->global;
	struct server_options s = {
		.root = given(o->root, "TARE_ROOT"),
		.state = given(o->state, "TARE_STATE"),
		.hosts = o->hosts.n ? o->hosts.v : usual,
		.group = o->group,
		.idle_ms = o->idle / 1000000,
	};
	int r = read_config(call->arena, o->config, &s.config, e);

	for (size_t i = 0; o->idle && s.hosts[i]; i++)
		if (strncmp(s.hosts[i], "fd://", 5) != 0)
			return err_set(e, ERR_INVALID, "--idle-exit: nobody would start us again for %s: only with fd://", s.hosts[i]);
	return r < 0 ? r : server_run(&s, &docker_view, e);
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
	r = cli_parse(&a, &program, argc, (const char *const *)argv, &call, &text, &e);
	if (r > 0)
		return io_write_full(STDOUT_FILENO, sb_str(&text), text.len) < 0;
	if (r == 0)
		r = run(&call, &e);
	if (r >= 0)
		return 0;
	log_error("%s", e.msg);
	return 1;
}
