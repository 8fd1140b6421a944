/* tare system check */
#include "engine/check.h"

#include <string.h>

#include "cmd/tare/table.h"
#include "cmd/tare/tare.h"

const struct cli_option check_options[] = {
	{ "format", 'f', "table|json", CLI_STR, "how it is written", offsetof(struct system_opts, format), .choices = "table|json" },
	{ 0 }
};

static const struct table_column columns[] = {
	{ "", "Level" }, { "ABOUT", "About" }, { "WHERE", "Where" }, { "WHAT", "What" }, { "ADVICE", "Advice" },
};

static int write_json(const struct cli_call *call, const struct checks *c, struct strbuf *out, struct err *e)
{
	struct table t = TABLE(call->arena, columns);

	for (size_t i = 0; i < c->n; i++) {
		const struct check_finding *f = &c->v[i];
		const char *cells[] = { f->wrong ? "problem" : "note", f->about, f->where, f->what, f->advice };

		table_add(&t, cells);
	}
	return table_write(&t, "json", false, out, e);
}

/* A line each: what, where, what to do. */
static void write_lines(const struct checks *c, struct strbuf *out)
{
	for (size_t i = 0; i < c->n; i++)
		sb_printf(out, "%s: %s: %s: %s: %s\n", c->v[i].wrong ? "problem" : "note", c->v[i].about, c->v[i].where, c->v[i].what, c->v[i].advice);
	if (!c->n)
		sb_puts(out, "nothing is wrong\n");
}

int cmd_check(const struct cli_call *call, struct err *e)
{
	const struct system_opts *o = call->opts;
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	struct checks c;
	bool wrong = false;
	int r = tare_engine_to_look_as_it_is(call, &en, e);

	if (r == 0)
		r = check_all(&en, call->arena, &c, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < c.n; i++)
		wrong = wrong || c.v[i].wrong;
	if (o->format && strcmp(o->format, "json") == 0)
		r = write_json(call, &c, &out, e);
	else
		write_lines(&c, &out);
	if (r == 0)
		r = sb_error(&out) < 0 ? err_errno(e, -ENOMEM, "write") : tare_print(&out, e);
	return r < 0 ? r : wrong;
}
