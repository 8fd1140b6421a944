/* Variables, quotes and escapes in the words of a Dockerfile. Docker's "Dockerfile reference", Environment replacement;
 * POSIX.1-2024, XCU 2.6.2 where that is silent. $v ${v} ${v:-x} ${v-x} ${v:+x} ${v+x} ${v:?x} ${v?x} ${v#p} ${v##p}
 * ${v%p} ${v%%p} ${v/p/x}
 * ${v//p/x}, one within another; a variable that nobody set is empty. Names are letters of ASCII, digits and _. */
#ifndef TARE_BUILD_EXPAND_H
#define TARE_BUILD_EXPAND_H

#include "build/split.h"

/* The value of a variable, NULL when it is not set; to live as long as the call that asks. */
struct df_vars {
	const char *(*get)(void *data, const char *name);
	void *data;
	char escape;   /* the file's: \ or ` */
	size_t *spent; /* the work that was done, 0 to begin with; may be shared by several */
};

#define DF_MAX_EXPANSION (1U << 20) /* bytes of a result; the kernel takes 128 KiB of a variable */
#define DF_MAX_WORK (64U << 20)     /* about the bytes of all results that are counted together */
#define DF_MAX_NESTING 64U          /* ${} within ${} */

/* Counts n of the work. ERR_LIMIT when that was too much. */
int df_spend(const struct df_vars *vars, size_t n, struct err *e) MUST_CHECK;

/* One word: quotes and escapes are taken away, blanks stay. ERR_INVALID: a quote or brace that is not closed, a form
 * that there is not, ${v?x} of one that is not set. ERR_LIMIT. Results are in a. */
int df_expand(struct arena *a, const struct df_vars *vars, const char *word, const char **out,
	      struct err *e) MUST_CHECK;

/* The same, and then words between blanks that were not quoted. Appended to out. */
int df_expand_words(struct arena *a, const struct df_vars *vars, const char *text, struct df_list *out,
		    struct err *e) MUST_CHECK;

/* A here-document's content: quotes mean nothing, the escape is \ whatever the file says. */
int df_expand_document(struct arena *a, const struct df_vars *vars, const char *text, const char **out,
		       struct err *e) MUST_CHECK;

#endif
