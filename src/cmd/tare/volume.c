/* tare volume create, ls, inspect, rm, prune, export, import */
#include "engine/volume.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/docker/inspect_volume.h"
#include "api/docker/prune.h"
#include "base/log.h"
#include "cmd/tare/documents.h"
#include "cmd/tare/pruned.h"
#include "cmd/tare/table.h"
#include "cmd/tare/tare.h"
#include "engine/volume_copy.h"


const struct cli_option volume_create_options[] = {
	{ "driver", 'd', "local", CLI_STR, "what makes it (default: local)", offsetof(struct volume_opts, driver) },
	{ "label", 0, "KEY=VALUE", CLI_STRV, "a label", offsetof(struct volume_opts, labels) },
	{ "opt", 'o', "KEY=VALUE", CLI_STRV, "size=BYTES; or type=tmpfs, o=OPTIONS; or o=bind, device=/PATH", offsetof(struct volume_opts, options) },
	{ "availability", 0, "NAME", CLI_UNSUPPORTED },
	{ "group", 0, "NAME", CLI_UNSUPPORTED },
	{ "limit-bytes", 0, "BYTES", CLI_UNSUPPORTED },
	{ "required-bytes", 0, "BYTES", CLI_UNSUPPORTED },
	{ "scope", 0, "NAME", CLI_UNSUPPORTED },
	{ "secret", 0, "NAME", CLI_UNSUPPORTED },
	{ "sharing", 0, "NAME", CLI_UNSUPPORTED },
	{ "topology-preferred", 0, "NAME", CLI_UNSUPPORTED },
	{ "topology-required", 0, "NAME", CLI_UNSUPPORTED },
	{ "type", 0, "NAME", CLI_UNSUPPORTED },
	{ 0 }
};
const struct cli_option volume_ls_options[] = {
	{ "quiet", 'q', NULL, CLI_FLAG, "only their names", offsetof(struct list_opts, quiet) },
	{ "format", 0, "table|json|TEMPLATE", CLI_STR, "how it is written, or what of each by a template of Go's", offsetof(struct list_opts, format) },
	{ "filter", 'f', "KEY=VALUE", CLI_STRV, "only those that match (" VOLUME_FILTER_KEYS ")", offsetof(struct list_opts, filters),
	  .choices = "anonymous=true|false,dangling=true|false,driver=local,label=,name=VOLUME" },
	{ "cluster", 0, NULL, CLI_UNSUPPORTED },
	{ 0 }
};
const struct cli_option volume_inspect_options[] = {
	{ "format", 'f', "json|TEMPLATE", CLI_STR, "how it is written, or what of each by a template of Go's", offsetof(struct inspect_opts, format) },
	{ 0 }
};
const struct cli_option volume_rm_options[] = {
	{ "force", 'f', NULL, CLI_FLAG, "one that is not there is no error", offsetof(struct rm_opts, force) },
	{ 0 }
};
const struct cli_option volume_prune_options[] = {
	{ "all", 'a', NULL, CLI_FLAG, "also those with a name", offsetof(struct system_opts, all) },
	{ "force", 'f', NULL, CLI_FLAG, "do not ask", offsetof(struct system_opts, force) },
	{ "filter", 0, "KEY=VALUE", CLI_STRV, "only those that match (" VOLUME_PRUNE_KEYS ")", offsetof(struct system_opts, filters),
	  .choices = "all=true|false,label=,label!=" },
	{ 0 }
};

const struct cli_option volume_import_options[] = {
	{ "limit", 0, "NAME=N", CLI_STRV, "raise a limit for what the archive may be, as of load", offsetof(struct import_opts, limits) },
	{ 0 }
};

int cmd_volume_create(const struct cli_call *call, struct err *e)
{
	const struct volume_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	const struct volume_wish wish = {
		.name = call->n_args ? call->args[0] : NULL,
		.driver = o->driver,
		.labels = { o->labels.v, o->labels.n },
		.options = { o->options.v, o->options.n },
	};
	const char *name;
	int r = tare_engine(call, &en, e);

	if (r == 0)
		r = volume_create(&en, call->arena, &wish, &name, e);
	if (r == 0)
		tare_say("%s", name);
	return r;
}

/* ---- lists ---- */

static const struct table_column columns[] = {
	{ NULL, NULL }, { "DRIVER", "Driver" }, { "VOLUME NAME", "Name" }, { NULL, "Labels" }, { NULL, "Links" }, { NULL, "Mountpoint" },
	{ NULL, "Scope" }, { NULL, "Size" }, { NULL, "Availability" }, { NULL, "Group" }, { NULL, "Status" },
	{ NULL, "Label", .values = true },
};

