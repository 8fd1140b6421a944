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

/* Perhaps: that is part of the status. */
static bool has_health(const struct record *rec)
{
	return rec->status == RECORD_RUNNING && strstr(rec->config, "\"Healthcheck\"");
}

/* Who has published ports, by id. Asked for at once: most have none, and to ask of each costs more than all the rest. */
struct publishers {
	const char **ids;
	size_t n, cap;
};

static int read_publishers(const struct engine *en, struct arena *a, struct publishers *out, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(en->catalog, &s, e, "SELECT DISTINCT container FROM ports ORDER BY container", "");

	while (r == 0 && (r = cat_step(s, e)) > 0) {
		out->ids = arena_grow(a, out->ids, out->n, &out->cap, sizeof(*out->ids));
		if (out->ids)
			out->ids[out->n++] = arena_strdup(a, cat_text(s, 0));
		r = arena_error(a) < 0 ? err_errno(e, -ENOMEM, "list containers") : 0;
	}
	return r < 0 ? r : 0;
}

static int by_id(const void *id, const void *entry)
{
	return strcmp(id, *(const char *const *)entry);
}

static bool publishes(const struct publishers *p, const char *id)
{
	return p->n && bsearch(id, p->ids, p->n, sizeof(*p->ids), by_id);
}

bool container_settle(const struct engine *en, struct arena *a, const struct container_query *q, struct record *rec, struct live *live, struct err *e)
{
	if (settle(en, a, rec, live, SETTLE_LIST, e) < 0) { /* it went while we looked, or cannot be put right: the others are still worth a list */
		if (e->cls != ERR_NOTFOUND)
			log_warning("%s", e->msg);
		return false;
	}
	return record_is_active(rec) || q->all || q->most >= 0 || ps_asks_status(q->filters);
}

const char *container_state(const struct record *rec)
{
	if (rec->status == RECORD_RUNNING)
		return container_paused(rec) ? "paused" : "running";
	return record_status_name(rec->status);
}

/* 1: it is one of them. What it takes of a may go afterwards: the configurations of a thousand containers are some megabytes. */
static int one(const struct engine *en, struct arena *a, const struct container_query *q, const struct publishers *ports, struct record *rec,
	       container_seen_fn fn, void *data, struct err *e)
{
	CLEANUP_LIVE struct live live = LIVE_INIT;
	struct seen s = { 0 };
	int r = 0;

	if (!container_settle(en, a, q, rec, &live, e))
		return 0;
	s.rec = *rec;
	s.live = live;
	s.state = container_state(rec);
	if (rec->status == RECORD_RUNNING && (q->config || q->filters.n || publishes(ports, rec->id)))
		r = ports_read(en, a, rec->id, &s.own, e);
	if (r == 0 && (q->config || has_health(rec)))
		r = config_skim(a, rec->config, &s.config, e);
	if (r == 0 && q->config)
		r = ports_networks(en, a, rec, s.config.doc, &s.own, &s.networks, e);
	if (r == 0)
		s.health = health_status(en, a, rec->id, &s.config);
	if (r == 0)
		r = ps_passes(en, a, q->filters, &s, e);
	if (r > 0 && (r = fn(en, a, &s, data, e)) == 0)
		r = 1;
	return r;
}

int container_listed(const struct engine *en, struct arena *a, const struct container_query *q, struct record *rec, container_seen_fn fn, void *data,
		     struct err *e)
{
	return one(en, a, q, &(const struct publishers){ 0 }, rec, fn, data, e);
}

int containers_listed(const struct engine *en, const struct container_query *q, container_seen_fn fn, void *data, struct err *e)
{
	CLEANUP_ARENA struct arena scratch = ARENA_INIT, rows = ARENA_INIT;
	struct publishers ports = { 0 };
	int64_t shown = 0;
	struct record *recs;
	size_t n;
	int r = q->config ? record_list(en->catalog, &rows, NULL, &recs, &n, e) : record_list_brief(en->catalog, &rows, &recs, &n, e);

	if (r == 0)
		r = read_publishers(en, &rows, &ports, e);
	for (size_t i = 0; r >= 0 && i < n && (q->most < 0 || shown < q->most); i++) {
		arena_reset(&scratch);
		r = one(en, &scratch, q, &ports, &recs[i], fn, data, e);
		shown += r > 0;
	}
	return r < 0 ? r : 0;
}
