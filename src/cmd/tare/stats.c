/* tare stats: as a table that is written over on a terminal, as lines elsewhere. */
#include "engine/stats.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cmd/tare/table.h"
#include "cmd/tare/tare.h"
#include "engine/settle.h"

#define FIRST_MS 250 /* enough to tell how busy a container is: the kernel counts nanoseconds */
#define USER_FIRST_MS 1000 /* without cgroups it is the clock's ticks */
#define EACH_MS 1000

const struct cli_option stats_options[] = {
	{ "all", 'a', NULL, CLI_FLAG, "also containers that do not run", offsetof(struct list_opts, all) },
	{ "format", 0, "table|json|TEMPLATE", CLI_STR, "how it is written: table, json, a template of Go, or one for a table", offsetof(struct list_opts, format) },
	{ "no-stream", 0, NULL, CLI_FLAG, "once, instead of every second", offsetof(struct list_opts, once) },
	{ "no-trunc", 0, NULL, CLI_FLAG, "whole ids", offsetof(struct list_opts, no_trunc) },
	{ 0 }
};

static const struct table_column columns[] = {
	{ "CONTAINER ID", "ID" }, { "NAME", "Name" },	    { "CPU %", "CPUPerc" },	{ "MEM USAGE / LIMIT", "MemUsage" }, { "MEM %", "MemPerc" },
	{ "NET I/O", "NetIO" },	  { "BLOCK I/O", "BlockIO" }, { "PIDS", "PIDs" }, { NULL, "Container" },
};

struct shown {
	char id[ID_LEN + 1];
	struct stats s;
};
struct look {
	struct shown *v;
	size_t n, cap;
};

struct watch {
	const struct cli_call *call;
	const struct list_opts *o;
	struct engine en;
	struct look before, after;
	bool tty, titled;
};

static void watch_end(struct watch *w)
{
	free(w->before.v);
	free(w->after.v);
	engine_close(&w->en);
}

/* ---- cells ---- */

/* As docker's units.BytesSize() has it. */
static const char *binary_size(struct arena *a, uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double v = (double)bytes;
	size_t i = 0;

	for (; v >= 1024 && i + 1 < ARRAY_LEN(units); i++)
		v /= 1024;
	return arena_printf(a, "%.4g%s", v, units[i]);
}

static const struct stats *find(const struct look *l, const char *id, size_t near)
{
	for (size_t i = 0; i < l->n; i++) { /* mostly it stands where it stood */
		size_t at = (near + i) % l->n;

		if (strcmp(l->v[at].id, id) == 0)
			return &l->v[at].s;
	}
	return NULL;
}

static double busy(const struct stats *was, const struct stats *is)
{
	if (!was || !was->at || is->at <= was->at || is->cpu <= was->cpu)
		return 0;
	return 100.0 * (double)(is->cpu - was->cpu) / (double)(is->at - was->at);
}

static void add_row(const struct watch *w, struct table *t, const struct record *rec, const char *called, const struct stats *s, size_t at)
{
	struct arena *a = t->a;
	const char *id = w->o->no_trunc ? rec->id : arena_strndup(a, rec->id, ID_SHORT);
	const char *cells[] = {
		id,
		rec->name,
		arena_printf(a, "%.2f%%", busy(find(&w->before, rec->id, at), s)),
		arena_printf(a, "%s / %s", binary_size(a, s->memory), binary_size(a, s->limit)),
		arena_printf(a, "%.2f%%", s->limit ? 100.0 * (double)s->memory / (double)s->limit : 0),
		arena_printf(a, "%s / %s", table_size(a, s->net_in), table_size(a, s->net_out)),
		arena_printf(a, "%s / %s", table_size(a, s->io_read), table_size(a, s->io_write)),
		arena_printf(a, "%llu", (unsigned long long)s->pids),
		called ? called : id,
	};

	table_add(t, cells);
}

/* ---- looking ---- */

static int keep(struct look *l, const char *id, const struct stats *s, struct err *e)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 16;
		struct shown *more = realloc(l->v, cap * sizeof(*more));

		if (!more)
			return err_errno(e, -ENOMEM, "statistics");
		l->v = more;
		l->cap = cap;
	}
	l->v[l->n].s = *s;
	(void)snprintf(l->v[l->n].id, sizeof(l->v[l->n].id), "%s", id);
	l->n++;
	return 0;
}

