#include "build/heredoc.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

/* Behind the closing quote of a string that begins at s; NULL: it has none. In a here-document's line the escape is
 * always \, whatever the file says: it is a shell that reads it. */
static const char *skip_quoted(const char *s)
{
	char quote = *s++;

	while (*s && *s != quote)
		s += quote == '"' && *s == '\\' && s[1] ? 2 : 1;
	return *s ? s + 1 : NULL;
}

/* Behind the word at s; NULL: a quote is not closed. Blanks behind "<<" belong to the word. */
static const char *skip_word(const char *s)
{
	while (s && *s && !df_is_space(*s)) {
		if (*s == '\\' && s[1])
			s += 2;
		else if (*s == '\'' || *s == '"')
			s = skip_quoted(s);
		else if (s[0] == '<' && s[1] == '<')
			s += 2 + strspn(s + 2, " \t\r");
		else
			s++;
	}
	return s;
}

/* The len bytes at s without quotes and escapes, into out, which has room for as much. */
static void unquote(const char *s, size_t len, char *out, bool *quoted)
{
	char quote = '\0';

	*quoted = false;
	for (size_t i = 0; i < len; i++) {
		bool escapes = s[i] == '\\' && i + 1 < len && (!quote || (quote == '"' && strchr("\"$\\", s[i + 1])));

		if (quote ? s[i] == quote : (s[i] == '\'' || s[i] == '"')) {
			quote = quote ? '\0' : s[i];
			*quoted = true;
			continue;
		}
		if (s[i] == '\\' && i + 1 == len) /* it escapes nothing */
			break;
		i += escapes;
		*out++ = s[i];
	}
	*out = '\0';
}

/* Where the name begins in a word of len bytes; NULL: it announces nothing. */
static const char *name_of(const char *s, size_t len, bool *strip)
{
	const char *end = s + len;

	while (s < end && *s >= '0' && *s <= '9')
		s++;
	if (end - s < 3 || s[0] != '<' || s[1] != '<')
		return NULL;
	s += 2;
	*strip = *s == '-';
	s += *strip;
	while (s < end && df_is_space(*s))
		s++;
	return s < end && !memchr(s, '<', (size_t)(end - s)) ? s : NULL;
}

bool df_is_heredoc(const char *word)
{
	bool strip;

	return skip_word(word) == word + strlen(word) && name_of(word, strlen(word), &strip);
}

bool df_may_have_heredocs(const struct df_split *split, const char *text)
{
	const char *name = split->name;
	size_t len = strlen(name);

	if (!strstr(text, "<<"))
		return false;
	if (strcasecmp(name, "ONBUILD") == 0) {
		name = split->rest;
		len = 0;
		while (name[len] && !df_is_space(name[len]))
			len++;
	}
	return (len == 3 && (strncasecmp(name, "ADD", 3) == 0 || strncasecmp(name, "RUN", 3) == 0)) ||
	       (len == 4 && strncasecmp(name, "COPY", 4) == 0);
}

int df_heredoc_marks(struct arena *a, const char *text, struct df_heredoc_mark **out, size_t *n, struct err *e)
{
	struct df_heredoc_mark *v = NULL;
	const char *end;
	size_t cap = 0;

	*out = NULL;
	*n = 0;
	for (const char *s = text; *s; s = end) {
		struct df_heredoc_mark m = { 0 };
		const char *name;
		char *copy;

		while (df_is_space(*s))
			s++;
		end = skip_word(s);
		if (!end) {
			*n = 0;
			return 0;
		}
		name = name_of(s, (size_t)(end - s), &m.strip);
		if (!name)
			continue;
		copy = arena_alloc(a, (size_t)(end - name) + 1);
		v = arena_grow(a, v, *n, &cap, sizeof(*v));
		if (!copy || !v)
			return err_errno(e, -ENOMEM, "reading the instruction");
		unquote(name, (size_t)(end - name), copy, &m.quoted);
		m.name = copy;
		v[*n] = m;
		*n += *copy != '\0';
		*out = v;
	}
	return 0;
}
