/* What the catalog says that runs, and whether its live state is still there: who wipes the state folder leaves
 * processes that no monitor answers for. */
#include "engine/check.h"
#include "engine/lost.h"
#include "engine/record.h"

int check_containers(const struct engine *en, struct checks *c, struct err *e)
{
	struct record *all;
	size_t n;
	int r = record_list(en->catalog, c->a, NULL, &all, &n, e);

	for (size_t i = 0; r == 0 && i < n; i++)
		if (lost_lives(en, &all[i]))
			check_add(c, true, check_text(c, "container %s", all[i].name),
				  check_text(c,
					     "its processes live, but its folder %s/%.12s… is gone, so that nobody "
					     "reaches them",
					     en->state, all[i].id),
				  check_text(c, "tare stop %s ends them, tare rm -f %s removes the container, too",
					     all[i].name, all[i].name));
	return r;
}
