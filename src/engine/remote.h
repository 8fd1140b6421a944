/* One name at a registry, asked for as who we are there: what `tare pull` and the caches of builds have in common. */
#ifndef TARE_ENGINE_REMOTE_H
#define TARE_ENGINE_REMOTE_H

#include "engine/access.h"
#include "image/pull.h"

/* Points into itself: it must not be moved. */
struct remote {
	struct access access;
	struct image_ref ref;
	const char *name; /* familiar */
	char transfer[PATH_MAX], worker[PATH_MAX];
	struct image_pull_args pull; /* complete but for who looks on; platform NULL, limits the usual */
};
#define REMOTE_INIT { .access = ACCESS_INIT }
#define CLEANUP_REMOTE CLEANUP(remote_end)

/* what: as people write it. Strings live in a. */
int remote_open(const struct engine *en, struct arena *a, const char *what, struct remote *out, struct err *e) MUST_CHECK;
void remote_end(struct remote *r);

#endif
