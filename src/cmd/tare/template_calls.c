/* Values are nodes of base/json.h; what a function gives is a new one in the arena. */
#include "cmd/tare/template_calls.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define MAX_WIDTH 999

/* Marks of a node that stands for what is not there: no parsed value has one of these texts by its address. */
static const char absent[] = "", absent_users[] = "";

struct call {
	struct arena *a;
	const struct json *const *args;
	size_t n;
	const struct json **out;
	struct err *e;
};

/* ---- values ---- */

static struct json *make(struct arena *a, enum json_type type)
{
	struct json *v = arena_new(a, struct json);

	if (v)
		v->type = type;
	return v;
}

const struct json *template_text(struct arena *a, const char *s)
{
	struct json *v = make(a, JSON_STRING);

	if (v && s) {
		v->str = arena_strdup(a, s);
		v->len = strlen(s);
	}
	return v && v->str ? v : NULL;
}

static const struct json *boolean(struct arena *a, bool yes)
{
	struct json *v = make(a, JSON_BOOL);

	if (v)
		v->boolean = yes;
	return v;
}

static const struct json *number(struct arena *a, long long n)
{
	struct json *v = make(a, JSON_NUMBER);

	if (v)
		v->str = arena_printf(a, "%lld", n);
	return v && v->str ? v : NULL;
}

const struct json *template_absent(struct arena *a, const char *key, bool users)
{
	struct json *v = make(a, JSON_NULL);

	if (v) {
		v->key = key;
		v->str = users ? absent_users : absent;
	}
	return v;
}

bool template_is_absent(const struct json *v)
{
	return v->type == JSON_NULL && v->str != NULL;
}

bool template_truth(const struct json *v)
{
	switch (v->type) {
	case JSON_NULL:
		return false;
	case JSON_BOOL:
		return v->boolean;
	case JSON_NUMBER:
		return strtod(v->str, NULL) != 0;
	case JSON_STRING:
	case JSON_ARRAY:
	case JSON_OBJECT:
		break;
	}
	return v->len > 0;
}

static int missing(const struct json *v, struct err *e)
{
	char shown[100];

	return err_set(e, ERR_INVALID, "there is no %s", text_escape(v->key ? v->key : "value", shown, sizeof(shown)));
}

int template_print(const struct json *v, struct strbuf *out, struct err *e)
{
	const char *separator = "";
	int r = 0;

	switch (v->type) {
	case JSON_NULL:
		if (v->str == absent)
			return missing(v, e);
		sb_puts(out, v->str == absent_users ? "<no value>" : "<nil>");
		return 0;
	case JSON_BOOL:
		sb_puts(out, v->boolean ? "true" : "false");
		return 0;
	case JSON_NUMBER:
	case JSON_STRING:
		sb_puts(out, v->str);
		return 0;
	case JSON_ARRAY:
	case JSON_OBJECT:
		break;
	}
	sb_puts(out, v->type == JSON_OBJECT ? "map[" : "[");
	json_each(it, v) {
		sb_puts(out, separator);
		separator = " ";
		if (v->type == JSON_OBJECT)
			sb_printf(out, "%s:", it->key);
		r = r < 0 ? r : template_print(it, out, e);
	}
	sb_puts(out, "]");
	return r;
}

/* Objects whose members' names are users', not ours. */
static bool names_of_users(const struct json *of)
{
	static const char *const keys[] = { "Labels", "ExposedPorts", "Volumes", "Ports", "Networks", "Options", "Sysctls", "Annotations", "Attributes" };

	for (size_t i = 0; of->key && i < ARRAY_LEN(keys); i++)
		if (strcmp(of->key, keys[i]) == 0)
			return true;
	return false;
}

int template_member(struct arena *a, const struct json *of, const char *key, const struct json **out, struct err *e)
{
	if (template_is_absent(of))
		return missing(of, e);
	if (of->type != JSON_OBJECT && of->type != JSON_NULL)
		return err_set(e, ERR_INVALID, "%s%s has no members: there is no .%s in it", of->key ? "." : "it", of->key ? of->key : "", key);
	*out = json_get(of, key);
	if (!*out)
		*out = template_absent(a, key, names_of_users(of));
	return *out ? 0 : err_errno(e, -ENOMEM, "template");
}

/* ---- functions ---- */

static int wrong(struct call *c, const char *what)
{
	return err_set(c->e, ERR_INVALID, "%s", what);
}

static int give(struct call *c, const struct json *v)
{
	*c->out = v;
	return v ? 0 : err_errno(c->e, -ENOMEM, "template");
}

static int give_text(struct call *c, struct strbuf *text)
{
	return sb_error(text) < 0 ? err_errno(c->e, -ENOMEM, "template") : give(c, template_text(c->a, sb_str(text)));
}

