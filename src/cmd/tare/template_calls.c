/* Values are nodes of base/json.h; what a function gives is a new one in the arena. */
#include "cmd/tare/template_calls.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define MAX_WIDTH 999

/* Marks of a node that stands for what is not there: no parsed value has one of these texts by its address. */
static const char absent[] = "", absent_users[] = "<no value>";

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
	return v->type == JSON_NULL && (v->str == absent || v->str == absent_users);
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
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const struct json **list;
	size_t n = 0;
	int r = 0;

	switch (v->type) {
	case JSON_NULL:
		if (v->str == absent)
			return missing(v, e);
		sb_puts(out, v->str ? v->str : "<nil>");
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
	list = json_sorted(&a, v, &n);
	if (!list)
		return err_errno(e, -ENOMEM, "template");
	sb_puts(out, v->type == JSON_OBJECT ? "map[" : "[");
	for (size_t i = 0; r == 0 && i < n; i++) {
		sb_puts(out, i ? " " : "");
		if (v->type == JSON_OBJECT)
			sb_printf(out, "%s:", list[i]->key);
		r = template_print(list[i], out, e);
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

/* v: what the object has by that name, NULL or null. */
static const struct json *as_typed(struct arena *a, const struct json *of, const char *key, const struct json *v)
{
	const char *shown = NULL;
	struct json *empty;

	if (!template_typed(of, key, v, &shown))
		return v ? v : template_absent(a, key, names_of_users(of));
	empty = make(a, shown && !*shown ? JSON_STRING : JSON_NULL);
	if (empty) {
		empty->key = key;
		empty->str = shown;
	}
	return empty;
}

int template_member(struct arena *a, const struct json *of, const char *key, const struct json **out, struct err *e)
{
	if (template_is_absent(of))
		return missing(of, e);
	if (of->type != JSON_OBJECT && of->type != JSON_NULL)
		return err_set(e, ERR_INVALID, "%s%s has no members: there is no .%s in it", of->key ? "." : "it", of->key ? of->key : "", key);
	*out = json_get(of, key);
	if (!*out || (*out)->type == JSON_NULL)
		*out = as_typed(a, of, key, *out);
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

/* apart: blanks between all of them, else where neither is a text, as Go has it. */
static int print_all(struct call *c, bool apart, struct strbuf *text)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->n; i++) {
		if (i && (apart || (c->args[i]->type != JSON_STRING && c->args[i - 1]->type != JSON_STRING)))
			sb_putc(text, ' ');
		r = template_print(c->args[i], text, c->e);
	}
	return r;
}

static int fn_print(struct call *c)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	int r = print_all(c, false, &text);

	return r < 0 ? r : give_text(c, &text);
}

static int fn_println(struct call *c)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	int r = print_all(c, true, &text);

	sb_putc(&text, '\n');
	return r < 0 ? r : give_text(c, &text);
}

/* What print gives, each byte by put. */
static int escaped(struct call *c, void (*put)(struct strbuf *out, unsigned char byte))
{
	CLEANUP_STRBUF struct strbuf plain = STRBUF_INIT, text = STRBUF_INIT;
	int r = print_all(c, false, &plain);

	for (const char *p = sb_str(&plain); *p; p++)
		put(&text, (unsigned char)*p);
	text.failed |= sb_error(&plain) < 0;
	return r < 0 ? r : give_text(c, &text);
}

static void put_html(struct strbuf *out, unsigned char byte)
{
	if (strchr("\"'&<>", byte))
		sb_printf(out, "%s", byte == '"' ? "&#34;" : byte == '\'' ? "&#39;" : byte == '&' ? "&amp;" : byte == '<' ? "&lt;" : "&gt;");
	else
		sb_putc(out, (char)byte);
}

static int fn_html(struct call *c)
{
	return escaped(c, put_html);
}

static void put_js(struct strbuf *out, unsigned char byte)
{
	if (byte < 0x20 || strchr("<>&=", byte))
		sb_printf(out, "\\u%04X", byte);
	else
		sb_printf(out, "%s%c", strchr("\\\"'", byte) ? "\\" : "", byte);
}

static int fn_js(struct call *c)
{
	return escaped(c, put_js);
}

static void put_query(struct strbuf *out, unsigned char byte)
{
	if (byte < 0x80 && (isalnum(byte) || strchr("-_.~", byte)))
		sb_putc(out, (char)byte);
	else if (byte == ' ')
		sb_putc(out, '+');
	else
		sb_printf(out, "%%%02X", byte);
}

static int fn_urlquery(struct call *c)
{
	return escaped(c, put_query);
}

/* "-20.12" of a verb: how wide, on which side, and how many characters at most. */
struct verb {
	bool left, zeros;
	size_t width, most;
	char what;
};

