/* The file of events is opened before anything is looked at, so that no start or removal after the look is missed; what it says is a reason
 * to look again, and the catalog's word after settle() is the last. But for the exit code of a container that goes with its end: nothing
 * else has it then.
 *
 * It tells of all containers, so where hundreds wait each of them would be woken by each of the others: nobody listens to it who has a monitor's
 * connection, by which it will hear of the end, or waits for one that does not run (engine/waiting.h). What was told meanwhile is read afterwards. */
#include "engine/wait.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/eventlog.h"
#include "base/text.h"
#include "engine/container.h"
#include "engine/events.h"
#include "engine/folder.h"
#include "engine/settle.h"
#include "engine/told.h"
#include "engine/waiting.h"

#define SOON_MS 20
#define LATER_MS 500
#define SELDOM_MS 10000 /* its start and its removal are heard of */
#define MOST_SOUGHT 16U /* ids in a line; beyond, to take it apart is less work */
#define WAKE_FAILED (-4096) /* no errno: the error is told already */

struct waiter {
	const char *what;
	char id[ID_LEN + 1];
	struct client c;  /* of its monitor, while it runs */
	struct waiting start; /* while it does not; one of the two at most */
	int64_t started;  /* when it was looked at first */
	bool ran;         /* then */
	bool seen;        /* it was looked at */
	bool done, failed, told;
	bool away; /* it is not there any more; what was told of its end before that is still to be read */
	bool look, restarting, unheard;
	int64_t later; /* ms, 0: not; its monitor hung up without a word: a worker that was killed, or one that takes no more clients; or it is at rest */
	bool ended, known; /* an end was seen, with this code */
	int code;
	struct err e;
};

struct wait {
	const struct engine *en;
	enum wait_condition until;
	struct waiter *v;
	size_t n;
	struct pollfd *p; /* n + 2 */
	const struct wait_party *party;
	void *data;       /* the party's */
	int state;        /* the folder of events, ours: the store may be closed meanwhile */
	struct eventlog log;
	struct told told; /* an end that is repeated is none */
};

static void let_go(struct waiter *x)
{
	client_close(&x->c);
	waiting_end(&x->start);
}

static void wait_end(struct wait *w)
{
	for (size_t i = 0; w->v && i < w->n; i++)
		let_go(&w->v[i]);
	free(w->v);
	free(w->p);
	eventlog_close(&w->log);
	close_fd(w->state);
	told_end(&w->told);
}

/* ---- one of them ---- */

static void gone(const struct wait *w, struct waiter *x)
{
	let_go(x);
	x->done = true;
	if (w->until != WAIT_NEXT_EXIT || x->ended)
		return;
	x->failed = true;
	(void)err_set(&x->e, ERR_NOTFOUND, "container %s was removed before it ran again", x->what);
}

/* Where somebody is at work on it, it is looked at again soon. */
static void await_start(const struct wait *w, struct waiter *x)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct err ignored;
	CLEANUP_FD int lock = folder_lock(w->en, x->id, false, &ignored);
	struct record rec;

	if (lock >= 0 && record_get(w->en->catalog, &a, x->id, &rec, &ignored) == 0 && !record_is_active(&rec) &&
	    waiting_begin(w->en, x->id, 0, &x->start, &ignored) < 0)
		x->start = (struct waiting)WAITING_INIT;
}

static void at_rest(const struct wait *w, struct waiter *x, const struct record *rec)
{
	client_close(&x->c);
	x->code = rec->exit_code;
	x->known = rec->exit_known || rec->status == RECORD_CREATED;
	x->ended |= rec->status == RECORD_EXITED && (x->ran || rec->started != x->started);
	x->done = w->until == WAIT_NOT_RUNNING || (w->until == WAIT_NEXT_EXIT && x->ended);
	if (x->done)
		return;
	if (x->start.listener < 0)
		await_start(w, x);
	x->later = clock_ms() + (x->start.listener < 0 ? LATER_MS : SELDOM_MS); /* who removes it can be killed before that is told */
}

