/* Image names as people write them: [DOMAIN/]PATH[:TAG][@DIGEST], the reference grammar of the distribution project.
 * The canonical form has everything ("docker.io/library/busybox:latest"); the familiar one is what people read
 * ("busybox:latest"). */
#ifndef TARE_IMAGE_REF_H
#define TARE_IMAGE_REF_H

#include "base/arena.h"
#include "base/err.h"

struct image_ref {
	const char *domain; /* "docker.io" when none was written */
	const char *path;   /* "library/busybox" */
	const char *tag;    /* "latest" when neither tag nor digest was written; may be NULL beside a digest */
	const char *digest; /* "sha256:…", NULL without */
};

/* Parses and completes. ERR_INVALID says what is wrong with the name. */
int image_ref_parse(struct arena *a, const char *text, struct image_ref *out, struct err *e) MUST_CHECK;

/* Strings in a; NULL when out of memory. */
const char *image_ref_canonical(struct arena *a, const struct image_ref *ref);
const char *image_ref_familiar(struct arena *a, const struct image_ref *ref);

#endif
