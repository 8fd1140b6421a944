/* "<<NAME" in the line of an instruction: where a here-document is announced. */
#ifndef TARE_BUILD_HEREDOC_H
#define TARE_BUILD_HEREDOC_H

#include "build/split.h"

struct df_heredoc_mark {
	const char *name; /* without quotes; never "" */
	bool quoted;      /* some of it was: nothing is expanded in the document */
	bool strip;       /* "<<-": tabs at the beginnings of its lines go */
};

/* May it have any? ADD, COPY and RUN in their plain forms may, and these behind ONBUILD. */
bool df_may_have_heredocs(const struct df_split *split, const char *text);

/* Those of a line: words of the form [N]<<[-]NAME, quoting as in a shell. None when a quote is not closed. *out is in
 * a. */
int df_heredoc_marks(struct arena *a, const char *text, struct df_heredoc_mark **out, size_t *n,
		     struct err *e) MUST_CHECK;

/* Is word such a mark? Names of files are none. */
bool df_is_heredoc(const char *word);

#endif
