#include <stdio.h>
#include <string.h>

#include "engine/config.h"
#include "engine/container.h"
#include "engine/events.h"
#include "engine/folder.h"
#include "engine/names.h"
#include "engine/settle.h"
#include "sys/cgroup.h"

int container_is_running(const struct record *rec, struct err *e)
{
	if (rec->status == RECORD_RESTARTING)
		return err_set(e, ERR_BUSY, "container %s is restarting: wait until it runs", rec->name);
	if (rec->status != RECORD_RUNNING)
		return err_set(e, ERR_BUSY, "container %s is not running", rec->name);
	return 0;
}

int container_running(const struct engine *en, struct arena *a, const char *what, struct record *rec, struct live *live,
		      struct err *e)
{
	int r = settle_find(en, a, what, SETTLE_WAIT, rec, live, e);

	return r < 0 ? r : container_is_running(rec, e);
}

int container_rename(const struct engine *en, const char *what, const char *name, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_CATALOG_TXN struct catalog *c = en->catalog;
	const char *old;
	struct record rec;
	int r = name_check(name, "container", e);

	if (r == 0)
		r = catalog_begin(c, CATALOG_DURABLE, e);
	if (r == 0)
		r = record_find(c, &a, what, &rec, e);
	if (r == 0 && strcmp(rec.name, name) == 0)
		r = err_set(e, ERR_CONFLICT, "container %s has that name already", name);
	if (r == 0)
		r = record_rename(c, rec.id, name, e);
	if (r == 0)
		r = catalog_commit(c, e);
	if (r < 0)
		return r;
	old = arena_printf(&a, "/%s", rec.name);
	rec.name = name;
	events_container(en, &rec, "rename", EVENT_PAIRS({ "oldName", old }));
	return 0;
}

int container_cgroup(struct arena *a, const struct record *rec, struct cgroup **out, struct err *e)
{
	struct ct_config config;
	int r = config_parse(a, rec->config, &config, e);

	if (r == 0 && !config.cgroup)
		r = err_set(e, ERR_UNSUPPORTED, "container %s has no cgroup: it was made with --cgroups=disabled, or by a user to whom none was delegated", rec->name);
	return r < 0 ? r : cg_open(config.cgroup, out, e);
}

/* Lists ask that of many: no more is read than it takes. */
bool container_paused(const struct record *rec)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const char *cgroup = config_cgroup(&a, rec->config);
	bool frozen = false;

	return cgroup && cg_path_is_frozen(cgroup, &frozen) == 0 && frozen;
}

/* Whoever has stopped it for as long as he looks at it (engine/freezer.h) has its lock, and lets it go on afterwards: what is asked for here
 * comes then. */
int container_pause(const struct engine *en, const char *what, bool paused, struct err *e)
{
	CLEANUP_FD int lock = -1;
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_LIVE struct live live = LIVE_INIT;
	CLEANUP_CGROUP struct cgroup *cg = NULL;
	struct record rec;
	bool frozen;
	int r = container_running(en, &a, what, &rec, &live, e);

	if (r == 0)
		r = lock = folder_lock(en, rec.id, true, e);
	if (r >= 0)
		r = container_cgroup(&a, &rec, &cg, e);
	if (r < 0)
		return r;
	r = cg_is_frozen(cg, &frozen);
	if (r < 0)
		return err_errno(e, r, "read the freezer of container %s", rec.name);
	if (frozen == paused)
		return err_set(e, ERR_BUSY, "container %s is %s", rec.name, paused ? "paused already" : "not paused");
	r = paused ? live_touch(en, rec.id, e) : 0;
	if (r == 0)
		r = cg_freeze(cg, paused, e);
	if (r == 0)
		events_container(en, &rec, paused ? "pause" : "unpause", NULL);
	return r;
}

int container_attach(const struct engine *en, const char *what, unsigned char want, struct client *out, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_LIVE struct live live = LIVE_INIT;
	struct record rec;
	int r = container_running(en, &a, what, &rec, &live, e);

	if (r == 0 && container_paused(&rec))
		r = err_set(e, ERR_BUSY, "container %s is paused: unpause it first", rec.name);
	if (r == 0)
		r = client_connect(en, rec.id, want, out, e);
	if (r == 0)
		events_container(en, &rec, "attach", NULL);
	return r;
}
