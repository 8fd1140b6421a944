/* The text is read and acted upon in one go. What is not to be done (an untaken branch, what follows a break) is read all the same, with
 * `live` off: then nothing is evaluated or written. A range goes back to where its body begins, and {{template}} to where the body of its
 * name does, which may be below: all of it is read once before, with `live` off, for what is wrong and for what is defined. */
#include "cmd/tare/template.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cmd/tare/template_calls.h"

#define MAX_DEPTH 64
#define MAX_VARIABLES 64
#define MAX_NAME 100
#define MAX_DEFINED 32
#define NO_ESCAPE "of the escapes in texts there are \\n, \\t, \\\", \\\\, \\x41, \\u00e9 and the like"

struct variable {
	char name[MAX_NAME];
	const struct json *value;
};

/* A body with a name: {{define}}, {{block}}. */
struct defined {
	const char *name, *body;
	bool trim;
};

struct template {
	struct arena *a;
	const char *text, *p;
	bool trim; /* blanks at p go */
	struct variable vars[MAX_VARIABLES];
	size_t n_vars;
	struct defined defined[MAX_DEFINED];
	size_t n_defined;
	bool collecting; /* the first reading */
	unsigned int depth, loops;
	enum { STAY, BREAK, CONTINUE } leaving; /* what follows up to the end of the range is not done */
	struct strbuf *out;
	struct err *e;
};

enum stop { STOP_EOF, STOP_END, STOP_ELSE };

/* ---- reading ---- */

static int wrong(struct template *t, const char *what)
{
	return err_set(t->e, ERR_INVALID, "character %zu: %s", (size_t)(t->p - t->text) + 1, what);
}

static void skip_blanks(struct template *t)
{
	while (isspace((unsigned char)*t->p))
		t->p++;
}

/* "}}", or "-}}" behind a blank. */
static bool at_close(const struct template *t)
{
	const char *p = t->p;

	if (*p == '-' && p > t->text && isspace((unsigned char)p[-1]))
		p++;
	return p[0] == '}' && p[1] == '}';
}

static int close_action(struct template *t)
{
	skip_blanks(t);
	if (!at_close(t))
		return wrong(t, *t->p ? "want }}" : "an action has no end: want }}");
	t->trim = *t->p == '-';
	t->p += t->trim ? 3 : 2;
	return 0;
}

static bool is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* A word that stands alone; it is taken. */
static bool word(struct template *t, const char *what)
{
	size_t len = strlen(what);

	if (strncmp(t->p, what, len) != 0 || is_name(t->p[len]) || t->p[len] == '.')
		return false;
	t->p += len;
	return true;
}

static int name(struct template *t, char out[MAX_NAME])
{
	size_t n = 0;

	while (is_name(*t->p)) {
		if (n + 1 == MAX_NAME)
			return wrong(t, "a name is too long");
		out[n++] = *t->p++;
	}
	out[n] = '\0';
	return 0;
}

/* ---- values ---- */

static int pipeline(struct template *t, const struct json *dot, bool live, const struct json **out);

static int members(struct template *t, bool live, const struct json **v)
{
	char key[MAX_NAME];

	while (*t->p == '.' && is_name(t->p[1])) {
		int r;

		t->p++;
		r = name(t, key);
		if (r == 0 && live)
			r = template_member(t->a, *v, arena_strdup(t->a, key), v, t->e);
		if (r < 0)
			return r;
	}
	return 0;
}

static const struct json *find_variable(const struct template *t, const char *what)
{
	for (size_t i = t->n_vars; i-- > 0;)
		if (strcmp(t->vars[i].name, what) == 0)
			return t->vars[i].value;
	return NULL;
}

static int set_variable(struct template *t, const char *what, const struct json *value)
{
	if (t->n_vars == MAX_VARIABLES)
		return wrong(t, "too many variables");
	(void)strncat(memset(t->vars[t->n_vars].name, 0, MAX_NAME), what, MAX_NAME - 1);
	t->vars[t->n_vars++].value = value;
	return 0;
}

static int variable(struct template *t, bool live, const struct json **out)
{
	char what[MAX_NAME];
	int r;

	t->p++;
	r = name(t, what);
	if (r < 0)
		return r;
	*out = find_variable(t, what);
	if (!*out && live)
		return err_set(t->e, ERR_INVALID, "character %zu: there is no variable $%s", (size_t)(t->p - t->text) + 1, what);
	return members(t, live, out);
}

