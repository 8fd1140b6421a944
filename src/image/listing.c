/* Where the next page is says the header Link. Only its query is taken: a list goes on at the same registry and path, and nowhere else. */
#include "image/listing.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "image/config.h"
#include "image/digest.h"
#include "image/mediatype.h"
#include "image/ref.h"

#define PAGE_MAX (4U << 20)

/* The query of `<URL>; rel="next"`, NULL where there is no next page. */
static const char *next_query(struct arena *a, const char *link)
{
	const char *end, *query;

	while (link && (link = strchr(link, '<')) && (end = strchr(link, '>'))) {
		size_t params = strcspn(end, ",");

		query = memchr(link, '?', (size_t)(end - link));
		if (query && memmem(end, params, "next", 4))
			return arena_strndup(a, query + 1, (size_t)(end - query - 1));
		link = end;
	}
	return NULL;
}

/* A page of path (without its query), parsed. query: of this page, NULL for the first; then of the next. */
static int page(struct registry_client *c, struct arena *a, const char *path, const char *const *accept, const char **query, uint64_t *endpoint,
		const struct json **doc, struct err *e)
{
	const char *full = *query ? arena_printf(a, "%s?%s", path, *query) : path;
	struct registry_document got;
	int r = full ? registry_document(c, a, full, accept, PAGE_MAX, path, *endpoint, &got, e) : err_errno(e, -ENOMEM, "list");

	if (r == 0)
		r = json_parse(a, got.text, got.len, &image_json_limits, doc, e);
	if (r < 0)
		return r;
	*endpoint = got.endpoint;
	*query = next_query(a, got.link);
	return 0;
}

/* Names what is no tag could not be asked for. */
static int check_tag(struct arena *a, const char *tag, struct err *e)
{
	struct image_ref ref;
	struct err ignored;
	char shown[160];

	if (image_ref_parse(a, arena_printf(a, "x:%s", tag), &ref, &ignored) == 0 && ref.tag && strcmp(ref.tag, tag) == 0 && !ref.digest)
		return 0;
	return err_set(e, ERR_INVALID, "tags/list: '%s' is no tag", text_escape(tag, shown, sizeof(shown)));
}

int listing_tags(struct registry_client *c, struct arena *a, const char *const **out, size_t *n, struct err *e)
{
	const char *query = "n=1000", **v = NULL;
	uint64_t endpoint = REGISTRY_ANY;
	size_t cap = 0, before;

	*n = 0;
	do {
		const struct json *doc, *list = NULL;
		const char **tags = NULL;
		size_t n_tags = 0;
		int r = page(c, a, "tags/list", NULL, &query, &endpoint, &doc, e);

		if (r == 0)
			r = json_get_array(doc, "tags/list", "tags", &list, e);
		if (r == 0 && list)
			r = json_get_strv(a, doc, "tags/list", "tags", &tags, &n_tags, e);
		before = *n;
		for (size_t i = 0; r == 0 && i < n_tags; i++) {
			v = *n < LISTING_MAX ? arena_grow(a, v, *n, &cap, sizeof(*v)) : NULL;
			if (!v)
				return err_set(e, ERR_LIMIT, "tags/list: the registry lists more than %d tags", LISTING_MAX);
			v[(*n)++] = tags[i];
			r = check_tag(a, tags[i], e);
		}
		if (r < 0)
			return r;
	} while (query && *n > before);
	*out = v;
	return 0;
}

/* ---- referrers ---- */

struct referrers {
	struct listing_referrer *v;
	size_t n, cap;
};

static int take_referrers(struct arena *a, const struct json *doc, struct referrers *out, struct err *e)
{
	const struct json *list = NULL;
	int r = json_get_array(doc, "referrers", "manifests", &list, e);

	json_each(it, list) {
		const char *digest = NULL, *type = NULL;

		if (r == 0)
			r = json_get_str(it, "referrers", "digest", &digest, e);
		if (r == 0)
			r = json_get_str(it, "referrers", "artifactType", &type, e);
		if (r == 0 && !type)
			r = json_get_str(it, "referrers", "mediaType", &type, e);
		if (r == 0 && (!digest || !digest_valid(digest)))
			r = err_set(e, ERR_INVALID, "referrers: what is listed has no digest");
		if (r < 0)
			return r;
		out->v = out->n < LISTING_MAX ? arena_grow(a, out->v, out->n, &out->cap, sizeof(*out->v)) : NULL;
		if (!out->v)
			return err_set(e, ERR_LIMIT, "referrers: the registry lists more than %d", LISTING_MAX);
		out->v[out->n++] = (struct listing_referrer){ digest, type ? type : "" };
	}
	return r;
}

int listing_referrers(struct registry_client *c, struct arena *a, const char *digest, uint64_t endpoint, struct listing_referrer **out, size_t *n,
		      struct err *e)
{
	static const char *const accept[] = { MEDIATYPE_INDEX, NULL };
	const char *path = arena_printf(a, "referrers/%s", digest), *tag = arena_printf(a, "manifests/sha256-%s", digest_hex(digest)), *query = NULL;
	struct referrers got = { 0 };
	const struct json *doc;
	size_t before;
	int r;

	if (!path || !tag)
		return err_errno(e, -ENOMEM, "list");
	do {
		before = got.n;
		r = page(c, a, path, accept, &query, &endpoint, &doc, e);
		if (r < 0 && e->cls == ERR_NOTFOUND && got.n == 0) {
			r = page(c, a, tag, accept, &query, &endpoint, &doc, e);
			if (r < 0 && e->cls == ERR_NOTFOUND) {
				r = 0;
				break;
			}
			query = NULL;
		}
		if (r == 0)
			r = take_referrers(a, doc, &got, e);
	} while (r == 0 && query && got.n > before);
	*out = got.v;
	*n = got.n;
	return r;
}
