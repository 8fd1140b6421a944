/* `tare image verify`: what the store has of an image against its digests, and mending it. */
#ifndef TARE_ENGINE_VERIFY_H
#define TARE_ENGINE_VERIFY_H

#include "engine/engine.h"
#include "engine/images.h"

/* What is found, and what is done about it. image: its name, or its id. */
struct verify_event {
	const char *image;
	const char *layer; /* chain id; NULL: it is about the image's documents */
	const char *where; /* a blob, a path in the layer; NULL: it is about all of that layer */
	const char *what;
	bool repaired;     /* else it is a fault */
};
typedef void (*verify_event_fn)(const struct verify_event *event, void *data);

struct verification {
	bool repair;
	verify_event_fn fn;
	void *data;
	/* out */
	size_t faults;   /* that are still there */
	/* private */
	const struct engine *en;
	struct arena arena;
	struct store store;
	struct store_ingest ingest;
	char worker[PATH_MAX];
	struct verify_seen *seen; /* a layer that several images have is looked at once */
	size_t n_seen, cap_seen;
};
#define VERIFICATION_INIT { .store = STORE_INIT, .ingest = STORE_INGEST_INIT, .arena = ARENA_INIT }
#define CLEANUP_VERIFICATION CLEANUP(verification_end)

/* repair, fn and data are set before. From here to the end the collector stays away. */
int verification_begin(struct verification *v, const struct engine *en, struct err *e) MUST_CHECK;
void verification_end(struct verification *v);
/* One image: its configuration and manifest, and its layers. With repair: what is wrong of an unpacked layer is unpacked again, unless a
 * container runs that has it; a bad or missing blob is fetched again, by the image's manifest, from where its names say. *faults of v grows
 * by those that stay. */
int verification_image(struct verification *v, const struct image *img, struct err *e) MUST_CHECK;

#endif
