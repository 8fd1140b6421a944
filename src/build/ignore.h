/* Which files of a build's context are left out: .dockerignore, and --exclude. Docker's "Build context", .dockerignore
 *files; moby's patternmatcher where that is silent.
 *
 * Patterns (build/glob.h, with "**") are of paths from the root of the context. One that fits a folder fits what is in
 *it. Of those that fit a path the last counts: it is out, or, where that begins with !, in.
 *
 * A walk over a tree asks for each path once, with what it got for the folder the path is in:
 *	last = ignore_step(ig, path, last_of_its_folder)	(at the root of the context: IGNORE_NONE)
 *	out = ignore_out(ig, last), whole = ignore_whole(ig, path, last) */
#ifndef TARE_BUILD_IGNORE_H
#define TARE_BUILD_IGNORE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

struct ignore_pattern;
struct ignore {
	struct ignore_pattern *v;
	size_t n, cap;
};

#define IGNORE_NONE (-1)
#define IGNORE_MAX_BYTES (1U << 20)
#define IGNORE_MAX_PATTERNS 10000U

/* The lines of a .dockerignore: a # in the first column begins a comment, blanks around a pattern go, and what
 * filepath.Clean of Go would make of it is it; slashes before it go too. out is to be empty or to be added to.
 * ERR_INVALID and ERR_LIMIT begin with "line N: ". */
int ignore_parse(struct arena *a, const char *text, size_t len, struct ignore *out, struct err *e) MUST_CHECK;

/* One pattern behind the others: of --exclude. "" is none. */
int ignore_add(struct arena *a, const char *pattern, struct ignore *out, struct err *e) MUST_CHECK;

/* The last pattern that fits path or a folder above it. path: without slashes around it, and without "." and "..". */
int ignore_step(const struct ignore *ig, const char *path, int above);
bool ignore_out(const struct ignore *ig, int last);
/* Is all of the folder dir out, so that nobody need look into it? Last: of dir. */
bool ignore_whole(const struct ignore *ig, const char *dir, int last);

/* For one path alone: is it out? */
bool ignore_matches(const struct ignore *ig, const char *path);

#endif
