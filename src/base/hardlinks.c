#include "base/hardlinks.h"

struct hardlink {
	struct hardlink *next;
	dev_t dev;
	ino_t ino;
	const char *name;
};

const char *hardlinks_first(struct hardlinks *h, struct arena *a, const struct stat *st, const char *name)
{
	struct hardlink **bucket = &h->buckets[(size_t)st->st_ino % HARDLINKS_BUCKETS], *l;

	if (S_ISDIR(st->st_mode) || st->st_nlink < 2)
		return NULL;
	for (l = *bucket; l; l = l->next)
		if (l->ino == st->st_ino && l->dev == st->st_dev)
			return l->name;
	l = arena_new(a, struct hardlink);
	if (l) {
		*l = (struct hardlink){ *bucket, st->st_dev, st->st_ino, arena_strdup(a, name) };
		*bucket = l;
	}
	return NULL;
}
