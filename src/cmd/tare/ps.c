/* tare ps and tare top. */
#include "cmd/tare/tare.h"

#include <string.h>

#include "api/docker/container_list.h"
#include "api/docker/ports.h"
#include "api/docker/times.h"
#include "base/log.h"
#include "base/text.h"
#include "cmd/tare/table.h"
#include "engine/images.h"
#include "engine/settle.h"
#include "engine/top.h"
#include "engine/usage.h"

const struct cli_option ps_options[] = {
	{ "all", 'a', NULL, CLI_FLAG, "those that do not run too", offsetof(struct list_opts, all) },
	{ "quiet", 'q', NULL, CLI_FLAG, "only their ids", offsetof(struct list_opts, quiet) },
	{ "no-trunc", 0, NULL, CLI_FLAG, "whole ids and commands", offsetof(struct list_opts, no_trunc) },
	{ "latest", 'l', NULL, CLI_FLAG, "only the newest", offsetof(struct list_opts, latest) },
	{ "last", 'n', "N", CLI_I64, "only the N newest", offsetof(struct list_opts, last) },
	{ "size", 's', NULL, CLI_FLAG, "how much each wrote, and how much that is with its image", offsetof(struct list_opts, size) },
	{ "filter", 'f', "KEY=VALUE", CLI_STRV, "only those that match (ancestor before exited expose health id label name network publish since status volume)",
	  offsetof(struct list_opts, filters),
	  .choices = "ancestor=IMAGE,before=CONTAINER,exited=,expose=,health=starting|healthy|unhealthy|none,id=,label=,name=CONTAINER,network=NETWORK,"
		     "publish=,since=CONTAINER,status=created|restarting|running|paused|exited,volume=VOLUME" },
	{ "format", 0, "table|json|TEMPLATE", CLI_STR, "how it is written, or what of each by a template of Go's", offsetof(struct list_opts, format) },
	{ 0 }
};

const struct cli_option top_options[] = {
	{ "columns", 'o', "COLUMNS", CLI_STR, "only these columns (uid pid ppid c stime tty time cmd; others as ps has them)",
	  offsetof(struct list_opts, columns) },
	{ "format", 0, "table|json|TEMPLATE", CLI_STR, "how it is written, or what of each by a template of Go's", offsetof(struct list_opts, format) },
	{ 0 }
};

const struct list_opts list_defaults = { .last = -1, .human = true };

/* ---- the list ---- */

#define SIZE_COLUMN 13
#define MOUNT_WIDTH 15
static const struct table_column ps_columns[] = {
	{ "CONTAINER ID", "ID" }, { "IMAGE", "Image" }, { "COMMAND", "Command" }, { "CREATED", "RunningFor" },
	{ "STATUS", "Status" },	  { "PORTS", "Ports" }, { "NAMES", "Names" },	  { NULL, "State" },
	{ NULL, "CreatedAt" },	  { NULL, "Labels" },	{ NULL, "Mounts" },	  { NULL, "Networks" },
	{ NULL, "LocalVolumes" }, { NULL, "Size" },	{ NULL, "Label", .values = true },
};

/* Names of volumes, folders of the host. */
static const char *mounts_text(struct arena *a, const struct json *mounts, bool whole)
{
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;

	json_each(mount, mounts) {
		const struct json *name = json_get(mount, "Name"), *of = name ? name : json_get(mount, "Source");

		if (of && of->type == JSON_STRING && of->str[0])
			sb_printf(&b, "%s%s", b.len ? "," : "", whole ? of->str : table_cut(a, of->str, MOUNT_WIDTH));
	}
	return arena_strdup(a, sb_str(&b));
}

static const char *volumes_text(struct arena *a, const struct json *mounts)
{
	unsigned int n = 0;

	json_each(mount, mounts) {
		const struct json *type = json_get(mount, "Type");

		n += type && type->type == JSON_STRING && strcmp(type->str, "volume") == 0;
	}
	return arena_printf(a, "%u", n);
}

/* "12.3kB (virtual 4.5MB)": it takes a walk over the container's files, so only who asks for it gets it. */
static const char *size_text(const struct engine *en, struct arena *a, const struct record *rec)
{
	uint64_t own = usage_of_root(en, rec->id);
	struct err ignored;
	struct image img;

	if (!rec->image || image_get(en->catalog, a, rec->image, &img, &ignored) < 0)
		img.size = 0;
	return arena_printf(a, "%s (virtual %s)", table_size(a, own), table_size(a, own + img.size));
}