static const char *read_number(const char *p, size_t *n)
{
	for (*n = 0; isdigit((unsigned char)*p) && *n <= MAX_WIDTH; p++)
		*n = *n * 10 + (size_t)(*p - '0');
	return p;
}

static const char *read_verb(const char *p, struct verb *v)
{
	*v = (struct verb){ .most = SIZE_MAX };
	for (; *p == '-' || *p == '0'; p++) {
		v->left |= *p == '-';
		v->zeros |= *p == '0';
	}
	p = read_number(p, &v->width);
	if (*p == '.')
		p = read_number(p + 1, &v->most);
	v->what = *p;
	return p;
}

static size_t characters(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

/* No more characters than that. */
static void cut_off(char *s, size_t most)
{
	for (; *s; s++) {
		if (((unsigned char)*s & 0xc0) != 0x80 && most-- == 0) {
			*s = '\0';
			return;
		}
	}
}

static int print_verb(struct call *c, const struct verb *v, const struct json *value, struct strbuf *out)
{
	CLEANUP_STRBUF struct strbuf one = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&one);
	bool zeros = v->zeros && !v->left && value->type == JSON_NUMBER;
	const char *text;
	size_t len;
	int64_t n;
	int r = 0;

	if (v->what == 'q')
		jw_value(&w, NULL, value);
	else if (v->what == 'x' && value->type == JSON_NUMBER && json_as_i64(value, &n) == 0)
		sb_printf(&one, "%s%llx", n < 0 ? "-" : "", n < 0 ? -(unsigned long long)n : (unsigned long long)n);
	else if (v->what == 'x')
		return wrong(c, "printf's %x wants a whole number");
	else
		r = template_print(value, &one, c->e);
	if (one.s && v->what == 's')
		cut_off(one.s, v->most);
	text = sb_str(&one);
	len = characters(text);
	if (zeros && *text == '-' && len < v->width)
		sb_putc(out, *text++);
	if (!v->left && len < v->width)
		sb_fill(out, zeros ? '0' : ' ', v->width - len);
	sb_puts(out, text);
	if (v->left && len < v->width)
		sb_fill(out, ' ', v->width - len);
	return r;
}

/* %s, %v, %d, %t, %x, %q and %%, with widths, of %s also how much. */
static int fn_printf(struct call *c)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct verb v;
	size_t next = 1;
	int r = 0;

	if (c->args[0]->type != JSON_STRING)
		return wrong(c, "printf wants a text first");
	for (const char *p = c->args[0]->str; r == 0 && *p; p++) {
		if (*p != '%') {
			sb_putc(&text, *p);
			continue;
		}
		p = read_verb(p + 1, &v);
		if (v.what == '%')
			sb_putc(&text, '%');
		else if (!v.what || !strchr("svdtxq", v.what) || v.width > MAX_WIDTH || (v.most != SIZE_MAX && v.what != 's'))
			return wrong(c, "printf knows %s, %v, %d, %t, %x, %q and %%, widths up to 999, and %.12s");
		else if (next == c->n)
			return wrong(c, "printf has fewer values than its text wants");
		else
			r = print_verb(c, &v, c->args[next++], &text);
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

/* Copies of those from one to the other. */
static int slice_list(struct call *c, size_t from, size_t to)
{
	struct json *list = make(c->a, JSON_ARRAY), **at = list ? &list->child : NULL;
	size_t i = 0;

	json_each(it, c->args[0]) {
		if (at && i >= from && i < to) {
			*at = make(c->a, it->type);
			if (!*at)
				return give(c, NULL);
			**at = *it;
			(*at)->next = NULL;
			at = &(*at)->next;
			list->len++;
		}
		i++;
	}
	return give(c, list);
}

/* Go's own: {{slice .ID 0 4}}. */
static int fn_slice(struct call *c)
{
	const struct json *v = c->args[0];
	size_t from = 0, to;

	if (v->type != JSON_STRING && v->type != JSON_ARRAY)
		return wrong(c, "slice takes texts and lists");
	to = v->type == JSON_STRING ? strlen(v->str) : v->len;
	if ((c->n > 1 && whole(c, c->args[1], to, &from) < 0) || (c->n > 2 && whole(c, c->args[2], to, &to) < 0))
		return c->e->code;
	if (from > to)
		return wrong(c, "slice wants the lower number first");
	return v->type == JSON_ARRAY ? slice_list(c, from, to) : give(c, template_text(c->a, cut(c->a, v->str, from, to)));
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
	{ "html", 1, TEMPLATE_ARGS, fn_html },	 { "js", 1, TEMPLATE_ARGS, fn_js },    { "urlquery", 1, TEMPLATE_ARGS, fn_urlquery },
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