/* Listens to its monitor. One that hears nobody is at the container's end. */
static void listen_to(const struct wait *w, struct waiter *x)
{
	struct err ignored;

	waiting_end(&x->start);
	if (x->c.fd < 0 && client_connect(w->en, x->id, 0, &x->c, &ignored) < 0) {
		x->c = (struct client)CLIENT_INIT;
		x->unheard = true;
	}
}

static void look(const struct wait *w, struct waiter *x)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_LIVE struct live live = LIVE_INIT;
	bool first = !x->seen;
	struct record rec;
	int r = settle_find(w->en, &a, first ? x->what : x->id, SETTLE_WAIT, &rec, &live, &x->e);

	x->look = x->restarting = x->unheard = false;
	x->later = 0;
	if (r < 0 && (first || x->e.cls != ERR_NOTFOUND)) {
		x->done = x->failed = true;
		return;
	}
	if (r < 0) {
		x->away = true;
		return;
	}
	if (first) {
		(void)snprintf(x->id, sizeof(x->id), "%s", rec.id);
		x->seen = true;
		x->started = rec.started;
		x->ran = record_is_active(&rec);
	}
	x->restarting = rec.status == RECORD_RESTARTING;
	if (!record_is_active(&rec))
		at_rest(w, x, &rec);
	else if (w->until != WAIT_REMOVED && x->ended) /* and was started again */
		x->done = true;
	else if (rec.status == RECORD_RUNNING)
		listen_to(w, x);
}

/* What its monitor says. */
static void hear(struct waiter *x)
{
	int n = client_read(&x->c), r = 0;
	struct client_exit end;
	struct frame f;
	struct err ignored;
	bool over = n <= 0, word = false;

	while (n > 0 && (r = client_parse(&x->c, &f, &ignored)) > 0) {
		if (f.type == FRAME_EXIT && client_exit_of(&f, &end) == 0) {
			x->ended = word = true;
			x->code = end.code;
			x->known = end.known;
		}
		over |= f.type == FRAME_DONE;
	}
	if (!over && r >= 0)
		return;
	client_close(&x->c);
	x->look = word || n > 0;
	x->later = x->look ? 0 : clock_ms() + LATER_MS; /* its end is told as an event, too */
}

static void look_for_start(struct waiter *x)
{
	struct err ignored;
	int r = waiting_look(&x->start, &x->c, &ignored);

	if (r < 0) { /* its start came to nothing, or it was removed */
		waiting_end(&x->start);
		x->look = true;
	} else if (r > 0) {
		x->later = 0;
	}
}

/* ---- events ---- */

/* Of one that ended and is not there any more, this is where its exit code is. */
static void ended(struct waiter *x, const struct event *ev)
{
	const struct json *code = json_get(ev->attributes, "exitCode");
	int64_t n;

	if (x->ended || !code || code->type != JSON_STRING || text_i64(code->str, &n) < 0)
		return;
	x->ended = x->known = true;
	x->code = (int)n;
}

static void happened(struct waiter *x, const struct event *ev)
{
	if (strcmp(ev->action, "die") == 0)
		ended(x, ev);
	x->look |= strcmp(ev->action, "die") == 0 || strcmp(ev->action, "destroy") == 0 || strcmp(ev->action, "start") == 0;
}

/* Most lines are about others, and where hundreds wait each of them reads all: they are told apart before anything is made of them. */
static bool concerns(const struct wait *w, const char *line, size_t len)
{
	if (w->n > MOST_SOUGHT)
		return true;
	for (size_t i = 0; i < w->n; i++)
		if (!w->v[i].id[0] || memmem(line, len, w->v[i].id, ID_LEN))
			return true;
	return false;
}

/* One of them, that is about a container and was not told before. */
static int read_event(struct wait *w, struct arena *a, const char *line, size_t len, struct event *ev)
{
	const char *once;
	int r;

	if (!concerns(w, line, len) || !event_parse(a, line, len, ev, &once) || strcmp(ev->type, "container") != 0)
		return 0;
	r = once ? told_before(&w->told, once) : 0;
	return r < 0 ? r : !r;
}

