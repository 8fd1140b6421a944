/* The text of a Dockerfile as instructions that stand in one line each, with their here-documents: directives,
 * comments, continued lines. What an instruction means is the business of build/parse.h. Docker's "Dockerfile
 * reference", sections Format, Parser directives, Here-Documents. */
#ifndef TARE_BUILD_LEX_H
#define TARE_BUILD_LEX_H

#include "build/split.h"

/* More than any Dockerfile of people or of a generator has. */
#define DF_MAX_BYTES (8U << 20)
#define DF_MAX_LINE (1U << 20) /* of one instruction, its continued lines together */
#define DF_MAX_INSTRUCTIONS 20000U

struct df_heredoc {
	const char *name;    /* the word that ends it, without quotes */
	const char *content; /* its lines as they are; of <<- without the tabs at their beginnings */
	bool expand; /* nothing of its name was quoted: variables in it mean something where the instruction says so */
};

struct df_heredocs {
	struct df_heredoc *v; /* in the order of the line */
	size_t n;
};

struct df_line {
	unsigned int first, last; /* lines of the file, from 1; here-documents included */
	const char *text;         /* one line, without blanks at its beginning */
	struct df_split split;    /* the same, taken apart */
	struct df_heredocs docs;
};

struct df_warning {
	unsigned int line;
	const char *text;
};

struct df_warnings {
	struct df_warning *v;
	size_t n, cap;
};

struct df_lines {
	struct df_line *v;
	size_t n, cap;
	char escape;                /* '\\' or '`' */
	const char *syntax, *check; /* values of these directives, NULL without */
	unsigned int syntax_line, check_line;
	struct df_warnings warnings;
};

/* text: len bytes, need not outlive the call. Everything given is in a. ERR_INVALID and ERR_LIMIT begin with the line's
 * number. */
int df_lex(struct arena *a, const char *text, size_t len, struct df_lines *out, struct err *e) MUST_CHECK;

/* Adds a warning, which lives as long as a. */
int df_warn(struct arena *a, struct df_warnings *w, unsigned int line, const char *text, struct err *e) MUST_CHECK;

#endif