static void add_row(struct table *t, const struct engine *en, const struct volume *v)
{
	const char *cells[] = {
		v->name, VOLUME_DRIVER, v->name, table_labels(t->a, v->labels), "N/A", volume_path(en, t->a, v->name), "local", "N/A", "N/A", "N/A", "N/A",
		table_values(t->a, v->labels),
	};

	table_add(t, cells);
}

int cmd_volume_ls(const struct cli_call *call, struct err *e)
{
	const struct list_opts *o = tare_list_opts(call, "volumesFormat");
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct table t = TABLE(call->arena, columns);
	struct volume *all;
	size_t n = 0;
	int r = tare_engine_to_look(call, &en, e);

	if (r == 0)
		r = volumes_listed(&en, call->arena, tare_strv(&o->filters), &all, &n, e);
	for (size_t i = 0; i < n; i++)
		add_row(&t, &en, &all[i]);
	if (r == 0)
		r = table_write(&t, o->format, o->quiet, &out, e);
	return r < 0 ? r : tare_print(&out, e);
}

/* ---- inspect ---- */

int cmd_volume_inspect(const struct cli_call *call, struct err *e)
{
	const struct inspect_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	int r = tare_engine_to_look(call, &en, e);

	return r < 0 ? r : documents_print(&en, call, o->format, volume_document, e);
}

/* ---- removing ---- */

static int remove_one(const struct engine *en, const char *what, const void *data, struct err *e)
{
	const struct rm_opts *o = data;
	int r = volume_remove(en, what, e);

	if (r == 0 || (o->force && e->cls == ERR_NOTFOUND))
		tare_say("%s", what);
	return r < 0 && o->force && e->cls == ERR_NOTFOUND ? 0 : r;
}

int cmd_volume_rm(const struct cli_call *call, struct err *e)
{
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	int r = tare_engine(call, &en, e);

	return r < 0 ? r : tare_each(call, &en, remove_one, call->opts);
}

static void removed(const char *name, void *data)
{
	pruned_say("volume", name, data);
}

int cmd_volume_prune(const struct cli_call *call, struct err *e)
{
	const struct system_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	uint64_t freed;
	int r = tare_engine(call, &en, e);

	if (r == 0)
		r = prune_volumes_check(call->arena, tare_strv(&o->filters), e);
	if (r < 0)
		return r;
	if (!o->force && !tare_confirm(o->all ? "This removes every volume that no container has." :
							  "This removes every volume without a name that no container has."))
		return 1;
	r = prune_volumes(&en, call->arena, tare_strv(&o->filters), o->all, removed, NULL, &freed, e);
	if (r == 0)
		pruned_total(call->arena, freed);
	return r;
}

/* ---- export, import ---- */

static int export_to(const struct cli_call *call, int out, struct err *e)
{
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	int r = tare_engine(call, &en, e);

	return r < 0 ? r : volume_export(&en, call->arena, call->args[0], out, e);
}

int cmd_volume_export(const struct cli_call *call, struct err *e)
{
	const struct save_opts *o = call->opts;

	return tare_output(call, o->output, export_to, e);
}

/* Opened before we are in a user's namespace: it may be any file of his. */
static int open_input(const char *path, int *fd, struct err *e)
{
	if (!path && isatty(STDIN_FILENO))
		return err_set(e, ERR_INVALID, "standard input is a terminal: name the archive");
	*fd = path ? open(path, O_RDONLY | O_CLOEXEC) : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	return *fd < 0 ? err_errno(e, -errno, "open %s", path ? path : "standard input") : 0;
}

int cmd_volume_import(const struct cli_call *call, struct err *e)
{
	const struct import_opts *o = call->opts;
	const char *path = call->n_args > 1 && strcmp(call->args[1], "-") != 0 ? call->args[1] : NULL;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	CLEANUP_FD int input = -1;
	struct image_limits limits;
	int r = open_input(path, &input, e);

	image_limits_default(&limits);
	for (size_t i = 0; r == 0 && i < o->limits.n; i++)
		r = image_limits_set(&limits, o->limits.v[i], e);
	if (r == 0)
		r = tare_engine(call, &en, e);
	return r < 0 ? r : volume_import(&en, call->arena, call->args[0], input, path ? path : "standard input", &limits, e);
}