/* What was told since the last time; heed false: that is over, and nothing is done about it. */
static int read_events(struct wait *w, bool heed)
{
	const char *line;
	size_t len;
	int r, n;

	while ((r = eventlog_next(&w->log, &line, &len)) > 0) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		struct event ev;

		if (w->log.lost)
			for (size_t i = 0; i < w->n; i++)
				w->v[i].look = true;
		w->log.lost = false;
		n = read_event(w, &a, line, len, &ev);
		if (n < 0)
			return n;
		for (size_t i = 0; n > 0 && heed && i < w->n; i++)
			if (!w->v[i].done && strcmp(w->v[i].id, ev.id) == 0)
				happened(&w->v[i], &ev);
	}
	return r;
}

/* ---- all of them ---- */

static bool is_due(const struct waiter *x)
{
	return !x->done && (x->look || x->restarting || x->unheard || (x->later && clock_ms() >= x->later));
}

/* How long until it is, at most; -1: until something happens. */
static int time_left(const struct waiter *x)
{
	int64_t left = x->later - clock_ms();

	if (x->done || !(x->look || x->restarting || x->unheard || x->later))
		return -1;
	if (x->look || (x->later && left <= 0))
		return 0;
	return x->unheard ? SOON_MS : x->restarting ? LATER_MS : (int)left;
}

/* Whatever happens to them is heard of without the events. */
static bool is_quiet(const struct wait *w)
{
	bool quiet = true;

	for (size_t i = 0; i < w->n; i++)
		quiet &= w->v[i].done || w->v[i].c.fd >= 0 || w->v[i].start.listener >= 0;
	return quiet;
}

/* What of them to poll for, and how long until one of them is due; -1: until something happens. */
static int prepare_poll(struct wait *w, bool *starts)
{
	int timeout = -1;

	for (size_t i = 0; i < w->n; i++) {
		struct waiter *x = &w->v[i];
		int left = time_left(x);

		w->p[i] = (struct pollfd){ .fd = x->done ? -1 : x->c.fd >= 0 ? x->c.fd : x->start.listener, .events = POLLIN };
		*starts |= !x->done && x->start.listener >= 0;
		if (left >= 0 && (timeout < 0 || left < timeout))
			timeout = left;
	}
	return timeout;
}

static int sleep_until(struct wait *w, bool quiet)
{
	bool more = false, starts = false;
	int timeout = prepare_poll(w, &starts), r = quiet ? -1 : eventlog_watch(&w->log, &more);

	if (r < 0 && !quiet)
		return r;
	w->p[w->n] = (struct pollfd){ .fd = r, .events = POLLIN };
	w->p[w->n + 1] = (struct pollfd){ .fd = w->party->gone, .events = POLLRDHUP };
	if ((timeout < 0 || timeout > LATER_MS) && !more && w->party->rest && w->en) {
		w->party->rest(w->data);
		w->en = NULL;
	}
	if (starts && (timeout < 0 || timeout > WAITING_LOOK_MS))
		timeout = WAITING_LOOK_MS;
	if (poll(w->p, w->n + 2, more ? 0 : timeout) < 0 && errno != EINTR)
		return -errno;
	if (w->p[w->n + 1].revents)
		return -ECANCELED;
	if (w->p[w->n].revents)
		eventlog_clear(&w->log);
	return 0;
}

static bool any_due(const struct wait *w)
{
	bool any = false;

	for (size_t i = 0; i < w->n; i++)
		any |= is_due(&w->v[i]) || (w->v[i].away && !w->v[i].done);
	return any;
}

static int look_at_all(struct wait *w)
{
	bool away = false;
	int r;

	for (size_t i = 0; i < w->n; i++) {
		if (is_due(&w->v[i]))
			look(w, &w->v[i]);
		away |= w->v[i].away && !w->v[i].done && !(w->v[i].ended && w->v[i].known);
	}
	r = away ? read_events(w, true) : 0;
	for (size_t i = 0; r == 0 && i < w->n; i++)
		if (w->v[i].away && !w->v[i].done)
			gone(w, &w->v[i]);
	return r;
}

