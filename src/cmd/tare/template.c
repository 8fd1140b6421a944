/* The text is read and acted upon in one go. What is not to be done (an untaken branch) is read all the same, with `live` off: then nothing
 * is evaluated or written. A range goes back to where its body begins. */
#include "cmd/tare/template.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cmd/tare/template_calls.h"

#define MAX_DEPTH 64
#define MAX_VARIABLES 64
#define MAX_NAME 100

struct variable {
	char name[MAX_NAME];
	const struct json *value;
};

struct template {
	struct arena *a;
	const char *text, *p;
	bool trim; /* blanks at p go */
	struct variable vars[MAX_VARIABLES];
	size_t n_vars;
	unsigned int depth;
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

/* "…" with Go's usual escapes, or `…` as it is. */
static int quoted(struct template *t, const struct json **out)
{
	CLEANUP_STRBUF struct strbuf s = STRBUF_INIT;
	char end = *t->p++;

	for (; *t->p && *t->p != end; t->p++) {
		if (*t->p != '\\' || end == '`') {
			sb_putc(&s, *t->p);
			continue;
		}
		t->p++;
		if (!*t->p || !strchr("nt\"\\'", *t->p))
			return wrong(t, "of the escapes in texts there are \\n, \\t, \\\" and \\\\");
		sb_putc(&s, *t->p == 'n' ? '\n' : *t->p == 't' ? '\t' : *t->p);
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

static int by_key(const void *a, const void *b)
{
	const struct json *x = *(const struct json *const *)a, *y = *(const struct json *const *)b;

	return strcmp(x->key, y->key);
}

/* Its children; of an object in the order of their names. */
static const struct json **children(struct template *t, const struct json *v, size_t *n)
{
	const struct json **list = arena_array(t->a, v->len + 1, sizeof(struct json *));

	*n = 0;
	if (list && (v->type == JSON_ARRAY || v->type == JSON_OBJECT))
		json_each(it, v)
			list[(*n)++] = it;
	if (*n > 1 && v->type == JSON_OBJECT)
		qsort(list, *n, sizeof(struct json *), by_key);
	return list;
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
	if (live && !(list = children(t, v, &n)))
		return err_errno(t->e, -ENOMEM, "template");
	begin = t->p;
	trim = t->trim;
	for (size_t i = 0; r == 0 && i < n; i++) {
		t->p = begin;
		t->trim = trim;
		r = turn(t, list[i], i, names, n_names, &stop);
	}
	if (r == 0 && n == 0)
		r = block(t, dot, false, &stop);
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
	int n = declared(t, names), r = n < 0 ? n : pipeline(t, dot, live, &v);

	if (r == 0)
		r = close_action(t);
	if (r < 0 || !live)
		return r;
	return n ? set_variable(t, names[0], v) : template_print(v, t->out, t->e);
}

static int action(struct template *t, const struct json *dot, bool live)
{
	static const char *const others[] = { "define", "template", "block", "break", "continue" };

	if (strncmp(t->p, "/*", 2) == 0)
		return comment(t);
	if (word(t, "if"))
		return do_if(t, dot, live, false);
	if (word(t, "with"))
		return do_if(t, dot, live, true);
	if (word(t, "range"))
		return do_range(t, dot, live);
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (word(t, others[i]))
			return wrong(t, "define, template, block, break and continue are not there");
	return write_value(t, dot, live);
}

static int block(struct template *t, const struct json *dot, bool live, enum stop *stop)
{
	size_t vars = t->n_vars;
	int r = ++t->depth > MAX_DEPTH ? wrong(t, "it is nested too deep") : 0;

	*stop = STOP_EOF;
	while (r == 0 && plain(t, live)) {
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
		r = action(t, dot, live);
	}
	t->n_vars = vars;
	t->depth--;
	return r;
}

int template_apply(struct arena *a, const char *text, const struct json *doc, struct strbuf *out, struct err *e)
{
	struct template t = { .a = a, .text = text, .p = text, .out = out, .e = e };
	enum stop stop;
	int r = set_variable(&t, "", doc);

	if (r == 0)
		r = block(&t, doc, true, &stop);
	if (r == 0 && stop != STOP_EOF)
		r = wrong(&t, "an end or else without if, with or range");
	if (r == 0 && (sb_error(out) < 0 || arena_error(a) < 0))
		r = err_errno(e, -ENOMEM, "template");
	return r < 0 ? err_ctx(e, "--format") : 0;
}
