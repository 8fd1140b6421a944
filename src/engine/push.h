/* `tare push`: an image of the catalog goes to the registry that its name says. */
#ifndef TARE_ENGINE_PUSH_H
#define TARE_ENGINE_PUSH_H

#include "engine/engine.h"
#include "image/push.h"

struct push_args {
	const char *what;     /* a name, as people write it; without tag: latest */
	const char *platform; /* NULL: whatever it is for */
	image_push_fn progress;
	void *progress_data;
};

struct pushed {
	const char *name;   /* familiar, in the arena as all texts */
	const char *tag;
	const char *digest; /* of what got the tag, the manifest or an index, here and there */
	uint64_t size;      /* its bytes */
};

/* Pushes to the registry itself, never to a mirror (engine/registries.h), as who we are there (engine/credentials.h). A blob that another
 * name of the same registry has, too, is asked to be taken from there. */
int engine_push(const struct engine *en, const struct push_args *args, struct arena *a, struct pushed *out, struct err *e) MUST_CHECK;

/* The same of a manifest that is no image of the catalog: args->what is only where it goes. staged: see image/push.h. */
int engine_push_staged(const struct engine *en, const struct push_args *args, const struct store_ingest *staged, const char *manifest,
		       struct arena *a, struct pushed *out, struct err *e) MUST_CHECK;

/* "DOMAIN/PATH" of a name, as `docker push` prints it; ERR_INVALID: it is none, or has a digest. tagged: whether a tag was written. */
int engine_push_repository(struct arena *a, const char *what, const char **repository, bool *tagged, struct err *e) MUST_CHECK;
/* All tagged names of what's repository, familiar. ERR_NOTFOUND: there is none. */
int engine_push_names(const struct engine *en, const char *what, struct arena *a, const char *const **out, size_t *n,
		      struct err *e) MUST_CHECK;

#endif
