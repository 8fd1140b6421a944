#include "engine/hold.h"

#include "engine/endpoint.h"
#include "engine/folder.h"
#include "engine/settle.h"

int hold_places(const struct engine *en, const struct hold *h, struct err *e)
{
	CLEANUP_CATALOG_TXN struct catalog *c = en->catalog;
	int r = h->rec.status == RECORD_RESTARTING ? catalog_begin(c, CATALOG_LAZY, e) : 1;

	if (r == 0)
		r = endpoint_forget(en, h->rec.id, NULL, e);
	return r ? (r < 0 ? r : 0) : catalog_commit(c, e);
}

int hold_container(const struct engine *en, struct arena *a, const char *what, struct hold *out, struct err *e)
{
	int r = settle_find(en, a, what, SETTLE_WAIT, &out->rec, &out->live, e);

	if (r < 0)
		return r;
	out->lock = folder_lock(en, out->rec.id, true, e);
	if (out->lock < 0)
		return out->lock;
	live_close(&out->live);
	if ((r = record_get(en->catalog, a, out->rec.id, &out->rec, e)) < 0 || (r = live_read(en, out->rec.id, &out->live, e)) < 0)
		return r;
	return config_parse(a, out->rec.config, &out->config, e);
}

bool hold_runs(const struct hold *h)
{
	return h->rec.status == RECORD_RUNNING && h->live.container;
}

void hold_let_go(struct hold *h)
{
	h->lock = close_fd(h->lock);
}

/* Its row goes before its files do. */
int hold_still_there(const struct engine *en, struct arena *a, const struct hold *h, struct err *e)
{
	struct record rec;
	int r = record_get(en->catalog, a, h->rec.id, &rec, e);

	return r < 0 && e->cls == ERR_NOTFOUND ? err_set(e, ERR_CONFLICT, "container %s was removed while it was read", h->rec.name) : r;
}

void hold_end(struct hold *h)
{
	live_close(&h->live);
	h->lock = close_fd(h->lock);
}
