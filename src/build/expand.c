/* A recursive descent over the text, one character after the other; nothing is looked at twice. What a variable gives
 * is text, never looked through for more. Every text made here is bounded, so that "ENV a=$a$a" forty times is an error
 * and no eaten memory. */
#include "build/expand.h"

#include <stdio.h>
#include <string.h>

#include "base/strbuf.h"
#include "build/pattern.h"

struct expansion {
	struct arena *a;
	const struct df_vars *vars;
	const char *at;
	char escape;
	bool quotes; /* mean something */
	unsigned int depth;
	struct df_list *words; /* NULL: one word is wanted */
	struct strbuf word;    /* the one of words that is being made */
	struct err *e;
};

static int no_memory(const struct expansion *x)
{
	return err_errno(x->e, -ENOMEM, "expanding variables");
}

static int check(const struct expansion *x, const struct strbuf *b)
{
	if (sb_error(b) < 0)
		return no_memory(x);
	if (b->len > DF_MAX_EXPANSION)
		return err_set(x->e, ERR_LIMIT, "with its variables expanded this is longer than %u bytes",
			       DF_MAX_EXPANSION);
	return 0;
}

/* ---- names ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_name(char c)
{
	return is_digit(c) || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* How long the name at s is: a word, a number, or one of the shell's special parameters, which are never set here. */
static size_t name_len(const char *s)
{
	size_t n = 0;

	if (*s && strchr("@*#?-$!", *s))
		return 1;
	if (is_digit(*s)) {
		while (is_digit(s[n]))
			n++;
		return n;
	}
	while (is_name(s[n]))
		n++;
	return n;
}

static const char *take_name(struct expansion *x)
{
	size_t n = name_len(x->at);
	const char *name = arena_strndup(x->a, x->at, n);

	x->at += n;
	return name;
}

/* A line of 100,000 substitutions in a long value is short: what is counted is what they cost. */
int df_spend(const struct df_vars *vars, size_t n, struct err *e)
{
	*vars->spent += n;
	if (*vars->spent > DF_MAX_WORK)
		return err_set(e, ERR_LIMIT, "the variables of this file, expanded, are more than %u bytes",
			       DF_MAX_WORK);
	return 0;
}

static int spend(const struct expansion *x, size_t n)
{
	return df_spend(x->vars, n, x->e);
}

static int value_of(const struct expansion *x, const char *name, const char **out)
{
	*out = x->vars->get(x->vars->data, name);
	return spend(x, 64);
}

/* ---- ${} ---- */

static int take_until(struct expansion *x, char stop, bool raw, struct strbuf *out);

static int unclosed(const struct expansion *x, const char *what)
{
	return err_set(x->e, ERR_INVALID, "want %s, the text ends before it", what);
}

/* ${v-x} ${v+x} ${v?x}, with : where an empty one counts as none. */
static int take_default(struct expansion *x, const char *name, bool colon, struct strbuf *out)
{
	CLEANUP_STRBUF struct strbuf word = STRBUF_INIT;
	const char *value;
	char how = *x->at++;
	bool set;

	if (value_of(x, name, &value) < 0 || take_until(x, '}', false, &word) < 0)
		return x->e->code;
	set = value && (!colon || *value);
	if (how == '?' && !set)
		return err_set(x->e, ERR_INVALID, "%.60s: %.300s", name,
			       word.len ? sb_str(&word)
			       : value  ? "it may not be empty"
					: "it must be set");
	if (how == '+')
		sb_puts(out, set ? sb_str(&word) : "");
	else
		sb_puts(out, set ? value : sb_str(&word));
	return check(x, out);
}

static int spend_matching(const struct expansion *x, const char *value, const struct strbuf *pattern)
{
	return value ? spend(x, strlen(value) * (1 + pattern->len / 64)) : 0;
}

