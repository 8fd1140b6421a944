/* The JSON documents that hold images together, parsed into what the loader needs: docker's manifest.json, OCI index
 * and manifest with Docker's equivalents. Pure functions over text; everything lives in the arena. */
#ifndef TARE_IMAGE_MANIFEST_H
#define TARE_IMAGE_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "image/platform.h"

/* One entry of docker's manifest.json. */
struct docker_image {
	const char *config;              /* member name */
	const char *const *names;        /* NULL-terminated */
	const char *const *layers;       /* member names, bottom first */
	size_t n_layers;
};
int manifest_parse_docker(struct arena *a, const char *text, size_t len, const struct docker_image **out, size_t *n,
			  struct err *e) MUST_CHECK;

enum media_kind { MEDIA_INDEX, MEDIA_MANIFEST, MEDIA_CONFIG, MEDIA_LAYER };

/* What a media type is to us, or an error that names it and says why not: foreign layers, encrypted ones, schema 1,
 * artifacts, unknown. */
int media_kind(const char *type, enum media_kind *out, struct err *e) MUST_CHECK;

struct descriptor {
	const char *type, *digest;
	enum media_kind kind;
	uint64_t size;
	const char *name;         /* io.containerd.image.name, else org.opencontainers.image.ref.name, else NULL */
	bool has_platform;
	struct platform platform;
	bool attestation;         /* build provenance beside images: no image */
	bool unknown;             /* in an index: of a media type that media_kind() refuses; kind says nothing */
};

/* The file oci-layout: ERR_UNSUPPORTED for another version of the layout than 1 (image-layout.md, "oci-layout file"). */
int manifest_check_layout(struct arena *a, const char *text, size_t len, struct err *e) MUST_CHECK;

/* An index; entries that are no images (attestations, unknown types) keep their place. */
int manifest_parse_index(struct arena *a, const char *text, size_t len, const struct descriptor **out, size_t *n,
			 struct err *e) MUST_CHECK;

/* How well an entry suits a platform: 0 not at all. Where it does not say its platform, its configuration decides when it is read. */
int manifest_suits(const struct descriptor *d, const struct platform *want);
/* The entry that suits best. ERR_UNSUPPORTED lists the platforms there are; given: want was asked for, it is not just the machine's. */
int manifest_choose(const struct descriptor *d, size_t n, const struct platform *want, bool given, size_t *best, struct err *e) MUST_CHECK;

struct manifest {
	struct descriptor config;
	const struct descriptor *layers; /* bottom first */
	size_t n_layers;
};
int manifest_parse(struct arena *a, const char *text, size_t len, struct manifest *out, struct err *e) MUST_CHECK;
/* Of one that manifest_parse() refuses: what kind of artifact it says it is (image-spec, manifest.md, "Guidelines for Artifact Usage"); NULL:
 * it is none. Any bytes, as the document is. */
const char *manifest_artifact_type(struct arena *a, const char *text, size_t len);

#endif
