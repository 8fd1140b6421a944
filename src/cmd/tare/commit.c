/* tare commit, tare export */
#include "build/commit.h"

#include "cmd/tare/tare.h"
#include "engine/export.h"

#define OWN(member) offsetof(struct commit_opts, member)

const struct cli_option commit_options[] = {
	{ "author", 'a', "TEXT", CLI_STR, "who made it", OWN(author) },
	{ "change", 'c', "INSTRUCTION", CLI_STRV, "apply an instruction of a Dockerfile: CMD, ENV, LABEL…", OWN(changes) },
	{ "message", 'm', "TEXT", CLI_STR, "comment in its history", OWN(message) },
	{ "pause", 'p', NULL, CLI_FLAG, "let the container stand still meanwhile (default true)", OWN(pause) },
	{ 0 }
};
const struct commit_opts commit_defaults = { .pause = true };
const struct cli_option export_options[] = {
	{ "output", 'o', "FILE", CLI_STR, "where to (default: standard output)", offsetof(struct save_opts, output) },
	{ 0 }
};

int cmd_commit(const struct cli_call *call, struct err *e)
{
	const struct commit_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	const struct commit_args args = { .what = call->args[0], .name = call->n_args > 1 ? call->args[1] : NULL, .author = o->author,
					  .message = o->message, .changes = { o->changes.v, o->changes.n }, .pause = o->pause };
	const char *id = NULL;
	int r = tare_engine(call, &en, e);

	if (r == 0)
		r = commit_container(&en, &args, call->arena, &id, e);
	if (r == 0)
		tare_say("%s", id);
	return r;
}

/* ---- export ---- */

static int export_to(const struct cli_call *call, int out, struct err *e)
{
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	int r = tare_engine(call, &en, e);

	return r < 0 ? r : container_export(&en, call->arena, call->args[0], out, e);
}

int cmd_export(const struct cli_call *call, struct err *e)
{
	const struct save_opts *o = call->opts;

	return tare_output(call, o->output, export_to, e);
}
