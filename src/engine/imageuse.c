#include "engine/imageuse.h"

#include <string.h>
#include <sys/stat.h>

#include "base/csv.h"
#include "base/strbuf.h"
#include "engine/images.h"

/* What an image of one layer is laid over: of a single folder the file system would not be read-only (runtime/layers.c). */
#define NOTHING "nothing"
#define MOST_LAYERS 500

static int add_layers(const struct engine *en, struct plan *p, struct plan_bind *b, const char *const *chains, size_t n, struct err *e)
{
	const char **lower = arena_array(p->a, n + 2, sizeof(*lower));

	if (n >= MOST_LAYERS) /* NOTHING is one, too */
		return err_set(e, ERR_LIMIT, "image %s has %zu layers; an overlay takes %d", b->image, n, MOST_LAYERS - 1);
	for (size_t i = 0; lower && i < n; i++) {
		char path[STORE_LAYER_PATH_LEN];

		store_layer_path(chains[i], path);
		lower[i] = arena_printf(p->a, "%s/%s", en->root, path);
	}
	if (lower)
		lower[n] = arena_printf(p->a, "%s/" NOTHING, en->root);
	b->lower = (struct strv){ lower, n + 1 };
	return arena_error(p->a) < 0 ? err_errno(e, -ENOMEM, "--mount") : 0;
}

static int plan_one(const struct engine *en, struct plan *p, struct plan_bind *b, struct err *e)
{
	const char *const *chains;
	struct image img;
	size_t n;
	int r = image_find(en->catalog, p->a, b->image_id ? b->image_id : b->image, &img, e);

	if (r == 0)
		r = image_layers(en->catalog, p->a, img.id, &chains, &n, e);
	if (r < 0)
		return err_ctx(e, "--mount to %s", b->target);
	if (n == 0)
		return err_set(e, ERR_INVALID, "--mount to %s: there are no files in image %s", b->target, b->image);
	if (mkdirat(en->root_fd, NOTHING, 0755) < 0 && errno != EEXIST)
		return err_errno(e, -errno, "make %s/" NOTHING, en->root);
	b->image_id = img.id;
	b->idmap = p->userns && !p->rootless;
	return add_layers(en, p, b, chains, n, e);
}

int images_plan(const struct engine *en, struct plan *p, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->n_binds; i++)
		if (p->binds[i].image)
			r = plan_one(en, p, &p->binds[i], e);
	return r;
}

int images_take(struct catalog *c, const struct plan *p, struct err *e)
{
	struct image img;
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->n_binds; i++)
		if (p->binds[i].image_id)
			r = image_get(c, p->a, p->binds[i].image_id, &img, e);
	return r;
}

/* The value of one of the keys of a --mount; the last one counts. */
static const char *value_of(struct arena *a, const char *text, const char *const *keys)
{
	CLEANUP_STRBUF struct strbuf field = STRBUF_INIT;
	const char *found = NULL;

	for (const char *at = text; at && *at;) {
		const char *eq;

		at = csv_next(at, &field);
		eq = at && sb_error(&field) == 0 ? strchr(sb_str(&field), '=') : NULL;
		for (const char *const *key = keys; eq && *key; key++)
			if (strlen(*key) == (size_t)(eq - sb_str(&field)) && strncasecmp(sb_str(&field), *key, strlen(*key)) == 0)
				found = arena_strdup(a, eq + 1);
		at = at && *at == ',' ? at + 1 : NULL;
	}
	return found;
}

int images_named(struct arena *a, struct strv mounts, struct strv *out, struct err *e)
{
	static const char *const types[] = { "type", NULL }, *const sources[] = { "source", "src", NULL };
	const char **v = arena_array(a, mounts.n + 1, sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; v && i < mounts.n; i++) {
		const char *type = value_of(a, mounts.v[i], types), *source = type && strcmp(type, "image") == 0 ? value_of(a, mounts.v[i], sources) : NULL;

		if (source && *source)
			v[n++] = source;
	}
	*out = (struct strv){ v, n };
	return arena_error(a) < 0 || !v ? err_errno(e, -ENOMEM, "--mount") : 0;
}
