/* libyaml's events become nodes as they come: a stack of what is open, no recursion over the text. libyaml allocates;
 * the tree is the arena's. Whoever wrote the text may be hostile: what it makes us allocate is bounded by its own
 * length, but for aliases, and copying those stops at the same number of values as reading does. */
#include "engine/yaml.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/text.h"

#define MAX_BYTES (1U << 20)
#define MAX_VALUES 10000
#define MAX_LEVELS 32
#define MAX_ANCHORS 64

/* A mapping or sequence that is not ended yet. */
struct open {
	struct json *node;
	struct json **end;  /* where its next child goes */
	const char *key;    /* of a mapping: what the next value belongs to; NULL: a key comes next */
	const char *anchor; /* its own; known once it is whole, so that nothing can contain itself */
};

struct reader {
	struct arena *a;
	struct err *e;
	size_t line;
	struct json *root;
	struct open open[MAX_LEVELS];
	size_t depth, values;
	struct {
		const char *name;
		const struct json *node;
	} anchors[MAX_ANCHORS];
	size_t n_anchors;
};

static int wrong(const struct reader *r, enum err_class class, const char *what)
{
	return err_set(r->e, class, "line %zu: %s", r->line, what);
}

static int no_memory(const struct reader *r)
{
	return err_errno(r->e, -ENOMEM, "line %zu", r->line);
}

/* ---- nodes ---- */

static struct json *new_node(struct reader *r, enum json_type type)
{
	struct json *v;

	if (++r->values > MAX_VALUES) {
		(void)wrong(r, ERR_LIMIT, "more than 10000 values, those that aliases copy included");
		return NULL;
	}
	v = arena_new(r->a, struct json);
	if (v)
		v->type = type;
	else
		(void)no_memory(r);
	return v;
}

static int remember(struct reader *r, const char *anchor, const struct json *node)
{
	if (!anchor)
		return 0;
	if (r->n_anchors == MAX_ANCHORS)
		return wrong(r, ERR_LIMIT, "more than 64 anchors");
	r->anchors[r->n_anchors].name = anchor;
	r->anchors[r->n_anchors++].node = node;
	return 0;
}

static int take_key(struct reader *r, struct open *o, const struct json *v)
{
	if (v->type == JSON_ARRAY || v->type == JSON_OBJECT || !v->str)
		return wrong(r, ERR_INVALID, "a key must be a text");
	if (strcmp(v->str, "<<") == 0)
		return wrong(r, ERR_INVALID, "\"<<\" (merging) is not read here: write the members out");
	if (json_get(o->node, v->str))
		return err_set(r->e, ERR_INVALID, "line %zu: \"%.60s\" is given twice", r->line, v->str);
	o->key = v->str;
	return 0;
}

/* Into what is open. */
static int place(struct reader *r, struct json *v)
{
	struct open *o = r->depth ? &r->open[r->depth - 1] : NULL;

	if (!o) {
		r->root = v;
		return 0;
	}
	if (o->node->type == JSON_OBJECT && !o->key)
		return take_key(r, o, v);
	v->key = o->key;
	o->key = NULL;
	*o->end = v;
	o->end = &v->next;
	o->node->len++;
	return 0;
}

/* ---- scalars ---- */

static bool is_one_of(const char *s, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(s, words[i]) == 0)
			return true;
	return false;
}

/* [-+] then digits of a base: Go's readers take them as numbers, so do others. */
static bool is_whole_number(const char *s, int *base)
{
	const char *digits = s + (*s == '-' || *s == '+');
	size_t n;

	*base = 10;
	if (digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'o')) {
		*base = digits[1] == 'x' ? 16 : 8;
		digits += 2;
	} else if (digits[0] == '0' && digits[1]) {
		*base = 8;
	}
	n = strspn(digits, *base == 16 ? "0123456789abcdefABCDEF" : *base == 8 ? "01234567" : "0123456789");
	return n > 0 && !digits[n];
}