/* The character of "\x41", "\u00e9" or "\U0001f600" behind the backslash, as UTF-8; t->p is at its last digit then. */
static int numbered(struct template *t, struct strbuf *out)
{
	size_t n = *t->p == 'x' ? 2 : *t->p == 'u' ? 4 : 8;
	char digits[9] = "", utf8[5] = "";
	unsigned long c;

	(void)strncat(digits, t->p + 1, n);
	c = strspn(digits, "0123456789abcdefABCDEF") == n ? strtoul(digits, NULL, 16) : 0;
	if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) || (n == 2 && c >= 0x80))
		return wrong(t, NO_ESCAPE);
	if (c < 0x80)
		utf8[0] = (char)c;
	else if (c < 0x800)
		(void)snprintf(utf8, sizeof(utf8), "%c%c", (int)(0xc0 | c >> 6), (int)(0x80 | (c & 0x3f)));
	else if (c < 0x10000)
		(void)snprintf(utf8, sizeof(utf8), "%c%c%c", (int)(0xe0 | c >> 12), (int)(0x80 | (c >> 6 & 0x3f)), (int)(0x80 | (c & 0x3f)));
	else
		(void)snprintf(utf8, sizeof(utf8), "%c%c%c%c", (int)(0xf0 | c >> 18), (int)(0x80 | (c >> 12 & 0x3f)), (int)(0x80 | (c >> 6 & 0x3f)),
			       (int)(0x80 | (c & 0x3f)));
	sb_puts(out, utf8);
	t->p += n;
	return 0;
}

/* "…" with Go's usual escapes, or `…` as it is. */
static int quoted(struct template *t, const struct json **out)
{
	static const char letters[] = "nt\"\\'rabfv", mean[] = "\n\t\"\\'\r\a\b\f\v";
	CLEANUP_STRBUF struct strbuf s = STRBUF_INIT;
	char end = *t->p++;
	int r = 0;

	for (; *t->p && *t->p != end; t->p++) {
		if (*t->p != '\\' || end == '`') {
			sb_putc(&s, *t->p);
			continue;
		}
		t->p++;
		if (*t->p && strchr("xuU", *t->p))
			r = numbered(t, &s);
		else if (*t->p && strchr(letters, *t->p))
			sb_putc(&s, mean[strchr(letters, *t->p) - letters]);
		else
			r = wrong(t, NO_ESCAPE);
		if (r < 0)
			return r;
	}
	if (!*t->p++)
		return wrong(t, "a text has no end");
	*out = template_text(t->a, sb_str(&s));
	return *out ? 0 : err_errno(t->e, -ENOMEM, "template");
}

static int literal_json(struct template *t, size_t len, const struct json **out)
{
	int r = json_parse(t->a, t->p, len, NULL, out, t->e);

	if (r < 0)
		return wrong(t, "that is no number");
	t->p += len;
	return 0;
}

/* 1: it is one. */
static int operand(struct template *t, const struct json *dot, bool live, const struct json **out)
{
	int r;

	if (*t->p == '.') {
		*out = dot;
		if (!is_name(t->p[1]))
			t->p++;
		r = members(t, live, out);
	} else if (*t->p == '$') {
		r = variable(t, live, out);
	} else if (*t->p == '"' || *t->p == '`') {
		r = quoted(t, out);
	} else if (*t->p == '(') {
		t->p++;
		r = pipeline(t, dot, live, out);
		if (r == 0 && *t->p++ != ')')
			r = wrong(t, "want )");
		if (r == 0)
			r = members(t, live, out);
	} else if (isdigit((unsigned char)*t->p) || (*t->p == '-' && isdigit((unsigned char)t->p[1]))) {
		r = literal_json(t, 1 + strspn(t->p + 1, "0123456789."), out);
	} else if (word(t, "true") || word(t, "false")) {
		r = json_parse(t->a, t->p[-2] == 'u' ? "true" : "false", t->p[-2] == 'u' ? 4 : 5, NULL, out, t->e);
	} else {
		return 0;
	}
	return r < 0 ? r : 1;
}

static bool at_end(const struct template *t)
{
	return !*t->p || *t->p == '|' || *t->p == ')' || at_close(t);
}

