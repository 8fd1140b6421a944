#include "api/docker/describe.h"

#include <string.h>

#include "api/docker/build_query.h"
#include "api/docker/fields.h"
#include "api/docker/routes.h"

/* A cell: "|" would end it. */
static void add_cell(struct strbuf *out, const char *text)
{
	for (const char *p = text; *p; p++) {
		if (*p == '|')
			sb_putc(out, '\\');
		sb_putc(out, *p);
	}
}

static const char *who(const struct route *r)
{
	static const char *const words[] = { [ROUTE_PUBLIC] = "whoever connects", [ROUTE_READ] = "who looks", [ROUTE_WRITE] = "who changes" };

	return words[r->access];
}

static void describe_route(const struct route *r, struct strbuf *out)
{
	sb_printf(out, "| %s | `%s` | ", r->method, r->path);
	if (r->handler) {
		add_cell(out, r->about ? r->about : "");
	} else {
		sb_printf(out, "**refused** (%d): ", r->missing_status ? r->missing_status : 501);
		add_cell(out, r->missing ? r->missing : "");
	}
	sb_printf(out, " | %s |\n", who(r));
}

static void describe_fields(const char *title, const struct field *f, struct strbuf *out)
{
	static const char *const words[] = { [FIELD_HONOURED] = "honoured", [FIELD_HARMLESS] = "harmless", [FIELD_REFUSED] = "**refused**" };

	sb_printf(out, "\n### %s\n\n| member | what becomes of it | |\n|---|---|---|\n", title);
	for (; f->name; f++) {
		sb_printf(out, "| `%s` | %s%s | ", f->name, words[f->how], f->settled ? ", but by update **refused**" : "");
		add_cell(out, f->why ? f->why : "");
		sb_puts(out, " |\n");
	}
}

void docker_describe(struct strbuf *out)
{
	sb_puts(out, "## Endpoints\n\n| method | path | what it does | for |\n|---|---|---|---|\n");
	for (size_t i = 0; i < docker_view.n_tables; i++)
		for (const struct route *r = docker_view.tables[i]; r->path; r++)
			describe_route(r, out);
	sb_puts(out, "\n## Members of POST /containers/create\n\nA member that is refused may be there as long as it is empty, zero or false. One that stands in no table changes "
		     "nothing, as with Docker; where it is not empty, a line of the answer's Warnings names it. Of POST /containers/{}/update such a one is refused.\n");
	describe_fields("Config", field_config, out);
	describe_fields("HostConfig", field_host, out);
	describe_fields("HostConfig: limits; with RestartPolicy they are the members of POST /containers/{}/update, too", field_resources, out);
	sb_puts(out, "\n## Parameters of POST /build\n");
	describe_fields("Query", build_parameters, out);
}
