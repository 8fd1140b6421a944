/* tare builder prune, tare builder du */
#include <string.h>

#include "api/docker/filters.h"
#include "api/docker/times.h"
#include "base/text.h"
#include "cmd/tare/table.h"
#include "cmd/tare/tare.h"
#include "engine/buildcache.h"
#include "engine/events.h"

/* ---- prune ---- */

#define PRUNE(member) offsetof(struct builder_prune_opts, member)

const struct cli_option builder_prune_options[] = {
	{ "all", 'a', NULL, CLI_FLAG, "what images use, too, and the caches of RUN --mount", PRUNE(all) },
	{ "force", 'f', NULL, CLI_FLAG, "do not ask", PRUNE(force) },
	{ "filter", 0, "until=TIME", CLI_STRV, "only what was not used since", PRUNE(filters) },
	{ "keep-storage", 0, "BYTES", CLI_SIZE, "so much of what was used last stays", PRUNE(keep) },
	{ 0 }
};

static int until(const struct builder_prune_opts *o, int64_t *out, struct err *e)
{
	int r = 0;

	*out = INT64_MAX;
	for (size_t i = 0; r == 0 && i < o->filters.n; i++) {
		const char *text = o->filters.v[i];

		if (strncmp(text, "until=", 6) != 0)
			return err_set(e, ERR_INVALID, "--filter %s: there is until=TIME", text);
		r = filter_time("--filter until", text + 6, out, e);
	}
	return r;
}

int cmd_builder_prune(const struct cli_call *call, struct err *e)
{
	const struct builder_prune_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	struct buildcache_prune args = { .all = o->all, .keep = o->keep };
	uint64_t freed = 0;
	int r = until(o, &args.until, e);

	if (r == 0)
		r = tare_engine(call, &en, e);
	if (r < 0)
		return r;
	if (!o->force && !tare_confirm(o->all ? "This removes all of the build cache." : "This removes the build cache that no image uses."))
		return 1;
	r = buildcache_prune(&en, &args, &freed, e);
	if (r == 0) {
		events_pruned(&en, "builder", freed);
		tare_say("Total reclaimed space: %s", table_size(call->arena, freed));
	}
	return r;
}

/* A step has no labels: with label=… none of it goes, and label!=… is true of all. */
int tare_prune_cache(const struct engine *en, const struct cli_call *call, uint64_t *freed, struct err *e)
{
	const struct system_opts *o = call->opts;
	struct buildcache_prune args = { .all = o->all, .until = INT64_MAX };
	int r = 0;

	*freed = 0;
	for (size_t i = 0; r == 0 && i < o->filters.n; i++) {
		const char *text = o->filters.v[i];

		if (text_starts(text, "label="))
			return 0;
		if (text_starts(text, "until="))
			r = filter_time("--filter until", text + strlen("until="), &args.until, e);
	}
	if (r == 0)
		r = buildcache_prune(en, &args, freed, e);
	if (r == 0)
		events_pruned(en, "builder", *freed);
	return r;
}

/* ---- du ---- */

const struct cli_option builder_du_options[] = {
	{ "no-trunc", 0, NULL, CLI_FLAG, "whole ids and instructions", offsetof(struct list_opts, no_trunc) },
	{ "quiet", 'q', NULL, CLI_FLAG, "only ids", offsetof(struct list_opts, quiet) },
	{ "format", 0, "table|json|TEMPLATE", CLI_STR, "how it is written, or what of each by a template of Go's", offsetof(struct list_opts, format) },
	{ 0 }
};

static const struct table_column du_columns[] = {
	{ "ID", "ID" },		    { "RECLAIMABLE", "Reclaimable" }, { "SIZE", "Size" }, { "LAST USED", "LastUsedSince" },
	{ "INSTRUCTION", "Description" }, { NULL, "CreatedAt" },	      { NULL, "LastUsedAt" }, { NULL, "Type" },
};

static void du_row(struct table *t, const struct buildcache_row *row, const struct list_opts *o)
{
	struct arena *a = t->a;

	table_add(t, (const char *[]){ o->no_trunc ? row->id : arena_strndup(a, row->id, ID_SHORT), row->in_use ? "false" : "true",
				       table_size(a, row->bytes), time_ago(a, row->used),
				       o->no_trunc ? row->description : table_cut(a, row->description, 50), time_text(a, row->created),
				       time_text(a, row->used), row->folder ? "exec.cachemount" : "regular" });
}

/* Two steps may have one layer: the sums are of rows, as prune's are. */
int cmd_builder_du(const struct cli_call *call, struct err *e)
{
	const struct list_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct table t = TABLE(call->arena, du_columns);
	struct buildcache_row *rows = NULL;
	uint64_t all = 0, free = 0;
	size_t n = 0;
	int r = tare_engine_to_look_as_it_is(call, &en, e);

	if (r == 0)
		r = buildcache_list(&en, call->arena, &rows, &n, e);
	for (size_t i = 0; r == 0 && i < n; i++) {
		du_row(&t, &rows[i], o);
		all += rows[i].bytes;
		free += rows[i].in_use ? 0 : rows[i].bytes;
	}
	if (r == 0)
		r = table_write(&t, o->format, o->quiet, &out, e);
	if (r == 0 && !o->quiet && (!o->format || strcmp(o->format, "table") == 0))
		sb_printf(&out, "Reclaimable: %s\nTotal: %s\n", table_size(call->arena, free), table_size(call->arena, all));
	return r < 0 ? r : tare_print(&out, e);
}
