#include "engine/diff.h"

#include "engine/hold.h"
#include "engine/imageview.h"
#include "engine/rootview.h"
#include "image/survey.h"

static int compare(const struct engine *en, struct arena *a, const struct rootview *view, struct change **out, size_t *n, struct err *e)
{
	const struct survey_args look = { .upper = view->upper, .lowers = view->lowers, .n_lowers = view->n_lowers, .stubs = view->stubs,
					  .max_depth = UINT64_MAX };
	CLEANUP_FD int old = -1, new = -1;
	struct survey seen;
	int r = survey_upper(&look, a, &seen, e);

	if (r < 0)
		return r;
	new = rootview_mount(view, a, e);
	if (new < 0)
		return new;
	if (view->n_lowers) {
		old = imageview_open(en, a, view->chains, view->n_lowers, e);
		if (old < 0)
			return old;
	}
	return changes_list(a, old, new, seen.same, out, n, e);
}

int container_diff(const struct engine *en, struct arena *a, const char *what, struct change **out, size_t *n, struct err *e)
{
	CLEANUP(hold_end) struct hold hold = HOLD_INIT;
	CLEANUP_ROOTVIEW struct rootview view = ROOTVIEW_INIT;
	int r = hold_container(en, a, what, &hold, e);

	if (r == 0 && !hold.rec.image)
		r = err_set(e, ERR_UNSUPPORTED, "container %s was made of a folder (--rootfs): there is no image to compare it with", hold.rec.name);
	if (r == 0)
		r = rootview_open(en, a, &hold.rec, &view, e);
	return r < 0 ? r : compare(en, a, &view, out, n, e);
}
