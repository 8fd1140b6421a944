#include "api/docker/image_filter.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "api/docker/filters.h"
#include "base/text.h"
#include "image/ref.h"

struct question {
	const struct engine *en;
	struct arena *a;
	const struct image *img;
	const char *tag;
};

static bool has_digest(struct arena *a, const struct image *img, const struct image_ref *want)
{
	const char *full = arena_printf(a, "%s/%s@%s", want->domain, want->path, want->digest);

	for (size_t i = 0; full && i < img->n_digests; i++)
		if (strcmp(img->digests[i], full) == 0)
			return true;
	return strcmp(img->manifest, want->digest) == 0;
}

/* As Docker: the pattern is for the name as people write it, with or without its tag; "*" stops at a slash. With a digest it is no pattern. */
bool image_matches(struct arena *a, const struct image *img, const char *tag, const char *pattern)
{
	struct image_ref ref, want;
	struct err ignored;
	const char *name, *bare;

	if (!tag || image_ref_parse(a, tag, &ref, &ignored) < 0)
		return false;
	if (strchr(pattern, '@') && image_ref_parse(a, pattern, &want, &ignored) == 0 && want.digest)
		return strcmp(ref.domain, want.domain) == 0 && strcmp(ref.path, want.path) == 0 &&
		       (ref.digest ? strcmp(ref.digest, want.digest) == 0 : has_digest(a, img, &want));
	name = image_ref_familiar(a, &ref);
	if (!name)
		return false;
	bare = arena_strndup(a, name, strlen(name) - (ref.digest ? strlen(ref.digest) + 1 : 0) - (ref.tag ? strlen(ref.tag) + 1 : 0));
	return fnmatch(pattern, name, FNM_PATHNAME) == 0 || (bare && fnmatch(pattern, bare, FNM_PATHNAME) == 0);
}

static int by_label(const struct question *q, const char *want, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const struct image_config *config;
	int r = image_config_read(q->en, &a, q->img->id, &config, e);

	return r < 0 ? r : filter_label(json_get(json_get(config->json, "config"), "Labels"), want);
}

/* An image that says no time is older than all. */
static int by_other(const struct question *q, bool before, const char *what, struct err *e)
{
	struct image other;
	int r = image_find(q->en->catalog, q->a, what, &other, e);

	if (r < 0)
		return r;
	return before ? q->img->created < other.created : q->img->created > other.created;
}

static int by_digest(const struct question *q, const char *want)
{
	const char *hex = text_starts(want, DIGEST_PREFIX) ? want + strlen(DIGEST_PREFIX) : want;

	if (!hex[0])
		return 0;
	for (size_t i = 0; i < q->img->n_digests; i++)
		if (text_starts(strchr(q->img->digests[i], '@') + 1 + strlen(DIGEST_PREFIX), hex))
			return 1;
	return text_starts(digest_hex(q->img->manifest), hex);
}

static int check_one(const char *filter, const char *keys, struct err *e)
{
	const char *value = strchr(filter, '=');
	char key[32];
	int64_t until;
	bool on;

	if (!value)
		return err_set(e, ERR_INVALID, "--filter %s: want KEY=VALUE", filter);
	(void)snprintf(key, sizeof(key), "%.*s", (int)(value++ - filter), filter);
	if (!filter_is_key(keys, key))
		return err_set(e, ERR_INVALID, "--filter %s: the keys are %s", filter, keys);
	if (strcmp(key, "until") == 0)
		return filter_time("--filter until", value, &until, e);
	return strcmp(key, "dangling") == 0 ? filter_bool(key, value, &on, e) : 0;
}

int image_filter_check(struct strv filters, const char *keys, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < filters.n; i++)
		r = check_one(filters.v[i], keys, e);
	return r;
}

static int matches(const char *key, const char *value, void *data, struct err *e)
{
	const struct question *q = data;
	int64_t until = 0;
	bool on;
	int r;

	if (strcmp(key, "reference") == 0)
		return image_matches(q->a, q->img, q->tag, value);
	if (strcmp(key, "digest") == 0)
		return by_digest(q, value);
	if (text_starts(key, "label")) {
		r = by_label(q, value, e);
		return r < 0 || !key[strlen("label")] ? r : !r;
	}
	if (strcmp(key, "before") == 0 || strcmp(key, "since") == 0)
		return by_other(q, key[0] == 'b', value, e);
	if (strcmp(key, "until") == 0) {
		r = filter_time("--filter until", value, &until, e);
		return r < 0 ? r : q->img->created < until;
	}
	r = filter_bool(key, value, &on, e);
	return r < 0 ? r : (q->img->n_tags == 0) == on;
}

int image_filter(const struct engine *en, struct arena *a, struct strv filters, const struct image *img, const char *tag,
		 struct err *e)
{
	struct question q = { en, a, img, tag };

	return filter_passes(a, filters, matches, &q, e);
}

int image_filter_prune(const struct engine *en, struct arena *a, struct strv filters, const struct image *img, struct err *e)
{
	struct image here = *img;

	if (here.created < here.loaded)
		here.created = here.loaded;
	return image_filter(en, a, filters, &here, NULL, e);
}
