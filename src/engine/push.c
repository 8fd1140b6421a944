#include "engine/push.h"

#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "engine/access.h"
#include "engine/events.h"
#include "engine/images.h"
#include "image/ref.h"

struct push {
	const struct engine *en;
	const struct push_args *args;
	struct access access;
	struct arena *arena;
	struct image_ref ref;
	char transfer[PATH_MAX];
};

/* ---- where a blob may be there already ---- */

/* The repository of the same registry that another name means, or NULL. */
static const char *neighbour(struct push *p, const char *name)
{
	struct registry_endpoint *found;
	struct image_ref other;
	struct err ignored;
	size_t n = 0;

	if (image_ref_parse(p->arena, name, &other, &ignored) < 0 || strcmp(other.domain, p->ref.domain) != 0 ||
	    strcmp(other.path, p->ref.path) == 0)
		return NULL;
	if (registries_resolve(&p->access.secrets, &p->access.registries, &other, REGISTRY_PUSH, &found, &n, &ignored) < 0 || n == 0)
		return NULL;
	if (strcmp(found[0].base, p->access.found[0].base) != 0 || !found[0].socket != !p->access.found[0].socket ||
	    (found[0].socket && strcmp(found[0].socket, p->access.found[0].socket) != 0))
		return NULL;
	return strcmp(found[0].repository, p->access.found[0].repository) == 0 ? NULL : found[0].repository;
}

static size_t sources(const char *blob, const char **out, void *data)
{
	static const char sql[] = "SELECT ref FROM tags WHERE image = ?1 OR image IN (SELECT image FROM image_layers WHERE blob = ?1)"
				  " ORDER BY ref LIMIT 50";
	CLEANUP_STMT struct cat_stmt *s = NULL;
	struct push *p = data;
	struct err ignored;
	size_t n = 0;

	if (cat_prepare(p->en->catalog, &s, &ignored, sql, "s", blob) < 0)
		return 0;
	while (n < IMAGE_PUSH_SOURCES && cat_step(s, &ignored) > 0) {
		const char *repository = neighbour(p, cat_text(s, 0));
		bool known = !repository;

		for (size_t i = 0; !known && i < n; i++)
			known = strcmp(out[i], repository) == 0;
		if (!known)
			out[n++] = repository;
	}
	return n;
}

static void on_progress(const struct image_push_step *step, void *data)
{
	const struct push *p = data;

	if (p->args->progress)
		p->args->progress(step, p->args->progress_data);
}

/* ---- names ---- */

static int parse_name(struct arena *a, const char *what, struct image_ref *ref, struct err *e)
{
	int r = image_ref_parse(a, what, ref, e);

	if (r == 0 && ref->digest)
		return err_set(e, ERR_INVALID, "%s: a digest says what is pushed, not under which name: tare tag it, and push that", what);
	return r;
}

/* Only by its name: what the registry gets must have one. */
static int find_image(struct push *p, struct image *img, struct err *e)
{
	const char *canonical = image_ref_canonical(p->arena, &p->ref);
	int r = canonical ? image_find(p->en->catalog, p->arena, canonical, img, e) : err_errno(e, -ENOMEM, "push");

	if (r < 0 && e->cls == ERR_NOTFOUND)
		return err_set(e, ERR_NOTFOUND, "no image has the name %s: tare images lists them, tare tag gives one another name",
			       image_ref_familiar(p->arena, &p->ref));
	return r;
}

int engine_push_repository(struct arena *a, const char *what, const char **repository, bool *tagged, struct err *e)
{
	const char *slash = strrchr(what, '/');
	struct image_ref ref;
	int r = parse_name(a, what, &ref, e);

	if (r < 0)
		return r;
	*tagged = strchr(slash ? slash : what, ':') != NULL;
	*repository = arena_printf(a, "%s/%s", ref.domain, ref.path);
	return *repository ? 0 : err_errno(e, -ENOMEM, "push");
}