/* Into the table's memory, out of a, which is the container's. */
static void add_row(const struct engine *en, struct arena *a, struct table *t, const struct seen *s, const struct list_opts *o)
{
	const struct json *mounts = json_get(s->config.doc, "Mounts");
	bool whole = o->no_trunc;
	bool sized = o->size || (o->format && strstr(o->format, ".Size"));
	const char *cells[] = {
		whole ? s->rec.id : arena_strndup(a, s->rec.id, ID_SHORT),
		s->rec.image_ref,
		table_command(a, s->rec.command, whole),
		time_ago(a, s->rec.created),
		container_status_text(a, s),
		ports_text(a, &s->own),
		s->rec.name,
		s->state,
		s->config.doc ? time_date(a, s->rec.created, false) : "", /* not shown unasked */
		table_labels(a, s->config.labels),
		mounts_text(a, mounts, whole),
		s->networks,
		volumes_text(a, mounts),
		sized ? size_text(en, a, &s->rec) : "0B",
		table_values(a, s->config.labels),
	};

	for (size_t i = 0; i < ARRAY_LEN(cells); i++)
		cells[i] = cells[i] ? arena_strdup(t->a, cells[i]) : "";
	table_add(t, cells);
}

/* The columns that are shown unasked say nothing of a container's configuration, and to read it takes longer than all the rest. */
static bool asks_config(const struct list_opts *o)
{
	return o->filters.n || (o->format && strcmp(o->format, "table") != 0);
}

struct rows {
	struct table *t;
	const struct list_opts *o;
};

static int see(const struct engine *en, struct arena *a, const struct seen *s, void *data, struct err *e)
{
	const struct rows *rows = data;

	(void)e;
	add_row(en, a, rows->t, s, rows->o);
	return 0;
}

/* config: what their configurations say is asked for, too. */
static int fill(const struct engine *en, struct table *t, const struct list_opts *o, bool config, struct err *e)
{
	const struct container_query q = { .filters = tare_strv(&o->filters), .all = o->all, .config = config, .most = o->latest ? 1 : o->last };

	return containers_listed(en, &q, see, &(struct rows){ t, o }, e);
}

int ps_list(const struct engine *en, struct arena *a, struct table *out, struct err *e)
{
	const struct list_opts o = { .all = true, .size = true, .last = -1 };

	*out = (struct table)TABLE(a, ps_columns);
	return fill(en, out, &o, true, e);
}

int cmd_ps(const struct cli_call *call, struct err *e)
{
	const struct list_opts *o = tare_list_opts(call, "psFormat");
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct table t = TABLE(call->arena, ps_columns);
	struct table_column columns[ARRAY_LEN(ps_columns)];
	int r = tare_engine_to_look(call, &en, e);

	if (r == 0) {
		catalog_read_much(en.catalog);
		if (!en.instead) /* else the state folder is another store's */
			settle_garbage(&en);
	}
	if (r == 0)
		r = ps_check(&en, call->arena, tare_strv(&o->filters), e);
	if (r == 0)
		r = fill(&en, &t, o, asks_config(o), e);
	memcpy(columns, ps_columns, sizeof(columns));
	columns[SIZE_COLUMN].title = o->size ? "SIZE" : NULL;
	t.columns = columns;
	if (r == 0)
		r = table_write(&t, o->format, o->quiet, &out, e);
	return r < 0 ? r : tare_print(&out, e);
}

/* ---- top ---- */

static const struct table_column top_columns[] = {
	{ "UID", "UID" }, { "PID", "PID" }, { "PPID", "PPID" }, { "C", "C" }, { "STIME", "STIME" },
	{ "TTY", "TTY" }, { "TIME", "TIME" }, { "CMD", "CMD" },
};

static void add_process(const struct top_process *p, void *data)
{
	struct table *t = data;
	struct arena *a = t->a;
	const char *cells[] = {
		arena_strdup(a, p->user),
		arena_printf(a, "%d", (int)p->pid),
		arena_printf(a, "%d", (int)p->ppid),
		arena_printf(a, "%u", p->cpu_percent),
		arena_strdup(a, p->started),
		arena_strdup(a, p->tty),
		arena_printf(a, "%02u:%02u:%02u", p->cpu_seconds / 3600, p->cpu_seconds / 60 % 60, p->cpu_seconds % 60),
		arena_strdup(a, p->command),
	};

	table_add(t, cells);
}

