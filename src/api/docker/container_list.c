#include "api/docker/container_list.h"

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

/* 1: it is one of them. What it takes of a may go afterwards: the configurations of a thousand containers are some megabytes. */
static int one(const struct engine *en, struct arena *a, const struct container_query *q, struct record *rec, container_seen_fn fn, void *data,
	       struct err *e)
{
	CLEANUP_LIVE struct live live = LIVE_INIT;
	struct seen s = { .state = "created" };
	bool all = q->all || q->most >= 0 || ps_asks_status(q->filters);
	int r = settle(en, a, rec, &live, SETTLE_LIST, e);

	if (r < 0) { /* it went while we looked, or cannot be put right: the others are still worth a list */
		if (e->cls != ERR_NOTFOUND)
			log_warning("%s", e->msg);
		return 0;
	}
	if (!record_is_active(rec) && !all)
		return 0;
	s.rec = *rec;
	s.live = live;
	if (rec->status == RECORD_RUNNING)
		s.state = container_paused(rec) ? "paused" : "running";
	else
		s.state = record_status_name(rec->status);
	if (rec->status == RECORD_RUNNING)
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

int containers_listed(const struct engine *en, const struct container_query *q, container_seen_fn fn, void *data, struct err *e)
{
	CLEANUP_ARENA struct arena scratch = ARENA_INIT, rows = ARENA_INIT;
	int64_t shown = 0;
	struct record *recs;
	size_t n;
	int r = q->config ? record_list(en->catalog, &rows, NULL, &recs, &n, e) : record_list_brief(en->catalog, &rows, &recs, &n, e);

	for (size_t i = 0; r >= 0 && i < n && (q->most < 0 || shown < q->most); i++) {
		arena_reset(&scratch);
		r = one(en, &scratch, q, &recs[i], fn, data, e);
		shown += r > 0;
	}
	return r < 0 ? r : 0;
}
