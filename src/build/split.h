/* An instruction of a Dockerfile that stands in one line, taken apart: its name, its flags, what follows; and the three
 * ways in which that becomes words. Blanks are those of ASCII. Nothing is expanded here (build/expand.h). */
#ifndef TARE_BUILD_SPLIT_H
#define TARE_BUILD_SPLIT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

/* Strings; v ends with a NULL and is never NULL itself where a function of this room gave it. */
struct df_list {
	const char **v;
	size_t n;
};

struct df_split {
	const char *name;     /* as written; "" of an empty line */
	struct df_list flags; /* "--from=x", quotes and escapes taken away; a lone "--" ends them and is left out */
	const char *rest;     /* without blanks around it */
};

static inline bool df_is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* One more string at the end; false: no memory. */
bool df_list_add(struct arena *a, struct df_list *list, const char *s);

/* The three parts. escape: the file's escape character. ERR_INVALID: a flag's quote is not closed. Everything is in a.
 */
int df_split(struct arena *a, const char *text, char escape, struct df_split *out, struct err *e) MUST_CHECK;

/* Words between blanks, whatever quotes say: of FROM, EXPOSE and the plain forms of ADD, COPY and VOLUME. */
int df_split_blanks(struct arena *a, const char *rest, struct df_list *out, struct err *e) MUST_CHECK;

/* Words as a shell sees them, quotes and escapes still in them: of ARG, ENV and LABEL. */
int df_split_words(struct arena *a, const char *rest, char escape, struct df_list *out, struct err *e) MUST_CHECK;

/* A JSON array of strings: 1 and *out. 0: it is none, so it is text for a shell, as Docker takes a list that is not
 * well formed. ERR_INVALID: an array of something else. */
int df_split_json(struct arena *a, const char *rest, struct df_list *out, struct err *e) MUST_CHECK;

#endif
