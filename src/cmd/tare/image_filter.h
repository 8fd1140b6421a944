/* --filter of `tare images` and `tare image prune`. */
#ifndef TARE_CMD_TARE_IMAGE_FILTER_H
#define TARE_CMD_TARE_IMAGE_FILTER_H

#include "cmd/cli.h"
#include "engine/images.h"

#define IMAGE_FILTER_LIST "dangling reference label label! before since until digest"
#define IMAGE_FILTER_PRUNE "label label! until"

/* Whether an image, under the name tag (canonical; NULL: it has none), passes all of them: 1, 0. ERR_INVALID names the keys there are
 * (keys: one of the texts above, which says which those are); ERR_NOTFOUND: the image of before or since. */
int image_filter(const struct engine *en, struct arena *a, const struct cli_strv *filters, const char *keys, const struct image *img,
		 const char *tag, struct err *e) MUST_CHECK;

#endif
