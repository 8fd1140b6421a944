#include "api/docker/pairs_view.h"

void pairs_view(const char *key, const struct json *pairs, bool null, struct json_writer *w)
{
	if (null && (!pairs || !pairs->len)) {
		jw_null(w, key);
		return;
	}
	jw_object(w, key);
	json_each(pair, pairs)
		jw_value(w, pair->key, pair);
	jw_end_object(w);
}