static int whole_number(struct reader *r, const char *s, int base, const char **out)
{
	bool below = *s == '-';
	const char *digits = s + (*s == '-' || *s == '+');
	unsigned long long n;

	if (base != 10 && (digits[1] == 'x' || digits[1] == 'o'))
		digits += 2;
	errno = 0;
	n = strtoull(digits, NULL, base);
	if (errno || (below && n > (unsigned long long)INT64_MAX))
		return err_set(r->e, ERR_INVALID, "line %zu: %.40s does not fit into 64 bits", r->line, s);
	*out = arena_printf(r->a, "%s%llu", below && n ? "-" : "", n);
	return *out ? 0 : no_memory(r);
}

/* As JSON writes one with a fraction or an exponent. */
static bool is_json_number(const char *s)
{
	size_t n;

	s += *s == '-';
	n = strspn(s, "0123456789");
	if (!n || (n > 1 && s[0] == '0'))
		return false;
	s += n;
	if (*s == '.') {
		n = strspn(s + 1, "0123456789");
		if (!n)
			return false;
		s += n + 1;
	}
	if (*s == 'e' || *s == 'E') {
		s += 1 + (s[1] == '+' || s[1] == '-');
		n = strspn(s, "0123456789");
		if (!n)
			return false;
		s += n;
	}
	return !*s;
}

/* What a scalar without quotes and tag is. */
static int resolve(struct reader *r, const char *s, struct json *v)
{
	static const char *const nothing[] = {"", "~", "null", "Null", "NULL"};
	static const char *const yes[] = {"true", "True", "TRUE"}, *const no[] = {"false", "False", "FALSE"};
	int base;

	if (is_one_of(s, nothing, ARRAY_LEN(nothing))) {
		v->type = JSON_NULL;
	} else if (is_one_of(s, yes, ARRAY_LEN(yes)) || is_one_of(s, no, ARRAY_LEN(no))) {
		v->type = JSON_BOOL;
		v->boolean = is_one_of(s, yes, ARRAY_LEN(yes));
	} else if (is_whole_number(s, &base)) {
		v->type = JSON_NUMBER;
		return whole_number(r, s, base, &v->str);
	} else if (is_json_number(s)) {
		v->type = JSON_NUMBER;
	}
	return 0;
}

static bool tag_is(const yaml_char_t *tag, const char *what)
{
	return !tag || strcmp((const char *)tag, what) == 0;
}

