/* A pattern and a path are walked side by side, segment by segment. A {+} takes as much as what stands behind it in the pattern leaves, so that the name of an
 * image may have slashes, and a last segment that looks like the pattern's. The rows are few: they are tried one after the other. */
#include "api/server/route.h"

#include <string.h>

#include "api/server/query.h"

#define SEGMENTS_MAX 64

struct segment {
	const char *text;
	size_t len;
};

/* Without the slash before each. An empty one is one too: it matches nothing. */
static size_t split(const char *path, struct segment out[SEGMENTS_MAX])
{
	size_t n = 0;

	while (*path == '/' && n < SEGMENTS_MAX) {
		path++;
		out[n] = (struct segment){ path, strcspn(path, "/") };
		path += out[n++].len;
	}
	return *path ? 0 : n; /* too many, or no path */
}

static bool is(const struct segment *s, const char *text)
{
	return s->len == strlen(text) && !memcmp(s->text, text, s->len);
}

struct walk {
	struct segment param[EX_PARAMS];
	size_t n_params;
};

/* Most rows are told apart by their first word, before anything of them is taken apart. */
static bool begins_otherwise(const char *pattern, const struct segment *first)
{
	return pattern[0] == '/' && pattern[1] != '{' && strncmp(pattern + 1, first->text, first->len) != 0;
}

/* How many segments of the path stand for this one of the pattern. */
static size_t taken(const struct segment *pattern, size_t n_pattern, size_t n_path)
{
	return !is(pattern, "{+}") ? 1 : n_path < n_pattern ? 0 : n_path - n_pattern + 1;
}

static bool matches(const struct segment *pattern, size_t n_pattern, const struct segment *path, size_t n_path, struct walk *w)
{
	while (n_pattern > 0 && n_path > 0) {
		size_t n = taken(pattern, n_pattern, n_path);

		if (n == 0 || path[0].len == 0 || path[n - 1].len == 0)
			return false;
		if (pattern->text[0] != '{') {
			if (path->len != pattern->len || memcmp(path->text, pattern->text, path->len) != 0)
				return false;
		} else if (w->n_params < EX_PARAMS) {
			w->param[w->n_params++] = (struct segment){ path[0].text, (size_t)(path[n - 1].text - path[0].text) + path[n - 1].len };
		}
		path += n;
		n_path -= n;
		pattern++;
		n_pattern--;
	}
	return n_pattern == 0 && n_path == 0;
}

static int take(const struct route *route, const struct walk *w, struct arena *a, struct route_match *out, struct err *e)
{
	int r = 0;

	*out = (struct route_match){ .route = route };
	for (size_t i = 0; r == 0 && i < w->n_params; i++)
		r = query_decode(a, w->param[i].text, w->param[i].len, false, &out->params[i], e);
	return r;
}

int route_find(const struct route *const *tables, size_t n, struct arena *a, const char *method, const char *path, struct route_match *out, struct err *e)
{
	struct segment segments[SEGMENTS_MAX], pattern[SEGMENTS_MAX];
	size_t n_segments = split(path, segments);
	bool other = false;

	for (size_t t = 0; t < n; t++) {
		for (const struct route *r = tables[t]; r->path; r++) {
			struct walk w = { .n_params = 0 };

			if (n_segments && begins_otherwise(r->path, &segments[0]))
				continue;
			if (!matches(pattern, split(r->path, pattern), segments, n_segments, &w))
				continue;
			if (!strcmp(r->method, method))
				return take(r, &w, a, out, e);
			other = true;
		}
	}
	return err_set(e, other ? ERR_UNSUPPORTED : ERR_NOTFOUND, "page not found");
}