/* A function with its values, or a value. given: what comes through the pipe; NULL at its beginning. */
static int command(struct template *t, const struct json *dot, bool live, const struct json *given, const struct json **out)
{
	const struct json *args[TEMPLATE_ARGS + 1];
	char function[MAX_NAME] = "";
	bool method;
	size_t n = 0;
	int r;

	skip_blanks(t);
	if (isalpha((unsigned char)*t->p) && !(strncmp(t->p, "true", 4) == 0 && !is_name(t->p[4])) &&
	    !(strncmp(t->p, "false", 5) == 0 && !is_name(t->p[5]))) {
		r = name(t, function);
		if (r < 0)
			return r;
		if (!template_is_function(function))
			return err_set(t->e, ERR_INVALID, "character %zu: there is no function %s", (size_t)(t->p - t->text) + 1, function);
	}
	method = strncmp(t->p, ".Label", 6) == 0 && !is_name(t->p[6]) && t->p[6] != '.';
	for (skip_blanks(t); !at_end(t); skip_blanks(t)) {
		if (n == TEMPLATE_ARGS)
			return wrong(t, "too many values");
		r = operand(t, dot, live, &args[n]);
		if (r <= 0)
			return r < 0 ? r : wrong(t, "that is neither a member, a value nor a function");
		n++;
	}
	if (given)
		args[n++] = given;
	if (method && n == 2) /* the one method there is: {{.Label "name"}} */
		(void)memcpy(function, "label", sizeof("label"));
	if (!*function && n != 1)
		return wrong(t, n ? "only a function takes values" : "a value is missing");
	if (!live) {
		*out = dot;
		return 0;
	}
	if (*function)
		return template_call(t->a, function, args, n, out, t->e);
	*out = args[0];
	return 0;
}

/* Up to what is not of it: the action's or the parenthesis' end. */
static int pipeline(struct template *t, const struct json *dot, bool live, const struct json **out)
{
	int r = ++t->depth > MAX_DEPTH ? wrong(t, "it is nested too deep") : command(t, dot, live, NULL, out);

	for (; r == 0 && *t->p == '|'; r = command(t, dot, live, *out, out))
		t->p++;
	t->depth--;
	return r;
}

/* "$a :=" or "$a, $b :="; what is there is taken, how many there are. */
static int declared(struct template *t, char names[2][MAX_NAME])
{
	const char *before = t->p;
	int n = 0;

	for (skip_blanks(t); *t->p == '$' && n < 2; n++) {
		int r;

		t->p++;
		r = name(t, names[n]);
		if (r < 0)
			return r;
		skip_blanks(t);
		if (*t->p != ',')
			break;
		t->p++;
		skip_blanks(t);
	}
	n += *t->p == ':' || *t->p == '=';
	if (n <= 2 && *t->p == ':' && t->p[1] == '=') {
		t->p += 2;
		return n;
	}
	t->p = before;
	return 0;
}

/* "$a =" of a variable that there is; it is taken. */
static int assigned(struct template *t, char what[MAX_NAME])
{
	const char *before = t->p;
	int r;

	skip_blanks(t);
	if (*t->p == '$') {
		t->p++;
		r = name(t, what);
		if (r < 0)
			return r;
		skip_blanks(t);
		if (*t->p == '=') {
			t->p++;
			return 1;
		}
	}
	t->p = before;
	return 0;
}

static int assign(struct template *t, const char *what, const struct json *value)
{
	for (size_t i = t->n_vars; i-- > 0;)
		if (strcmp(t->vars[i].name, what) == 0) {
			t->vars[i].value = value;
			return 0;
		}
	return err_set(t->e, ERR_INVALID, "character %zu: there is no variable $%s", (size_t)(t->p - t->text) + 1, what);
}

/* ---- actions ---- */

static int block(struct template *t, const struct json *dot, bool live, enum stop *stop);
static int do_if(struct template *t, const struct json *dot, bool live, bool with);

static int finish(struct template *t, const struct json *dot, bool live, enum stop stop)
{
	int r;

	if (stop == STOP_END)
		return 0;
	if (stop == STOP_EOF)
		return wrong(t, "an if, with or range has no {{end}}");
	skip_blanks(t);
	if (word(t, "if"))
		return do_if(t, dot, live, false);
	r = close_action(t);
	if (r == 0)
		r = block(t, dot, live, &stop);
	return r < 0 || stop == STOP_END ? r : wrong(t, stop == STOP_EOF ? "an else has no {{end}}" : "a second else");
}

static int do_if(struct template *t, const struct json *dot, bool live, bool with)
{
	char names[2][MAX_NAME];
	size_t vars = t->n_vars;
	const struct json *v;
	enum stop stop;
	bool yes;
	int n = declared(t, names), r = n < 0 ? n : pipeline(t, dot, live, &v);

	if (r == 0 && n > 0 && live)
		r = set_variable(t, names[0], v);
	if (r == 0)
		r = close_action(t);
	if (r < 0)
		return r;
	yes = live && template_truth(v);
	r = block(t, with && yes ? v : dot, yes, &stop);
	if (r == 0)
		r = finish(t, dot, live && !yes, stop);
	t->n_vars = vars;
	return r;
}

