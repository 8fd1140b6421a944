/* GVariant texts, in two passes: the text becomes a tree of what is written there; then types go down the tree, from an
 * annotation ("uint64 5", "@as []") where there is one, else from the first element or what the literal is by itself.
 * Afterwards every node has a type that its literal fits, so writing cannot fail. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/unit.h"

#define DEPTH_MAX 8
#define LIST_MAX 256

enum literal { LIT_BOOL, LIT_NUMBER, LIT_STRING, LIT_ARRAY, LIT_VARIANT };

struct rt_value {
	enum literal literal;
	const char *type; /* given, later: settled */
	const char *text; /* BOOL, NUMBER, STRING */
	const struct rt_value **v; /* ARRAY; VARIANT: one */
	size_t n;
	union {
		int64_t i;
		uint64_t u;
		double d;
	};
};

struct parser {
	struct arena *a;
	const char *at;
	struct err *e;
};

static const struct {
	const char *word, *type;
} type_words[] = {
	{ "boolean", "b" }, { "byte", "y" },   { "int16", "n" }, { "uint16", "q" }, { "int32", "i" }, { "uint32", "u" },
	{ "int64", "x" },   { "uint64", "t" }, { "double", "d" }, { "string", "s" },
};

static struct rt_value *parse(struct parser *p, unsigned int depth);

static struct rt_value *bad(struct parser *p, const char *why)
{
	(void)err_set(p->e, ERR_INVALID, "value is no GVariant text: %s at \"%.40s\"", why, p->at);
	return NULL;
}

static void skip_space(struct parser *p)
{
	p->at += strspn(p->at, " \t\r\n");
}

/* At the end of the text nothing is taken: a message shows what is there. */
static bool take(struct parser *p, char c)
{
	if (*p->at != c)
		return false;
	p->at++;
	return true;
}

static struct rt_value *node(struct parser *p, enum literal literal)
{
	struct rt_value *v = arena_new(p->a, struct rt_value);

	if (v)
		v->literal = literal;
	else
		(void)err_errno(p->e, -ENOMEM, "value");
	return v;
}

static struct rt_value *string(struct parser *p)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct rt_value *v = node(p, LIT_STRING);
	char quote = *p->at++;

	for (; *p->at && *p->at != quote; p->at++) {
		char c = *p->at;

		if (c == '\\') {
			c = *++p->at;
			if (!c || !strchr("\\'\"nt", c))
				return bad(p, "unknown escape");
			c = c == 'n' ? '\n' : c == 't' ? '\t' : c;
		}
		sb_putc(&out, c);
	}
	if (*p->at != quote)
		return bad(p, "a string without its end");
	p->at++;
	if (v)
		v->text = sb_error(&out) < 0 ? NULL : arena_strdup(p->a, sb_str(&out));
	if (v && !v->text)
		(void)err_errno(p->e, -ENOMEM, "value");
	return v && v->text ? v : NULL;
}

static struct rt_value *array(struct parser *p, unsigned int depth)
{
	struct rt_value *v = node(p, LIT_ARRAY);

	if (!v)
		return NULL;
	v->v = arena_array(p->a, LIST_MAX, sizeof(*v->v));
	if (!v->v)
		return bad(p, "too long");
	for (p->at++, skip_space(p); *p->at != ']'; skip_space(p)) {
		if (v->n == LIST_MAX)
			return bad(p, "too many elements");
		if (v->n && !take(p, ','))
			return bad(p, "no comma");
		v->v[v->n] = parse(p, depth + 1);
		if (!v->v[v->n++])
			return NULL;
	}
	p->at++;
	return v;
}

static struct rt_value *variant(struct parser *p, unsigned int depth)
{
	struct rt_value *v = node(p, LIT_VARIANT), *inside;

	if (!v)
		return NULL;
	p->at++;
	inside = parse(p, depth + 1);
	if (!inside)
		return NULL;
	skip_space(p);
	if (!take(p, '>'))
		return bad(p, "no \">\"");
	v->v = arena_new(p->a, const struct rt_value *);
	if (!v->v)
		return bad(p, "too long");
	v->v[0] = inside;
	v->n = 1;
	return v;
}

/* b'text': an array of bytes with the NUL behind it. */
static struct rt_value *bytes(struct parser *p)
{
	struct rt_value *s, *v = node(p, LIT_ARRAY);