static int scalar(struct reader *r, const yaml_event_t *event)
{
	const yaml_char_t *tag = event->data.scalar.tag;
	const char *text = (const char *)event->data.scalar.value;
	bool key = r->depth && r->open[r->depth - 1].node->type == JSON_OBJECT && !r->open[r->depth - 1].key;
	struct json *v;
	int ret = 0;

	if (!tag_is(tag, YAML_STR_TAG) && !tag_is(tag, "!"))
		return err_set(r->e, ERR_INVALID, "line %zu: the tag %.60s is not read here", r->line,
			       (const char *)tag);
	if (strlen(text) != event->data.scalar.length)
		return wrong(r, ERR_INVALID, "a text with a NUL in it");
	v = new_node(r, JSON_STRING);
	if (!v)
		return r->e->code;
	v->str = arena_strdup(r->a, text);
	if (!v->str)
		return no_memory(r);
	if (!tag && !key && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
		ret = resolve(r, text, v);
	if (v->type == JSON_NULL || v->type == JSON_BOOL)
		v->str = NULL;
	v->len = v->str ? strlen(v->str) : 0;
	if (ret == 0 && event->data.scalar.anchor) {
		const char *anchor = arena_strdup(r->a, (const char *)event->data.scalar.anchor);

		ret = anchor ? remember(r, anchor, v) : no_memory(r);
	}
	return ret < 0 ? ret : place(r, v);
}

/* ---- mappings, sequences, aliases ---- */

static int begin(struct reader *r, enum json_type type, const yaml_char_t *anchor, const yaml_char_t *tag)
{
	struct open o = {0};
	int ret;

	if (!tag_is(tag, type == JSON_OBJECT ? YAML_MAP_TAG : YAML_SEQ_TAG))
		return err_set(r->e, ERR_INVALID, "line %zu: the tag %.60s is not read here", r->line,
			       (const char *)tag);
	if (r->depth == MAX_LEVELS)
		return wrong(r, ERR_LIMIT, "it is nested deeper than 32 levels");
	o.node = new_node(r, type);
	if (!o.node)
		return r->e->code;
	o.end = &o.node->child;
	if (anchor && !(o.anchor = arena_strdup(r->a, (const char *)anchor)))
		return no_memory(r);
	ret = place(r, o.node);
	if (ret == 0)
		r->open[r->depth++] = o;
	return ret;
}

static int end(struct reader *r)
{
	const struct open *o = &r->open[--r->depth];

	return remember(r, o->anchor, o->node);
}

static struct json *copy(struct reader *r, const struct json *from, size_t level)
{
	struct json *v = level > MAX_LEVELS ? NULL : new_node(r, from->type), **at;

	if (level > MAX_LEVELS)
		(void)wrong(r, ERR_LIMIT, "it is nested deeper than 32 levels");
	if (!v)
		return NULL;
	*v = *from;
	v->next = v->child = NULL;
	at = &v->child;
	json_each(it, from) {
		*at = copy(r, it, level + 1);
		if (!*at)
			return NULL;
		at = &(*at)->next;
	}
	return v;
}

static int alias(struct reader *r, const char *name)
{
	struct json *v;

	for (size_t i = r->n_anchors; i-- > 0;) {
		if (strcmp(r->anchors[i].name, name) != 0)
			continue;
		v = copy(r, r->anchors[i].node, r->depth);
		if (!v)
			return r->e->code;
		v->key = NULL;
		return place(r, v);
	}
	return err_set(r->e, ERR_INVALID, "line %zu: there is no anchor &%.60s before it", r->line, name);
}

/* ---- the text ---- */

static int take(struct reader *r, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		return r->root ? wrong(r, ERR_INVALID, "a second document: there can be one") : 0;
	case YAML_SCALAR_EVENT:
		return scalar(r, event);
	case YAML_ALIAS_EVENT:
		return alias(r, (const char *)event->data.alias.anchor);
	case YAML_MAPPING_START_EVENT:
		return begin(r, JSON_OBJECT, event->data.mapping_start.anchor, event->data.mapping_start.tag);
	case YAML_SEQUENCE_START_EVENT:
		return begin(r, JSON_ARRAY, event->data.sequence_start.anchor, event->data.sequence_start.tag);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		return end(r);
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
	default:
		return 0;
	}
}

static int refused(struct reader *r, const yaml_parser_t *p)
{
	if (p->error == YAML_MEMORY_ERROR)
		return no_memory(r);
	r->line = (p->error == YAML_READER_ERROR ? p->mark.line : p->problem_mark.line) + 1;
	return wrong(r, ERR_INVALID, p->problem ? p->problem : "that is no YAML");
}

static int read_events(struct reader *r, yaml_parser_t *p)
{
	bool more = true;
	int ret = 0;

	while (ret == 0 && more) {
		yaml_event_t event;

		if (!yaml_parser_parse(p, &event))
			return refused(r, p);
		r->line = event.start_mark.line + 1;
		more = event.type != YAML_STREAM_END_EVENT;
		ret = take(r, &event);
		yaml_event_delete(&event);
	}
	return ret;
}

int yaml_read(struct arena *a, const char *text, size_t len, const struct json **out, struct err *e)
{
	struct reader r = {.a = a, .e = e, .line = 1};
	yaml_parser_t p;
	int ret;

	*out = NULL;
	if (len > MAX_BYTES)
		return wrong(&r, ERR_LIMIT, "it is larger than 1 MiB");
	if (!yaml_parser_initialize(&p))
		return no_memory(&r);
	yaml_parser_set_encoding(&p, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&p, (const unsigned char *)text, len);
	ret = read_events(&r, &p);
	yaml_parser_delete(&p);
	if (ret == 0 && !r.root && !(r.root = new_node(&r, JSON_NULL)))
		ret = r.e->code;
	if (ret == 0)
		*out = r.root;
	return ret;
}