static const struct json *place(struct template *t, const struct json *it, size_t i)
{
	const struct json *v = NULL;
	const char *text = arena_printf(t->a, "%zu", i);

	if (it->key)
		return template_text(t->a, it->key);
	return text && json_parse(t->a, text, strlen(text), NULL, &v, t->e) == 0 ? v : NULL;
}

static int turn(struct template *t, const struct json *it, size_t i, char names[2][MAX_NAME], int n_names, enum stop *stop)
{
	size_t vars = t->n_vars;
	const struct json *at = n_names == 2 ? place(t, it, i) : NULL;
	int r = 0;

	if (n_names == 2)
		r = at ? set_variable(t, names[0], at) : err_errno(t->e, -ENOMEM, "template");
	if (r == 0 && n_names)
		r = set_variable(t, names[n_names - 1], it);
	if (r == 0)
		r = block(t, it, true, stop);
	t->n_vars = vars;
	return r;
}

static int do_range(struct template *t, const struct json *dot, bool live)
{
	char names[2][MAX_NAME];
	const struct json *v, **list = NULL;
	const char *begin;
	enum stop stop = STOP_EOF;
	size_t n = 0;
	bool trim;
	int n_names = declared(t, names), r = n_names < 0 ? n_names : pipeline(t, dot, live, &v);

	if (r == 0)
		r = close_action(t);
	if (r < 0)
		return r;
	if (live && (v->type == JSON_STRING || v->type == JSON_NUMBER || v->type == JSON_BOOL))
		return wrong(t, "range wants a list or an object");
	if (live && !(list = json_sorted(t->a, v, &n)))
		return err_errno(t->e, -ENOMEM, "template");
	begin = t->p;
	trim = t->trim;
	t->loops++;
	for (size_t i = 0; r == 0 && i < n && t->leaving != BREAK; i++) {
		t->p = begin;
		t->trim = trim;
		t->leaving = STAY;
		r = turn(t, list[i], i, names, n_names, &stop);
	}
	if (r == 0 && n == 0)
		r = block(t, dot, false, &stop);
	if (n)
		t->leaving = STAY;
	t->loops--;
	return r < 0 ? r : finish(t, dot, live && n == 0, stop);
}

/* Text up to the next action, whose "{{" is taken; false: there is none. */
static bool plain(struct template *t, bool live)
{
	const char *next = strstr(t->p, "{{"), *end = next ? next : t->p + strlen(t->p), *from = t->p;
	bool trim = next && next[2] == '-' && isspace((unsigned char)next[3]);

	while (t->trim && from < end && isspace((unsigned char)*from))
		from++;
	t->p = next ? next + (trim ? 3 : 2) : end;
	t->trim = false;
	while (trim && end > from && isspace((unsigned char)end[-1]))
		end--;
	if (live)
		sb_add(t->out, from, (size_t)(end - from));
	return next;
}

static int comment(struct template *t)
{
	const char *end = strstr(t->p, "*/");

	if (!end)
		return wrong(t, "a comment has no end");
	t->p = end + 2;
	return close_action(t);
}

static int write_value(struct template *t, const struct json *dot, bool live)
{
	char names[2][MAX_NAME];
	const struct json *v;
	int n = declared(t, names), known = n ? 0 : assigned(t, names[0]), r = n < 0 ? n : known < 0 ? known : pipeline(t, dot, live, &v);

	if (r == 0)
		r = close_action(t);
	if (r < 0 || !live)
		return r;
	if (known)
		return assign(t, names[0], v);
	return n ? set_variable(t, names[0], v) : template_print(v, t->out, t->e);
}

/* {{break}} and {{continue}}. */
static int leave(struct template *t, bool live, bool for_good)
{
	if (!t->loops)
		return wrong(t, "break and continue belong into a range");
	if (live)
		t->leaving = for_good ? BREAK : CONTINUE;
	return close_action(t);
}

/* ---- bodies with names ---- */

static const struct defined *find_defined(const struct template *t, const char *what)
{
	for (size_t i = 0; i < t->n_defined; i++)
		if (strcmp(t->defined[i].name, what) == 0)
			return &t->defined[i];
	return NULL;
}

/* The "name" behind define, block and template. */
static int body_name(struct template *t, const char **out)
{
	const struct json *v;
	int r;

	skip_blanks(t);
	if (*t->p != '"' && *t->p != '`')
		return wrong(t, "want a name in quotes");
	r = quoted(t, &v);
	*out = r < 0 ? NULL : v->str;
	return r;
}

