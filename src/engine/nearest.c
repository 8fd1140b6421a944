#include "engine/nearest.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

bool nearest_row(struct catalog *c, const char *sql, const char *what, char out[NEAREST_LEN])
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	size_t best = strlen(what) / 3 + 1;
	struct err ignored;
	bool found = false;

	if (cat_prepare(c, &s, &ignored, sql, "") < 0)
		return false;
	while (cat_step(s, &ignored) > 0) {
		size_t d = text_distance(what, cat_text(s, 0));

		if (d < best || (d == best && !found)) {
			best = d;
			found = true;
			snprintf(out, NEAREST_LEN, "%s", cat_text(s, 0));
		}
	}
	return found;
}
