/* What a registry finds by a word: the search of Docker Hub's index, GET /v1/search, which few other registries have. */
#ifndef TARE_ENGINE_SEARCH_H
#define TARE_ENGINE_SEARCH_H

#include <stdbool.h>

#include "base/arena.h"
#include "engine/engine.h"
#include "image/ref.h"

struct search_result {
	const char *name, *description; /* untrusted; "" where nothing is said */
	uint64_t stars;
	bool official, automated;
};

#define SEARCH_MOST 100 /* results that are asked for at once; the index gives no more */

/* term: words, or HOST[:PORT]/words for another registry than Docker Hub. limit: 1 to SEARCH_MOST. Results in a, as the registry orders
 * them. ERR_NOTFOUND: it has no search; ERR_INVALID: no term, or no answer; else as registries have it. */
int engine_search(const struct engine *en, struct arena *a, const char *term, unsigned int limit, struct search_result **out, size_t *n,
		  struct err *e) MUST_CHECK;

/* Which registry a term is asked of (ref's domain), and what there. */
int search_term(struct arena *a, const char *term, struct image_ref *ref, const char **words, struct err *e) MUST_CHECK;

#endif
