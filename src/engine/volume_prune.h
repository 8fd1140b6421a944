/* Volumes that no container has, and what they take. */
#ifndef TARE_ENGINE_VOLUME_PRUNE_H
#define TARE_ENGINE_VOLUME_PRUNE_H

#include "engine/volume.h"

/* Bytes on the disk; 0 of what is not its own folder (o=bind, tmpfs). */
uint64_t volume_bytes(const struct engine *en, const struct volume *v);

/* Removes those that no container has, running or not, and for which wanted says 1; tells each. *freed: bytes. One that cannot be removed is
 * passed over with a warning. */
typedef int (*volume_wanted_fn)(const struct volume *v, void *data, struct err *e);
typedef void (*volume_removed_fn)(const char *name, void *data);
int volume_prune(const struct engine *en, struct arena *a, volume_wanted_fn wanted, volume_removed_fn removed, void *data, uint64_t *freed,
		 struct err *e) MUST_CHECK;

#endif
