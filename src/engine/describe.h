/* What a registry has under a name, without fetching any of it. */
#ifndef TARE_ENGINE_DESCRIBE_H
#define TARE_ENGINE_DESCRIBE_H

#include "base/arena.h"
#include "engine/engine.h"
#include "image/platform.h"

struct described {
	const char *media_type, *digest; /* of the document that the name leads to: an index, or a manifest */
	uint64_t size;
	const struct platform *platforms; /* which it is for */
	size_t n;
};

/* what: as people write it. Texts in a. Errors as of a pull. */
int engine_describe(const struct engine *en, const char *what, struct arena *a, struct described *out, struct err *e) MUST_CHECK;

#endif
