#include "api/docker/search.h"

#include <string.h>

#include "api/docker/filters.h"
#include "base/text.h"

static int matches(const char *key, const char *value, void *data, struct err *e)
{
	const struct search_result *found = data;
	bool want = false;
	uint64_t least;
	int r;

	if (strcmp(key, "stars") == 0)
		return text_u64(value, &least) < 0 ? err_set(e, ERR_INVALID, "--filter stars=%s: want a number", value) : found->stars >= least;
	if (strcmp(key, "is-official") != 0 && strcmp(key, "is-automated") != 0)
		return err_set(e, ERR_INVALID, "--filter %s=%s: the keys are " SEARCH_FILTER_KEYS, key, value);
	r = filter_bool(key, value, &want, e);
	return r < 0 ? r : want == (strcmp(key, "is-official") == 0 ? found->official : found->automated);
}

int search_check(struct arena *a, int64_t limit, struct strv filters, struct err *e)
{
	struct search_result none = { .name = "" };

	if (limit < 1 || limit > SEARCH_MOST)
		return err_set(e, ERR_INVALID, "--limit %lld: 1 to %d", (long long)limit, SEARCH_MOST);
	return filter_check(a, filters, matches, &none, e);
}

int search_filtered(const struct engine *en, struct arena *a, const char *term, int64_t limit, struct strv filters, struct search_result **out, size_t *n,
		    struct err *e)
{
	size_t found = 0;
	int r = search_check(a, limit, filters, e);

	*n = 0;
	if (r == 0)
		r = engine_search(en, a, term, (unsigned int)limit, out, &found, e);
	for (size_t i = 0; r >= 0 && i < found; i++) {
		r = filter_passes(a, filters, matches, &(*out)[i], e);
		if (r > 0)
			(*out)[(*n)++] = (*out)[i];
	}
	return r < 0 ? r : 0;
}
