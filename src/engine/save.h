/* `tare save`: images of the catalog into an archive. */
#ifndef TARE_ENGINE_SAVE_H
#define TARE_ENGINE_SAVE_H

#include "engine/engine.h"
#include "image/save.h"

/* what: names and ids, as people write them. A name with a tag saves the image under that name, one without under all tags that the
 * repository has here, and an id or a digest without a name. out: see image_save(). */
int engine_save(const struct engine *en, const char *const *what, size_t n, enum save_format format, int out, struct err *e) MUST_CHECK;

#endif
