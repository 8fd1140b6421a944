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
	store_ingest_alone(&in);
	return tree < 0 ? tree : image_pack_out(&in, &pack, out, e);
}

int container_export(const struct engine *en, struct arena *a, const char *what, int out, struct err *e)
{
	CLEANUP(hold_end) struct hold hold = HOLD_INIT;
	CLEANUP_ROOTVIEW struct rootview view = ROOTVIEW_INIT;
	int r = hold_container(en, a, what, &hold, e);

	if (r == 0)
		r = rootview_open(en, a, &hold.rec, &view, e);
	/* who takes the tar may take his time, or never read: the container is not kept for him, and what changes meanwhile is as of one that runs */
	if (r == 0)
		hold_let_go(&hold);
	if (r == 0)
		r = write_tree(en, a, &view, out, e);
	if (r == 0)
		r = hold_still_there(en, a, &hold, e);
	if (r == 0)
		events_container(en, &hold.rec, "export", NULL);
	return r;
}
