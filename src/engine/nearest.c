#include "engine/nearest.h"

#include <stdio.h>
#include <string.h>

#define LONGEST 64

static unsigned int min3(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int m = a < b ? a : b;

	return m < c ? m : c;
}

unsigned int nearest_distance(const char *a, const char *b)
{
	unsigned int rows[3][LONGEST + 1]; /* two rows back, one back, this one */
	size_t la = strlen(a), lb = strlen(b);

	if (la > LONGEST || lb > LONGEST)
		return LONGEST;
	for (unsigned int j = 0; j <= lb; j++)
		rows[1][j] = j;
	for (size_t i = 1; i <= la; i++) {
		rows[2][0] = (unsigned int)i;
		for (size_t j = 1; j <= lb; j++) {
			unsigned int cost = a[i - 1] != b[j - 1];

			rows[2][j] = min3(rows[1][j] + 1, rows[2][j - 1] + 1, rows[1][j - 1] + cost);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && rows[0][j - 2] + 1 < rows[2][j])
				rows[2][j] = rows[0][j - 2] + 1;
		}
		memcpy(rows[0], rows[1], sizeof(rows[0]));
		memcpy(rows[1], rows[2], sizeof(rows[1]));
	}
	return rows[1][lb];
}

bool nearest_row(struct catalog *c, const char *sql, const char *what, char out[NEAREST_LEN])
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	unsigned int best = (unsigned int)strlen(what) / 3 + 1;
	struct err ignored;
	bool found = false;

	if (cat_prepare(c, &s, &ignored, sql, "") < 0)
		return false;
	while (cat_step(s, &ignored) > 0) {
		unsigned int d = nearest_distance(what, cat_text(s, 0));

		if (d < best || (d == best && !found)) {
			best = d;
			found = true;
			snprintf(out, NEAREST_LEN, "%s", cat_text(s, 0));
		}
	}
	return found;
}
