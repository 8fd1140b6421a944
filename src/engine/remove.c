#include <signal.h>

#include "engine/container.h"
#include "engine/folder.h"
#include "engine/settle.h"

/* 1: removed, 0: it runs again (look once more). */
static int remove_stopped(const struct engine *en, const char *id, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_FD int lock = folder_lock(en, id, true, e);
	struct record rec;
	int r = lock < 0 ? lock : record_get(en->catalog, &a, id, &rec, e);

	if (r < 0)
		return r;
	if (rec.status == RECORD_RUNNING)
		return 0;
	r = settle_remove(en, id, e);
	return r < 0 ? r : 1;
}

int container_remove(const struct engine *en, const char *what, bool force, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	bool killed = false;

	for (;;) {
		CLEANUP_LIVE struct live live = LIVE_INIT;
		struct record rec;
		int r = settle_find(en, &a, what, SETTLE_WAIT, &rec, &live, e);

		if (r == 0 && rec.status != RECORD_RUNNING)
			r = remove_stopped(en, rec.id, e);
		else if (r == 0 && !force)
			return err_set(e, ERR_CONFLICT, "container %s is running: stop it first, or use -f", rec.name);
		else if (r == 0)
			r = container_kill(en, rec.id, SIGKILL, e);
		/* --rm, or another command, was faster at what we wanted */
		if (r < 0 && killed && e->cls == ERR_NOTFOUND)
			return 0;
		if (r < 0 && e->cls != ERR_BUSY)
			return r;
		if (r > 0)
			return 0;
		killed = true;
	}
}
