/* --filter of `tare images` and `tare image prune`. */
#ifndef TARE_API_DOCKER_IMAGE_FILTER_H
#define TARE_API_DOCKER_IMAGE_FILTER_H

#include "engine/options.h"
#include "engine/images.h"

#define IMAGE_FILTER_LIST "dangling reference label label! before since until digest"
#define IMAGE_FILTER_PRUNE "label label! until"

/* Whether they make sense, which must be said also where there is no image to ask. keys: one of the texts above. ERR_INVALID names them. */
int image_filter_check(struct strv filters, const char *keys, struct err *e) MUST_CHECK;
/* Whether an image, under the name tag (canonical; NULL: it has none), passes all of them, which were checked: 1, 0. ERR_NOTFOUND: the
 * image of before or since. */
int image_filter(const struct engine *en, struct arena *a, struct strv filters, const struct image *img, const char *tag,
		 struct err *e) MUST_CHECK;
/* The same of one that would be removed. It is as old as it is here: what was built a minute ago says of itself that it is as old as its base. */
int image_filter_prune(const struct engine *en, struct arena *a, struct strv filters, const struct image *img, struct err *e) MUST_CHECK;
/* Whether name (canonical, with its tag or digest; NULL: none) of the image is one that reference=PATTERN is for. */
bool image_matches(struct arena *a, const struct image *img, const char *name, const char *pattern);

#endif