/* called: how the user named it; NULL: he named none. */
static int look_at(struct watch *w, const struct stats_look *l, struct table *t, struct record *rec, const char *called, struct err *e)
{
	CLEANUP_LIVE struct live live = LIVE_INIT;
	struct stats s;
	int r = settle(&w->en, t->a, rec, &live, SETTLE_LOOK, e);

	if (r < 0) {
		if (e->cls != ERR_NOTFOUND)
			log_warning("%s", e->msg);
		return 0;
	}
	r = stats_read(l, t->a, rec, &live, &s, e);
	if (r < 0 || (!s.runs && !called && !w->o->all))
		return r;
	add_row(w, t, rec, called, &s, w->after.n);
	return keep(&w->after, rec->id, &s, e);
}

static int look_at_named(struct watch *w, const struct stats_look *l, struct table *t, bool first, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < w->call->n_args; i++) {
		struct record rec;

		r = record_find(w->en.catalog, t->a, w->call->args[i], &rec, e);
		if (r < 0 && !first && e->cls == ERR_NOTFOUND) /* removed meanwhile */
			r = 0;
		else if (r == 0)
			r = look_at(w, l, t, &rec, w->call->args[i], e);
	}
	return r;
}

static int look(struct watch *w, struct table *t, bool first, struct err *e)
{
	CLEANUP_STATS_LOOK struct stats_look l = STATS_LOOK_INIT;
	struct look old = w->before;
	struct record *recs;
	size_t n = 0;
	int r = stats_begin(&w->en, &l, e);

	w->before = w->after;
	w->after = old;
	w->after.n = 0;
	if (r == 0 && w->call->n_args)
		return look_at_named(w, &l, t, first, e);
	if (r == 0)
		r = record_list(w->en.catalog, t->a, NULL, &recs, &n, e);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = look_at(w, &l, t, &recs[i], NULL, e);
	return r;
}

/* ---- writing ---- */

/* Each line wipes what was in its place, and the last what was below. */
static void write_over(const struct strbuf *text, struct strbuf *out)
{
	sb_puts(out, "\033[H");
	for (const char *p = sb_str(text), *end; *p; p = end + (*end == '\n')) {
		end = p + strcspn(p, "\n");
		sb_add(out, p, (size_t)(end - p));
		sb_puts(out, "\033[K\n");
	}
	sb_puts(out, "\033[J");
}

static int show(struct watch *w, struct table *t, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT, over = STRBUF_INIT;
	const char *format = w->o->format;
	bool titles = !format || strncmp(format, "table", 5) == 0;
	const struct strbuf *out = &text;
	int r = table_write(t, format, false, &text, e);

	if (r < 0)
		return r;
	if (w->tty) {
		write_over(&text, &over);
		out = &over;
	} else if (titles && w->titled && text.s) {
		const char *rows = strchr(text.s, '\n');

		sb_puts(&over, rows ? rows + 1 : "");
		out = &over;
	}
	w->titled = true;
	return sb_error(out) < 0 ? err_errno(e, -ENOMEM, "statistics") : tare_print(out, e);
}

static int look_once(struct watch *w, bool first, bool visible, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct table t = TABLE(&a, columns);
	int r = look(w, &t, first, e);

	return r < 0 || !visible ? r : show(w, &t, e);
}

int cmd_stats(const struct cli_call *call, struct err *e)
{
	CLEANUP(watch_end) struct watch w = { .call = call, .o = tare_list_opts(call, "statsFormat"), .en = ENGINE_INIT };
	int r = w.o->once ? tare_engine_to_look(call, &w.en, e) : tare_engine(call, &w.en, e);

	w.tty = !w.o->once && isatty(STDOUT_FILENO);
	if (r == 0)
		r = look_once(&w, true, false, e);
	if (r == 0 && w.tty && write(STDOUT_FILENO, "\033[2J", 4) < 0)
		r = err_errno(e, -errno, "write to standard output");
	for (int pause = w.en.user.on ? USER_FIRST_MS : FIRST_MS; r == 0; pause = EACH_MS) {
		if (w.after.n || !w.o->once)
			(void)poll(NULL, 0, pause);
		r = look_once(&w, false, true, e);
		if (w.o->once || (call->n_args && !w.after.n)) /* all that were named are gone */
			break;
	}
	return r;
}
