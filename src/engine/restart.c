/* With --rm the end of a container is its removal, whoever sees it first: a client that stays with it, the monitor, the next
 * command. So before the stop the row is told that it is not; after it, that it is again. Killed in between we leave a
 * stopped container, which nothing is lost with. */
#include "engine/container.h"
#include "engine/events.h"
#include "engine/settle.h"

static int set_auto_remove(const struct engine *en, const char *id, bool on, struct err *e)
{
	CLEANUP_CATALOG_TXN struct catalog *c = en->catalog;
	int r = catalog_begin(c, CATALOG_LAZY, e);

	if (r == 0)
		r = record_set_auto_remove(c, id, on, e);
	return r < 0 ? r : catalog_commit(c, e);
}

int container_restart(const struct engine *en, const char *what, int signal, const int64_t *timeout_s, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_CLIENT struct client c = CLIENT_INIT;
	CLEANUP_LIVE struct live live = LIVE_INIT;
	struct err why = { 0 };
	struct record rec;
	int r = settle_find(en, &a, what, SETTLE_END, &rec, &live, e);

	if (r == 0 && rec.auto_remove)
		r = set_auto_remove(en, rec.id, false, e);
	if (r < 0)
		return r;
	r = container_stop(en, rec.id, signal, timeout_s, e);
	if (rec.auto_remove && set_auto_remove(en, rec.id, true, &why) < 0 && r == 0) {
		*e = why;
		r = why.code;
	}
	if (r == 0)
		r = container_start(en, rec.id, 0, NULL, &c, e);
	if (r == 0)
		events_container(en, &rec, "restart", NULL);
	return r;
}
