/* tare container prune, tare system gc; what `prune` filters. */
#include "engine/gc.h"

#include <string.h>

#include "api/docker/filters.h"
#include "base/text.h"
#include "cmd/tare/pruned.h"
#include "cmd/tare/table.h"
#include "cmd/tare/tare.h"
#include "engine/events.h"

#define GC(member) offsetof(struct gc_opts, member)

const struct cli_option container_prune_options[] = {
	{ "force", 'f', NULL, CLI_FLAG, "do not ask", offsetof(struct system_opts, force) },
	{ "filter", 0, "KEY=VALUE", CLI_STRV, "only those that match (label label! until)", offsetof(struct system_opts, filters),
	  .choices = "label=,label!=,until=" },
	{ 0 }
};

const struct cli_option gc_options[] = {
	{ "until", 0, "TIME", CLI_STR, "only what nobody used since (default: 168h ago)", GC(until) },
	{ "keep-free", 0, "BYTES|N%", CLI_STR, "nothing goes while so much is free on the disk", GC(keep_free) },
	{ "keep-storage", 0, "BYTES", CLI_SIZE, "so much of the build cache stays, of what was used last", GC(keep_storage) },
	{ "containers", 0, NULL, CLI_FLAG, "containers that do not run, too, with what they wrote", GC(containers) },
	{ "all", 'a', NULL, CLI_FLAG, "images with a name that no container uses, too", GC(all) },
	{ "quiet", 'q', NULL, CLI_FLAG, "do not say what goes", GC(quiet) },
	{ 0 }
};
const struct gc_opts gc_defaults = { .until = "168h" };

/* ---- filters ---- */

int tare_prune_passes(const struct record *rec, const struct json *labels, void *data, struct err *e)
{
	const struct cli_call *call = data;
	const struct system_opts *o = call->opts;

	return filter_passes(call->arena, tare_strv(&o->filters), filter_prune, &(struct filter_made){ labels, rec->created }, e);
}

/* ---- container prune ---- */

int cmd_container_prune(const struct cli_call *call, struct err *e)
{
	const struct system_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	uint64_t freed = 0;
	int r = filter_check(call->arena, tare_strv(&o->filters), filter_prune, &(struct filter_made){ NULL, 0 }, e);

	if (r == 0)
		r = tare_engine(call, &en, e);
	if (r < 0)
		return r;
	if (!o->force && !tare_confirm("This removes every container that does not run."))
		return 1;
	r = prune_containers(&en, tare_prune_passes, pruned_say, (void *)call, &freed, e);
	if (r == 0) {
		events_pruned(&en, "container", freed);
		pruned_total(call->arena, freed);
	}
	return r;
}

/* ---- gc ---- */

/* Of all kinds in the order in which they go, so a line says itself what it is about. */
static void say_gone(const char *kind, const char *what, void *data)
{
	(void)data;
	tare_say("%s: %s", strcmp(kind, "untagged") == 0 ? "untagged" : "deleted", what);
}

static void silent(const char *kind, const char *what, void *data)
{
	(void)kind;
	(void)what;
	(void)data;
}

/* "20%" or "10g" */
static int keep_free(const char *text, struct gc_policy *policy, struct err *e)
{
	size_t len = text ? strlen(text) : 0;
	uint64_t part = 0;
	char number[4] = "";

	if (!text)
		return 0;
	if (text[len - (len > 0)] != '%') {
		if (text_size(text, &policy->free) == 0)
			return 0;
	} else if (len <= sizeof(number)) {
		memcpy(number, text, len - 1);
		if (text_u64(number, &part) == 0 && part <= 99) {
			policy->free_part = (unsigned int)part;
			return 0;
		}
	}
	return err_set(e, ERR_INVALID, "--keep-free %s: want a size such as 10g, or a part of the disk such as 20%%", text);
}

int cmd_gc(const struct cli_call *call, struct err *e)
{
	const struct gc_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	struct gc_policy policy = { .keep_cache = o->keep_storage, .containers = o->containers, .all = o->all };
	uint64_t freed = 0;
	int r = filter_time("--until", o->until, &policy.until, e);

	if (r == 0)
		r = keep_free(o->keep_free, &policy, e);
	if (r == 0)
		r = tare_engine(call, &en, e);
	if (r == 0)
		r = gc_run(&en, &policy, o->quiet ? silent : say_gone, NULL, &freed, e);
	if (r == 0 && !o->quiet)
		tare_say("Total reclaimed space: %s", table_size(call->arena, freed));
	return r;
}
