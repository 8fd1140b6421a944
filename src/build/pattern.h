/* The patterns of ${v#p}, ${v%p} and ${v/p/x}: * is any text, ? one character, an escape makes what follows ordinary.
 * POSIX.1-2024, XCU 2.14, without its brackets, as BuildKit has it. */
#ifndef TARE_BUILD_PATTERN_H
#define TARE_BUILD_PATTERN_H

#include <stdbool.h>

#include "base/err.h"
#include "base/strbuf.h"

/* Into out what is left of value without the shortest, or longest, beginning (or end) that fits.  ERR_INVALID: an
 * escape before something that needs none. */
int df_pattern_cut(const char *value, const char *pattern, char escape, bool at_end, bool longest, struct strbuf *out,
		   struct err *e) MUST_CHECK;

/* value with the first part that fits, or each, exchanged; of parts that begin at one place the longest. No more than
 * max bytes are written: ERR_LIMIT. */
int df_pattern_replace(const char *value, const char *pattern, char escape, const char *with, bool all, size_t max,
		       struct strbuf *out, struct err *e) MUST_CHECK;

#endif
