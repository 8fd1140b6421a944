/* One pass over the lines. At the top "# name=value" lines are directives, until the first line that is none. An
 * instruction's first line loses the blanks before it, its continued lines do not; comments and blank lines between
 * these are left out, the latter with a warning, as BuildKit has it. Here-documents follow the instruction they belong
 * to, in the order of their names.
 *
 * The text is a stranger's: its size, the length of an instruction and their number have limits, all work is linear in
 * them. */
#include "build/lex.h"

#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/strbuf.h"
#include "build/blame.h"
#include "build/heredoc.h"

struct lexer {
	struct arena *a;
	const char *at, *end;
	unsigned int line; /* of what was read last */
	bool top;          /* directives may still come */
	unsigned int seen; /* of them, a bit each */
	struct df_lines *out;
	struct err *e;
};

struct raw {
	const char *s;
	size_t len;  /* without the end of the line */
	size_t full; /* with it */
};

static bool next_line(struct lexer *l, struct raw *out)
{
	const char *nl;

	if (l->at == l->end)
		return false;
	nl = memchr(l->at, '\n', (size_t)(l->end - l->at));
	out->s = l->at;
	out->full = nl ? (size_t)(nl - l->at) + 1 : (size_t)(l->end - l->at);
	out->len = out->full - (nl != NULL);
	while (out->len && out->s[out->len - 1] == '\r')
		out->len--;
	l->at += out->full;
	l->line++;
	return true;
}

static void skip_spaces(struct raw *r)
{
	while (r->len && df_is_space(*r->s)) {
		r->s++;
		r->len--;
		r->full--;
	}
}

static bool is_comment(struct raw r)
{
	skip_spaces(&r);
	return r.len && *r.s == '#';
}

static bool is_blank(struct raw r)
{
	skip_spaces(&r);
	return !r.len;
}

static int fail(const struct lexer *l, unsigned int line)
{
	return df_blame(l->e, line, NULL);
}

static int no_memory(const struct lexer *l)
{
	return err_errno(l->e, -ENOMEM, "reading the Dockerfile");
}

int df_warn(struct arena *a, struct df_warnings *w, unsigned int line, const char *text, struct err *e)
{
	struct df_warning *v = arena_grow(a, w->v, w->n, &w->cap, sizeof(*v));

	if (!v || !text)
		return err_errno(e, -ENOMEM, "reading the Dockerfile");
	w->v = v;
	w->v[w->n++] = (struct df_warning){ line, text };
	return 0;
}

/* ---- directives ---- */

enum { SYNTAX, ESCAPE, CHECK };
static const char *const directives[] = { [SYNTAX] = "syntax", [ESCAPE] = "escape", [CHECK] = "check" };

/* "# name = value" of a name that is known: its number and *value, without blanks around it; else -1. */
static int match_directive(struct raw r, struct raw *value)
{
	size_t name = 0;

	if (!r.len || *r.s != '#')
		return -1;
	r.s++;
	r.len--;
	skip_spaces(&r);
	while (name < r.len && r.s[name] != '=' && !df_is_space(r.s[name]))
		name++;
	*value = (struct raw){ r.s + name, r.len - name, r.len - name };
	skip_spaces(value);
	if (!value->len || *value->s != '=')
		return -1;
	value->s++;
	value->len--;
	skip_spaces(value);
	while (value->len && df_is_space(value->s[value->len - 1]))
		value->len--;
	for (int i = 0; value->len && i < (int)ARRAY_LEN(directives); i++)
		if (strlen(directives[i]) == name && strncasecmp(directives[i], r.s, name) == 0)
			return i;
	return -1;
}

static int set_escape(struct lexer *l, struct raw value)
{
	if (value.len != 1 || (*value.s != '\\' && *value.s != '`'))
		return err_set(l->e, ERR_INVALID, "# escape=%.*s: the escape character is \\ or `",
			       (int)(value.len < 20 ? value.len : 20), value.s);
	l->out->escape = *value.s;
	return 0;
}

/* A line at the top. What "#!" begins is for the kernel, where the file is executable, and no end of the directives. */
static int directive(struct lexer *l, struct raw r)
{
	struct raw value;
	const char *text;
	int which = match_directive(r, &value);

	if (which < 0) {
		l->top = l->line == 1 && r.len > 1 && r.s[0] == '#' && r.s[1] == '!';
		return 0;
	}
	if (l->seen & (1U << which)) {
		err_set(l->e, ERR_INVALID, "# %s= was there already: once is enough", directives[which]);
		return fail(l, l->line);
	}
	l->seen |= 1U << which;
	if (which == ESCAPE)
		return set_escape(l, value) < 0 ? fail(l, l->line) : 0;
	text = arena_strndup(l->a, value.s, value.len);
	if (!text)
		return no_memory(l);
	*(which == SYNTAX ? &l->out->syntax : &l->out->check) = text;
	*(which == SYNTAX ? &l->out->syntax_line : &l->out->check_line) = l->line;
	return 0;
}

/* ---- instructions ---- */

/* Does the next line belong to this one? Its last character, blanks aside, is then an escape that is not escaped
 * itself; it is cut. */
static bool continues(struct raw *r, char escape)
{
	size_t n = r->len;

	while (n && (r->s[n - 1] == ' ' || r->s[n - 1] == '\t'))
		n--;
	if (!n || r->s[n - 1] != escape || (n > 1 && r->s[n - 2] == escape))
		return false;
	r->len = n - 1;
	return true;
}

