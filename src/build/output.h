/* What becomes of a build besides, or instead of, an image of the store: --output. */
#ifndef TARE_BUILD_OUTPUT_H
#define TARE_BUILD_OUTPUT_H

#include "base/newfile.h"
#include "build/split.h"
#include "image/save.h"

enum build_output_kind {
	OUTPUT_IMAGE,  /* an image of the store */
	OUTPUT_LOCAL,  /* its files, in a folder */
	OUTPUT_TAR,    /* its files, in a tar */
	OUTPUT_OCI,    /* the image, in an archive */
	OUTPUT_DOCKER,
};

struct build_output {
	const char *text; /* as it was written, for messages */
	enum build_output_kind kind;
	const char *dest;     /* "-": standard output; NULL of OUTPUT_IMAGE */
	struct df_list names; /* of the image, besides those of -t; as people write them */
	bool push;            /* of OUTPUT_IMAGE: to the registries of its names, by whoever asked for the build */
};

/* A value of --output, as buildx has it: a folder, "-", or type=local|tar|oci|docker|image|registry with dest=, name=, push=.
 * Everything is in a. */
int build_output_parse(struct arena *a, const char *text, struct build_output *out, struct err *e) MUST_CHECK;

/* Where one goes, opened before anything is built. */
struct output_file {
	struct newfile file;
	int fd;
};

struct build;
int outputs_begin(struct build *b, struct err *e) MUST_CHECK;
/* img: of the last stage, its documents staged at least; its names are not looked at. */
int outputs_write(struct build *b, const struct image_saved *img, struct err *e) MUST_CHECK;
void outputs_end(struct build *b);

#endif
