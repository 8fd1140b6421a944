/* What is asked about images: the list, one of them, its history, and what a registry finds. */
#include "api/docker/filters.h"
#include "api/docker/image_filter.h"
#include "api/docker/image_list.h"
#include "api/docker/inspect_image.h"
#include "api/docker/registry_auth.h"
#include "api/docker/routes.h"
#include "api/docker/search.h"
#include "api/docker/words.h"
#include "engine/search.h"

/* The parameter by which clients of an old API ask for a name is a filter of a newer one's. */
static int add_old_filter(struct exchange *ex, struct strv *filters, struct err *e)
{
	const char *name = ex_api(ex) < 141 ? ex_query(ex, "filter") : NULL;
	const char **v = arena_array(ex_arena(ex), filters->n + 1, sizeof(*v));

	if (!name || !*name)
		return 0;
	if (!v)
		return err_errno(e, -ENOMEM, "filters");
	for (size_t i = 0; i < filters->n; i++)
		v[i] = filters->v[i];
	v[filters->n] = arena_printf(ex_arena(ex), "reference=%s", name);
	*filters = (struct strv){ v, filters->n + 1 };
	return arena_error(ex_arena(ex)) < 0 ? err_errno(e, -ENOMEM, "filters") : 0;
}

static int get_list(struct exchange *ex, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	struct image_query q = { .api = ex_api(ex), .shared = ex_query_bool(ex, "shared-size", false) };
	struct engine *en;
	int r = filters_parse(ex_arena(ex), ex_query(ex, "filters"), IMAGE_FILTER_LIST, &q.filters, e);

	if (r == 0)
		r = add_old_filter(ex, &q.filters, e);
	if (r == 0)
		r = image_filter_check(q.filters, IMAGE_FILTER_LIST, e);
	if (r == 0)
		r = ex_engine(ex, &en, e);
	if (r < 0)
		return r;
	jw_array(&w, NULL);
	r = images_write(en, ex_arena(ex), &q, &w, e);
	jw_end_array(&w);
	return r < 0 ? r : ex_json(ex, 200, &text, e);
}

static int get_one(struct exchange *ex, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	struct engine *en;
	int r = ex_engine(ex, &en, e);

	if (r == 0 && (r = inspect_image(en, ex_arena(ex), ex_param(ex, 0), ex_api(ex), &w, e)) < 0)
		r = words_no_image(ex_arena(ex), ex_param(ex, 0), e);
	return r < 0 ? r : ex_json(ex, 200, &text, e);
}

static int get_history(struct exchange *ex, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	struct engine *en;
	int r = ex_engine(ex, &en, e);

	if (r == 0 && (r = image_history_write(en, ex_arena(ex), ex_param(ex, 0), &w, e)) < 0)
		r = words_no_image(ex_arena(ex), ex_param(ex, 0), e);
	return r < 0 ? r : ex_json(ex, 200, &text, e);
}

/* As whom the client says: nobody asks as another. */
static int search_as(struct exchange *ex, struct engine *en, const char *term, struct err *e)
{
	struct image_ref ref;
	const char *words;
	int r = search_term(ex_arena(ex), term, &ref, &words, e);

	return r < 0 ? r : registry_auth(ex, en, arena_printf(ex_arena(ex), "%s/search", ref.domain), e);
}

static int get_search(struct exchange *ex, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	struct search_result *found = NULL;
	const char *term = ex_query(ex, "term");
	struct engine *en;
	struct strv filters;
	int64_t limit = 25;
	size_t n = 0;
	int r = filters_parse(ex_arena(ex), ex_query(ex, "filters"), SEARCH_FILTER_KEYS, &filters, e);

	if (r == 0)
		r = ex_query_i64(ex, "limit", &limit, e);
	if (r == 0)
		r = ex_engine(ex, &en, e);
	if (r == 0)
		r = search_as(ex, en, term ? term : "", e);
	if (r == 0)
		r = search_filtered(en, ex_arena(ex), term ? term : "", limit == 0 ? 25 : limit, filters, &found, &n, e);
	if (r < 0)
		return r;
	jw_array(&w, NULL);
	for (size_t i = 0; i < n; i++) {
		jw_object(&w, NULL);
		jw_u64(&w, "star_count", found[i].stars);
		jw_bool(&w, "is_official", found[i].official);
		jw_str(&w, "name", found[i].name);
		jw_bool(&w, "is_automated", found[i].automated);
		jw_str(&w, "description", found[i].description);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	return ex_json(ex, 200, &text, e);
}

const struct route docker_image_view_routes[] = {
	{ "GET", "/images/json", get_list, ROUTE_READ, "the images", .quick = true },
	{ "GET", "/images/search", get_search, ROUTE_READ, "what a registry finds by a word" },
	{ "GET", "/images/{+}/json", get_one, ROUTE_READ, "an image", .quick = true },
	{ "GET", "/images/{+}/history", get_history, ROUTE_READ, "what its layers were made by", .quick = true },
	{ 0 },
};
