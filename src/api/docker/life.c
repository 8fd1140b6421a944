/* Containers' life: start, stop, restart, kill, pause, unpause, wait, rename, update, resize, remove, prune. */
#include <string.h>

#include "api/docker/fields.h"
#include "api/docker/filters.h"
#include "api/docker/routes.h"
#include "api/docker/wait.h"
#include "api/docker/words.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/config.h"
#include "engine/container.h"
#include "engine/events.h"
#include "engine/limits.h"
#include "engine/links.h"
#include "engine/revive.h"
#include "engine/usage.h"
#include "oci/signals.h"

/* ---- start ---- */

/* Who made it with AutoRemove waits for its removal, also where there was no life before that. */
static void remove_failed(const struct engine *en, const struct record *rec)
{
	struct err why;

	if (rec->auto_remove && container_remove(en, rec->id, false, true, &why) < 0 && why.cls != ERR_NOTFOUND)
		log_warning("container %s: %s", rec->name, why.msg);
}

static int start(struct exchange *ex, struct err *e)
{
	CLEANUP_LIVE struct live live = LIVE_INIT;
	CLEANUP_CLIENT struct client c = CLIENT_INIT;
	struct ct_config config;
	struct engine *en;
	struct record rec;
	int r = words_container(ex, &en, &rec, &live, e);

	if (r == 0)
		r = config_parse(ex_arena(ex), rec.config, &config, e);
	if (r < 0)
		return r;
	if (rec.status == RECORD_RUNNING && container_paused(&rec))
		return err_set(e, ERR_BUSY, "cannot start a paused container, try unpause instead");
	r = container_start(en, rec.id, 0, NULL, &c, e);
	if (r < 0)
		remove_failed(en, &rec);
	if (r < 0)
		return words_start_failed(json_text(config.doc, "Path", ""), false, e);
	return ex_empty(ex, c.fd < 0 ? 304 : 204, e);
}

/* ---- stop, restart, kill ---- */

/* NULL: the container's own; seconds, below zero for ever. */
static int timeout_of(struct exchange *ex, int64_t *room, const int64_t **out, struct err *e)
{
	const char *text = ex_query(ex, "t");

	*room = 0;
	*out = text && *text ? room : NULL;
	if (*out && text_i64(text, room) < 0)
		return err_set(e, ERR_INVALID, "t=%s: want seconds", text);
	if (*room < 0)
		*room = -1;
	return 0;
}

static int signal_of(struct exchange *ex, const char *usual, int *out, struct err *e)
{
	const char *name = ex_query(ex, "signal");

	if (!name || !*name)
		name = usual;
	*out = name ? oci_signal_number(name) : 0;
	return *out < 0 ? err_set(e, ERR_INVALID, "Invalid signal: %s", name) : 0;
}

/* What stop and restart ask for, and of whom. */
struct ending {
	int sig;
	int64_t seconds;
	const int64_t *timeout; /* to seconds; NULL: the container's own */
	struct engine *en;
	struct record rec;
	struct live live;
};

static void ending_done(struct ending *x)
{
	live_close(&x->live);
}

static int read_ending(struct exchange *ex, struct ending *x, struct err *e)
{
	int r = signal_of(ex, NULL, &x->sig, e);

	if (r == 0)
		r = timeout_of(ex, &x->seconds, &x->timeout, e);
	return r < 0 ? r : words_container(ex, &x->en, &x->rec, &x->live, e);
}

static int stop(struct exchange *ex, struct err *e)
{
	CLEANUP(ending_done) struct ending x = { .live = LIVE_INIT };
	int r = read_ending(ex, &x, e);

	if (r < 0)
		return r;
	if (!record_is_active(&x.rec))
		return ex_empty(ex, 304, e);
	r = container_stop(x.en, x.rec.id, x.sig, x.timeout, e);
	return r < 0 ? r : ex_empty(ex, 204, e);
}

static int restart(struct exchange *ex, struct err *e)
{
	CLEANUP(ending_done) struct ending x = { .live = LIVE_INIT };
	struct ct_config config;
	int r = read_ending(ex, &x, e);

	if (r == 0)
		r = config_parse(ex_arena(ex), x.rec.config, &config, e);
	if (r < 0)
		return r;
	r = container_restart(x.en, x.rec.id, x.sig, x.timeout, e);
	return r < 0 ? words_start_failed(json_text(config.doc, "Path", ""), false, e) : ex_empty(ex, 204, e);
}

