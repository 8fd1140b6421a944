/* What is to be loaded: images, and the layers they need, each unpacked once. Filled by docker.c or oci.c, carried out
 * by images.c. Everything lives in the arena of the archive. */
#ifndef TARE_WORKER_PLAN_H
#define TARE_WORKER_PLAN_H

#include "image/worker/archive.h"
#include "image/worker/layer.h"

struct plan_layer {
	const char *member;     /* where its bytes are */
	const char *media_type; /* as the manifest says; NULL: told by its packing */
	const char *blob;       /* digest of its bytes, NULL = not known before they are read */
	uint64_t size;          /* of its bytes, UINT64_MAX = not known */
	const char *diff_id, *chain_id;
	size_t job; /* into plan.jobs */
};

struct plan_image {
	const char **names; /* NULL-terminated */
	size_t n_names;
	const char *config, *manifest; /* digests; both are staged already; manifest may be NULL */
	struct plan_layer *layers;
	size_t n_layers;
};

struct plan_job {
	const struct plan_layer *layer; /* the first that asked for it */
	bool needed;                    /* false: the store has tree and blob */
	struct layer_job result;
};

struct plan {
	struct task *task;
	struct archive_index *archive;
	struct arena *arena;
	struct plan_image *images;
	size_t n_images, cap_images;
	struct plan_job *jobs;
	size_t n_jobs, cap_jobs;
};

/* Reads a small blob of the archive, checks digest and size where they are known (digest NULL, size UINT64_MAX), stages
 * it, and gives text and digest. */
int plan_blob(struct plan *p, const char *member, const char *digest, uint64_t size, const char **text, size_t *len,
	      const char **actual, struct err *e) MUST_CHECK;

/* Adds an image whose layers have member, media_type, blob and size; diff ids and chain ids come from its
 * configuration, which is checked against the wanted platform. An image that is there already gets the names. */
int plan_image(struct plan *p, struct plan_image *img, const char *config_text, size_t len, struct err *e) MUST_CHECK;

int plan_docker(struct plan *p, struct err *e) MUST_CHECK;
int plan_oci(struct plan *p, struct err *e) MUST_CHECK;

#endif
