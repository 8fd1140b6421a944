/* Between the parts of engine/copy: where something is copied from and to. */
#ifndef TARE_ENGINE_COPY_IMPL_H
#define TARE_ENGINE_COPY_IMPL_H

#include "engine/access.h"
#include "engine/copy.h"
#include "engine/images.h"
#include "image/layout.h"

enum place_kind { PLACE_STORE, PLACE_REGISTRY, PLACE_LAYOUT, PLACE_OCI_ARCHIVE, PLACE_DOCKER_ARCHIVE };

struct place {
	enum place_kind kind;
	const char *text; /* as it was written */
	const char *path; /* of a folder or file */
	const char *name; /* in it; NULL without */
	struct image_ref ref; /* of a registry or the store */
};
int place_parse(struct arena *a, const char *text, struct place *out, struct err *e) MUST_CHECK;

struct copy {
	const struct engine *en;
	const struct copy_args *args;
	struct arena *arena;
	struct err *e;
	struct place from, to;
	struct store store, other; /* ours; of an archive that is read, one in the staging folder */
	struct store_ingest ingest; /* what comes from a registry; keeps the collector away */
	struct layout layout;      /* that is read */
	struct registry_client registry;
	struct access access;      /* of the source */
	uint64_t endpoint;
	struct closure parts;      /* the last document is what is asked for */
};

/* Finds out what belongs to the source, and brings it where copy_open() finds it. */
int copy_take(struct copy *c) MUST_CHECK;
/* O_RDONLY fd of a blob or document of the source. */
int copy_open(struct copy *c, const char *digest, struct err *e) MUST_CHECK;

#endif
