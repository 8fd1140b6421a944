#include "engine/events.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/eventlog.h"
#include "base/log.h"
#include "engine/told.h"

/* ---- lines ---- */

struct reading {
	const struct event_query *q;
	struct told told;
	event_fn fn;
	void *data;
	bool refused; /* by fn, which says why */
};

bool event_parse(struct arena *a, const char *line, size_t len, struct event *ev, const char **once)
{
	const struct json *doc, *actor;
	struct err ignored = { 0 };

	*ev = (struct event){ 0 };
	*once = NULL;
	if (json_parse(a, line, len, NULL, &doc, &ignored) < 0 || doc->type != JSON_OBJECT)
		return false;
	actor = json_get(doc, "Actor");
	if (json_get_str(doc, "event", "Type", &ev->type, &ignored) < 0 || json_get_str(doc, "event", "Action", &ev->action, &ignored) < 0 ||
	    json_get_str(actor, "Actor", "ID", &ev->id, &ignored) < 0 || json_get_obj(actor, "Actor", "Attributes", &ev->attributes, &ignored) < 0 ||
	    json_get_i64(doc, "event", "time", &ev->ns, &ignored) < 0 || json_get_str(doc, "event", "once", once, &ignored) < 0)
		return false;
	return ev->type && ev->action && ev->id && ev->attributes && ev->ns > 0;
}

static int take(struct reading *r, bool old, const char *line, size_t len)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct event ev;
	const char *once;
	int n;

	if (!event_parse(&a, line, len, &ev, &once))
		return 0;
	if (once) {
		n = told_before(&r->told, once);
		if (n != 0)
			return n < 0 ? n : 0;
	}
	if ((old && !r->q->past) || (r->q->since && ev.ns < r->q->since) || (r->q->until && ev.ns > r->q->until))
		return 0;
	n = r->fn(&ev, r->data);
	r->refused = n < 0;
	return n;
}

/* All that is there. */
static int drain(struct eventlog *l, struct reading *r, bool old)
{
	const char *line;
	size_t len;
	int n;

	while ((n = eventlog_next(l, &line, &len)) > 0) {
		if (l->lost && !old)
			log_warning("events were lost: they came faster than they could be shown");
		l->lost = false;
		n = take(r, old, line, len);
		if (n < 0)
			return n;
	}
	return n;
}

/* ms until the end of what was asked for; 0: it is there; -1: there is none. */
static int time_left(const struct event_query *q)
{
	int64_t left = q->until - clock_now_ns();

	if (!q->until)
		return -1;
	if (left <= 0)
		return 0;
	left = left / 1000000 + 1;
	return left > 60000 ? 60000 : (int)left; /* the clock may be set meanwhile */
}

/* As eventlog_wait(); -ECANCELED: it is the end. */
static int wait_for_more(struct eventlog *l, const struct event_query *q, int timeout_ms)
{
	struct pollfd p[] = { { .events = POLLIN }, { .fd = q->end, .events = POLLRDHUP } };
	bool look = false;
	int n;

	if (!q->end)
		return eventlog_wait(l, timeout_ms);
	p[0].fd = eventlog_watch(l, &look);
	if (p[0].fd < 0)
		return p[0].fd;
	n = poll(p, 2, look ? 0 : timeout_ms);
	if (n < 0)
		return errno == EINTR ? 1 : -errno;
	if (p[1].revents)
		return -ECANCELED;
	if (p[0].revents)
		eventlog_clear(l);
	return look || n > 0;
}

int events_read(const struct engine *en, const struct event_query *q, event_fn fn, void *data, struct err *e)
{
	CLEANUP_EVENTLOG struct eventlog l = EVENTLOG_INIT;
	struct reading r = { .q = q, .fn = fn, .data = data };
	int n = eventlog_open(en->state_fd, &l), left = -1;

	if (n == 0)
		n = drain(&l, &r, true);
	while (n == 0 && (left = time_left(q)) != 0) {
		n = wait_for_more(&l, q, left);
		if (n > 0)
			n = drain(&l, &r, false);
	}
	told_end(&r.told);
	if (n == -ECANCELED)
		return 0;
	return n < 0 && !r.refused ? err_errno(e, n, "read %s/events", en->state) : n;
}
