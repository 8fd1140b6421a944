/* tare commit, tare export */
#include "build/commit.h"

#include <fcntl.h>
#include <string.h>

#include "cmd/tare/tare.h"
#include "engine/events.h"
#include "engine/hold.h"
#include "engine/rootview.h"
#include "image/pack.h"
#include "image/survey.h"

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

static int write_tree(const struct cli_call *call, const struct engine *en, const struct rootview *view, bool live, int out, struct err *e)
{
	CLEANUP_STORE struct store store = STORE_INIT;
	CLEANUP_INGEST struct store_ingest in = STORE_INGEST_INIT;
	CLEANUP_FD int tree = -1;
	struct survey_args look = { .upper = view->upper, .lowers = view->lowers, .n_lowers = view->n_lowers, .stubs = view->stubs,
				    .max_depth = UINT64_MAX };
	struct pack_out pack = { .live = live };
	char worker[PATH_MAX];
	struct survey seen = { 0 };
	int r = engine_program("tare-worker", worker, e);

	if (r == 0)
		r = store_open(en->root_fd, &store, e);
	if (r == 0)
		r = store_ingest_begin(&store, &in, e);
	if (r == 0 && !view->folder)
		r = survey_upper(&look, call->arena, &seen, e);
	if (r < 0)
		return r;
	pack.tree = tree = rootview_mount(view, call->arena, e);
	pack.worker = worker;
	pack.skip = seen.absent;
	return tree < 0 ? tree : image_pack_out(&in, &pack, out, e);
}

static int export_to(const struct cli_call *call, int out, struct err *e)
{
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	CLEANUP(hold_end) struct hold hold = HOLD_INIT;
	CLEANUP_ROOTVIEW struct rootview view = ROOTVIEW_INIT;
	int r = tare_engine(call, &en, e);

	if (r == 0)
		r = hold_container(&en, call->arena, call->args[0], &hold, e);
	if (r == 0)
		r = rootview_open(&en, call->arena, &hold.rec, &view, e);
	if (r == 0)
		r = write_tree(call, &en, &view, hold_runs(&hold), out, e);
	if (r == 0)
		events_container(&en, &hold.rec, "export", NULL);
	return r;
}

int cmd_export(const struct cli_call *call, struct err *e)
{
	const struct save_opts *o = call->opts;

	return tare_output(call, o->output, export_to, e);
}
