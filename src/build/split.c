#include "build/split.h"

#include <string.h>

#include "base/json.h"
#include "base/strbuf.h"

bool df_list_add(struct arena *a, struct df_list *list, const char *s)
{
	size_t cap = list->n + 1;
	const char **v;

	/* as many as a power of two, NULL included, is full: no room need be remembered */
	if (!list->v || (list->n && (cap & (cap - 1)) == 0)) {
		v = arena_array(a, cap * 2, sizeof(*v));
		if (!v)
			return false;
		if (list->n)
			memcpy(v, list->v, list->n * sizeof(*v));
		list->v = v;
	}
	if (!s)
		return false;
	list->v[list->n++] = s;
	list->v[list->n] = NULL;
	return true;
}

static int no_memory(struct err *e)
{
	return err_errno(e, -ENOMEM, "reading the instruction");
}

/* An empty list is a list too. */
static int begin_list(struct arena *a, struct df_list *out, struct err *e)
{
	*out = (struct df_list){ arena_array(a, 2, sizeof(*out->v)), 0 };
	return out->v ? 0 : no_memory(e);
}

static const char *skip_space(const char *s)
{
	while (df_is_space(*s))
		s++;
	return s;
}

static const char *skip_word(const char *s)
{
	while (*s && !df_is_space(*s))
		s++;
	return s;
}

/* One flag without its quotes and escapes; behind it, or NULL: a quote is open at the end. */
static const char *take_flag(const char *s, char escape, struct strbuf *out)
{
	char quote = '\0';

	for (; *s && (quote || !df_is_space(*s)); s++) {
		if (quote ? *s == quote : (*s == '"' || *s == '\'')) {
			quote = quote ? '\0' : *s;
			continue;
		}
		if (*s == escape) {
			if (!s[1])
				continue;
			s++;
		}
		sb_putc(out, *s);
	}
	return quote ? NULL : s;
}

static int take_flags(struct arena *a, const char **at, char escape, struct df_list *out, struct err *e)
{
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;
	const char *s = skip_space(*at);

	while (s[0] == '-' && s[1] == '-') {
		sb_reset(&b);
		s = take_flag(s, escape, &b);
		if (!s)
			return err_set(e, ERR_INVALID, "the quote in the flag %.60s is not closed", sb_str(&b));
		if (sb_error(&b))
			return no_memory(e);
		s = skip_space(s);
		if (strcmp(sb_str(&b), "--") == 0)
			break;
		if (!df_list_add(a, out, arena_strndup(a, sb_str(&b), b.len)))
			return no_memory(e);
	}
	*at = s;
	return 0;
}

int df_split(struct arena *a, const char *text, char escape, struct df_split *out, struct err *e)
{
	const char *name = skip_space(text), *s = skip_word(name);
	size_t len;
	int r;

	*out = (struct df_split){ .name = arena_strndup(a, name, (size_t)(s - name)) };
	r = begin_list(a, &out->flags, e);
	if (r < 0)
		return r;
	r = take_flags(a, &s, escape, &out->flags, e);
	if (r < 0)
		return r;
	len = strlen(s);
	while (len && df_is_space(s[len - 1]))
		len--;
	out->rest = arena_strndup(a, s, len);
	return out->name && out->rest ? 0 : no_memory(e);
}

int df_split_blanks(struct arena *a, const char *rest, struct df_list *out, struct err *e)
{
	int r = begin_list(a, out, e);

	if (r < 0)
		return r;
	for (const char *s = skip_space(rest), *end; *s; s = skip_space(end)) {
		end = skip_word(s);
		if (!df_list_add(a, out, arena_strndup(a, s, (size_t)(end - s))))
			return no_memory(e);
	}
	return 0;
}

/* Where the word that begins at s ends. An escape at the very end of the text belongs to no word: *cut. */
static const char *shell_word(const char *s, char escape, bool *cut)
{
	char quote = '\0';

	*cut = false;
	for (; *s && (quote || !df_is_space(*s)); s++) {
		if (*s == escape && quote != '\'') {
			if (!s[1]) {
				*cut = true;
				return s + 1;
			}
			s++;
		} else if (quote ? *s == quote : (*s == '"' || *s == '\'')) {
			quote = quote ? '\0' : *s;
		}
	}
	return s;
}

int df_split_words(struct arena *a, const char *rest, char escape, struct df_list *out, struct err *e)
{
	int r = begin_list(a, out, e);

	if (r < 0)
		return r;
	for (const char *s = skip_space(rest), *end; *s; s = skip_space(end)) {
		bool cut;
		size_t len;

		end = shell_word(s, escape, &cut);
		len = (size_t)(end - s) - cut;
		if (len && !df_list_add(a, out, arena_strndup(a, s, len)))
			return no_memory(e);
	}
	return 0;
}

int df_split_json(struct arena *a, const char *rest, struct df_list *out, struct err *e)
{
	const struct json *root;
	struct err ignored = { 0 };
	int r = begin_list(a, out, e);

	if (r < 0)
		return r;
	if (*skip_space(rest) != '[' || json_parse(a, rest, strlen(rest), NULL, &root, &ignored) < 0)
		return arena_error(a) ? no_memory(e) : 0;
	json_each(it, root) {
		if (it->type != JSON_STRING)
			return err_set(e, ERR_INVALID,
				       "the list between [ and ] may have strings alone, each in double quotes");
		if (!df_list_add(a, out, it->str))
			return no_memory(e);
	}
	return 1;
}
