#include "engine/nearest.h"

#include <string.h>

#define CONTAINERS "SELECT name FROM containers"
#define NETWORKS "SELECT name FROM networks"
#define VOLUMES "SELECT name FROM volumes"
#define IMAGES "SELECT replace(replace(ref, 'docker.io/library/', ''), ':latest', '') FROM tags"

void nearest_rows(struct catalog *c, const char *sql, struct nearest *n)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	struct err ignored;

	if (cat_prepare(c, &s, &ignored, sql, "") < 0)
		return;
	while (cat_step(s, &ignored) > 0)
		(void)nearest_offer(n, cat_text(s, 0));
}

bool nearest_row(struct catalog *c, const char *sql, const char *what, char out[NEAREST_LEN])
{
	struct nearest near = NEAREST(what);

	nearest_rows(c, sql, &near);
	memcpy(out, near.best, NEAREST_LEN);
	return near.best[0];
}

bool nearest_image(struct catalog *c, const char *what, char out[NEAREST_LEN])
{
	return nearest_row(c, IMAGES, what, out);
}

bool nearest_thing(struct catalog *c, const char *what, char out[NEAREST_LEN])
{
	return nearest_row(c, CONTAINERS " UNION ALL " IMAGES " UNION ALL " NETWORKS " UNION ALL " VOLUMES, what, out);
}
