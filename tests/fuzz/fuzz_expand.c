/* build/: words of a Dockerfile by themselves. The first byte says what they are: a word, words, a here-document; a line that may announce
 * such; a source of ADD; a mode. */
#include <stdlib.h>
#include <string.h>

#include "build/expand.h"
#include "build/filemode.h"
#include "build/heredoc.h"
#include "build/source.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void check(int ok)
{
	if (!ok)
		abort();
}

/* What is special in it becomes \\xNN when the line is named (build/blame.h). */
static void check_error(const struct err *e)
{
	check(e->code < 0 && e->msg[0]);
}

static const char *value(void *data, const char *name)
{
	(void)data;
	check(*name != '\0');
	return !strcmp(name, "a") ? "x y" : !strcmp(name, "e") ? "" : !strcmp(name, "s") ? "aXbXc/*?[" : NULL;
}

static bool plain(const char *s)
{
	return !s[strcspn(s, "$\\`'\"")];
}

/* What has nothing special in it stays, and the same text has the same result. */
static void expand(struct arena *a, const char *text, char escape)
{
	size_t spent = 0;
	const struct df_vars vars = { value, NULL, escape, &spent };
	const char *out = NULL, *again = NULL;
	struct df_list words = { 0 };
	struct err e = { 0 };
	int r = df_expand(a, &vars, text, &out, &e);

	if (r < 0) {
		check_error(&e);
	} else {
		check(strlen(out) <= DF_MAX_EXPANSION && (!plain(text) || !strcmp(out, text)));
		spent = 0;
		check(df_expand(a, &vars, text, &again, &e) == 0 && !strcmp(out, again));
	}
	spent = 0;
	r = df_expand_words(a, &vars, text, &words, &e);
	if (r < 0)
		check_error(&e);
	for (size_t i = 0; r == 0 && i < words.n; i++)
		check(words.v[i] != NULL && !words.v[words.n]);
	spent = 0;
	if (df_expand_document(a, &vars, text, &out, &e) < 0)
		check_error(&e);
	else
		check(!plain(text) || !strcmp(out, text));
}

static void heredocs(struct arena *a, const char *text)
{
	struct df_heredoc_mark *marks = NULL;
	struct df_split split;
	struct err e = { 0 };
	size_t n = 0;

	if (df_split(a, text, '\\', &split, &e) < 0) {
		check_error(&e);
		return;
	}
	(void)df_may_have_heredocs(&split, text);
	if (df_heredoc_marks(a, split.rest, &marks, &n, &e) < 0)
		check_error(&e);
	else
		for (size_t i = 0; i < n; i++)
			check(marks[i].name && *marks[i].name);
	(void)df_is_heredoc(text);
}

static void sources(struct arena *a, const char *text)
{
	struct df_source s = { 0 };
	struct err e = { 0 };

	if (df_source_parse(a, text, &s, &e) < 0)
		check_error(&e);
	else
		check(s.url && (s.kind == DF_SOURCE_GIT || (!s.ref && !s.subdir && !s.commit)));
}

static void modes(const char *text)
{
	for (unsigned int folder = 0; folder < 2; folder++) {
		mode_t once, twice;

		if (df_filemode(text, 0644, folder, &once) == 0)
			check((once & ~07777U) == 0 && df_filemode(text, 0644, folder, &twice) == 0 && once == twice);
	}
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const char *text = size ? arena_strndup(&a, (const char *)data + 1, size - 1) : NULL;

	if (!text)
		return 0;
	switch (data[0]) {
	case 'h':
		heredocs(&a, text);
		break;
	case 's':
		sources(&a, text);
		break;
	case 'm':
		modes(text);
		break;
	default:
		expand(&a, text, data[0] == '`' ? '`' : '\\');
	}
	return 0;
}