	p->at++;
	s = string(p);
	if (!s || !v)
		return NULL;
	v->type = "ay";
	v->n = strlen(s->text) + 1;
	v->v = arena_array(p->a, v->n, sizeof(*v->v));
	for (size_t i = 0; v->v && i < v->n; i++) {
		struct rt_value *b = node(p, LIT_NUMBER);

		if (!b)
			return NULL;
		b->text = arena_printf(p->a, "%u", (unsigned int)(unsigned char)s->text[i]);
		v->v[i] = b;
	}
	return v->v && arena_error(p->a) == 0 ? v : bad(p, "too long");
}

/* A word: true, a number, or a type in front of a value. */
static struct rt_value *word(struct parser *p, unsigned int depth)
{
	size_t len = strcspn(p->at, " \t\r\n,]>'\"[<");
	struct rt_value *v;

	if (len == 0)
		return bad(p, *p->at ? "unexpected character" : "nothing");
	for (size_t i = 0; i < ARRAY_LEN(type_words); i++) {
		if (strlen(type_words[i].word) != len || memcmp(type_words[i].word, p->at, len) != 0)
			continue;
		p->at += len;
		v = parse(p, depth + 1);
		if (v && !v->type)
			v->type = type_words[i].type;
		return v;
	}
	v = node(p, len == 4 && memcmp(p->at, "true", 4) == 0 ? LIT_BOOL :
		    len == 5 && memcmp(p->at, "false", 5) == 0 ? LIT_BOOL : LIT_NUMBER);
	if (!v)
		return NULL;
	if (v->literal == LIT_NUMBER && !strchr("+-.0123456789", *p->at))
		return bad(p, "neither a value nor a type");
	v->text = arena_strndup(p->a, p->at, len);
	p->at += len;
	return v->text ? v : bad(p, "too long");
}

/* "@as []" */
static struct rt_value *typed(struct parser *p, unsigned int depth)
{
	size_t len = strcspn(++p->at, " \t");
	const char *type = arena_strndup(p->a, p->at, len);
	struct rt_value *v;

	if (!type || len == 0 || dbus_type_length(type, len) != len || strpbrk(type, "({hog"))
		return bad(p, "unsupported type");
	p->at += len;
	v = parse(p, depth + 1);
	if (v && !v->type)
		v->type = type;
	return v;
}

static struct rt_value *parse(struct parser *p, unsigned int depth)
{
	skip_space(p);
	if (depth > DEPTH_MAX)
		return bad(p, "too deep");
	switch (*p->at) {
	case '\'': case '"':
		return string(p);
	case '[':
		return array(p, depth);
	case '<':
		return variant(p, depth);
	case '@':
		return typed(p, depth);
	case '{': case '(':
		(void)err_set(p->e, ERR_UNSUPPORTED, "dictionaries and tuples are not supported: \"%.40s\"", p->at);
		return NULL;
	case 'b':
		if (p->at[1] == '\'' || p->at[1] == '"')
			return bytes(p);
		return word(p, depth);
	default:
		return word(p, depth);
	}
}

/* ---- types ---- */

static bool fits_integer(struct rt_value *v, char type)
{
	static const struct {
		char type;
		int64_t min;
		uint64_t max;
	} rows[] = {
		{ 'y', 0, UINT8_MAX },		   { 'n', INT16_MIN, INT16_MAX }, { 'q', 0, UINT16_MAX },
		{ 'i', INT32_MIN, INT32_MAX }, { 'u', 0, UINT32_MAX },	  { 'x', INT64_MIN, INT64_MAX },
		{ 't', 0, UINT64_MAX },
	};
	bool negative = v->text[0] == '-';
	char *end;

	errno = 0;
	if (negative)
		v->i = strtoll(v->text, &end, 0);
	else
		v->u = strtoull(v->text, &end, 0);
	if (errno || *end || end == v->text)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].type == type)
			return negative ? v->i >= rows[i].min && rows[i].min : v->u <= rows[i].max;
	return false;
}

static bool fits_number(struct rt_value *v, char type)
{
	char *end;

	if (type != 'd')
		return fits_integer(v, type);
	v->d = strtod(v->text, &end);
	return end != v->text && !*end && isfinite(v->d);
}

/* What a value is when nobody says it. */
static const char *natural(struct arena *a, const struct rt_value *v)
{
	const char *inside;

	if (v->type)
		return v->type;
	switch (v->literal) {
	case LIT_BOOL:
		return "b";
	case LIT_STRING:
		return "s";
	case LIT_VARIANT:
		return "v";
	case LIT_NUMBER:
		return strpbrk(v->text, ".eE") && !strpbrk(v->text, "xX") ? "d" : "i";
	default:
		break;
	}
	inside = NULL;
	/* one that says its type speaks for all */
	for (size_t i = 0; i < v->n && !inside; i++)
		inside = v->v[i]->type;
	if (!inside && v->n)
		inside = natural(a, v->v[0]);
	return inside ? arena_printf(a, "a%s", inside) : NULL;
}

