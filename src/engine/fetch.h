/* Files by URL for builds: through the environment's proxy, and not once more when the server says that it still is what it was. */
#ifndef TARE_ENGINE_FETCH_H
#define TARE_ENGINE_FETCH_H

#include "base/arena.h"
#include "engine/engine.h"
#include "image/fetch.h"

/* GET of url (http or https) into fd, an empty file, through tare-transfer. remembered: where the server named a version (ETag) when it
 * was fetched last, it is asked whether that is the one still; then unchanged and digest are set, and nothing else. What is remembered
 * goes with `tare builder prune --all`. Strings in a. ERR_INVALID: no URL, or one with a login. */
int engine_fetch(const struct engine *en, struct arena *a, const char *url, bool remembered, uint64_t max, int fd, struct fetched *out,
		 struct err *e) MUST_CHECK;

/* Whether a folder of build-cache/ is what is remembered of a URL: that, in a, made harmless for a terminal; else NULL. */
const char *fetch_remembered(int folder, struct arena *a);

#endif
