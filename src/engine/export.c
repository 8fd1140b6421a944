#include "engine/export.h"

#include "engine/events.h"
#include "engine/hold.h"
#include "engine/rootview.h"
#include "image/pack.h"
#include "image/survey.h"

static int write_tree(const struct engine *en, struct arena *a, const struct rootview *view, int out, struct err *e)
{
	CLEANUP_STORE struct store store = STORE_INIT;
	CLEANUP_INGEST struct store_ingest in = STORE_INGEST_INIT;
	CLEANUP_FD int tree = -1;
	struct survey_args look = { .upper = view->upper, .lowers = view->lowers, .n_lowers = view->n_lowers, .stubs = view->stubs,
				    .max_depth = UINT64_MAX };
	struct pack_out pack = { .live = true };
	char worker[PATH_MAX];
	struct survey seen = { 0 };
	int r = engine_program("tare-worker", worker, e);

	if (r == 0)
		r = store_open(en->root_fd, &store, e);
	if (r == 0)
		r = store_ingest_begin(&store, &in, e);
	if (r == 0 && !view->folder)
		r = survey_upper(&look, a, &seen, e);
	if (r < 0)
		return r;
	pack.tree = tree = rootview_mount(view, a, e);
	pack.worker = worker;
	pack.skip = seen.absent;
	return tree < 0 ? tree : image_pack_out(&in, &pack, out, e);
}

/* Whoever takes the tar may take his time, or never read: the container is not kept for him. What changes meanwhile is as of one that runs; but
 * what is left of one that was removed meanwhile is not its files. Its row goes before they do. */
static int look_again(const struct engine *en, struct arena *a, const char *id, struct err *e)
{
	struct record rec;
	int r = record_get(en->catalog, a, id, &rec, e);

	return r < 0 && e->cls == ERR_NOTFOUND ? err_set(e, ERR_CONFLICT, "it was removed while it was read") : r;
}

int container_export(const struct engine *en, struct arena *a, const char *what, int out, struct err *e)
{
	CLEANUP(hold_end) struct hold hold = HOLD_INIT;
	CLEANUP_ROOTVIEW struct rootview view = ROOTVIEW_INIT;
	int r = hold_container(en, a, what, &hold, e);

	if (r == 0)
		r = rootview_open(en, a, &hold.rec, &view, e);
	if (r == 0)
		hold.lock = close_fd(hold.lock);
	if (r == 0)
		r = write_tree(en, a, &view, out, e);
	if (r == 0)
		r = look_again(en, a, hold.rec.id, e);
	if (r == 0)
		events_container(en, &hold.rec, "export", NULL);
	return r;
}
