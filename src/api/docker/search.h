/* What a registry finds (engine/search.h), as far as filters leave it. */
#ifndef TARE_API_DOCKER_SEARCH_H
#define TARE_API_DOCKER_SEARCH_H

#include "engine/options.h"
#include "engine/search.h"

#define SEARCH_FILTER_KEYS "is-automated is-official stars"
/* ERR_INVALID: the limit, or a filter that is none: what is to be said before anybody is asked. */
int search_check(struct arena *a, int64_t limit, struct strv filters, struct err *e) MUST_CHECK;
/* What passes, in the registry's order; errors are those of search_check() and engine_search(). */
int search_filtered(const struct engine *en, struct arena *a, const char *term, int64_t limit, struct strv filters, struct search_result **out, size_t *n,
		    struct err *e) MUST_CHECK;

#endif