/* The column that `ps -o NAME` means; -1: none of ours. */
static int column_of(const char *name, size_t len)
{
	static const struct {
		const char *name, *key;
	} also[] = { { "tt", "TTY" }, { "tname", "TTY" }, { "cputime", "TIME" }, { "args", "CMD" }, { "command", "CMD" } };
	const char *key = NULL;

	for (size_t i = 0; i < ARRAY_LEN(also); i++)
		if (strlen(also[i].name) == len && strncmp(also[i].name, name, len) == 0)
			key = also[i].key;
	for (size_t i = 0; i < ARRAY_LEN(top_columns); i++) {
		const char *title = top_columns[i].key;

		if (key ? strcmp(key, title) == 0 : strlen(title) == len && strncasecmp(title, name, len) == 0)
			return (int)i;
	}
	return -1;
}

/* t's rows with the columns of the list "pid,cmd" alone, in its order. */
static int select_columns(const struct table *t, const char *list, struct table *out, struct err *e)
{
	size_t most = strlen(list) + 1;
	struct table_column *columns = arena_array(t->a, most, sizeof(*columns));
	size_t *from = arena_array(t->a, most, sizeof(*from));
	const char **cells = arena_array(t->a, most, sizeof(*cells));

	*out = (struct table){ .a = t->a, .columns = columns };
	if (!columns || !from || !cells)
		return err_errno(e, -ENOMEM, "-o");
	for (const char *at = list;; at++) {
		size_t len = strcspn(at, ",");
		int i = column_of(at, len);

		if (i < 0)
			return err_set(e, ERR_UNSUPPORTED,
				       "-o %s: column \"%.*s\" is not supported (uid, pid, ppid, c, stime, tty, time, cmd are)", list,
				       (int)len, at);
		columns[out->n_columns] = top_columns[i];
		from[out->n_columns++] = (size_t)i;
		at += len;
		if (!*at)
			break;
	}
	for (size_t r = 0; r < t->n_rows; r++) {
		for (size_t i = 0; i < out->n_columns; i++)
			cells[i] = t->rows[r][from[i]];
		table_add(out, cells);
	}
	return 0;
}

static bool are_columns(const char *list)
{
	for (const char *at = list;; at++) {
		size_t len = strcspn(at, ",");

		if (column_of(at, len) < 0)
			return false;
		at += len;
		if (!*at)
			return true;
	}
}

/* Behind the container: -o with columns of ours, and --format, are taken into o. False: they are ps's options. */
static bool take_own(const struct cli_call *call, struct list_opts *o)
{
	for (const char *const *at = call->args + 1; *at; at++) {
		if (strcmp(*at, "-o") == 0 && at[1])
			o->columns = *++at;
		else if (strncmp(*at, "-o", 2) == 0 && (*at)[2])
			o->columns = *at + 2;
		else if (strcmp(*at, "--format") == 0 && at[1])
			o->format = *++at;
		else if (text_starts(*at, "--format="))
			o->format = *at + strlen("--format=");
		else
			return false;
	}
	return !o->columns || o->format || are_columns(o->columns);
}

static int top_as_ps(const struct engine *en, const struct cli_call *call, const struct list_opts *o, struct err *e)
{
	const char *const columns[] = { "-o", o->columns, NULL };
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	int r;

	if (call->n_args > 1 && (o->columns || o->format))
		return err_set(e, ERR_INVALID, "options of ps stand alone, behind the container: %s CONTAINER -eo pid,comm", call->name);
	r = top_by_ps(en, call->args[0], call->n_args > 1 ? call->args + 1 : columns, &out, e);
	return r < 0 ? r : tare_print(&out, e);
}

int cmd_top(const struct cli_call *call, struct err *e)
{
	const struct list_opts *given = call->opts;
	struct list_opts o = *given;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct table t = TABLE(call->arena, top_columns), selected;
	int r = tare_engine_to_look(call, &en, e);

	if (r == 0 && !take_own(call, &o))
		return top_as_ps(&en, call, given, e);
	if (r == 0)
		r = top_read(&en, call->args[0], add_process, &t, e);
	if (r == 0 && o.columns)
		r = select_columns(&t, o.columns, &selected, e);
	if (r == 0)
		r = table_write(o.columns ? &selected : &t, o.format, false, &out, e);
	return r < 0 ? r : tare_print(&out, e);
}
