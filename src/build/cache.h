/* Where else than in this store steps of builds have left what they gave: --cache-from, and where they are to: --cache-to. */
#ifndef TARE_BUILD_CACHE_H
#define TARE_BUILD_CACHE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"

enum build_cache_kind {
	CACHE_REGISTRY, /* a name in a registry: a cache, or an image with one inside */
	CACHE_LOCAL,    /* a folder, an OCI layout */
	CACHE_INLINE    /* inside the image that is built; only to */
};

struct build_cache {
	const char *text; /* as it was written, for messages */
	enum build_cache_kind kind;
	const char *place; /* name or folder; NULL of CACHE_INLINE */
	bool all;          /* mode=max: of all stages, not of what is in the image alone */
	bool may_fail;     /* ignore-error=true */
};

/* A value of --cache-from, or with `to` of --cache-to, as buildx has it: a name, or type=registry|local|inline with ref=, src=, dest=, mode=.
 * Everything is in a. */
int build_cache_parse(struct arena *a, const char *text, bool to, struct build_cache *out, struct err *e) MUST_CHECK;

#endif
