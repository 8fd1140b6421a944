#include "engine/volume_prune.h"

#include <fcntl.h>

#include "base/log.h"
#include "engine/usage.h"

uint64_t volume_bytes(const struct engine *en, const struct volume *v)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const char *path = v->kind == VOLUME_FOLDER ? volume_path(en, &a, v->name) : NULL;

	return path ? usage_of_folder(open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) : 0;
}

int volume_prune(const struct engine *en, struct arena *a, volume_wanted_fn wanted, volume_removed_fn removed, void *data, uint64_t *freed,
		 struct err *e)
{
	struct volume *all;
	size_t n;
	int r = volume_list(en->catalog, a, &all, &n, e);

	*freed = 0;
	for (size_t i = 0; r >= 0 && i < n; i++) {
		struct err why = { 0 };
		uint64_t bytes;

		if (all[i].users)
			continue;
		r = wanted(&all[i], data, e);
		if (r <= 0)
			continue;
		bytes = volume_bytes(en, &all[i]);
		if (volume_remove(en, all[i].name, &why) == 0) {
			removed(all[i].name, data);
			*freed += bytes;
		} else if (why.cls != ERR_CONFLICT && why.cls != ERR_NOTFOUND) {
			log_warning("%s", why.msg);
		}
	}
	volume_sweep(en);
	return r < 0 ? r : 0;
}
