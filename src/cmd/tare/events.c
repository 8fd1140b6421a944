/* tare events: the lines of engine/events.h as docker shows them. */
#include "engine/events.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "api/docker/event_view.h"
#include "api/docker/filters.h"
#include "cmd/tare/tare.h"
#include "cmd/tare/template.h"

const struct cli_option events_options[] = {
	{ "since", 0, "TIME", CLI_STR, "those told since a time (2026-01-02T03:04:05Z, or 10m ago), too", offsetof(struct events_opts, since) },
	{ "until", 0, "TIME", CLI_STR, "end at a time", offsetof(struct events_opts, until) },
	{ "filter", 'f', "KEY=VALUE", CLI_STRV, "only some: container, daemon, event, image, label, network, scope, type, volume",
	  offsetof(struct events_opts, filters),
	  .choices = "container=CONTAINER,daemon=,event=attach|commit|connect|copy|create|destroy|detach|die|disconnect|exec_create|exec_detach|exec_die|"
		     "exec_start|export|health_status|import|kill|load|mount|oom|pause|prune|pull|push|remove|rename|resize|restart|save|start|stop|tag|"
		     "top|unmount|unpause|untag|update|delete,image=IMAGE,label=,network=NETWORK,scope=local,type=container|image|network|volume|builder,"
		     "volume=VOLUME" },
	{ "format", 0, "json|TEMPLATE", CLI_STR, "how they are written: an object a line, or as a template of Go's says", offsetof(struct events_opts, format) },
	{ 0 }
};

/* A template's members are those of docker's structure. */
static int write_template(const struct event *ev, const char *template, struct strbuf *out, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	const struct json *doc;
	int r;

	event_write(ev, EVENT_FIELDS, &text);
	r = sb_error(&text) < 0 ? err_errno(e, -ENOMEM, "write an event") : json_parse(&a, sb_str(&text), text.len, NULL, &doc, e);
	return r < 0 ? r : template_apply(&a, template, doc, out, e);
}

/* What a terminal would act upon is shown as "?": labels are anybody's. */
static void add_text(struct strbuf *out, const char *s)
{
	for (; *s; s++)
		sb_putc(out, (unsigned char)*s < 0x20 || *s == 0x7f ? '?' : *s);
}

static int by_key(const void *a, const void *b)
{
	const struct json *const *x = a, *const *y = b;

	return strcmp((*x)->key, (*y)->key);
}

/* In our zone, as docker. */
static void add_time(struct strbuf *out, int64_t ns)
{
	time_t seconds = (time_t)(ns / 1000000000);
	char date[40] = "";
	struct tm tm = { 0 };
	long minutes;

	(void)localtime_r(&seconds, &tm);
	minutes = labs(tm.tm_gmtoff) / 60;
	(void)strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	sb_printf(out, "%s.%09lld", date, (long long)(ns % 1000000000));
	if (minutes)
		sb_printf(out, "%c%02ld:%02ld", tm.tm_gmtoff < 0 ? '-' : '+', minutes / 60, minutes % 60);
	else
		sb_putc(out, 'Z');
}

static int write_line(const struct event *ev, struct strbuf *out)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	size_t n = 0, cap = ev->attributes->len;
	const struct json **v = arena_array(&a, cap + 1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	json_each(it, ev->attributes)
		if (n < cap && it->type == JSON_STRING)
			v[n++] = it;
	qsort(v, n, sizeof(*v), by_key);
	add_time(out, ev->ns);
	sb_printf(out, " %s ", ev->type);
	add_text(out, ev->action);
	sb_putc(out, ' ');
	add_text(out, ev->id);
	for (size_t i = 0; i < n; i++) {
		sb_puts(out, i ? ", " : " (");
		add_text(out, v[i]->key);
		sb_putc(out, '=');
		add_text(out, v[i]->str);
	}
	sb_puts(out, n ? ")" : "");
	return 0;
}

struct shown {
	const struct events_opts *o;
	bool json;
	struct strbuf line;
	struct err *e;
};

static int show(const struct event *ev, void *data)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct shown *s = data;
	int r = event_passes(&a, tare_strv(&s->o->filters), ev, s->e);

	if (r <= 0)
		return r;
	r = 0;
	sb_reset(&s->line);
	if (s->json)
		event_write(ev, EVENT_JSON, &s->line);
	else if (s->o->format)
		r = write_template(ev, s->o->format, &s->line, s->e);
	else if (write_line(ev, &s->line) < 0)
		r = err_errno(s->e, -ENOMEM, "write an event");
	sb_putc(&s->line, '\n');
	if (r == 0 && sb_error(&s->line) < 0)
		r = err_errno(s->e, -ENOMEM, "write an event");
	return r < 0 ? r : tare_print(&s->line, s->e);
}

/* ---- the command ---- */

/* That a filter or a template is none is said at once, and not with the first event. */
static int check(struct shown *s, struct arena *a, struct err *e)
{
	static const char text[] = "{\"Attributes\":{}}";
	const struct json *doc;
	struct event ev = { "container", "start", "0", NULL, 1 };
	int r;

	r = json_parse(a, text, sizeof(text) - 1, NULL, &doc, e);
	if (r < 0)
		return r;
	ev.attributes = json_get(doc, "Attributes");
	r = event_filters_check(a, tare_strv(&s->o->filters), e);
	if (r < 0)
		return r;
	if (!s->o->format || s->json)
		return 0;
	if (!strstr(s->o->format, "{{"))
		return err_set(e, ERR_INVALID, "--format '%.40s': there are json, and templates with {{.Member}}", s->o->format);
	return write_template(&ev, s->o->format, &s->line, e);
}

static bool is_json(const char *format)
{
	return format && (strcmp(format, "json") == 0 || strcmp(format, "{{json .}}") == 0);
}

int cmd_events(const struct cli_call *call, struct err *e)
{
	const struct events_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	struct shown s = { .o = o, .json = is_json(o->format), .e = e };
	struct event_query q = { .past = o->since || o->until };
	int r = filter_time("--since", o->since, &q.since, e);

	if (r == 0)
		r = filter_time("--until", o->until, &q.until, e);
	if (r == 0 && q.since && q.until && q.since > q.until)
		r = err_set(e, ERR_INVALID, "--since %s is later than --until %s", o->since, o->until);
	if (r == 0)
		r = check(&s, call->arena, e);
	if (r == 0)
		r = tare_engine_as_it_is(call, &en, e);
	if (r == 0)
		r = events_read(&en, &q, show, &s, e);
	sb_free(&s.line);
	return r;
}