int engine_push_names(const struct engine *en, const char *what, struct arena *a, const char *const **out, size_t *n, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	const char **v = NULL;
	struct image_ref ref, have;
	size_t cap = 0;
	int r = parse_name(a, what, &ref, e);

	*n = 0;
	if (r == 0)
		r = cat_prepare(en->catalog, &s, e, "SELECT ref FROM tags WHERE substr(ref, 1, length(?1)) = ?1 ORDER BY ref", "s",
				arena_printf(a, "%s/%s:", ref.domain, ref.path));
	while (r == 0 && (r = cat_step(s, e)) > 0) {
		r = image_ref_parse(a, cat_text(s, 0), &have, e);
		if (r < 0 || have.digest)
			continue;
		v = arena_grow(a, v, *n, &cap, sizeof(*v));
		if (!v)
			return err_errno(e, -ENOMEM, "push");
		v[(*n)++] = image_ref_familiar(a, &have);
	}
	*out = v;
	return r == 0 && *n == 0 ? err_set(e, ERR_NOTFOUND, "no image has a name in the repository %s/%s", ref.domain, ref.path) : r;
}

/* ---- push ---- */

/* A platform that is asked for is one manifest's. */
static int choose(struct push *p, const struct store *s, const struct image *img, const char **top, struct err *e)
{
	struct image_top found;
	int r = image_top(p->en->catalog, s, p->arena, p->args->what, img, &found, e);

	*top = p->args->platform ? found.manifest : found.digest;
	if (r == 0 && found.lost && (!p->args->platform || !found.index))
		log_warning("%s: %s", image_ref_familiar(p->arena, &p->ref), found.lost);
	return r;
}

/* img: of the catalog; NULL: what is staged, whose manifest is args->manifest. */
static int run(struct push *p, const struct image *img, struct image_push_args *args, struct pushed *out, struct err *e)
{
	CLEANUP_STORE struct store store = STORE_INIT;
	int r = engine_program("tare-transfer", p->transfer, e);

	*out = (struct pushed){ .name = image_ref_familiar(p->arena, &p->ref), .tag = p->ref.tag };
	if (r == 0)
		r = access_find(&p->access, p->en, &p->ref, REGISTRY_PUSH, NULL, e);
	if (r == 0)
		r = store_open(p->en->root_fd, &store, e);
	args->top = args->manifest;
	if (r == 0 && img)
		r = choose(p, &store, img, &args->top, e);
	args->transfer = p->transfer;
	args->endpoints = p->access.endpoints;
	args->n_endpoints = p->access.n;
	args->reference = p->ref.tag;
	args->platform = p->args->platform;
	args->sources = sources;
	args->progress = on_progress;
	args->data = p;
	out->digest = args->top;
	if (r == 0)
		r = image_push(&store, args, p->arena, &out->size, e);
	access_end(&p->access);
	return r < 0 ? err_ctx(e, "%s", out->name) : 0;
}

int engine_push(const struct engine *en, const struct push_args *args, struct arena *a, struct pushed *out, struct err *e)
{
	struct push p = { .en = en, .args = args, .access = ACCESS_INIT, .arena = a };
	struct image_push_args push = { 0 };
	struct image img;
	int r = parse_name(a, args->what, &p.ref, e);

	if (r == 0)
		r = find_image(&p, &img, e);
	if (r == 0) {
		push.manifest = img.manifest;
		r = run(&p, &img, &push, out, e);
	}
	if (r == 0)
		r = image_known_as(en, img.id, &p.ref, out->digest, e);
	if (r == 0)
		events_registry(en, "push", out->name);
	return r;
}

int engine_push_staged(const struct engine *en, const struct push_args *args, const struct store_ingest *staged, const char *manifest,
		       struct arena *a, struct pushed *out, struct err *e)
{
	struct push p = { .en = en, .args = args, .access = ACCESS_INIT, .arena = a };
	struct image_push_args push = { .manifest = manifest, .staged = staged };
	int r = parse_name(a, args->what, &p.ref, e);

	return r < 0 ? r : run(&p, NULL, &push, out, e);
}
