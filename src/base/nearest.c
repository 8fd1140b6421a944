#include "base/nearest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static bool lower(const char *s, char out[NEAREST_LEN])
{
	size_t len = strlen(s);

	if (len >= NEAREST_LEN)
		return false;
	for (size_t i = 0; i <= len; i++)
		out[i] = (char)tolower((unsigned char)s[i]);
	return true;
}

bool nearest_offer(struct nearest *n, const char *name)
{
	char a[NEAREST_LEN], b[NEAREST_LEN];
	size_t len = strlen(n->word), d;

	if (!lower(n->word, a) || !lower(name, b) || !*name)
		return false;
	d = text_distance(a, b);
	if (d > (len < 4 ? 1 : len / 3 + 1) || (n->best[0] && d >= n->distance))
		return false;
	n->distance = d;
	(void)snprintf(n->best, sizeof(n->best), "%s", name);
	return true;
}

const char *nearest_hint(const struct nearest *n, char out[NEAREST_HINT_LEN])
{
	out[0] = '\0';
	if (n->best[0])
		(void)snprintf(out, NEAREST_HINT_LEN, "; did you mean %s?", n->best);
	return out;
}
