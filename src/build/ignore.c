#include "build/ignore.h"

#include <limits.h>
#include <string.h>

#include "build/blame.h"
#include "build/glob.h"

struct ignore_pattern {
	const struct glob *glob;
	bool in; /* began with !: what it fits stays */
};

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void trim(const char **s, size_t *len)
{
	while (*len && is_space(**s)) {
		(*s)++;
		(*len)--;
	}
	while (*len && is_space((*s)[*len - 1]))
		(*len)--;
}

/* What filepath.Clean of Go makes of s, without the slashes before it: no "." and no empty parts, ".." takes the part
 * before it away unless it is ".." itself or there is none. Of nothing it makes ".". */
static char *clean(struct arena *a, const char *s, size_t len)
{
	bool rooted = len && *s == '/';
	char *out = arena_alloc(a, len + 2);
	size_t n = 0, floor = 0; /* what ".." may not take away ends at floor */

	for (size_t i = 0, part; out && i < len; i += part + 1) {
		const char *slash = memchr(s + i, '/', len - i);

		part = slash ? (size_t)(slash - s) - i : len - i;
		if (part == 0 || (part == 1 && s[i] == '.'))
			continue;
		if (part == 2 && s[i] == '.' && s[i + 1] == '.') {
			if (n > floor) {
				while (n > floor && out[--n] != '/')
					;
				continue;
			}
			if (rooted)
				continue;
			floor = n + (n > 0) + 2;
		}
		if (n)
			out[n++] = '/';
		memcpy(out + n, s + i, part);
		n += part;
	}
	if (out && !n)
		out[n++] = rooted ? '/' : '.';
	if (out)
		out[n] = '\0';
	return out;
}

static int add(struct arena *a, const char *s, size_t len, struct ignore *out, struct err *e)
{
	struct ignore_pattern *v, p = { 0 };
	char *pattern;

	trim(&s, &len);
	if (!len)
		return 0;
	p.in = *s == '!';
	if (p.in) {
		s++;
		len--;
		trim(&s, &len);
		if (!len)
			return err_set(e, ERR_INVALID, "\"!\" alone: want a pattern behind it");
	}
	if (out->n >= IGNORE_MAX_PATTERNS)
		return err_set(e, ERR_LIMIT, "more than %u patterns", IGNORE_MAX_PATTERNS);
	pattern = clean(a, s, len);
	v = arena_grow(a, out->v, out->n, &out->cap, sizeof(*v));
	if (!pattern || !v)
		return err_errno(e, -ENOMEM, "a pattern");
	out->v = v;
	if (glob_compile(a, pattern, true, &p.glob, e) < 0)
		return e->code;
	out->v[out->n++] = p;
	return 0;
}

int ignore_add(struct arena *a, const char *pattern, struct ignore *out, struct err *e)
{
	return add(a, pattern, strlen(pattern), out, e);
}

int ignore_parse(struct arena *a, const char *text, size_t len, struct ignore *out, struct err *e)
{
	const char *end = text + len;
	unsigned int line = 1;

	if (len > IGNORE_MAX_BYTES)
		return err_set(e, ERR_LIMIT, "the file has %zu bytes, %u is the most", len, IGNORE_MAX_BYTES);
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	for (; text < end; line++) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		size_t n = nl ? (size_t)(nl - text) : (size_t)(end - text);

		if (memchr(text, '\0', n)) {
			err_set(e, ERR_INVALID,
				"a NUL byte: the file is text in UTF-8, this is something else (UTF-16?)");
			return df_blame(e, line, NULL);
		}
		if (*text != '#' && add(a, text, n, out, e) < 0)
			return df_blame(e, line, NULL);
		text += n + (nl != NULL);
	}
	return 0;
}

int ignore_step(const struct ignore *ig, const char *path, int above)
{
	int i = (int)ig->n - 1;

	while (i > above && !glob_matches(ig->v[i].glob, path))
		i--;
	return i > above ? i : above;
}

bool ignore_out(const struct ignore *ig, int last)
{
	return last >= 0 && !ig->v[last].in;
}

bool ignore_whole(const struct ignore *ig, const char *dir, int last)
{
	if (!ignore_out(ig, last))
		return false;
	for (size_t i = (size_t)last + 1; i < ig->n; i++)
		if (ig->v[i].in && glob_matches_below(ig->v[i].glob, dir))
			return false;
	return true;
}

bool ignore_matches(const struct ignore *ig, const char *path)
{
	char folder[PATH_MAX];
	int last = IGNORE_NONE;

	for (size_t i = 1; path[i] && i < sizeof(folder); i++)
		if (path[i] == '/') {
			memcpy(folder, path, i);
			folder[i] = '\0';
			last = ignore_step(ig, folder, last);
		}
	return ignore_out(ig, ignore_step(ig, path, last));
}
