#include "engine/pull.h"

#include <string.h>

#include "engine/events.h"
#include "engine/images.h"
#include "engine/remote.h"
#include "image/ref.h"

static bool is_here(const struct engine *en, struct arena *a, const char *canonical, const char *id)
{
	struct image img;
	struct err ignored;

	return image_find(en->catalog, a, canonical, &img, &ignored) == 0 && strcmp(img.id, id) == 0;
}

static int record(const struct engine *en, const struct image_load *load, bool unnamed, struct err *e)
{
	struct image_loaded one;

	if (!unnamed || load->n_images != 1)
		return image_record(en, load->images, load->n_images, e);
	one = load->images[0];
	one.n_names = 0;
	one.repo_digest = NULL;
	return image_record(en, &one, 1, e);
}

static int run(const struct engine *en, const struct image_pull_args *args, bool unnamed, struct arena *a, struct pulled *out, struct err *e)
{
	CLEANUP_STORE struct store store = STORE_INIT;
	CLEANUP_IMAGE_LOAD struct image_load load = IMAGE_LOAD_INIT;
	struct image_resolved resolved;
	int r = store_open(en->root_fd, &store, e);

	if (r == 0)
		r = image_pull(&store, args, a, &load, &resolved, e);
	if (r < 0)
		return r;
	out->digest = resolved.digest;
	out->id = resolved.config;
	out->was_here = is_here(en, a, resolved.name, resolved.config);
	return record(en, &load, unnamed, e);
}

int engine_pull(const struct engine *en, const struct pull_args *args, struct arena *a, struct pulled *out, struct err *e)
{
	CLEANUP_REMOTE struct remote from = REMOTE_INIT;
	struct image_load_args *load = &from.pull.load;
	int r = remote_open(en, a, args->what, &from, e);

	if (r < 0)
		return r;
	out->name = from.name;
	load->platform = args->platform;
	load->limits = args->limits;
	load->progress = args->progress;
	load->progress_data = args->progress_data;
	r = run(en, &from.pull, args->unnamed, a, out, e);
	if (r == 0)
		events_registry(en, "pull", out->name);
	return r;
}

/* ---- all tags ---- */

static int list_tags(struct access *q, struct arena *a, const char *const **tags, size_t *n, struct err *e)
{
	CLEANUP_REGISTRY_CLIENT struct registry_client client = REGISTRY_CLIENT_INIT;
	char transfer[PATH_MAX];
	int r = engine_program("tare-transfer", transfer, e);

	if (r == 0)
		r = registry_start(transfer, q->endpoints, q->n, NULL, 0, &client, e);
	return r < 0 ? r : listing_tags(&client, a, tags, n, e);
}

int engine_pull_names(const struct engine *en, const char *what, struct arena *a, const char *const **out, size_t *n, struct err *e)
{
	CLEANUP_ACCESS struct access q = ACCESS_INIT;
	const char *slash = strrchr(what, '/'), *const *tags, **names;
	struct image_ref ref;
	int r = image_ref_parse(a, what, &ref, e);

	if (r == 0 && (ref.digest || strchr(slash ? slash : what, ':')))
		return err_set(e, ERR_INVALID, "--all-tags takes a name without tag and digest: %s", what);
	if (r == 0)
		r = access_find(&q, en, &ref, REGISTRY_PULL, NULL, e);
	if (r == 0)
		r = list_tags(&q, a, &tags, n, e);
	if (r < 0)
		return err_ctx(e, "%s", what);
	if (*n == 0)
		return err_set(e, ERR_NOTFOUND, "%s: the registry has no tag there", what);
	names = arena_array(a, *n, sizeof(*names));
	for (size_t i = 0; names && i < *n; i++) {
		ref.tag = tags[i];
		names[i] = image_ref_familiar(a, &ref);
	}
	*out = names;
	return arena_error(a) < 0 ? err_errno(e, -ENOMEM, "list tags") : 0;
}

int engine_referrers(const struct engine *en, const char *known, struct arena *a, struct listing_referrer **out, size_t *n, struct err *e)
{
	CLEANUP_ACCESS struct access q = ACCESS_INIT;
	CLEANUP_REGISTRY_CLIENT struct registry_client client = REGISTRY_CLIENT_INIT;
	char transfer[PATH_MAX];
	struct image_ref ref;
	int r = image_ref_parse(a, known, &ref, e);

	*n = 0;
	if (r == 0 && !ref.digest)
		return err_set(e, ERR_INVALID, "%s has no digest", known);
	if (r == 0)
		r = access_find(&q, en, &ref, REGISTRY_PULL, NULL, e);
	if (r == 0)
		r = engine_program("tare-transfer", transfer, e);
	if (r == 0)
		r = registry_start(transfer, q.endpoints, q.n, NULL, 0, &client, e);
	if (r == 0)
		r = listing_referrers(&client, a, ref.digest, REGISTRY_ANY, out, n, e);
	return r < 0 ? err_ctx(e, "%s", image_ref_familiar(a, &ref)) : 0;
}
