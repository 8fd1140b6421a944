/* Patterns of files: Go's filepath.Match, which COPY's sources are, and moby's patternmatcher, which .dockerignore and
 * --exclude are: the same and "**". */
#ifndef TARE_BUILD_GLOB_H
#define TARE_BUILD_GLOB_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"

struct glob;

/* * any text within one part of a path, ? one character there, [a-z] [^a-z] one of these or not, \x x itself. deep:
 * "**" is any text, parts of paths and none too; "**" and "**" with a slash behind it are the same. Lives in a.
 * ERR_INVALID: a [ that is not closed, a \ at the end. */
int glob_compile(struct arena *a, const char *pattern, bool deep, const struct glob **out, struct err *e) MUST_CHECK;

/* All of path. */
bool glob_matches(const struct glob *g, const char *path);

/* May a path that is dir, a slash and more? Never no when one does. */
bool glob_matches_below(const struct glob *g, const char *dir);

/* Has it any of * ? [, so that it can mean several? */
bool glob_is_pattern(const char *pattern);

#endif