static int fn_json(struct call *c)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);

	jw_value(&w, NULL, c->args[0]);
	return give_text(c, &text);
}

static int fn_len(struct call *c)
{
	const struct json *v = c->args[0];

	if (v->type != JSON_STRING && v->type != JSON_ARRAY && v->type != JSON_OBJECT && v->type != JSON_NULL)
		return wrong(c, "len wants a text, a list or an object");
	return give(c, number(c->a, v->type == JSON_NULL ? 0 : (long long)v->len));
}

static int index_one(struct call *c, const struct json *of, const struct json *by, const struct json **out)
{
	int64_t n;

	if (of->type == JSON_OBJECT && by->type == JSON_STRING) {
		*out = json_get(of, by->str);
		return *out ? 0 : (*out = template_text(c->a, "")) ? 0 : err_errno(c->e, -ENOMEM, "template");
	}
	if (of->type == JSON_NULL && by->type == JSON_STRING)
		return (*out = template_text(c->a, "")) ? 0 : err_errno(c->e, -ENOMEM, "template");
	if (of->type != JSON_ARRAY || by->type != JSON_NUMBER || json_as_i64(by, &n) < 0)
		return wrong(c, "index wants a list and a number, or an object and a text");
	*out = n < 0 ? NULL : of->child;
	for (; *out && n > 0; n--)
		*out = (*out)->next;
	return *out ? 0 : err_set(c->e, ERR_INVALID, "index %s is beyond the list's end: it has %zu entries", by->str, of->len);
}

static int fn_index(struct call *c)
{
	const struct json *v = c->args[0];
	int r = 0;

	for (size_t i = 1; r == 0 && i < c->n; i++)
		r = index_one(c, v, c->args[i], &v);
	return r < 0 ? r : give(c, v);
}

static int fn_join(struct call *c)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	const struct json *list = c->args[0];
	int r = 0;

	if ((list->type != JSON_ARRAY && list->type != JSON_NULL) || c->args[1]->type != JSON_STRING)
		return wrong(c, "join wants a list and a text");
	json_each(it, list) {
		if (it != list->child)
			sb_puts(&text, c->args[1]->str);
		r = r < 0 ? r : template_print(it, &text, c->e);
	}
	return r < 0 ? r : give_text(c, &text);
}

static int fn_split(struct call *c)
{
	struct json *list = make(c->a, JSON_ARRAY), **at = list ? &list->child : NULL;
	const char *p = c->args[0]->str, *by = c->args[1]->str, *end;

	if (c->args[0]->type != JSON_STRING || c->args[1]->type != JSON_STRING || !*by)
		return wrong(c, "split wants a text and what is between its parts");
	while (at && p) {
		end = strstr(p, by);
		*at = (struct json *)(uintptr_t)template_text(c->a, end ? arena_strndup(c->a, p, (size_t)(end - p)) : p);
		if (!*at)
			return err_errno(c->e, -ENOMEM, "template");
		at = &(*at)->next;
		list->len++;
		p = end ? end + strlen(by) : NULL;
	}
	return give(c, list);
}

static int change(struct call *c, int (*to)(int), bool first_only)
{
	bool begin = true;
	char *s;

	if (c->args[0]->type != JSON_STRING)
		return wrong(c, "upper, lower and title want a text");
	s = arena_strdup(c->a, c->args[0]->str);
	for (char *p = s; p && *p; p++) {
		if ((unsigned char)*p < 0x80 && (!first_only || begin))
			*p = (char)to((unsigned char)*p);
		begin = *p == ' ';
	}
	return give(c, template_text(c->a, s));
}

static int fn_lower(struct call *c)
{
	return change(c, tolower, false);
}

static int fn_upper(struct call *c)
{
	return change(c, toupper, false);
}

static int fn_title(struct call *c)
{
	return change(c, toupper, true);
}

static int print_all(struct call *c, const char *between, const char *end)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->n; i++) {
		if (i)
			sb_puts(&text, between);
		r = template_print(c->args[i], &text, c->e);
	}
	sb_puts(&text, end);
	return r < 0 ? r : give_text(c, &text);
}

static int fn_print(struct call *c)
{
	return print_all(c, "", "");
}

static int fn_println(struct call *c)
{
	return print_all(c, " ", "\n");
}

/* "-20" of a verb: how wide, and on which side; the verb comes behind it. */
static const char *read_width(const char *p, bool *left, size_t *width)
{
	*left = *p == '-';
	p += *left;
	for (*width = 0; isdigit((unsigned char)*p) && *width < MAX_WIDTH; p++)
		*width = *width * 10 + (size_t)(*p - '0');
	return p;
}

