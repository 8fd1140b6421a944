/* `tare image copy`: an image, or anything that is kept like one, from one place to another, byte for byte.
 *
 * Places: docker://NAME[:TAG|@DIGEST] (a registry), oci:FOLDER[:NAME] (an OCI layout), oci-archive:FILE[:NAME], docker-archive:FILE[:NAME], or
 * a name of the store. All that an index lists goes with it, unless a platform is asked for; of the store's images what the store has. Between
 * registries and layouts nothing is unpacked, and what media types there are is nobody's business: artifacts go, too. */
#ifndef TARE_ENGINE_COPY_H
#define TARE_ENGINE_COPY_H

#include "engine/engine.h"
#include "image/push.h"

struct copy_args {
	const char *from, *to; /* as people write them */
	const char *platform;  /* of an index only that image; NULL: all of it */
	bool referrers;        /* also what refers to it (signatures, bills of materials): from a registry, to a registry or a layout */
	image_push_fn progress; /* what is sent to a registry; may be NULL */
	void *progress_data;
};

/* *digest: of what was copied, in a. ERR_INVALID: a place makes no sense; ERR_UNSUPPORTED: the two do not go together, and what to do instead. */
int engine_copy(const struct engine *en, const struct copy_args *args, struct arena *a, const char **digest, struct err *e) MUST_CHECK;

#endif
