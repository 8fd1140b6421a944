/* `tare pull`: a reference becomes an image of the catalog. */
#ifndef TARE_ENGINE_PULL_H
#define TARE_ENGINE_PULL_H

#include "engine/engine.h"
#include "image/listing.h"
#include "image/pull.h"

struct pull_args {
	const char *what;     /* as people write it */
	const char *platform; /* NULL: this machine's */
	bool unnamed;         /* what comes gets no name: it is fetched again for an image that has some */
	struct image_limits limits;
	image_progress_fn progress;
	void *progress_data;
};

struct pulled {
	const char *name;   /* familiar, in the arena */
	const char *digest; /* of what the registry has under the name */
	const char *id;
	bool was_here; /* the name meant this image before */
};

/* Asks where the configuration says (engine/registries.h), as who we are there (engine/credentials.h), and records what came. */
int engine_pull(const struct engine *en, const struct pull_args *args, struct arena *a, struct pulled *out, struct err *e) MUST_CHECK;

/* All tagged names of the registry's repository that what names, familiar. ERR_INVALID: it has a tag or a digest; ERR_NOTFOUND: there is none. */
int engine_pull_names(const struct engine *en, const char *what, struct arena *a, const char *const **out, size_t *n, struct err *e) MUST_CHECK;

/* What refers to an image at the registry that knows it as known: "HOST/PATH@sha256:…" (struct image's digests). */
int engine_referrers(const struct engine *en, const char *known, struct arena *a, struct listing_referrer **out, size_t *n,
		     struct err *e) MUST_CHECK;

#endif
