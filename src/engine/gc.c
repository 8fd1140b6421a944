/* A collection that runs by itself must never be what somebody minds: it takes what can be had again (caches, layers) before what
 * cannot (what a container wrote), and that only where it was told to. Free room is looked at before each thing that goes, so that
 * it stops where it need not go on.
 *
 * An image is as old as what was last done with its name: pulled, built, loaded or tagged. A container is as old as its end. */
#include "engine/gc.h"

#include <sys/statvfs.h>

#include "engine/buildcache.h"
#include "engine/settle.h"

struct collection {
	const struct engine *en;
	const struct gc_policy *policy;
	prune_fn fn;
	void *data;
	uint64_t freed;
};

/* 1: as much is free as was asked for, so nothing more goes. */
static int enough(const struct collection *c, struct err *e)
{
	const struct gc_policy *p = c->policy;
	struct statvfs fs;
	uint64_t free, want;

	if (!p->free && !p->free_part)
		return 0;
	if (fstatvfs(c->en->root_fd, &fs) < 0)
		return err_errno(e, -errno, "how full the disk of %s is", c->en->root);
	free = (uint64_t)fs.f_bavail * fs.f_frsize;
	want = (uint64_t)fs.f_blocks * fs.f_frsize / 100 * p->free_part;
	return free >= (p->free > want ? p->free : want);
}

static void told(const char *kind, const char *what, void *data)
{
	struct collection *c = data;

	c->fn(kind, what, c->data);
}

static int collect(struct collection *c, struct err *e)
{
	struct store_gc_result gc = { 0 };
	int r = image_gc(c->en, &gc, e);

	c->freed += gc.bytes;
	return r;
}

/* What the images before it left is given back first: only then it is known whether this one has to go. */
static int image_goes(const struct image *img, void *data, struct err *e)
{
	struct collection *c = data;
	int64_t used = img->tagged > img->loaded ? img->tagged : img->loaded;
	int r;

	if (used >= c->policy->until)
		return 0;
	r = c->policy->free || c->policy->free_part ? collect(c, e) : 0;
	if (r == 0)
		r = enough(c, e);
	return r < 0 ? r : !r;
}

static int container_goes(const struct record *rec, const struct json *labels, void *data, struct err *e)
{
	struct collection *c = data;
	int r;

	(void)labels;
	if ((rec->finished ? rec->finished : rec->created) >= c->policy->until)
		return 0;
	r = enough(c, e);
	return r < 0 ? r : !r;
}

static int images(struct collection *c, bool all, struct err *e)
{
	uint64_t freed = 0;
	int r = prune_images(c->en, all, image_goes, told, c, &freed, e);

	c->freed += freed;
	return r;
}

static int cache(struct collection *c, struct err *e)
{
	const struct buildcache_prune args = { .until = c->policy->until, .keep = c->policy->keep_cache };
	uint64_t freed = 0;
	int r = buildcache_prune(c->en, &args, &freed, e);

	c->freed += freed;
	return r;
}

static int containers(struct collection *c, struct err *e)
{
	return prune_containers(c->en, container_goes, told, c, &c->freed, e);
}

static int unnamed(struct collection *c, struct err *e)
{
	return images(c, false, e);
}

static int named(struct collection *c, struct err *e)
{
	return images(c, true, e);
}

int gc_run(const struct engine *en, const struct gc_policy *policy, prune_fn fn, void *data, uint64_t *freed, struct err *e)
{
	const struct {
		int (*fn)(struct collection *c, struct err *e);
		bool wanted;
	} steps[] = { { cache, true }, { unnamed, true }, { containers, policy->containers }, { named, policy->all } };
	struct collection c = { en, policy, fn, data, 0 };
	int r;

	settle_garbage(en);
	r = collect(&c, e);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(steps); i++) {
		r = steps[i].wanted ? enough(&c, e) : 0;
		if (r == 0 && steps[i].wanted)
			r = steps[i].fn(&c, e);
		else if (r > 0)
			break;
	}
	*freed = c.freed;
	return r < 0 ? r : 0;
}
