/* The reader: one pass over the text, one recursion per level of nesting (bounded by the limits), no tokens.
 *
 * Where decoded text lives: the arena gives one zeroed block as long as the document, and what stands at byte i of
 * the document is decoded to byte i of the block. Decoding never makes text longer, and at least one byte that is not
 * text (the closing quote, the byte behind a number) follows each string, so every string is NUL-terminated by the
 * zero that nobody wrote, one allocation serves all strings, and the place of a key in the text can be told from its
 * pointer. Nodes are taken from the arena in batches.
 *
 * The attacker writes the document: it is untrusted (an image's manifest, a specification, an API request). Against
 * them stand the limits, the UTF-8 check, and one meaning per document: of two equal keys peers take the first or the
 * last, so a document with both can show a checker one value and the program another. Keys of a large object are
 * compared by a hash, and where that does not tell many of them apart, as an attacker could choose, by sorting them. */
#include "base/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define FEW_KEYS 16U /* up to here comparing each with each is faster than sorting */
#define MANY_KEYS 256U /* from here on most hashes would be seen twice */
#define HASH_BITS 4096U
#define HASH_AGAIN 16U
#define NODE_BATCH 64U

const struct json_limits json_default_limits = { .max_bytes = 8U << 20, .max_depth = 64, .max_nodes = 500000 };

struct parser {
	const char *text, *p, *end;
	char *decoded;
	struct arena *arena;
	struct json *spare; /* nodes of the current batch */
	size_t n_spare, nodes_left;
	unsigned int max_depth;
	const char *const *only;
	const char *until;
	bool enough; /* that member was read */
	struct err *e;
};

/* Sets the error with the line and column (in characters) of `at`. Gives false, so a failing parse can return it. */
static bool PRINTF_LIKE(4, 5)
	fail_at(struct parser *ps, const char *at, enum err_class cls, const char *fmt, ...)
{
	size_t line = 1, column = 1;
	char what[200];
	va_list ap;

	for (const char *c = ps->text; c < at; c++) {
		if (*c == '\n') {
			line++;
			column = 1;
		} else if (((unsigned char)*c & 0xc0) != 0x80) {
			column++;
		}
	}
	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	(void)err_set(ps->e, cls, "line %zu, column %zu: %s", line, column, what);
	return false;
}

static bool out_of_memory(struct parser *ps)
{
	(void)err_set(ps->e, ERR_INTERNAL, "no memory left for a JSON text of %zu bytes",
		      (size_t)(ps->end - ps->text));
	return false;
}

/* What was wanted and what is there instead. */
static bool expected(struct parser *ps, const char *what)
{
	unsigned char c;

	if (ps->p == ps->end)
		return fail_at(ps, ps->p, ERR_INVALID, "the text ends where %s is expected", what);
	c = (unsigned char)*ps->p;
	if (c > ' ' && c < 0x7f)
		return fail_at(ps, ps->p, ERR_INVALID, "expected %s, found '%c'", what, c);
	return fail_at(ps, ps->p, ERR_INVALID, "expected %s, found byte 0x%02x", what, c);
}

/* The next byte that is not white space, '\0' at the end (a NUL byte fits nowhere either). */
static char peek(struct parser *ps)
{
	while (ps->p < ps->end && (*ps->p == ' ' || *ps->p == '\t' || *ps->p == '\n' || *ps->p == '\r'))
		ps->p++;
	return ps->p < ps->end ? *ps->p : '\0';
}

static struct json *new_node(struct parser *ps)
{
	if (ps->nodes_left == 0) {
		(void)fail_at(ps, ps->p, ERR_LIMIT, "too many values in one document");
		return NULL;
	}
	if (ps->n_spare == 0) {
		/* no value is shorter than a byte and its separator */
		size_t most = (size_t)(ps->end - ps->p) / 2 + 1;

		ps->n_spare = most < NODE_BATCH ? most : NODE_BATCH;
		ps->spare = arena_array(ps->arena, ps->n_spare, sizeof(*ps->spare));
		if (!ps->spare) {
			(void)out_of_memory(ps);
			return NULL;
		}
	}
	ps->nodes_left--;
	ps->n_spare--;
	return ps->spare++;
}