static size_t characters(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static int print_verb(struct call *c, char verb, const struct json *v, bool left, size_t width, struct strbuf *out)
{
	CLEANUP_STRBUF struct strbuf one = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&one);
	size_t len;
	int r = 0;

	if (verb == 'q')
		jw_value(&w, NULL, v);
	else
		r = template_print(v, &one, c->e);
	len = characters(sb_str(&one));
	if (!left && len < width)
		sb_fill(out, ' ', width - len);
	sb_puts(out, sb_str(&one));
	if (left && len < width)
		sb_fill(out, ' ', width - len);
	return r;
}

/* %s, %v, %d, %q and %%, with widths. */
static int fn_printf(struct call *c)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	size_t next = 1, width;
	bool left;
	int r = 0;

	if (c->args[0]->type != JSON_STRING)
		return wrong(c, "printf wants a text first");
	for (const char *p = c->args[0]->str; r == 0 && *p; p++) {
		if (*p != '%') {
			sb_putc(&text, *p);
			continue;
		}
		p = read_width(p + 1, &left, &width);
		if (*p == '%')
			sb_putc(&text, '%');
		else if (!*p || !strchr("svdq", *p) || width > MAX_WIDTH)
			return wrong(c, "printf knows %s, %v, %d, %q and %%, and widths up to 999");
		else if (next == c->n)
			return wrong(c, "printf has fewer values than its text wants");
		else
			r = print_verb(c, *p, c->args[next++], left, width, &text);
	}
	return r < 0 ? r : give_text(c, &text);
}

/* A whole number that is no less than 0 and no more than most. */
static int whole(struct call *c, const struct json *v, uint64_t most, size_t *out)
{
	uint64_t n;

	if (v->type != JSON_NUMBER || text_u64(v->str, &n) < 0 || n > most)
		return wrong(c, "that number does not fit there");
	*out = (size_t)n;
	return 0;
}

/* {{pad .Name 1 2}}: so many blanks before and behind; nothing stays nothing. */
static int fn_pad(struct call *c)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	size_t before = 0, behind = 0;

	if (c->args[0]->type != JSON_STRING)
		return wrong(c, "pad wants a text first");
	if (whole(c, c->args[1], MAX_WIDTH, &before) < 0 || whole(c, c->args[2], MAX_WIDTH, &behind) < 0)
		return c->e->code;
	if (!c->args[0]->str[0])
		return give(c, c->args[0]);
	sb_fill(&text, ' ', before);
	sb_puts(&text, c->args[0]->str);
	sb_fill(&text, ' ', behind);
	return give_text(c, &text);
}

/* So many bytes at most, and no half a character. */
static const char *cut(struct arena *a, const char *s, size_t from, size_t to)
{
	size_t len = strlen(s);

	to = to < len ? to : len;
	while (to > from && to < len && ((unsigned char)s[to] & 0xc0) == 0x80)
		to--;
	return arena_strndup(a, s + (from < to ? from : to), from < to ? to - from : 0);
}

static int fn_truncate(struct call *c)
{
	size_t len = 0;

	if (c->args[0]->type != JSON_STRING)
		return wrong(c, "truncate wants a text first");
	return whole(c, c->args[1], UINT32_MAX, &len) < 0 ? c->e->code : give(c, template_text(c->a, cut(c->a, c->args[0]->str, 0, len)));
}

/* Go's own: {{slice .ID 0 4}}. */
static int fn_slice(struct call *c)
{
	size_t from = 0, to;

	if (c->args[0]->type != JSON_STRING)
		return wrong(c, "slice takes texts");
	to = strlen(c->args[0]->str);
	if ((c->n > 1 && whole(c, c->args[1], to, &from) < 0) || (c->n > 2 && whole(c, c->args[2], to, &to) < 0))
		return c->e->code;
	return from > to ? wrong(c, "slice wants the lower number first") : give(c, template_text(c->a, cut(c->a, c->args[0]->str, from, to)));
}

/* .Label "name", of what has labels: its value, or nothing. In a table's titles, where .Label is a text, what docker has there: the last
 * part of the name in words. */
static int fn_label(struct call *c)
{
	const char *want = c->args[1]->type == JSON_STRING ? c->args[1]->str : "";
	const struct json *v = json_get(c->args[0], want);
	char *title;

	if (c->args[1]->type != JSON_STRING)
		return wrong(c, ".Label wants a text");
	if (c->args[0]->type == JSON_OBJECT)
		return give(c, v ? v : template_text(c->a, ""));
	title = arena_strdup(c->a, strrchr(want, '.') ? strrchr(want, '.') + 1 : want);
	for (char *p = title; p && *p; p++)
		*p = *p == '-' || *p == '_' ? ' ' : *p;
	return give(c, template_text(c->a, title));
}

