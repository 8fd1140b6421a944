#include <signal.h>
#include <stdio.h>

#include "engine/container.h"
#include "engine/events.h"
#include "engine/folder.h"
#include "engine/settle.h"

/* 1: removed, 0: it runs again (look once more). */
static int remove_stopped(const struct engine *en, const char *id, bool volumes, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_FD int lock = folder_lock(en, id, true, e);
	struct record rec;
	int r = lock < 0 ? lock : record_get(en->catalog, &a, id, &rec, e);

	if (r < 0)
		return r;
	if (rec.status == RECORD_RUNNING)
		return 0;
	events_leaving(en, &rec);
	r = settle_remove(en, id, volumes, e);
	return r < 0 ? r : 1;
}

/* Others may be faster at what we want (--rm, another command, settle()); but it must be so, whatever was not found. */
static bool is_gone(const struct engine *en, const char *id)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct record rec;
	struct err e = { 0 };

	return record_get(en->catalog, &a, id, &rec, &e) < 0 && e.cls == ERR_NOTFOUND;
}

int container_remove(const struct engine *en, const char *what, bool force, bool volumes, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	char id[ID_LEN + 1] = "";

	for (;;) {
		CLEANUP_LIVE struct live live = LIVE_INIT;
		struct record rec;
		int r = record_find(en->catalog, &a, what, &rec, e);

		if (r == 0) {
			(void)snprintf(id, sizeof(id), "%s", rec.id);
			r = settle(en, &a, &rec, &live, SETTLE_END, e);
		}
		if (r == 0 && rec.status == RECORD_RESTARTING && !force)
			return err_set(e, ERR_CONFLICT, "container %s is restarting: stop it first, or use -f", rec.name);
		if (r == 0 && rec.status != RECORD_RUNNING)
			r = remove_stopped(en, rec.id, volumes, e);
		else if (r == 0 && !force)
			return err_set(e, ERR_CONFLICT, "container %s is running: stop it first, or use -f", rec.name);
		else if (r == 0)
			r = container_kill(en, rec.id, SIGKILL, e);
		if (r < 0 && e->cls == ERR_NOTFOUND && id[0] && is_gone(en, id))
			return 0;
		if (r < 0 && e->cls != ERR_BUSY)
			return r;
		if (r > 0)
			return 0;
	}
}
