#include "api/docker/image_list.h"

#include <string.h>

#include "api/docker/image_filter.h"
#include "api/docker/inspect_image.h"
#include "engine/record.h"

int image_bytes(const struct engine *en, const char *id, bool shared, uint64_t *out, struct err *e)
{
	static const char all[] = "SELECT sum(l.size) FROM image_layers i JOIN layers l USING(chain) WHERE i.image = ?1";
	static const char others[] = "SELECT sum(l.size) FROM image_layers i JOIN layers l USING(chain) WHERE i.image = ?1 AND EXISTS"
				     " (SELECT 1 FROM image_layers o WHERE o.chain = i.chain AND o.image != ?1)";
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(en->catalog, &s, e, shared ? others : all, "s", id);

	if (r == 0)
		r = cat_step(s, e);
	*out = r > 0 ? (uint64_t)cat_int(s, 0) : 0;
	return r < 0 ? r : 0;
}

int image_containers(const struct engine *en, struct arena *a, const char *id, size_t *out, struct err *e)
{
	struct record *recs;

	return record_list(en->catalog, a, id, &recs, out, e);
}

/* ---- the list ---- */

/* Before 1.43 an image without a name is called that it has none. */
static void write_names(struct arena *a, const char *key, const char *const *v, size_t n, const char *none, struct json_writer *w)
{
	if (n || !none) {
		image_write_names(a, key, v, n, w);
		return;
	}
	jw_array(w, key);
	jw_str(w, NULL, none);
	jw_end_array(w);
}

static int write_one(const struct engine *en, struct arena *a, const struct image_query *q, const struct image *img, struct json_writer *w, struct err *e)
{
	const struct image_config *config;
	bool nameless = q->api < 143 && !img->n_tags && !img->n_digests;
	const struct json *labels;
	uint64_t shared = 0;
	size_t containers = 0;
	int r = image_config_read(en, a, img->id, &config, e);

	if (r == 0 && q->shared)
		r = image_bytes(en, img->id, true, &shared, e);
	if (r == 0 && q->containers)
		r = image_containers(en, a, img->id, &containers, e);
	if (r < 0)
		return r;
	labels = json_get(json_get(config->json, "config"), "Labels");
	jw_object(w, NULL);
	jw_i64(w, "Containers", q->containers ? (int64_t)containers : -1);
	jw_i64(w, "Created", img->created == IMAGE_NO_TIME ? 0 : img->created / 1000000000);
	jw_str(w, "Id", img->id);
	if (labels && labels->len)
		jw_value(w, "Labels", labels);
	else
		jw_null(w, "Labels");
	jw_str(w, "ParentId", img->parent);
	write_names(a, "RepoDigests", img->digests, img->n_digests, nameless ? "<none>@<none>" : NULL, w);
	write_names(a, "RepoTags", img->tags, img->n_tags, nameless ? "<none>:<none>" : NULL, w);
	jw_i64(w, "SharedSize", q->shared ? (int64_t)shared : -1);
	jw_u64(w, "Size", img->size);
	if (q->api < 144)
		jw_u64(w, "VirtualSize", img->size);
	jw_end_object(w);
	return 0;
}

/* Leaves it the names by which it passes: 1, or 0 where it does by none. */
static int narrow(const struct engine *en, struct arena *a, const struct image_query *q, struct image *img, struct err *e)
{
	const char **tags = arena_array(a, img->n_tags + 1, sizeof(*tags));
	const char *other = img->n_digests ? img->digests[0] : NULL;
	size_t n = 0;
	int r = 0;

	if (!tags)
		return err_errno(e, -ENOMEM, "list the images");
	if (!img->n_tags)
		return image_filter(en, a, q->filters, img, other, e);
	for (size_t i = 0; i < img->n_tags; i++) {
		r = image_filter(en, a, q->filters, img, img->tags[i], e);
		if (r < 0)
			return r;
		if (r > 0)
			tags[n++] = img->tags[i];
	}
	img->tags = tags;
	img->n_tags = n;
	return n > 0;
}

int images_write(const struct engine *en, struct arena *a, const struct image_query *q, struct json_writer *w, struct err *e)
{
	CLEANUP_ARENA struct arena scratch = ARENA_INIT;
	struct image *images;
	size_t n;
	int r = image_list(en->catalog, a, &images, &n, e);

	for (size_t i = 0; r >= 0 && i < n; i++) {
		arena_reset(&scratch);
		r = q->filters.n ? narrow(en, &scratch, q, &images[i], e) : 1;
		if (r > 0)
			r = write_one(en, &scratch, q, &images[i], w, e);
	}
	return r < 0 ? r : 0;
}

/* ---- history ---- */

static int layer_bytes(const struct engine *en, const char *chain, uint64_t *out, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(en->catalog, &s, e, "SELECT size FROM layers WHERE chain = ?1", "s", chain);

	if (r == 0)
		r = cat_step(s, e);
	*out = r > 0 ? (uint64_t)cat_int(s, 0) : 0;
	return r < 0 ? r : 0;
}

int image_history_read(const struct engine *en, struct arena *a, const char *what, struct image *img, struct image_step **out, size_t *n, struct err *e)
{
	const struct image_config *config;
	const char *const *chains;
	struct image_step *v;
	size_t layers, layer = 0;
	int r = image_find(en->catalog, a, what, img, e);

	*n = 0;
	if (r == 0)
		r = image_config_read(en, a, img->id, &config, e);
	if (r == 0)
		r = image_layers(en->catalog, a, img->id, &chains, &layers, e);
	if (r < 0)
		return r;
	*out = v = arena_array(a, config->n_history + 1, sizeof(*v));
	if (!v)
		return err_errno(e, -ENOMEM, "history");
	for (size_t i = config->n_history; r == 0 && i-- > 0; (*n)++) {
		v[*n] = (struct image_step){ .said = &config->history[i] };
		if (!v[*n].said->empty_layer && layer < layers)
			r = layer_bytes(en, chains[layer++], &v[*n].size, e);
	}
	return r;
}

int image_history_write(const struct engine *en, struct arena *a, const char *what, struct json_writer *w, struct err *e)
{
	struct image_step *v;
	struct image img;
	size_t n;
	int r = image_history_read(en, a, what, &img, &v, &n, e);

	if (r < 0)
		return r;
	jw_array(w, NULL);
	for (size_t i = 0; i < n; i++) {
		const struct image_history *h = v[i].said;
		int64_t created = image_time(h->created);

		jw_object(w, NULL);
		jw_str(w, "Comment", h->comment ? h->comment : "");
		jw_i64(w, "Created", created == IMAGE_NO_TIME ? 0 : created / 1000000000);
		jw_str(w, "CreatedBy", h->created_by ? h->created_by : "");
		jw_str(w, "Id", i == 0 ? img.id : "<missing>");
		jw_u64(w, "Size", v[i].size);
		if (i == 0 && img.n_tags)
			image_write_names(a, "Tags", img.tags, img.n_tags, w);
		else
			jw_null(w, "Tags");
		jw_end_object(w);
	}
	jw_end_array(w);
	return 0;
}