static int settle(struct arena *a, const struct rt_value *value, const char *type, struct err *e)
{
	struct rt_value *v = (struct rt_value *)(uintptr_t)value; /* ours until we are done */
	bool ok = !v->type || strcmp(v->type, type) == 0;
	const char *inside;

	switch (v->literal) {
	case LIT_BOOL:
		ok = ok && *type == 'b';
		break;
	case LIT_STRING:
		ok = ok && *type == 's';
		break;
	case LIT_NUMBER:
		ok = ok && fits_number(v, *type);
		break;
	case LIT_ARRAY:
		ok = ok && *type == 'a';
		break;
	default:
		ok = ok && *type == 'v';
		break;
	}
	if (!ok)
		return err_set(e, ERR_INVALID, "%s is no value of type %s", v->text ? v->text : "this", type);
	v->type = type;
	if (v->literal != LIT_ARRAY && v->literal != LIT_VARIANT)
		return 0;
	inside = v->literal == LIT_ARRAY ? type + 1 : natural(a, v->v[0]);
	for (size_t i = 0; i < v->n; i++)
		if (!inside || settle(a, v->v[i], inside, e) < 0)
			return inside ? e->code : err_set(e, ERR_INVALID, "an empty array needs a type, such as @as []");
	return 0;
}

int rt_value_parse(struct arena *a, const char *text, const struct rt_value **out, struct err *e)
{
	struct parser p = { .a = a, .at = text, .e = e };
	struct rt_value *v = parse(&p, 0);
	const char *type;

	*out = v;
	if (!v)
		return e->code;
	skip_space(&p);
	if (*p.at) {
		(void)bad(&p, "something behind the value");
		return e->code;
	}
	type = natural(a, v);
	return type ? settle(a, v, type, e) : err_set(e, ERR_INVALID, "an empty array needs a type, such as @as []");
}

const char *rt_value_signature(const struct rt_value *v)
{
	return v->type;
}

int rt_value_usec(struct arena *a, const struct rt_value *v, const struct rt_value **out, struct err *e)
{
	struct rt_value *usec = arena_new(a, struct rt_value);

	if (!usec)
		return err_errno(e, -ENOMEM, "value");
	*usec = (struct rt_value){ .literal = LIT_NUMBER, .type = "t", .text = v->text };
	*out = usec;
	if (v->literal != LIT_NUMBER)
		return err_set(e, ERR_INVALID, "is no number of seconds");
	if (v->text[0] == '-')
		return err_set(e, ERR_INVALID, "%s: must not be negative", v->text);
	if (*v->type == 'd') {
		if (v->d > 1e12)
			return err_set(e, ERR_INVALID, "%s seconds are too many", v->text);
		usec->u = (uint64_t)(v->d * 1e6);
		return 0;
	}
	if (__builtin_mul_overflow(v->u, UINT64_C(1000000), &usec->u))
		return err_set(e, ERR_INVALID, "%s seconds are too many", v->text);
	return 0;
}

static void write_number(struct dbus_writer *w, const struct rt_value *v)
{
	switch (*v->type) {
	case 'y':
		dbus_put_byte(w, (uint8_t)v->u);
		break;
	case 'n':
		dbus_put_i16(w, (int16_t)v->i);
		break;
	case 'q':
		dbus_put_u16(w, (uint16_t)v->u);
		break;
	case 'i':
		dbus_put_i32(w, (int32_t)v->i);
		break;
	case 'u':
		dbus_put_u32(w, (uint32_t)v->u);
		break;
	case 'x':
		dbus_put_i64(w, v->i);
		break;
	case 't':
		dbus_put_u64(w, v->u);
		break;
	default:
		dbus_put_double(w, v->d);
		break;
	}
}

void rt_value_write(struct dbus_writer *w, const struct rt_value *v)
{
	switch (v->literal) {
	case LIT_BOOL:
		dbus_put_bool(w, v->text[0] == 't');
		break;
	case LIT_STRING:
		dbus_put_string(w, v->text);
		break;
	case LIT_NUMBER:
		write_number(w, v);
		break;
	case LIT_ARRAY:
		dbus_open(w, 'a');
		for (size_t i = 0; i < v->n; i++)
			rt_value_write(w, v->v[i]);
		dbus_close(w);
		break;
	default:
		dbus_open_variant(w, v->v[0]->type);
		rt_value_write(w, v->v[0]);
		dbus_close(w);
		break;
	}
}
