/* tare search */
#include "api/docker/search.h"

#include <string.h>

#include "cmd/tare/table.h"
#include "cmd/tare/tare.h"

const struct cli_option search_options[] = {
	{ "filter", 'f', "KEY=VALUE", CLI_STRV, "only those that match (" SEARCH_FILTER_KEYS ")", offsetof(struct search_opts, filters) },
	{ "format", 0, "table|json|TEMPLATE", CLI_STR, "how it is written, or what of each by a template of Go's", offsetof(struct search_opts, format) },
	{ "limit", 0, "N", CLI_U32, "so many at most, 1 to 100 (default 25)", offsetof(struct search_opts, limit) },
	{ "no-trunc", 0, NULL, CLI_FLAG, "whole descriptions", offsetof(struct search_opts, no_trunc) },
	{ 0 }
};
const struct search_opts search_defaults = { .limit = 25 };

static const struct table_column columns[] = {
	{ "NAME", "Name" }, { "DESCRIPTION", "Description" }, { "STARS", "StarCount" }, { "OFFICIAL", "IsOfficial" }, { NULL, "IsAutomated" },
};

/* As docker has them: a mark for people and templates, words for programs. */
static const char *yes(bool is, bool json)
{
	return json ? (is ? "true" : "false") : is ? "[OK]" : "";
}

/* One line, whatever a description has in it. */
static const char *description(struct arena *a, const char *text, bool whole)
{
	char *line = arena_strdup(a, text);

	for (char *p = line; p && *p; p++)
		*p = *p == '\n' || *p == '\r' ? ' ' : *p;
	return !line ? "" : whole ? line : table_cut(a, line, 45);
}

static void add(struct table *t, const struct search_opts *o, const struct search_result *found)
{
	bool json = o->format && strcmp(o->format, "json") == 0;

	table_add(t, (const char *[]){ found->name, description(t->a, found->description, o->no_trunc),
				       arena_printf(t->a, "%llu", (unsigned long long)found->stars), yes(found->official, json),
				       yes(found->automated, json) });
}

int cmd_search(const struct cli_call *call, struct err *e)
{
	const struct search_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct table t = TABLE(call->arena, columns);
	struct search_result *found = NULL;
	size_t n = 0;
	int r = search_check(call->arena, o->limit, tare_strv(&o->filters), e);

	if (r == 0)
		r = tare_engine_as_it_is(call, &en, e);
	if (r == 0)
		r = search_filtered(&en, call->arena, call->args[0], o->limit, tare_strv(&o->filters), &found, &n, e);
	for (size_t i = 0; i < n; i++)
		add(&t, o, &found[i]);
	if (r == 0)
		r = table_write(&t, o->format, false, &out, e);
	return r < 0 ? r : tare_print(&out, e);
}