/* ${v#p} ${v##p} ${v%p} ${v%%p} */
static int take_cut(struct expansion *x, const char *name, struct strbuf *out)
{
	CLEANUP_STRBUF struct strbuf pattern = STRBUF_INIT;
	const char *value;
	char how = *x->at++;
	bool twice = *x->at == how;

	x->at += twice;
	if (value_of(x, name, &value) < 0 || take_until(x, '}', true, &pattern) < 0 ||
	    spend_matching(x, value, &pattern) < 0)
		return x->e->code;
	return df_pattern_cut(value ? value : "", sb_str(&pattern), x->escape, how == '%', twice, out, x->e);
}

/* ${v/p/x} ${v//p/x} */
static int take_replacement(struct expansion *x, const char *name, struct strbuf *out)
{
	CLEANUP_STRBUF struct strbuf pattern = STRBUF_INIT, with = STRBUF_INIT;
	const char *value;
	bool all;

	x->at++;
	all = *x->at == '/';
	x->at += all;
	if (value_of(x, name, &value) < 0 || take_until(x, '/', true, &pattern) < 0 ||
	    take_until(x, '}', true, &with) < 0 || spend_matching(x, value, &pattern) < 0)
		return x->e->code;
	return df_pattern_replace(value ? value : "", sb_str(&pattern), x->escape, sb_str(&with), all, DF_MAX_EXPANSION,
				  out, x->e);
}

/* Behind "${". */
static int take_braces(struct expansion *x, struct strbuf *out)
{
	const char *name, *value;
	bool colon;

	name = take_name(x);
	if (!name)
		return no_memory(x);
	if (!*x->at)
		return unclosed(x, "the } of ${");
	if (!*name)
		return err_set(x->e, ERR_INVALID, "want a variable's name behind ${, not \"%.20s\"", x->at);
	if (*x->at == '}') {
		x->at++;
		if (value_of(x, name, &value) < 0)
			return x->e->code;
		sb_puts(out, value ? value : "");
		return check(x, out);
	}
	colon = *x->at == ':';
	x->at += colon;
	if (!*x->at)
		return unclosed(x, "the } of ${");
	if (strchr("-+?", *x->at))
		return take_default(x, name, colon, out);
	if (!colon && strchr("#%", *x->at))
		return take_cut(x, name, out);
	if (!colon && *x->at == '/')
		return take_replacement(x, name, out);
	return err_set(x->e, ERR_INVALID,
		       "${%.60s%s%.1s…}: want one of } :- :+ :? - + ? # ## %% %%%% / // behind the name", name,
		       colon ? ":" : "", x->at);
}

/* At a $. */
static int take_dollar(struct expansion *x, struct strbuf *out)
{
	const char *name, *value;
	int r;

	x->at++;
	if (*x->at == '{') {
		if (++x->depth > DF_MAX_NESTING)
			return err_set(x->e, ERR_LIMIT, "more than %u ${} within each other", DF_MAX_NESTING);
		x->at++;
		r = take_braces(x, out);
		x->depth--;
		return r;
	}
	name = take_name(x);
	if (!name)
		return no_memory(x);
	value = "$";
	if (*name && value_of(x, name, &value) < 0)
		return x->e->code;
	sb_puts(out, value ? value : "");
	return check(x, out);
}

/* ---- quotes ---- */

static int take_single(struct expansion *x, struct strbuf *out)
{
	const char *end = strchr(++x->at, '\'');

	if (!end)
		return unclosed(x, "the closing '");
	sb_add(out, x->at, (size_t)(end - x->at));
	x->at = end + 1;
	return check(x, out);
}

/* Within these an escape is one before ", $ and itself, and a character like others elsewhere. raw: one
 * that is left is doubled, for a pattern to take it as such a character. */
static int take_double(struct expansion *x, bool raw, struct strbuf *out)
{
	for (x->at++; *x->at != '"';) {
		if (!*x->at)
			return unclosed(x, "the closing \"");
		if (*x->at == '$') {
			if (take_dollar(x, out) < 0)
				return x->e->code;
			continue;
		}
		if (*x->at == x->escape) {
			bool escapes = x->at[1] == '"' || x->at[1] == '$' || x->at[1] == x->escape;

			x->at += !x->at[1] || escapes;
			if (!*x->at)
				continue;
			if (raw && *x->at == x->escape)
				sb_putc(out, x->escape);
		}
		sb_putc(out, *x->at++);
	}
	x->at++;
	return check(x, out);
}

