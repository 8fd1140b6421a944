/* One pass over the lines, recursive for values alone (arrays and inline tables, whose depth is limited).
 *
 * A node of the tree is a struct json with what TOML's rules about tables need behind it: a table that a header or a dotted key has
 * made may get more members by another header, one that was named by a header may not be named again, and what was given inline is
 * closed for ever. */
#include "base/toml.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define MAX_BYTES (1U << 20)
#define MAX_NODES 10000U
#define MAX_DEPTH 32U

struct node {
	struct json v; /* first: a node is a struct json */
	struct node *last;
	bool named;     /* by a header of its own */
	bool closed;    /* nothing may be added: given inline, or no table */
	bool by_header; /* JSON_ARRAY: of [[tables]] */
	bool dotted;    /* made by a dotted key: no header may name it */
};

struct toml {
	struct arena *a;
	const char *p, *end;
	unsigned int line, depth;
	size_t nodes;
	struct err *e;
};

static int bad(struct toml *t, const char *what)
{
	return err_set(t->e, ERR_INVALID, "line %u: %s", t->line, what);
}

static int bad_key(struct toml *t, const char *key, const char *what)
{
	char shown[80];

	return err_set(t->e, ERR_INVALID, "line %u: '%s' %s", t->line, text_escape(key, shown, sizeof(shown)), what);
}

static int no_memory(struct toml *t)
{
	return err_errno(t->e, -ENOMEM, "line %u", t->line);
}

static char peek(const struct toml *t)
{
	return t->p < t->end ? *t->p : '\0';
}

static void skip_blanks(struct toml *t)
{
	while (t->p < t->end && (*t->p == ' ' || *t->p == '\t'))
		t->p++;
}

static bool at_newline(const struct toml *t)
{
	return peek(t) == '\n' || (peek(t) == '\r' && t->p + 1 < t->end && t->p[1] == '\n');
}

