/* build/ignore: a list of patterns, a NUL, and a path. Asking for the path alone and asking folder by folder is the same; a folder that may be
 * passed over has nothing in it that stays; a pattern that fits something below a folder says so of the folder. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "build/glob.h"
#include "build/ignore.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

/* Every folder on the way is asked for; in one that is whole nothing may be in. */
static void walk(const struct ignore *ig, const char *path)
{
	char part[PATH_MAX];
	bool whole = false, out;
	int last = IGNORE_NONE;

	for (size_t i = 0; i < sizeof(part) - 1; i++) {
		if (path[i] && path[i] != '/') {
			part[i] = path[i];
			continue;
		}
		part[i] = '\0';
		if (i)
			last = ignore_step(ig, part, last);
		out = ignore_out(ig, last);
		if (i && whole && !out)
			abort();
		whole = i && (whole || ignore_whole(ig, part, last));
		if (!path[i]) {
			if (i && out != ignore_matches(ig, path))
				abort();
			return;
		}
		part[i] = '/';
	}
}

static void one(struct arena *a, const char *pattern, const char *path, bool deep)
{
	const char *slash = strchr(path, '/');
	const struct glob *g;
	struct err e = { 0 };
	char *dir;

	if (glob_compile(a, pattern, deep, &g, &e) < 0)
		return;
	dir = slash ? arena_strndup(a, path, (size_t)(slash - path)) : NULL;
	if (glob_matches(g, path) && dir && slash[1] && !glob_matches_below(g, dir))
		abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	const unsigned char *nul = memchr(data, 0, size);
	size_t len = nul ? (size_t)(nul - data) : size;
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct ignore ig = { 0 };
	struct err e = { 0 };
	char *text = arena_strndup(&a, (const char *)data, len);
	char *path = nul ? arena_strndup(&a, (const char *)nul + 1, size - len - 1) : NULL;

	if (!text || (nul && !path))
		return 0;
	if (ignore_parse(&a, text, len, &ig, &e) < 0) {
		if (e.code >= 0 || !e.msg[0])
			abort();
		return 0;
	}
	if (!path || *path == '/' || strlen(path) >= PATH_MAX || strstr(path, "//"))
		return 0;
	walk(&ig, path);
	one(&a, text, path, true);
	one(&a, text, path, false);
	return 0;
}
