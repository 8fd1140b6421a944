#include "engine/nearest.h"

#include <string.h>

bool nearest_row(struct catalog *c, const char *sql, const char *what, char out[NEAREST_LEN])
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	struct nearest near = NEAREST(what);
	struct err ignored;

	if (cat_prepare(c, &s, &ignored, sql, "") < 0)
		return false;
	while (cat_step(s, &ignored) > 0)
		(void)nearest_offer(&near, cat_text(s, 0));
	memcpy(out, near.best, NEAREST_LEN);
	return near.best[0];
}