/* ---- words ---- */

/* A blank that was not quoted ends a word; what is empty is none. */
static int end_word(struct expansion *x)
{
	if (spend(x, x->word.len) < 0)
		return x->e->code;
	if (x->word.len && !df_list_add(x->a, x->words, arena_strndup(x->a, sb_str(&x->word), x->word.len)))
		return no_memory(x);
	sb_reset(&x->word);
	return 0;
}

/* What was read is in piece: into the word, or, where words are wanted and blanks in it part them, into several. */
static int add_piece(struct expansion *x, const struct strbuf *piece, bool parts)
{
	for (size_t i = 0; i < piece->len; i++) {
		if (!parts || !df_is_space(piece->s[i]))
			sb_putc(&x->word, piece->s[i]);
		else if (end_word(x) < 0)
			return x->e->code;
	}
	return check(x, &x->word);
}

/* An escape, or an ordinary character. *plain: blanks count. */
static void take_char(struct expansion *x, bool raw, struct strbuf *out, bool *plain)
{
	*plain = *x->at != x->escape;
	if (!*plain) {
		if (raw)
			sb_putc(out, x->escape);
		if (!*++x->at)
			return;
	}
	sb_putc(out, *x->at++);
}

/* One step; *plain: what it gave is parted by blanks. */
static int take_one(struct expansion *x, bool raw, struct strbuf *out, bool *plain)
{
	*plain = false;
	if (x->quotes && *x->at == '\'')
		return take_single(x, out);
	if (x->quotes && *x->at == '"')
		return take_double(x, raw, out);
	if (*x->at == '$') {
		*plain = true;
		return take_dollar(x, out);
	}
	take_char(x, raw, out, plain);
	return 0;
}

/* Within ${}: up to stop, and behind it. */
static int take_until(struct expansion *x, char stop, bool raw, struct strbuf *out)
{
	bool plain;

	while (*x->at && *x->at != stop)
		if (take_one(x, raw, out, &plain) < 0)
			return x->e->code;
	if (!*x->at)
		return unclosed(x, stop == '/' ? "the second / of ${v/pattern/text}" : "the } of ${");
	x->at++;
	return check(x, out);
}

static int expand_one(struct expansion *x, const char **out)
{
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;
	bool plain;

	while (*x->at)
		if (take_one(x, false, &b, &plain) < 0)
			return x->e->code;
	if (check(x, &b) < 0 || spend(x, b.len) < 0)
		return x->e->code;
	*out = arena_strndup(x->a, sb_str(&b), b.len);
	return *out ? 0 : no_memory(x);
}

int df_expand(struct arena *a, const struct df_vars *vars, const char *word, const char **out, struct err *e)
{
	struct expansion x = { .a = a, .vars = vars, .at = word, .escape = vars->escape, .quotes = true, .e = e };

	return expand_one(&x, out);
}

int df_expand_document(struct arena *a, const struct df_vars *vars, const char *text, const char **out, struct err *e)
{
	struct expansion x = { .a = a, .vars = vars, .at = text, .escape = '\\', .e = e };

	/* the limit is for what grows: a document may be long from the start */
	if (!strpbrk(text, "$\\")) {
		*out = text;
		return 0;
	}
	return expand_one(&x, out);
}

static int expand_words(struct expansion *x)
{
	CLEANUP_STRBUF struct strbuf piece = STRBUF_INIT;
	bool plain;

	while (*x->at) {
		sb_reset(&piece);
		if (take_one(x, false, &piece, &plain) < 0 || check(x, &piece) < 0 || add_piece(x, &piece, plain) < 0)
			return x->e->code;
	}
	return end_word(x);
}

int df_expand_words(struct arena *a, const struct df_vars *vars, const char *text, struct df_list *out, struct err *e)
{
	struct expansion x = {
		.a = a, .vars = vars, .at = text, .escape = vars->escape, .quotes = true, .words = out, .e = e
	};
	int r = expand_words(&x);

	sb_free(&x.word);
	return r;
}
