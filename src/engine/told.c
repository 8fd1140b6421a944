/* A hash of each text stays with us. Those of the file's life would be enough, for what is repeated comes with the next
 * command about the container; but nothing is forgotten, for 8 bytes an end are little. */
#include "engine/told.h"

#include <errno.h>
#include <stdlib.h>

void told_end(struct told *t)
{
	free(t->v);
}

static uint64_t hash(const char *s)
{
	uint64_t h = 0xcbf29ce484222325;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3;
	return h ? h : 1;
}

static uint64_t *place_of(uint64_t *v, size_t cap, uint64_t h)
{
	size_t i = (size_t)h & (cap - 1);

	while (v[i] && v[i] != h)
		i = (i + 1) & (cap - 1);
	return &v[i];
}

static int grow(struct told *t)
{
	size_t cap = t->cap ? 2 * t->cap : 256;
	uint64_t *v = calloc(cap, sizeof(*v));

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < t->cap; i++)
		if (t->v[i])
			*place_of(v, cap, t->v[i]) = t->v[i];
	free(t->v);
	t->v = v;
	t->cap = cap;
	return 0;
}

int told_before(struct told *t, const char *once)
{
	uint64_t h = hash(once), *place;

	if (t->n * 2 >= t->cap && grow(t) < 0)
		return -ENOMEM;
	place = place_of(t->v, t->cap, h);
	if (*place)
		return 1;
	*place = h;
	t->n++;
	return 0;
}