static int round_of(struct wait *w, struct err *e)
{
	bool quiet = is_quiet(w);
	int r = sleep_until(w, quiet);

	for (size_t i = 0; r == 0 && i < w->n; i++) {
		struct waiter *x = &w->v[i];

		if (!x->done && x->start.listener >= 0)
			look_for_start(x);
		else if (w->p[i].revents)
			hear(x);
	}
	if (r == 0 && !quiet)
		r = read_events(w, true);
	if (r == 0 && !w->en && any_due(w) && w->party->wake(w->data, &w->en, e) < 0)
		return WAKE_FAILED;
	return r < 0 || !w->en ? r : look_at_all(w);
}

/* Those at the front that are done; true: it were all. */
static bool report(struct wait *w, waited_fn fn, void *data)
{
	size_t i = 0;

	for (; i < w->n && w->v[i].done; i++) {
		struct waiter *x = &w->v[i];

		if (!x->told)
			fn(x->what, x->code, x->known, x->failed ? &x->e : NULL, data);
		x->told = true;
	}
	return i == w->n;
}

/* Whose events are to be read; which of them are, if it can be told before they are looked at. */
static void name_them(struct wait *w, const char *const *what)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct record rec;
	struct err ignored;

	for (size_t i = 0; i < w->n; i++) {
		w->v[i] = (struct waiter){ .what = what[i], .c = CLIENT_INIT, .start = WAITING_INIT };
		if (w->n <= MOST_SOUGHT && record_find(w->en->catalog, &a, what[i], &rec, &ignored) == 0)
			(void)snprintf(w->v[i].id, sizeof(w->v[i].id), "%s", rec.id);
	}
}

int containers_wait(const struct engine *en, const char *const *what, size_t n, enum wait_condition until, waited_fn fn, void *data, struct err *e)
{
	return containers_wait_for(en, what, n, until, &(struct wait_party){ .gone = -1 }, fn, data, e);
}

int containers_wait_for(const struct engine *en, const char *const *what, size_t n, enum wait_condition until, const struct wait_party *party, waited_fn fn,
			void *data, struct err *e)
{
	CLEANUP(wait_end) struct wait w = { .en = en, .until = until, .n = n, .party = party, .data = data, .state = fcntl(en->state_fd, F_DUPFD_CLOEXEC, 3), .log = EVENTLOG_INIT };
	int r;

	if (w.state < 0)
		return err_errno(e, -errno, "wait");
	w.v = calloc(n, sizeof(*w.v));
	w.p = calloc(n + 2, sizeof(*w.p));
	if (!w.v || !w.p)
		return err_errno(e, -ENOMEM, "wait");
	name_them(&w, what);
	r = eventlog_open(w.state, &w.log);
	if (r == 0)
		r = read_events(&w, false);
	for (size_t i = 0; r == 0 && i < n; i++)
		look(&w, &w.v[i]);
	if (r == 0 && party->begun && party->begun(data, e) < 0)
		return e->code;
	while (r == 0 && !report(&w, fn, data))
		r = round_of(&w, e);
	if (r == WAKE_FAILED)
		return e->code;
	if (r == -ECANCELED)
		return err_set(e, ERR_UNAVAILABLE, "who waited is gone");
	return r < 0 ? err_errno(e, r, "wait for what happens (events of %s)", what[0]) : 0;
}

/* ---- one ---- */

struct one {
	int *code;
	bool *known;
	struct err *e;
};

static void take(const char *what, int code, bool known, const struct err *why, void *data)
{
	struct one *o = data;

	(void)what;
	*o->code = code;
	*o->known = known;
	if (why)
		*o->e = *why;
}

int container_wait(const struct engine *en, const char *what, int *code, bool *known, struct err *e)
{
	struct err failed = { 0 };
	struct one o = { code, known, &failed };
	int r = containers_wait(en, &what, 1, WAIT_NOT_RUNNING, take, &o, e);

	if (r == 0 && failed.cls != ERR_OK) {
		*e = failed;
		r = failed.code;
	}
	return r;
}
