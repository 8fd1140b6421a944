/* What happens, told as it does. */
#include "api/docker/event_view.h"
#include "api/docker/filters.h"
#include "api/docker/routes.h"

struct telling {
	struct exchange *ex;
	struct strv filters;
	struct err *e;
};

static int tell(const struct event *ev, void *data)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf line = STRBUF_INIT;
	struct telling *t = data;
	int r = event_passes(&a, t->filters, ev, t->e);

	if (r <= 0)
		return r;
	event_write(ev, EVENT_JSON, &line);
	sb_putc(&line, '\n');
	return sb_error(&line) < 0 ? err_errno(t->e, -ENOMEM, "write an event") : ex_write(t->ex, line.s, line.len, t->e);
}

/* Those until a time that is over end at once; without a time they go on until the client goes. */
static int get_events(struct exchange *ex, struct err *e)
{
	const char *since = ex_query(ex, "since"), *until = ex_query(ex, "until");
	struct event_query q = { .past = (since && *since) || (until && *until), .end = ex_gone_fd(ex) };
	struct telling t = { .ex = ex, .e = e };
	struct engine *en;
	int r = filters_parse(ex_arena(ex), ex_query(ex, "filters"), EVENT_FILTER_KEYS, &t.filters, e);

	if (r == 0)
		r = event_filters_check(ex_arena(ex), t.filters, e);
	if (r == 0)
		r = filter_time("since", since && *since ? since : NULL, &q.since, e);
	if (r == 0)
		r = filter_time("until", until && *until ? until : NULL, &q.until, e);
	if (r == 0 && q.since && q.until && q.since > q.until)
		r = err_set(e, ERR_INVALID, "`since` time (%s) cannot be after `until` time (%s)", since, until);
	if (r == 0)
		r = ex_engine(ex, &en, e);
	if (r == 0)
		r = ex_begin(ex, 200, "application/json", e);
	return r < 0 ? r : events_read(en, &q, tell, &t, e);
}

const struct route docker_event_routes[] = {
	{ "GET", "/events", get_events, ROUTE_READ, "what happens, a line of JSON each" },
	{ 0 },
};