static int kill_it(struct exchange *ex, struct err *e)
{
	CLEANUP_LIVE struct live live = LIVE_INIT;
	struct engine *en;
	struct record rec;
	int sig, r = signal_of(ex, "KILL", &sig, e);

	if (r == 0)
		r = words_container(ex, &en, &rec, &live, e);
	if (r < 0)
		return r;
	if (!record_is_active(&rec))
		return err_set(e, ERR_BUSY, "cannot kill container: %s: container %s is not running", ex_param(ex, 0), rec.id);
	r = container_kill(en, rec.id, sig, e);
	return r < 0 ? r : ex_empty(ex, 204, e);
}

/* ---- pause ---- */

static int set_paused(struct exchange *ex, bool paused, struct err *e)
{
	CLEANUP_LIVE struct live live = LIVE_INIT;
	struct engine *en;
	struct record rec;
	struct err why = { 0 };
	int r = words_container(ex, &en, &rec, &live, e);

	if (r < 0)
		return r;
	r = container_pause(en, rec.id, paused, &why);
	if (r == 0)
		return ex_empty(ex, 204, e);
	if (why.cls != ERR_BUSY || rec.status != RECORD_RUNNING) {
		*e = why;
		return r;
	}
	(void)err_set(&why, ERR_BUSY, "Container %s is %s", rec.id, paused ? "already paused" : "not paused");
	return ex_error(ex, paused ? 409 : 500, &why, e);
}

static int pause_it(struct exchange *ex, struct err *e)
{
	return set_paused(ex, true, e);
}

static int unpause(struct exchange *ex, struct err *e)
{
	return set_paused(ex, false, e);
}

/* ---- rename, update, resize ---- */

static int rename_it(struct exchange *ex, struct err *e)
{
	CLEANUP_LIVE struct live live = LIVE_INIT;
	const char *name = ex_query(ex, "name");
	struct engine *en;
	struct record rec;
	int r;

	if (name && *name == '/')
		name++;
	if (!name || !*name)
		return err_set(e, ERR_INVALID, "Neither old nor new names may be empty");
	r = words_container(ex, &en, &rec, &live, e);
	if (r < 0)
		return r;
	r = container_rename(en, rec.id, name, e);
	return r < 0 ? words_name_taken(en, name, e) : ex_empty(ex, 204, e);
}

static bool any_limit(const struct ct_options *o)
{
	return o->memory || o->memory_swap || o->memory_reservation || o->cpus || o->cpu_quota || o->cpu_period || o->cpu_shares || o->cpuset_cpus || o->cpuset_mems ||
	       o->pids_limit || o->cpu_rt_period || o->cpu_rt_runtime || o->blkio_weight;
}

static int update(struct exchange *ex, struct err *e)
{
	CLEANUP_LIVE struct live live = LIVE_INIT;
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	const struct json *body = NULL;
	struct ct_options o = { 0 };
	const char *restart_text = NULL;
	struct policy policy;
	struct engine *en;
	struct record rec;
	int r = ex_body_json(ex, 0, &body, e);

	if (r == 0)
		r = fields_update(ex_arena(ex), body, &o, &restart_text, e);
	if (r == 0)
		r = policy_parse(restart_text, &policy, e);
	if (r == 0)
		r = words_container(ex, &en, &rec, &live, e);
	if (r == 0 && any_limit(&o))
		r = container_limit(en, rec.id, &o, e);
	if (r == 0 && restart_text)
		r = container_set_policy(en, rec.id, &policy, e);
	if (r < 0)
		return r;
	sb_puts(&out, "{\"Warnings\":[]}");
	return ex_json(ex, 200, &out, e);
}

static int resize(struct exchange *ex, struct err *e)
{
	CLEANUP_LIVE struct live live = LIVE_INIT;
	CLEANUP_CLIENT struct client c = CLIENT_INIT;
	int64_t h = 0, w = 0;
	struct engine *en;
	struct record rec;
	int r = ex_query_i64(ex, "h", &h, e);

	if (r == 0)
		r = ex_query_i64(ex, "w", &w, e);
	if (r == 0 && (h < 0 || w < 0 || h > UINT16_MAX || w > UINT16_MAX))
		r = err_set(e, ERR_INVALID, "h=%lld, w=%lld: no size of a terminal", (long long)h, (long long)w);
	if (r == 0)
		r = words_container(ex, &en, &rec, &live, e);
	if (r == 0 && rec.status != RECORD_RUNNING)
		r = err_set(e, ERR_BUSY, "container %s is not running", rec.id);
	if (r == 0)
		r = client_connect(en, rec.id, 0, &c, e);
	if (r == 0)
		r = client_resize(&c, (unsigned int)h, (unsigned int)w, e);
	if (r < 0)
		return r;
	events_resized(en, &rec, (unsigned int)h, (unsigned int)w);
	return ex_empty(ex, 200, e);
}

