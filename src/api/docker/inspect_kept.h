/* What inspect says of a container by the description that was kept when it was made (docs/formats.md, containers/ID/config.json): where its
 * root comes from, and what its processes are kept from. */
#ifndef TARE_API_DOCKER_INSPECT_KEPT_H
#define TARE_API_DOCKER_INSPECT_KEPT_H

#include <sys/stat.h>

#include "base/arena.h"
#include "base/json.h"
#include "engine/engine.h"
#include "engine/live.h"

struct kept {
	const struct json *rootfs, *process, *kernel; /* parts of it; NULL: it has none, or cannot be read */
};
void kept_read(const struct engine *en, struct arena *a, const char *id, struct kept *out);
/* What stands for that file as it is: another when it was written anew. false: it is not there, or so new that one written right behind it might look the same. */
bool kept_stat(const struct engine *en, const char *id, struct stat *out);

/* Labels and profile: MountLabel, ProcessLabel, AppArmorProfile. */
void kept_write_labels(const struct kept *k, struct json_writer *w);
/* Driver, and GraphDriver with folders that are there: MergedDir only while it runs, for only its own mount namespace has that. */
void kept_write_driver(const struct kept *k, const struct engine *en, struct arena *a, const struct live *live, struct json_writer *w);
void kept_write_driver_name(const struct kept *k, struct json_writer *w);
/* Of HostConfig: MaskedPaths, ReadonlyPaths. */
void kept_write_paths(const struct kept *k, struct json_writer *w);

#endif