static bool is_control(char c)
{
	return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

/* A comment, up to the end of its line. */
static int skip_comment(struct toml *t)
{
	if (peek(t) != '#')
		return 0;
	for (; t->p < t->end && !at_newline(t); t->p++)
		if (is_control(*t->p))
			return bad(t, "a control character in a comment");
	return 0;
}

/* The end of the line, or of the text, after what a line may say. */
static int end_line(struct toml *t)
{
	int r;

	skip_blanks(t);
	r = skip_comment(t);
	if (r < 0 || t->p == t->end)
		return r;
	if (!at_newline(t))
		return bad(t, "something follows what ends here; one key and its value, or one table, a line");
	t->p += *t->p == '\r' ? 2 : 1;
	t->line++;
	return 0;
}

/* Blanks, comments and ends of lines, inside an array. */
static int skip_lines(struct toml *t)
{
	for (;;) {
		skip_blanks(t);
		if (peek(t) != '#' && !at_newline(t))
			return 0;
		if (end_line(t) < 0)
			return t->e->code;
	}
}

/* ---- the tree ---- */

static struct node *new_node(struct toml *t, enum json_type type)
{
	struct node *n;

	if (++t->nodes > MAX_NODES) {
		(void)err_set(t->e, ERR_LIMIT, "line %u: more than %u values", t->line, MAX_NODES);
		return NULL;
	}
	n = arena_new(t->a, struct node);
	if (!n)
		(void)no_memory(t);
	else
		n->v.type = type;
	return n;
}

static void append(struct node *to, struct node *n)
{
	if (to->last)
		to->last->v.next = &n->v;
	else
		to->v.child = &n->v;
	to->last = n;
	to->v.len++;
}

static struct node *member(struct node *table, const char *key)
{
	for (struct json *c = table->v.child; c; c = c->next)
		if (strcmp(c->key, key) == 0)
			return (struct node *)c;
	return NULL;
}

static struct node *add_member(struct toml *t, struct node *table, const char *key, enum json_type type)
{
	struct node *n = new_node(t, type);

	if (n) {
		n->v.key = key;
		append(table, n);
	}
	return n;
}

/* ---- strings and keys ---- */

static int put_unicode(struct toml *t, struct strbuf *b, unsigned int digits)
{
	unsigned long c = 0;

	for (unsigned int i = 0; i < digits; i++, t->p++) {
		static const char hex[] = "0123456789abcdef";
		char low = peek(t) >= 'A' && peek(t) <= 'F' ? (char)(peek(t) - 'A' + 'a') : peek(t);
		const char *at = low ? strchr(hex, low) : NULL;

		if (!at)
			return bad(t, "\\u takes 4 hexadecimal digits, \\U takes 8");
		c = c << 4 | (unsigned long)(at - hex);
	}
	if (c == 0 || (c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff)
		return bad(t, "\\u or \\U of no character, or of NUL");
	if (c >= 0x10000) {
		sb_putc(b, (char)(0xf0 | c >> 18));
		sb_putc(b, (char)(0x80 | (c >> 12 & 0x3f)));
	} else if (c >= 0x800) {
		sb_putc(b, (char)(0xe0 | c >> 12));
	}
	if (c >= 0x800)
		sb_putc(b, (char)(0x80 | (c >> 6 & 0x3f)));
	else if (c >= 0x80)
		sb_putc(b, (char)(0xc0 | c >> 6));
	sb_putc(b, (char)(c >= 0x80 ? 0x80 | (c & 0x3f) : c));
	return 0;
}

static int put_escape(struct toml *t, struct strbuf *b)
{
	static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
	char c = peek(t);
	const char *at = c ? strchr(from, c) : NULL;

	if (t->p < t->end)
		t->p++;
	if (c == 'u' || c == 'U')
		return put_unicode(t, b, c == 'u' ? 4 : 8);
	if (!at)
		return bad(t, "a backslash that begins no escape of TOML; in '...' it is itself");
	sb_putc(b, to[at - from]);
	return 0;
}

/* "basic" or 'literal': which, says the first character. *len may be NULL. */
static int take_string(struct toml *t, const char **out, size_t *len)
{
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;
	char quote = *t->p++;

	if (t->end - t->p >= 2 && t->p[0] == quote && t->p[1] == quote)
		return bad(t, "strings over several lines are not read; write it on one, with \\n");
	while (peek(t) != quote) {
		if (t->p == t->end || at_newline(t))
			return bad(t, "a string without its end");
		if (is_control(*t->p))
			return bad(t, "a control character in a string");
		if (quote == '"' && *t->p == '\\') {
			t->p++;
			if (put_escape(t, &b) < 0)
				return t->e->code;
			continue;
		}
		sb_putc(&b, *t->p++);
	}
	t->p++;
	*out = sb_error(&b) < 0 ? NULL : arena_strndup(t->a, sb_str(&b), b.len);
	if (len)
		*len = b.len;
	return *out ? 0 : no_memory(t);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_bare(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '-';
}

/* One part of a key and the blanks behind it. */
static int take_key(struct toml *t, const char **out)
{
	const char *from = t->p;
	int r = 0;

	if (peek(t) == '"' || peek(t) == '\'') {
		r = take_string(t, out, NULL);
	} else {
		while (t->p < t->end && is_bare(*t->p))
			t->p++;
		if (t->p == from)
			return bad(t, "no key: letters, digits, '_' and '-', or a string in quotes");
		*out = arena_strndup(t->a, from, (size_t)(t->p - from));
		if (!*out)
			r = no_memory(t);
	}
	skip_blanks(t);
	return r;
}

static bool take_dot(struct toml *t)
{
	if (peek(t) != '.')
		return false;
	t->p++;
	skip_blanks(t);
	return true;
}

/* ---- values ---- */

static int take_value(struct toml *t, struct node *parent, const char *key);

/* The table that a dotted key's part is, made where there is none. */
static int dotted_step(struct toml *t, struct node **table, const char *key)
{
	struct node *n = member(*table, key);

	if (n && (n->v.type != JSON_OBJECT || n->closed || !n->dotted))
		return bad_key(t, key, "has a value already, to which nothing can be added");
	if (!n) {
		n = add_member(t, *table, key, JSON_OBJECT);
		if (!n)
			return t->e->code;
		n->dotted = true;
	}
	*table = n;
	return 0;
}

/* KEY = VALUE, into table. */
static int take_pair(struct toml *t, struct node *table)
{
	unsigned int depth = t->depth;
	const char *key;
	int r = take_key(t, &key);

	while (r == 0 && take_dot(t)) {
		if (++t->depth > MAX_DEPTH)
			return err_set(t->e, ERR_LIMIT, "line %u: more than %u levels", t->line, MAX_DEPTH);
		r = dotted_step(t, &table, key);
		if (r == 0)
			r = take_key(t, &key);
	}
	if (r < 0)
		return r;
	if (peek(t) != '=')
		return bad_key(t, key, "is not followed by '='");
	t->p++;
	skip_blanks(t);
	if (member(table, key))
		return bad_key(t, key, "is given twice");
	r = take_value(t, table, key);
	t->depth = depth;
	return r;
}

static int take_array(struct toml *t, struct node *array)
{
	t->p++;
	array->closed = true;
	for (;;) {
		if (skip_lines(t) < 0)
			return t->e->code;
		if (peek(t) == ']')
			break;
		if (take_value(t, array, NULL) < 0 || skip_lines(t) < 0)
			return t->e->code;
		if (peek(t) == ']')
			break;
		if (peek(t) != ',')
			return bad(t, "an array whose values are not parted by ',' or that has no ']'");
		t->p++;
	}
	t->p++;
	return 0;
}

static void close_tables(struct node *n)
{
	n->closed = true;
	for (struct json *c = n->v.child; c; c = c->next)
		if (c->type == JSON_OBJECT)
			close_tables((struct node *)c);
}

static int take_inline(struct toml *t, struct node *table)
{
	t->p++;
	skip_blanks(t);
	while (peek(t) != '}') {
		if (take_pair(t, table) < 0)
			return t->e->code;
		skip_blanks(t);
		if (peek(t) == '}')
			break;
		if (peek(t) != ',')
			return bad(t, "a table in {} whose members are not parted by ',' or that has no '}' on its line");
		t->p++;
		skip_blanks(t);
		if (peek(t) == '}')
			return bad(t, "a table in {} ends with ','");
	}
	t->p++;
	close_tables(table);
	return 0;
}

/* What is neither string, array nor table: true, false, a decimal integer. */
static int take_word(struct toml *t, struct node *n)
{
	char word[64];
	size_t len = 0, out = 0;
	int64_t value;

	while (t->p + len < t->end && (is_bare(t->p[len]) || strchr("+.:", t->p[len])) && t->p[len])
		len++;
	if (len == 0 || len >= sizeof(word))
		return bad(t, "no value; texts stand in quotes");
	for (size_t i = 0; i < len; i++) {
		if (t->p[i] == '_' && (i == 0 || i + 1 == len || !is_digit(t->p[i - 1]) || !is_digit(t->p[i + 1])))
			return bad(t, "'_' in a number stands between digits");
		if (t->p[i] != '_' && !(i == 0 && t->p[i] == '+'))
			word[out++] = t->p[i];
	}
	word[out] = '\0';
	n->closed = true;
	if ((len == 4 && memcmp(t->p, "true", 4) == 0) || (len == 5 && memcmp(t->p, "false", 5) == 0)) {
		n->v.type = JSON_BOOL;
		n->v.boolean = *t->p == 't';
	} else {
		const char *digits = word + (*word == '-');

		if (!*digits || strspn(digits, "0123456789") != strlen(digits) || (*digits == '0' && digits[1]))
			return bad_key(t, word, "is no value that is read here: texts stand in quotes, numbers are decimal integers");
		if (text_i64(word, &value) < 0)
			return bad_key(t, word, "does not fit into 64 bits");
		n->v.str = arena_printf(t->a, "%lld", (long long)value); /* -0 is 0 */
		if (!n->v.str)
			return no_memory(t);
		n->v.len = strlen(n->v.str);
	}
	t->p += len;
	return 0;
}

static int take_value(struct toml *t, struct node *parent, const char *key)
{
	struct node *n;
	int r;

	if (t->depth >= MAX_DEPTH)
		return err_set(t->e, ERR_LIMIT, "line %u: more than %u levels", t->line, MAX_DEPTH);
	n = new_node(t, JSON_NUMBER);
	if (!n)
		return t->e->code;
	n->v.key = key;
	t->depth++;
	if (peek(t) == '"' || peek(t) == '\'') {
		n->v.type = JSON_STRING;
		n->closed = true;
		r = take_string(t, &n->v.str, &n->v.len);
	} else if (peek(t) == '[') {
		n->v.type = JSON_ARRAY;
		r = take_array(t, n);
	} else if (peek(t) == '{') {
		n->v.type = JSON_OBJECT;
		r = take_inline(t, n);
	} else {
		r = take_word(t, n);
	}
	t->depth--;
	append(parent, n);
	return r;
}

/* ---- headers ---- */

/* The table that a part of a header before its last is: of an array the last one. */
static int header_step(struct toml *t, struct node **table, const char *key)
{
	struct node *n = member(*table, key);

	if (!n)
		n = add_member(t, *table, key, JSON_OBJECT);
	if (!n)
		return t->e->code;
	if (n->v.type == JSON_ARRAY && n->by_header)
		n = n->last;
	if (n->v.type != JSON_OBJECT || n->closed)
		return bad_key(t, key, "has a value already, to which nothing can be added");
	*table = n;
	return 0;
}

static int name_table(struct toml *t, struct node **table, const char *key)
{
	struct node *n = member(*table, key);

	if (!n)
		n = add_member(t, *table, key, JSON_OBJECT);
	if (!n)
		return t->e->code;
	if (n->v.type != JSON_OBJECT || n->closed || n->named || n->dotted)
		return bad_key(t, key, "is given twice");
	n->named = true;
	*table = n;
	return 0;
}

static int name_element(struct toml *t, struct node **table, const char *key)
{
	struct node *array = member(*table, key), *n;

	if (!array) {
		array = add_member(t, *table, key, JSON_ARRAY);
		if (!array)
			return t->e->code;
		array->by_header = true;
	}
	if (array->v.type != JSON_ARRAY || !array->by_header)
		return bad_key(t, key, "has a value already, which is no array of [[tables]]");
	n = new_node(t, JSON_OBJECT);
	if (!n)
		return t->e->code;
	n->named = true;
	append(array, n);
	*table = n;
	return 0;
}

/* [a.b] or [[a.b]]: *table is then what the lines below belong to. */
static int take_header(struct toml *t, struct node *root, struct node **table)
{
	bool element = t->end - t->p >= 2 && t->p[1] == '[';
	unsigned int depth = 1;
	const char *key;
	int r;

	t->p += element ? 2 : 1;
	skip_blanks(t);
	*table = root;
	r = take_key(t, &key);
	while (r == 0 && take_dot(t)) {
		if (++depth > MAX_DEPTH)
			return err_set(t->e, ERR_LIMIT, "line %u: more than %u levels", t->line, MAX_DEPTH);
		r = header_step(t, table, key);
		if (r == 0)
			r = take_key(t, &key);
	}
	if (r < 0)
		return r;
	if (peek(t) != ']' || (element && (t->end - t->p < 2 || t->p[1] != ']')))
		return bad(t, element ? "[[ without its ]]" : "[ without its ]");
	t->p += element ? 2 : 1;
	return element ? name_element(t, table, key) : name_table(t, table, key);
}

static int check_utf8(struct toml *t)
{
	for (const char *p = t->p; p < t->end;) {
		size_t n = json_utf8_sequence(p, t->end);

		if (n == 0 || *p == '\0')
			return bad(t, n ? "a NUL byte" : "a byte that is no UTF-8");
		t->line += *p == '\n';
		p += n;
	}
	t->line = 1;
	return 0;
}

int toml_parse(struct arena *a, const char *text, size_t len, const struct json **out, struct err *e)
{
	struct toml t = { .a = a, .p = text, .end = text + len, .line = 1, .e = e };
	struct node *root, *table;
	int r;

	*out = NULL;
	if (len > MAX_BYTES)
		return err_set(e, ERR_LIMIT, "line 1: the file has more than %u bytes", MAX_BYTES);
	r = check_utf8(&t);
	if (r < 0)
		return r;
	table = root = new_node(&t, JSON_OBJECT);
	if (!root)
		return e->code;
	while (t.p < t.end) {
		r = skip_lines(&t);
		if (r < 0 || t.p == t.end)
			break;
		t.depth = 0;
		r = *t.p == '[' ? take_header(&t, root, &table) : take_pair(&t, table);
		if (r == 0)
			r = end_line(&t);
		if (r < 0)
			break;
	}
	if (r == 0)
		*out = &root->v;
	return r;
}