/* Below, equal, above: -1, 0, 1. */
static int compare(struct call *c, const struct json *x, const struct json *y, int *out)
{
	double a, b;

	if (x->type != y->type || x->type == JSON_ARRAY || x->type == JSON_OBJECT)
		return wrong(c, "only two texts, two numbers or two booleans can be compared");
	if (x->type == JSON_STRING) {
		*out = strcmp(x->str, y->str);
	} else if (x->type == JSON_NUMBER) {
		a = strtod(x->str, NULL);
		b = strtod(y->str, NULL);
		*out = (a > b) - (a < b);
	} else {
		*out = x->boolean - y->boolean;
	}
	return 0;
}

static int fn_eq(struct call *c)
{
	int order, r = 0;
	bool yes = false;

	for (size_t i = 1; r == 0 && i < c->n && !yes; i++) {
		r = compare(c, c->args[0], c->args[i], &order);
		yes = r == 0 && order == 0;
	}
	return r < 0 ? r : give(c, boolean(c->a, yes));
}

static int ordered(struct call *c, bool below, bool equal, bool above)
{
	int order, r = compare(c, c->args[0], c->args[1], &order);

	return r < 0 ? r : give(c, boolean(c->a, order < 0 ? below : order > 0 ? above : equal));
}

static int fn_ne(struct call *c)
{
	return ordered(c, true, false, true);
}

static int fn_lt(struct call *c)
{
	return ordered(c, true, false, false);
}

static int fn_le(struct call *c)
{
	return ordered(c, true, true, false);
}

static int fn_gt(struct call *c)
{
	return ordered(c, false, false, true);
}

static int fn_ge(struct call *c)
{
	return ordered(c, false, true, true);
}

/* The first that decides, else the last. */
static int first_that(struct call *c, bool is)
{
	size_t i = 0;

	while (i + 1 < c->n && template_truth(c->args[i]) != is)
		i++;
	return give(c, c->args[i]);
}

static int fn_and(struct call *c)
{
	return first_that(c, false);
}

static int fn_or(struct call *c)
{
	return first_that(c, true);
}

static int fn_not(struct call *c)
{
	return give(c, boolean(c->a, !template_truth(c->args[0])));
}

static const struct {
	const char *name;
	size_t least, most;
	int (*fn)(struct call *c);
} functions[] = {
	{ "and", 1, TEMPLATE_ARGS, fn_and },	 { "eq", 2, TEMPLATE_ARGS, fn_eq },    { "ge", 2, 2, fn_ge },
	{ "gt", 2, 2, fn_gt },			 { "index", 1, TEMPLATE_ARGS, fn_index }, { "join", 2, 2, fn_join },
	{ "json", 1, 1, fn_json },		 { "label", 2, 2, fn_label },	       { "pad", 3, 3, fn_pad },
	{ "slice", 1, 3, fn_slice },		 { "truncate", 2, 2, fn_truncate },    { "le", 2, 2, fn_le },		       { "len", 1, 1, fn_len },
	{ "lower", 1, 1, fn_lower },		 { "lt", 2, 2, fn_lt },		       { "ne", 2, 2, fn_ne },
	{ "not", 1, 1, fn_not },		 { "or", 1, TEMPLATE_ARGS, fn_or },    { "print", 0, TEMPLATE_ARGS, fn_print },
	{ "printf", 1, TEMPLATE_ARGS, fn_printf }, { "println", 0, TEMPLATE_ARGS, fn_println }, { "split", 2, 2, fn_split },
	{ "title", 1, 1, fn_title },		 { "upper", 1, 1, fn_upper },
};

bool template_is_function(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(functions); i++)
		if (strcmp(functions[i].name, name) == 0)
			return true;
	return false;
}

int template_call(struct arena *a, const char *name, const struct json *const *args, size_t n, const struct json **out, struct err *e)
{
	struct call c = { a, args, n, out, e };
	bool asks_whether = strcmp(name, "and") == 0 || strcmp(name, "or") == 0 || strcmp(name, "not") == 0;

	for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
		if (strcmp(functions[i].name, name) != 0)
			continue;
		if (n < functions[i].least || n > functions[i].most)
			return err_set(e, ERR_INVALID, "%s does not take %zu values", name, n);
		for (size_t k = 0; !asks_whether && k < n; k++)
			if (args[k]->type == JSON_NULL && args[k]->str == absent)
				return missing(args[k], e);
		return functions[i].fn(&c);
	}
	return err_set(e, ERR_INVALID, "there is no function %s", name);
}