/* ---- strings ---- */

size_t json_utf8_sequence(const char *s, const char *end)
{
	const unsigned char *p = (const unsigned char *)s;
	unsigned char low = 0x80, high = 0xbf; /* of the second byte */
	size_t n;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if ((size_t)(end - s) < n || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

/* Whether one of 8 bytes ends a plain run: a quote, a backslash, a control character or a byte of more than ASCII.
 * Each byte's high bit of `x - 0x01…` is set when the byte was zero (or by a borrow from a lower hit: still a hit). */
static bool has_special(uint64_t x)
{
	const uint64_t ones = 0x0101010101010101U, highs = ones << 7;
	uint64_t quote = x ^ ones * '"', backslash = x ^ ones * '\\';

	return ((x | (x - ones * ' ') | (quote - ones) | (backslash - ones)) & highs) != 0;
}

/* Copies the plain ASCII at p to *out, moving both. */
static void copy_plain(struct parser *ps, char **out)
{
	const char *p = ps->p, *end = ps->end;
	char *o = *out;
	uint64_t eight;

	while (end - p >= 8) {
		memcpy(&eight, p, 8);
		if (has_special(eight))
			break;
		memcpy(o, &eight, 8);
		p += 8;
		o += 8;
	}
	while (p < end && *p >= ' ' && *p != '"' && *p != '\\' && !((unsigned char)*p & 0x80))
		*o++ = *p++;
	ps->p = p;
	*out = o;
}

static bool parse_hex4(struct parser *ps, unsigned int *out)
{
	*out = 0;
	for (int i = 0; i < 4; i++, ps->p++) {
		char c = ps->p < ps->end ? *ps->p : '\0';

		if (c >= '0' && c <= '9')
			*out = *out << 4 | (unsigned int)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			*out = *out << 4 | (unsigned int)((c | 0x20) - 'a' + 10);
		else
			return expected(ps, "one of the four hex digits of \\u");
	}
	return true;
}

static void put_utf8(char **out, unsigned int c)
{
	char *o = *out;

	if (c < 0x80) {
		*o++ = (char)c;
	} else if (c < 0x800) {
		*o++ = (char)(0xc0 | c >> 6);
		*o++ = (char)(0x80 | (c & 0x3f));
	} else {
		if (c < 0x10000) {
			*o++ = (char)(0xe0 | c >> 12);
		} else {
			*o++ = (char)(0xf0 | c >> 18);
			*o++ = (char)(0x80 | (c >> 12 & 0x3f));
		}
		*o++ = (char)(0x80 | (c >> 6 & 0x3f));
		*o++ = (char)(0x80 | (c & 0x3f));
	}
	*out = o;
}

/* Behind "\u": one code point, which may take a second escape. */
static bool parse_unicode(struct parser *ps, char **out)
{
	const char *at = ps->p - 2;
	unsigned int c, low;

	if (!parse_hex4(ps, &c))
		return false;
	if (c == 0)
		return fail_at(ps, at, ERR_INVALID, "\\u0000: a string must not contain NUL");
	if (c >= 0xdc00 && c < 0xe000)
		return fail_at(ps, at, ERR_INVALID, "a low surrogate \\u%04x without a high one before it", c);
	if (c >= 0xd800 && c < 0xdc00) {
		if (ps->end - ps->p < 2 || ps->p[0] != '\\' || ps->p[1] != 'u')
			return fail_at(ps, at, ERR_INVALID, "a high surrogate \\u%04x without a low one after it", c);
		ps->p += 2;
		if (!parse_hex4(ps, &low))
			return false;
		if (low < 0xdc00 || low >= 0xe000)
			return fail_at(ps, at, ERR_INVALID, "a high surrogate \\u%04x without a low one after it", c);
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	put_utf8(out, c);
	return true;
}

/* At a backslash. */
static bool parse_escape(struct parser *ps, char **out)
{
	static const char names[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
	const char *found;

	ps->p++;
	if (ps->p < ps->end && *ps->p == 'u') {
		ps->p++;
		return parse_unicode(ps, out);
	}
	found = ps->p < ps->end && *ps->p ? strchr(names, *ps->p) : NULL;
	if (!found)
		return expected(ps, "one of \" \\ / b f n r t u behind a backslash");
	*(*out)++ = meanings[found - names];
	ps->p++;
	return true;
}

/* At the opening quote. */
static bool parse_string(struct parser *ps, const char **str, size_t *len)
{
	const char *open = ps->p++;
	char *start = ps->decoded + (ps->p - ps->text), *out = start;

	for (;;) {
		size_t n;

		copy_plain(ps, &out);
		if (ps->p == ps->end)
			return fail_at(ps, open, ERR_INVALID, "this string never ends");
		if (*ps->p == '"')
			break;
		if (*ps->p == '\\') {
			if (!parse_escape(ps, &out))
				return false;
			continue;
		}
		if (!((unsigned char)*ps->p & 0x80))
			return fail_at(ps, ps->p, ERR_INVALID,
				       "control character 0x%02x in a string: it must be written as an escape",
				       (unsigned int)*ps->p);
		n = json_utf8_sequence(ps->p, ps->end);
		if (n == 0)
			return fail_at(ps, ps->p, ERR_INVALID, "byte 0x%02x is not UTF-8 here", (unsigned char)*ps->p);
		memcpy(out, ps->p, n);
		out += n;
		ps->p += n;
	}
	ps->p++;
	*str = start;
	*len = (size_t)(out - start);
	return true;
}

/* ---- numbers and words ---- */

static bool parse_digits(struct parser *ps)
{
	const char *start = ps->p;

	while (ps->p < ps->end && *ps->p >= '0' && *ps->p <= '9')
		ps->p++;
	return ps->p > start || expected(ps, "a digit");
}

static bool parse_number(struct parser *ps, struct json *v)
{
	const char *start = ps->p, *digits;
	char *text = ps->decoded + (start - ps->text);

	if (*ps->p == '-')
		ps->p++;
	digits = ps->p;
	if (!parse_digits(ps))
		return false;
	if (*digits == '0' && ps->p - digits > 1)
		return fail_at(ps, start, ERR_INVALID, "a number must not start with a zero");
	if (ps->p < ps->end && *ps->p == '.') {
		ps->p++;
		if (!parse_digits(ps))
			return false;
	}
	if (ps->p < ps->end && (*ps->p | 0x20) == 'e') {
		ps->p++;
		if (ps->p < ps->end && (*ps->p == '+' || *ps->p == '-'))
			ps->p++;
		if (!parse_digits(ps))
			return false;
	}
	v->type = JSON_NUMBER;
	v->len = (size_t)(ps->p - start);
	memcpy(text, start, v->len);
	v->str = text;
	return true;
}

static bool parse_word(struct parser *ps, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(ps->end - ps->p) < len || memcmp(ps->p, word, len) != 0)
		return expected(ps, "a value");
	ps->p += len;
	return true;
}

/* ---- arrays and objects ---- */

static int compare_keys(const void *a, const void *b)
{
	const struct json *const *x = a, *const *y = b;

	return strcmp((*x)->key, (*y)->key);
}

static bool duplicate(struct parser *ps, const struct json *x, const struct json *y)
{
	const char *key = x->key > y->key ? x->key : y->key;
	char shown[80];

	return fail_at(ps, ps->text + (key - ps->decoded) - 1, ERR_INVALID, "the key \"%s\" is there twice",
		       text_escape(key, shown, sizeof(shown)));
}

static unsigned int hash_of(const char *key)
{
	unsigned int h = 2166136261U;

	for (; *key; key++)
		h = (h ^ (unsigned char)*key) * 16777619U;
	return (h ^ h >> 16) % HASH_BITS;
}

/* The first key that may be the same as an earlier one is compared with each of those, and so on: 1 = all differ, 0 = it would be
 * too often. */
static int differ_by_hash(struct parser *ps, const struct json *object)
{
	uint64_t seen[HASH_BITS / 64] = { 0 };
	unsigned int again = 0;

	json_each(x, object) {
		unsigned int h = hash_of(x->key);

		if (seen[h / 64] & UINT64_C(1) << h % 64) {
			if (++again > HASH_AGAIN)
				return 0;
			for (const struct json *y = object->child; y != x; y = y->next)
				if (x->key[0] == y->key[0] && strcmp(x->key, y->key) == 0)
					return duplicate(ps, x, y) ? 1 : -1;
		}
		seen[h / 64] |= UINT64_C(1) << h % 64;
	}
	return 1;
}

static bool keys_differ(struct parser *ps, const struct json *object)
{
	int told;
	CLEANUP_FREE const struct json **sorted = NULL;
	size_t n = 0;

	if (object->len <= FEW_KEYS) {
		json_each(x, object)
			for (const struct json *y = object->child; y != x; y = y->next)
				if (x->key[0] == y->key[0] && strcmp(x->key, y->key) == 0)
					return duplicate(ps, x, y);
		return true;
	}
	told = object->len <= MANY_KEYS ? differ_by_hash(ps, object) : 0;
	if (told)
		return told > 0;
	sorted = calloc(object->len, sizeof(*sorted));
	if (!sorted)
		return out_of_memory(ps);
	json_each(x, object)
		sorted[n++] = x;
	qsort(sorted, n, sizeof(*sorted), compare_keys);
	for (size_t i = 1; i < n; i++)
		if (strcmp(sorted[i - 1]->key, sorted[i]->key) == 0)
			return duplicate(ps, sorted[i - 1], sorted[i]);
	return true;
}

static bool parse_key(struct parser *ps, const char **key)
{
	size_t len;

	if (peek(ps) != '"')
		return expected(ps, "a key in double quotes");
	if (!parse_string(ps, key, &len))
		return false;
	if (peek(ps) != ':')
		return expected(ps, "':' behind a key");
	ps->p++;
	return true;
}

/* At the opening quote of a key. */
static bool is_wanted(const struct parser *ps)
{
	size_t left = (size_t)(ps->end - ps->p);

	for (const char *const *w = ps->only; *w; w++) {
		size_t len;

		if (left < 2 || ps->p[1] != **w)
			continue;
		len = strlen(*w);
		if (len + 2 <= left && memcmp(ps->p + 1, *w, len) == 0 && ps->p[len + 1] == '"')
			return true;
	}
	return false;
}

/* At the opening quote: behind the closing one. */
static const char *string_end(const char *p, const char *end)
{
	uint64_t eight;

	p++;
	for (;;) {
		while (end - p >= 8 && (memcpy(&eight, p, 8), !has_special(eight)))
			p += 8;
		while (p < end && *p != '"' && *p != '\\')
			p++;
		if (p >= end || *p == '"')
			return p < end ? p + 1 : end;
		p = end - p > 2 ? p + 2 : end;
	}
}

/* A member, or what is left of one. */
static bool pass_over(struct parser *ps)
{
	const char *p = ps->p, *end = ps->end;
	size_t open = 0;

	while (p < end) {
		char c = *p;

		if (c == '"') {
			p = string_end(p, end);
			continue;
		}
		if ((c | 0x20) == '{') { /* or [ */
			open++;
		} else if ((c | 0x20) == '}') {
			if (!open--)
				break;
		} else if (c == ',' && !open) {
			break;
		}
		p++;
	}
	ps->p = p;
	return p < end || expected(ps, "'}'");
}

static struct json *parse_value(struct parser *ps, unsigned int depth);

static bool parse_child(struct parser *ps, struct json *v, struct json ***tail, unsigned int depth)
{
	const char *key = NULL;
	struct json *child;

	if (v->type == JSON_OBJECT && ps->only && depth == 1 && peek(ps) == '"' && !is_wanted(ps))
		return pass_over(ps);
	if (v->type == JSON_OBJECT && !parse_key(ps, &key))
		return false;
	child = parse_value(ps, depth + 1);
	if (!child)
		return false;
	child->key = key;
	ps->enough = ps->until && depth == 0 && key && strcmp(key, ps->until) == 0;
	**tail = child;
	*tail = &child->next;
	v->len++;
	return true;
}

/* At the opening bracket of v. */
static bool parse_children(struct parser *ps, struct json *v, unsigned int depth)
{
	const bool object = v->type == JSON_OBJECT;
	const char close = object ? '}' : ']';
	struct json **tail = &v->child;

	if (depth == ps->max_depth)
		return fail_at(ps, ps->p, ERR_LIMIT, "nested deeper than %u levels", ps->max_depth);
	ps->p++;
	if (peek(ps) == close) {
		ps->p++;
		return true;
	}
	for (;;) {
		char c;

		if (!parse_child(ps, v, &tail, depth))
			return false;
		if (ps->enough) {
			ps->p = ps->end;
			return true;
		}
		c = peek(ps);
		if (c != ',' && c != close)
			return expected(ps, object ? "',' or '}'" : "',' or ']'");
		ps->p++;
		if (c == close)
			return !object || keys_differ(ps, v);
	}
}

static bool fill_value(struct parser *ps, struct json *v, char first, unsigned int depth)
{
	switch (first) {
	case '{':
		v->type = JSON_OBJECT;
		return parse_children(ps, v, depth);
	case '[':
		v->type = JSON_ARRAY;
		return parse_children(ps, v, depth);
	case '"':
		v->type = JSON_STRING;
		return parse_string(ps, &v->str, &v->len);
	case 't':
		v->type = JSON_BOOL;
		v->boolean = true;
		return parse_word(ps, "true");
	case 'f':
		v->type = JSON_BOOL;
		return parse_word(ps, "false");
	case 'n':
		v->type = JSON_NULL;
		return parse_word(ps, "null");
	default:
		if (first == '-' || (first >= '0' && first <= '9'))
			return parse_number(ps, v);
		return expected(ps, "a value");
	}
}

static struct json *parse_value(struct parser *ps, unsigned int depth)
{
	char first = peek(ps);
	struct json *v = new_node(ps);

	return v && fill_value(ps, v, first, depth) ? v : NULL;
}

int json_parse(struct arena *a, const char *text, size_t len, const struct json_limits *limits, const struct json **out,
	       struct err *e)
{
	const struct json_limits *lim = limits ? limits : &json_default_limits;
	struct parser ps = { .text = text, .p = text, .end = text + len, .arena = a, .nodes_left = lim->max_nodes,
			     .max_depth = lim->max_depth, .only = lim->only, .until = lim->until, .e = e };
	const struct json *root;

	if (len > lim->max_bytes)
		return err_set(e, ERR_LIMIT, "the JSON text has %zu bytes; the limit is %zu", len, lim->max_bytes);
	ps.decoded = arena_alloc(a, len + 1);
	if (!ps.decoded) {
		(void)out_of_memory(&ps);
		return e->code;
	}
	root = parse_value(&ps, 0);
	if (!root)
		return e->code;
	if (peek(&ps) != '\0' || ps.p != ps.end) {
		(void)fail_at(&ps, ps.p, ERR_INVALID, "something follows the end of the document");
		return e->code;
	}
	*out = root;
	return 0;
}
