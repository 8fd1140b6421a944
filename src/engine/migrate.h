/* Moving in: images and volumes of a dockerd on this machine into the store. Nothing of Docker's is changed.
 *
 * Images come through its API, one by one, as `docker save` gives them, and are loaded as `tare load` does. Volumes are copied as they lie on the disk, with
 * owners, modes, times, extended attributes, ACLs, FIFOs and device nodes: their folders' paths, options and labels are asked for. Each thing is there whole
 * or not at all, so that a run that was cut off is begun again: what is there is passed over. */
#ifndef TARE_ENGINE_MIGRATE_H
#define TARE_ENGINE_MIGRATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "engine/engine.h"
#include "image/load.h"
#include "image/limits.h"

#define MIGRATE_SOCKET "/var/run/docker.sock"

typedef void (*migrate_say_fn)(const char *line, void *data);

struct migrate_args {
	const char *socket; /* a path */
	const char *folder; /* dockerd's data-root, whatever it says itself; where no dockerd answers its volumes are copied all the same. NULL: not said */
	bool force;         /* names that are there are taken for what comes; files are laid over those of a volume */
	bool dry_run;       /* only say */
	struct image_limits limits;
	migrate_say_fn say; /* a line of text, for people */
	void *data;
	image_progress_fn progress; /* of one image; may be NULL */
};

struct migrated {
	size_t images, volumes; /* copied, or to be copied */
	size_t here;            /* were there already */
	size_t failed;          /* a line said why */
};

/* ERR_UNAVAILABLE, ERR_DENIED: no dockerd answers, and no folder was named. Of a single thing that fails a line is said, and the others go on. */
int migrate_docker(const struct engine *en, const struct migrate_args *args, struct migrated *out, struct err *e) MUST_CHECK;

#endif