/* At its body. */
static int remember(struct template *t, const char *what)
{
	if (!t->collecting)
		return 0;
	if (find_defined(t, what))
		return wrong(t, "two bodies have that name");
	if (t->n_defined == MAX_DEFINED)
		return wrong(t, "too many bodies with names");
	t->defined[t->n_defined++] = (struct defined){ what, t->p, t->trim };
	return 0;
}

/* Past a body that is not done here; a break in it would not be one of the range around it. */
static int pass_body(struct template *t, const struct json *dot)
{
	unsigned int loops = t->loops;
	enum stop stop;
	int r;

	t->loops = 0;
	r = block(t, dot, false, &stop);
	t->loops = loops;
	return r == 0 && stop != STOP_END ? wrong(t, "a define or block has no {{end}}") : r;
}

/* A body, elsewhere, with variables of its own. */
static int do_body(struct template *t, const char *what, const struct json *dot)
{
	const struct defined *d = find_defined(t, what);
	struct template inner = *t;
	enum stop stop;
	int r;

	if (!d)
		return err_set(t->e, ERR_INVALID, "character %zu: nothing defines \"%.60s\"", (size_t)(t->p - t->text) + 1, what);
	inner.p = d->body;
	inner.trim = d->trim;
	inner.n_vars = inner.loops = 0;
	r = set_variable(&inner, "", dot);
	return r < 0 ? r : block(&inner, dot, true, &stop);
}

static int do_define(struct template *t, const struct json *dot)
{
	const char *what;
	int r = t->depth > 1 ? wrong(t, "define stands by itself, in nothing else") : body_name(t, &what);

	if (r == 0)
		r = close_action(t);
	if (r == 0)
		r = remember(t, what);
	return r < 0 ? r : pass_body(t, dot);
}

/* {{template "name" pipeline}}, and {{block "name" pipeline}} … {{end}}, which defines the name as well. */
static int do_template(struct template *t, const struct json *dot, bool live, bool with_body)
{
	const struct json *v = template_absent(t->a, ".", true);
	const char *what;
	int r = v ? body_name(t, &what) : err_errno(t->e, -ENOMEM, "template");

	skip_blanks(t);
	if (r == 0 && !at_end(t))
		r = pipeline(t, dot, live, &v);
	else if (r == 0 && with_body)
		r = wrong(t, "block wants a value");
	if (r == 0)
		r = close_action(t);
	if (r == 0 && with_body)
		r = remember(t, what);
	if (r == 0 && live)
		r = do_body(t, what, v);
	return r < 0 || !with_body ? r : pass_body(t, dot);
}

static int action(struct template *t, const struct json *dot, bool live)
{
	if (strncmp(t->p, "/*", 2) == 0)
		return comment(t);
	if (word(t, "if"))
		return do_if(t, dot, live, false);
	if (word(t, "with"))
		return do_if(t, dot, live, true);
	if (word(t, "range"))
		return do_range(t, dot, live);
	if (word(t, "break"))
		return leave(t, live, true);
	if (word(t, "continue"))
		return leave(t, live, false);
	if (word(t, "define"))
		return do_define(t, dot);
	if (word(t, "template"))
		return do_template(t, dot, live, false);
	if (word(t, "block"))
		return do_template(t, dot, live, true);
	return write_value(t, dot, live);
}

static int block(struct template *t, const struct json *dot, bool live, enum stop *stop)
{
	size_t vars = t->n_vars;
	int r = ++t->depth > MAX_DEPTH ? wrong(t, "it is nested too deep") : 0;

	*stop = STOP_EOF;
	while (r == 0 && plain(t, live && t->leaving == STAY)) {
		skip_blanks(t);
		if (word(t, "end")) {
			*stop = STOP_END;
			r = close_action(t);
			break;
		}
		if (word(t, "else")) {
			*stop = STOP_ELSE;
			break;
		}
		r = action(t, dot, live && t->leaving == STAY);
	}
	t->n_vars = vars;
	t->depth--;
	return r;
}

int template_apply(struct arena *a, const char *text, const struct json *doc, struct strbuf *out, struct err *e)
{
	struct template t = { .a = a, .text = text, .p = text, .collecting = true, .out = out, .e = e };
	enum stop stop;
	int r = set_variable(&t, "", doc);

	if (r == 0)
		r = block(&t, doc, false, &stop);
	if (r == 0 && stop != STOP_EOF)
		r = wrong(&t, "an end or else without if, with or range");
	t.p = text;
	t.trim = t.collecting = false;
	if (r == 0)
		r = block(&t, doc, true, &stop);
	if (r == 0 && (sb_error(out) < 0 || arena_error(a) < 0))
		r = err_errno(e, -ENOMEM, "template");
	return r < 0 ? err_ctx(e, "--format") : 0;
}