static int add_piece(struct lexer *l, struct raw r, struct strbuf *b)
{
	const char *end = r.s + r.len;

	if (b->len + r.len > DF_MAX_LINE) {
		err_set(l->e, ERR_LIMIT, "an instruction has %u bytes at most; a here-document may have more",
			DF_MAX_LINE);
		return fail(l, l->line);
	}
	for (const char *s = r.s; s < end;) {
		size_t n = (unsigned char)*s < 0x80 ? 1 : json_utf8_sequence(s, end);

		if (!n) {
			err_set(l->e, ERR_INVALID, "byte %zu is no UTF-8: write the file in UTF-8",
				(size_t)(s - r.s) + 1);
			return fail(l, l->line);
		}
		s += n;
	}
	sb_add(b, r.s, r.len);
	return sb_error(b) < 0 ? no_memory(l) : 0;
}

static int take_text(struct lexer *l, struct raw r, struct df_line *out)
{
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;
	bool more = continues(&r, l->out->escape);
	unsigned int blank = 0;

	if (add_piece(l, r, &b) < 0)
		return l->e->code;
	while (more && next_line(l, &r)) {
		if (is_comment(r))
			continue;
		if (is_blank(r)) {
			blank = blank ? blank : l->line;
			continue;
		}
		more = continues(&r, l->out->escape);
		if (add_piece(l, r, &b) < 0)
			return l->e->code;
	}
	if (blank && df_warn(l->a, &l->out->warnings, blank,
			     "a blank line within a continued instruction: end the line before it without the escape, "
			     "or take it out",
			     l->e) < 0)
		return l->e->code;
	r = (struct raw){ sb_str(&b), b.len, b.len };
	skip_spaces(&r);
	if (!r.len) {
		err_set(l->e, ERR_INVALID, "a lone %c continues nothing: put an instruction before it", l->out->escape);
		return fail(l, out->first);
	}
	out->text = arena_strndup(l->a, r.s, r.len);
	return out->text ? 0 : no_memory(l);
}

/* ---- here-documents ---- */

static int take_document(struct lexer *l, unsigned int first, struct df_heredoc *doc, bool strip)
{
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;
	size_t len = strlen(doc->name);
	struct raw r;

	while (next_line(l, &r)) {
		while (strip && r.full && *r.s == '\t') {
			r.s++;
			r.full--;
			r.len -= r.len > 0;
		}
		if (r.len == len && memcmp(r.s, doc->name, len) == 0) {
			doc->content = arena_strndup(l->a, sb_str(&b), b.len);
			return sb_error(&b) < 0 || !doc->content ? no_memory(l) : 0;
		}
		sb_add(&b, r.s, r.full);
	}
	err_set(l->e, ERR_INVALID, "the here-document <<%.60s has no end: want a line that is %.60s and nothing else",
		doc->name, doc->name);
	return fail(l, first);
}

static int take_documents(struct lexer *l, struct df_line *line)
{
	struct df_heredoc_mark *marks;
	size_t n;
	int r;

	if (!df_may_have_heredocs(&line->split, line->text))
		return 0;
	r = df_heredoc_marks(l->a, line->text, &marks, &n, l->e);
	if (r < 0)
		return r;
	line->docs.v = arena_array(l->a, n, sizeof(*line->docs.v));
	if (n && !line->docs.v)
		return no_memory(l);
	for (; line->docs.n < n; line->docs.n++) {
		const struct df_heredoc_mark *m = &marks[line->docs.n];
		struct df_heredoc *doc = &line->docs.v[line->docs.n];

		*doc = (struct df_heredoc){ .name = m->name, .expand = !m->quoted };
		if (take_document(l, line->first, doc, m->strip) < 0)
			return l->e->code;
	}
	return 0;
}

static int take_instruction(struct lexer *l, struct raw r)
{
	struct df_lines *o = l->out;
	struct df_line *line = arena_grow(l->a, o->v, o->n, &o->cap, sizeof(*line));

	if (!line)
		return no_memory(l);
	o->v = line;
	line += o->n;
	*line = (struct df_line){ .first = l->line };
	if (o->n >= DF_MAX_INSTRUCTIONS) {
		err_set(l->e, ERR_LIMIT, "a Dockerfile has %u instructions at most", DF_MAX_INSTRUCTIONS);
		return fail(l, l->line);
	}
	if (take_text(l, r, line) < 0)
		return l->e->code;
	if (df_split(l->a, line->text, o->escape, &line->split, l->e) < 0)
		return fail(l, line->first);
	if (take_documents(l, line) < 0)
		return l->e->code;
	line->last = l->line;
	o->n++;
	return 0;
}

/* Bytes that no line may have. A file of Windows' "Unicode" is full of them. */
static int check_bytes(struct lexer *l)
{
	const char *nul = memchr(l->at, '\0', (size_t)(l->end - l->at));
	unsigned int line = 1;

	if (!nul)
		return 0;
	for (const char *s = l->at; s < nul; s++)
		line += *s == '\n';
	err_set(l->e, ERR_INVALID, "a NUL byte: a Dockerfile is text in UTF-8, this is something else (UTF-16?)");
	return fail(l, line);
}

int df_lex(struct arena *a, const char *text, size_t len, struct df_lines *out, struct err *e)
{
	struct lexer l = { .a = a, .at = text, .end = text + len, .top = true, .out = out, .e = e };
	struct raw r;

	*out = (struct df_lines){ .escape = '\\' };
	if (len > DF_MAX_BYTES)
		return err_set(e, ERR_LIMIT, "a Dockerfile has %u bytes at most, this one has %zu", DF_MAX_BYTES, len);
	if (check_bytes(&l) < 0)
		return e->code;
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		l.at += 3;
	while (next_line(&l, &r)) {
		skip_spaces(&r);
		if (l.top && directive(&l, r) < 0)
			return e->code;
		if (is_blank(r) || is_comment(r))
			continue;
		if (take_instruction(&l, r) < 0)
			return e->code;
	}
	return 0;
}
