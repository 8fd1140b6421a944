#include "engine/save.h"

#include <string.h>

#include "base/text.h"
#include "engine/events.h"
#include "engine/images.h"
#include "image/ref.h"

struct picked {
	const char *id, *manifest, *top;
	const char **names;
	size_t n, cap;
};

struct picking {
	struct catalog *catalog;
	const struct store *store;
	struct arena *arena;
	struct picked *v;
	size_t n, cap;
	struct err *e;
};

static int no_memory(struct picking *p)
{
	return err_errno(p->e, -ENOMEM, "save");
}

/* name NULL: without one. An image that was named twice, and meant the same, is there once. */
static int pick(struct picking *p, const struct image *img, const char *name)
{
	struct picked *more, *to = NULL;
	struct image_top top = { .manifest = img->manifest, .digest = img->manifest };
	const char **names;
	int r = name ? image_top(p->catalog, p->store, p->arena, name, img, &top, p->e) : 0;

	if (r < 0)
		return r;
	for (size_t i = 0; i < p->n && !to; i++)
		to = strcmp(p->v[i].id, img->id) == 0 && (!name || strcmp(p->v[i].top, top.digest) == 0) ? &p->v[i] : NULL;
	if (!to) {
		more = arena_grow(p->arena, p->v, p->n, &p->cap, sizeof(*more));
		if (!more)
			return no_memory(p);
		p->v = more;
		to = &p->v[p->n++];
		*to = (struct picked){ .id = img->id, .manifest = top.manifest, .top = top.digest };
	}
	for (size_t i = 0; name && i < to->n; i++)
		if (strcmp(to->names[i], name) == 0)
			return 0;
	if (!name)
		return 0;
	names = arena_grow(p->arena, to->names, to->n, &to->cap, sizeof(*names));
	if (!names)
		return no_memory(p);
	to->names = names;
	to->names[to->n++] = name;
	return 0;
}

/* Whether the last part of the name, as it was written, has a tag. */
static bool has_tag(const char *what)
{
	const char *slash = strrchr(what, '/');

	return strchr(slash ? slash : what, ':') != NULL;
}

/* All tags of a repository; how many there were. */
static int pick_repository(struct picking *p, const struct image_ref *ref)
{
	struct image *images;
	size_t n, found = 0;
	int r = image_list(p->catalog, p->arena, &images, &n, p->e);

	for (size_t i = 0; r == 0 && i < n; i++)
		for (size_t k = 0; r == 0 && k < images[i].n_tags; k++) {
			struct image_ref have;
			struct err ignored;

			if (image_ref_parse(p->arena, images[i].tags[k], &have, &ignored) < 0 || have.digest ||
			    strcmp(have.domain, ref->domain) != 0 || strcmp(have.path, ref->path) != 0)
				continue;
			found++;
			r = pick(p, &images[i], images[i].tags[k]);
		}
	return r < 0 ? r : (int)found;
}

static int pick_one(struct picking *p, const char *what)
{
	struct image_ref ref;
	struct err ignored;
	struct image img;
	const char *name = NULL;
	bool is_name = image_ref_parse(p->arena, what, &ref, &ignored) == 0 && !ref.digest;
	int r = is_name && !has_tag(what) ? pick_repository(p, &ref) : 0;

	if (r != 0)
		return r < 0 ? r : 0;
	r = image_find(p->catalog, p->arena, what, &img, p->e);
	if (r < 0)
		return r;
	if (is_name)
		name = image_ref_canonical(p->arena, &ref);
	for (size_t i = 0; name && i < img.n_tags; i++)
		if (strcmp(img.tags[i], name) == 0)
			return pick(p, &img, name);
	return pick(p, &img, NULL); /* by id */
}

static int save(struct picking *p, struct store_ingest *in, enum save_format format, int out)
{
	struct image_saved *v = arena_array(p->arena, p->n + 1, sizeof(*v));

	if (!v)
		return no_memory(p);
	for (size_t i = 0; i < p->n; i++)
		v[i] = (struct image_saved){ .id = p->v[i].id, .manifest = p->v[i].manifest, .top = p->v[i].top, .names = p->v[i].names, .n_names = p->v[i].n };
	return image_save(in, v, p->n, format, out, p->e);
}

int engine_save(const struct engine *en, const char *const *what, size_t n, enum save_format format, int out, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STORE struct store store = STORE_INIT;
	struct picking p = { .catalog = en->catalog, .arena = &a, .e = e };
	CLEANUP_INGEST struct store_ingest in = STORE_INGEST_INIT;
	int r = store_open(en->root_fd, &store, e);

	if (r < 0)
		return r;
	p.store = &store;
	r = store_ingest_begin(&store, &in, e);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = pick_one(&p, what[i]);
	if (r == 0)
		r = save(&p, &in, format, out);
	for (size_t i = 0; r == 0 && i < p.n; i++)
		events_image(en, "save", p.v[i].id, NULL);
	return r;
}
