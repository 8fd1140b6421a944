#include "api/docker/container_list.h"

#include <stdlib.h>
#include <string.h>

#include "api/docker/ports.h"
#include "api/docker/times.h"
#include "base/log.h"
#include "engine/container.h"
#include "engine/health.h"
#include "engine/settle.h"

const char *container_status_text(struct arena *a, const struct seen *s)
{
	const char *up;

	switch (s->rec.status) {
	case RECORD_CREATED:
		return "Created";
	case RECORD_EXITED:
		if (!s->rec.exit_known)
			return arena_printf(a, "Exited (unknown) %s", time_ago(a, s->rec.finished));
		return arena_printf(a, "Exited (%d) %s", s->rec.exit_code, time_ago(a, s->rec.finished));
	case RECORD_RESTARTING:
		return arena_printf(a, "Restarting (%d) %s", s->rec.exit_code, time_ago(a, s->rec.finished));
	case RECORD_RUNNING:
	default:
		up = time_ago(a, s->live.started ? s->live.started : s->rec.started);
		up = arena_printf(a, "Up %.*s", (int)(strlen(up) > 4 ? strlen(up) - 4 : 0), up);
		if (strcmp(s->state, "paused") == 0)
			return arena_printf(a, "%s (Paused)", up);
		if (strcmp(s->health, "none") == 0)
			return up;
		return arena_printf(a, "%s (%s%s)", up, strcmp(s->health, "starting") == 0 ? "health: " : "", s->health);
	}
}

/* Ids, in order, of those that a query of the catalog names. Asked for at once: they are few, and to ask of each costs more than all the rest. */
struct ids {
	const char **v;
	size_t n, cap;
};

static int read_ids(const struct engine *en, struct arena *a, const char *sql, struct ids *out, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(en->catalog, &s, e, sql, "");

	while (r == 0 && (r = cat_step(s, e)) > 0) {
		out->v = arena_grow(a, out->v, out->n, &out->cap, sizeof(*out->v));
		if (out->v)
			out->v[out->n++] = arena_strdup(a, cat_text(s, 0));
		r = arena_error(a) < 0 ? err_errno(e, -ENOMEM, "list containers") : 0;
	}
	return r < 0 ? r : 0;
}

static int by_id(const void *id, const void *entry)
{
	return strcmp(id, *(const char *const *)entry);
}

static bool is_among(const struct ids *ids, const char *id)
{
	return ids->n && bsearch(id, ids->v, ids->n, sizeof(*ids->v), by_id);
}

static const char *state_of(const struct record *rec)
{
	if (rec->status != RECORD_RUNNING)
		return record_status_name(rec->status);
	return container_paused(rec) ? "paused" : "running";
}

/* One of a brief list that is to be looked at closer: to put it right takes its configuration. */
static int complete(const struct engine *en, struct arena *a, struct record *rec, struct err *e)
{
	return rec->config || !record_is_active(rec) ? 0 : record_get(en->catalog, a, rec->id, rec, e);
}

const char *container_settle(const struct engine *en, struct arena *a, const struct container_query *q, struct live_many *many, struct record *rec,
			     struct live *live, struct err *e)
{
	*live = (struct live)LIVE_INIT;
	if (rec->status == RECORD_RUNNING && live_untouched(en, many, rec->id))
		return "running";
	if (complete(en, a, rec, e) < 0 || settle(en, a, rec, live, SETTLE_LIST, e) < 0) { /* it went while we looked, or cannot be put right: the others are still worth a list */
		if (e->cls != ERR_NOTFOUND)
			log_warning("%s", e->msg);
		return NULL;
	}
	return record_is_active(rec) || q->all || q->most >= 0 || ps_asks_status(q->filters) ? state_of(rec) : NULL;
}

/* What a list finds out once. */
struct listing {
	const struct container_query *q;
	struct ids publishers; /* who has published ports */
	struct ids checked;    /* whose health may be checked, which is part of the status */
	struct live_many *many;
};

/* Of one that is settled: no more is read of it than is asked for. */
static int look_closer(const struct engine *en, struct arena *a, const struct listing *l, struct seen *s, struct err *e)
{
	const struct record *rec = &s->rec;
	const struct container_query *q = l->q;
	struct record whole = *rec;
	int r = 0;

	if (rec->status == RECORD_RUNNING && (q->config || q->filters.n || is_among(&l->publishers, rec->id)))
		r = ports_read(en, a, rec->id, &s->own, e);
	if (r == 0 && !rec->config && rec->status == RECORD_RUNNING && is_among(&l->checked, rec->id))
		r = record_get(en->catalog, a, rec->id, &whole, e);
	s->rec.config = whole.config;
	if (r == 0 && rec->config)
		r = config_skim(a, rec->config, &s->config, e);
	if (r == 0 && q->config)
		r = ports_networks(en, a, rec, s->config.doc, &s->own, &s->networks, e);
	if (r == 0)
		s->health = health_status(en, a, rec->id, &s->config);
	return r;
}

/* 1: it is one of them. What it takes of a may go afterwards: the configurations of a thousand containers are some megabytes. */
static int one(const struct engine *en, struct arena *a, const struct listing *l, struct record *rec, container_seen_fn fn, void *data, struct err *e)
{
	CLEANUP_LIVE struct live live = LIVE_INIT;
	struct seen s = { .state = container_settle(en, a, l->q, l->many, rec, &live, e) };
	int r;

	if (!s.state)
		return 0;
	s.rec = *rec;
	s.live = live;
	r = look_closer(en, a, l, &s, e);
	if (r < 0 && e->cls == ERR_NOTFOUND) /* it went while we looked */
		return 0;
	if (r == 0)
		r = ps_passes(en, a, l->q->filters, &s, e);
	if (r > 0 && (r = fn(en, a, &s, data, e)) == 0)
		r = 1;
	return r;
}

int container_listed(const struct engine *en, struct arena *a, const struct container_query *q, struct live_many *many, struct record *rec, container_seen_fn fn,
		     void *data, struct err *e)
{
	return one(en, a, &(const struct listing){ .q = q, .many = many }, rec, fn, data, e);
}

int containers_listed(const struct engine *en, const struct container_query *q, container_seen_fn fn, void *data, struct err *e)
{
	CLEANUP_ARENA struct arena scratch = ARENA_INIT, rows = ARENA_INIT;
	CLEANUP_LIVE_MANY struct live_many many = LIVE_MANY_INIT;
	struct listing l = { .q = q, .many = &many };
	int64_t shown = 0;
	struct record *recs;
	size_t n;
	int r = q->config ? record_list(en->catalog, &rows, NULL, &recs, &n, e) : record_list_brief(en->catalog, &rows, &recs, &n, e);

	if (r == 0)
		r = read_ids(en, &rows, "SELECT DISTINCT container FROM ports ORDER BY container", &l.publishers, e);
	if (r == 0 && !q->config)
		r = read_ids(en, &rows, "SELECT id FROM containers WHERE " RECORD_MAY_BE_CHECKED " ORDER BY id", &l.checked, e);
	for (size_t i = 0; r >= 0 && i < n && (q->most < 0 || shown < q->most); i++) {
		arena_reset(&scratch);
		r = one(en, &scratch, &l, &recs[i], fn, data, e);
		shown += r > 0;
	}
	return r < 0 ? r : 0;
}
