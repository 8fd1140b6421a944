/* Names of images, and platforms, as requests have them. */
#ifndef TARE_API_DOCKER_IMAGE_NAMES_H
#define TARE_API_DOCKER_IMAGE_NAMES_H

#include "base/arena.h"
#include "base/err.h"

/* "REPOSITORY:TAG", or with a digest as the tag "REPOSITORY@DIGEST"; without a tag (NULL, "") the repository, whose own tag stays. ERR_INVALID: there is
 * no repository. */
int image_name_of(struct arena *a, const char *repository, const char *tag, const char **out, struct err *e) MUST_CHECK;

/* A platform as a query has it, "linux/arm64" or the JSON {"os","architecture","variant"}, as "linux/arm64"; NULL where text is NULL or empty. ERR_INVALID. */
int image_platform(struct arena *a, const char *text, const char **out, struct err *e) MUST_CHECK;

#endif