/* ---- remove, prune ---- */

static int remove_link(struct exchange *ex, struct err *e)
{
	struct engine *en;
	int r = ex_engine(ex, &en, e);

	if (r == 0)
		r = links_remove(en, ex_param(ex, 0), e);
	return r < 0 ? r : ex_empty(ex, 204, e);
}

static int remove_it(struct exchange *ex, struct err *e)
{
	CLEANUP_LIVE struct live live = LIVE_INIT;
	bool force = ex_query_bool(ex, "force", false), volumes = ex_query_bool(ex, "v", false);
	struct engine *en;
	struct record rec;
	int r;

	if (ex_query_bool(ex, "link", false))
		return remove_link(ex, e);
	r = words_container(ex, &en, &rec, &live, e);
	if (r < 0)
		return r;
	if (record_is_active(&rec) && !force)
		return err_set(e, ERR_BUSY, "cannot remove container \"/%s\": container is %s: stop the container before removing or force remove", rec.name,
			       rec.status == RECORD_RESTARTING ? "restarting" : container_paused(&rec) ? "paused" : "running");
	r = container_remove(en, rec.id, force, volumes, e);
	return r < 0 ? r : ex_empty(ex, 204, e);
}

struct pruning {
	struct arena *a;
	struct strv filters;
	struct json_writer w;
};

static int wanted(const struct record *rec, const struct json *labels, void *data, struct err *e)
{
	struct pruning *p = data;

	return filter_passes(p->a, p->filters, filter_prune, &(struct filter_made){ labels, rec->created }, e);
}

static void removed(const char *kind, const char *what, void *data)
{
	struct pruning *p = data;

	(void)kind;
	jw_str(&p->w, NULL, what);
}

static int prune_it(struct exchange *ex, struct err *e)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct pruning p = { .a = ex_arena(ex), .w = JSON_WRITER(&out) };
	struct filter_made none = { 0 };
	uint64_t freed = 0;
	struct engine *en;
	int r = filters_parse(p.a, ex_query(ex, "filters"), FILTER_PRUNE_KEYS, &p.filters, e);

	if (r == 0)
		r = filter_check(p.a, p.filters, filter_prune, &none, e);
	if (r == 0)
		r = ex_engine(ex, &en, e);
	if (r < 0)
		return r;
	jw_object(&p.w, NULL);
	jw_array(&p.w, "ContainersDeleted");
	r = prune_containers(en, wanted, removed, &p, &freed, e);
	if (r < 0)
		return r;
	jw_end_array(&p.w);
	jw_u64(&p.w, "SpaceReclaimed", freed);
	jw_end_object(&p.w);
	events_pruned(en, "container", freed);
	return ex_json(ex, 200, &out, e);
}

#define ROW(verb, where, fn, what) { .method = verb, .path = where, .handler = fn, .access = ROUTE_WRITE, .about = what }

const struct route docker_life_routes[] = {
	ROW("POST", "/containers/{}/start", start, "starts it (304: it runs)"),
	ROW("POST", "/containers/{}/stop", stop, "stops it (t, signal; 304: it does not run)"),
	ROW("POST", "/containers/{}/restart", restart, "stops and starts it (t, signal)"),
	ROW("POST", "/containers/{}/kill", kill_it, "sends it a signal (signal)"),
	ROW("POST", "/containers/{}/pause", pause_it, "freezes its processes"),
	ROW("POST", "/containers/{}/unpause", unpause, "lets them go on"),
	ROW("POST", "/containers/{}/wait", docker_wait, "waits for its end (condition: not-running, next-exit, removed)"),
	ROW("POST", "/containers/{}/rename", rename_it, "gives it another name (name)"),
	ROW("POST", "/containers/{}/update", update, "changes limits and the restart policy"),
	ROW("POST", "/containers/{}/resize", resize, "says how large its terminal is (h, w)"),
	ROW("POST", "/containers/prune", prune_it, "removes what does not run (filters: label, label!, until)"),
	ROW("DELETE", "/containers/{+}", remove_it, "removes it (v: its own volumes, force), or a link of it (link: CONTAINER/ALIAS)"),
	{ 0 }
};
