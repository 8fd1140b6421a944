/* The reader: one pass, recursive to a bounded depth, everything it keeps copied into the arena, so the text may go.
 *
 * The text comes from image authors, API clients and config files: it is hostile. What it can make us spend is
 * bounded by the limits (bytes, depth, values); duplicate keys are refused because two readers that disagree about
 * which one counts are a way past a check (and found by sorting, since an object may have 100,000 keys). */
#include "base/json.h"

#include <string.h>

const struct json_limits json_default_limits = { .max_bytes = 8U << 20, .max_depth = 64, .max_nodes = 500000 };

/* Above this many members duplicates are looked for by sorting. */
#define FEW_KEYS 12U

struct reader {
	struct arena *a;
	const char *start, *p, *end;
	const struct json_limits *limits;
	unsigned int depth;
	size_t nodes;
	struct err *e;
};

static int fail(struct reader *r, enum err_class cls, const char *what)
{
	unsigned int line = 1;
	const char *bol = r->start;

	for (const char *p = r->start; p < r->p; p++) {
		if (*p == '\n') {
			line++;
			bol = p + 1;
		}
	}
	return err_set(r->e, cls, "JSON line %u column %zu: %s", line, (size_t)(r->p - bol) + 1, what);
}

static int out_of_memory(struct reader *r)
{
	return err_errno(r->e, -ENOMEM, "JSON");
}

static void skip_space(struct reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\t' || *r->p == '\r'))
		r->p++;
}

static int hex4(const char *p, const char *end, unsigned int *out)
{
	unsigned int v = 0;

	if (end - p < 4)
		return -EINVAL;
	for (int i = 0; i < 4; i++) {
		char c = p[i];

		if (c >= '0' && c <= '9')
			v = v << 4 | (unsigned int)(c - '0');
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			v = v << 4 | (unsigned int)((c | 32) - 'a' + 10);
		else
			return -EINVAL;
	}
	*out = v;
	return 0;
}

static char *put_utf8(char *o, unsigned int c)
{
	if (c < 0x80) {
		*o++ = (char)c;
	} else if (c < 0x800) {
		*o++ = (char)(0xc0 | c >> 6);
		*o++ = (char)(0x80 | (c & 63));
	} else if (c < 0x10000) {
		*o++ = (char)(0xe0 | c >> 12);
		*o++ = (char)(0x80 | (c >> 6 & 63));
		*o++ = (char)(0x80 | (c & 63));
	} else {
		*o++ = (char)(0xf0 | c >> 18);
		*o++ = (char)(0x80 | (c >> 12 & 63));
		*o++ = (char)(0x80 | (c >> 6 & 63));
		*o++ = (char)(0x80 | (c & 63));
	}
	return o;
}

/* Behind "\u": one code point, from one escape or a surrogate pair. */
static int read_unicode(struct reader *r, unsigned int *out)
{
	unsigned int c, low;

	if (hex4(r->p, r->end, &c) < 0)
		return fail(r, ERR_INVALID, "\\u needs four hex digits");
	r->p += 4;
	if (c == 0)
		return fail(r, ERR_INVALID, "\\u0000 is not accepted");
	if (c >= 0xdc00 && c <= 0xdfff)
		return fail(r, ERR_INVALID, "lone surrogate");
	if (c >= 0xd800 && c <= 0xdbff) {
		if (r->end - r->p < 6 || r->p[0] != '\\' || r->p[1] != 'u' || hex4(r->p + 2, r->end, &low) < 0 ||
		    low < 0xdc00 || low > 0xdfff)
			return fail(r, ERR_INVALID, "lone surrogate");
		r->p += 6;
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	*out = c;
	return 0;
}

static int read_escape(struct reader *r, char **o)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at;
	unsigned int c = 0;
	int ret;

	r->p++;
	if (r->p == r->end)
		return fail(r, ERR_INVALID, "the text ends inside a string");
	if (*r->p == 'u') {
		r->p++;
		ret = read_unicode(r, &c);
		if (ret < 0)
			return ret;
		*o = put_utf8(*o, c);
		return 0;
	}
	at = *r->p ? strchr(from, *r->p) : NULL;
	if (!at)
		return fail(r, ERR_INVALID, "unknown escape");
	*(*o)++ = to[at - from];
	r->p++;
	return 0;
}

size_t json_utf8_sequence(const char *s, const char *end)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t have = (size_t)(end - s), n;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (have < n)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
	    (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

/* At the opening quote. The decoded string is never longer than its source, so one allocation fits. */
static int read_string(struct reader *r, const char **out, size_t *len)
{
	const char *close = ++r->p;
	char *buf, *o;

	while (close < r->end && *close != '"')
		close += *close == '\\' && close + 1 < r->end ? 2 : 1;
	if (close >= r->end) {
		r->p = r->end;
		return fail(r, ERR_INVALID, "the text ends inside a string");
	}
	o = buf = arena_alloc(r->a, (size_t)(close - r->p) + 1);
	if (!buf)
		return out_of_memory(r);
	while (r->p < close) {
		size_t n;
		int ret;

		if (*r->p == '\\') {
			ret = read_escape(r, &o);
			if (ret < 0)
				return ret;
			continue;
		}
		if ((unsigned char)*r->p < 0x20)
			return fail(r, ERR_INVALID, "control character in a string");
		n = json_utf8_sequence(r->p, close);
		if (!n)
			return fail(r, ERR_INVALID, "invalid UTF-8");
		memcpy(o, r->p, n);
		o += n;
		r->p += n;
	}
	r->p = close + 1;
	*o = '\0';
	*out = buf;
	*len = (size_t)(o - buf);
	return 0;
}

/* number = [ "-" ] int [ frac ] [ exp ]; its text is kept. */
static int read_number(struct reader *r, struct json *v)
{
	const char *s = r->p, *p = s;

	if (*p == '-')
		p++;
	if (p < r->end && *p == '0')
		p++;
	else if (p < r->end && *p >= '1' && *p <= '9')
		while (p < r->end && *p >= '0' && *p <= '9')
			p++;
	else
		return fail(r, ERR_INVALID, "a value was expected");
	if (p < r->end && *p == '.') {
		const char *digits = ++p;

		while (p < r->end && *p >= '0' && *p <= '9')
			p++;
		if (p == digits)
			return fail(r, ERR_INVALID, "digits must follow the point");
	}
	if (p < r->end && (*p == 'e' || *p == 'E')) {
		const char *digits;

		p++;
		if (p < r->end && (*p == '+' || *p == '-'))
			p++;
		digits = p;
		while (p < r->end && *p >= '0' && *p <= '9')
			p++;
		if (p == digits)
			return fail(r, ERR_INVALID, "digits must follow the exponent");
	}
	v->type = JSON_NUMBER;
	v->len = (size_t)(p - s);
	v->str = arena_strndup(r->a, s, v->len);
	r->p = p;
	return v->str ? 0 : out_of_memory(r);
}

static int read_word(struct reader *r, struct json *v)
{
	static const struct {
		const char *word;
		enum json_type type;
		bool boolean;
	} words[] = { { "true", JSON_BOOL, true }, { "false", JSON_BOOL, false }, { "null", JSON_NULL, false } };

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		size_t len = strlen(words[i].word);

		if ((size_t)(r->end - r->p) >= len && !memcmp(r->p, words[i].word, len)) {
			v->type = words[i].type;
			v->boolean = words[i].boolean;
			r->p += len;
			return 0;
		}
	}
	return fail(r, ERR_INVALID, "a value was expected");
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int refuse_duplicates(struct reader *r, const struct json *obj)
{
	CLEANUP_FREE const char **keys = NULL;
	size_t n = 0;

	if (obj->len <= FEW_KEYS) {
		for (const struct json *x = obj->child; x; x = x->next)
			for (const struct json *y = x->next; y; y = y->next)
				if (!strcmp(x->key, y->key))
					return fail(r, ERR_INVALID, "an object ends here that names a key twice");
		return 0;
	}
	keys = malloc(obj->len * sizeof(*keys));
	if (!keys)
		return out_of_memory(r);
	for (const struct json *x = obj->child; x; x = x->next)
		keys[n++] = x->key;
	qsort(keys, n, sizeof(*keys), compare_keys);
	for (size_t i = 1; i < n; i++)
		if (!strcmp(keys[i - 1], keys[i]))
			return fail(r, ERR_INVALID, "an object ends here that names a key twice");
	return 0;
}

static int read_value(struct reader *r, struct json **out);

static int read_key(struct reader *r, const char **key)
{
	size_t len;
	int ret;

	skip_space(r);
	if (r->p == r->end || *r->p != '"')
		return fail(r, ERR_INVALID, "a key in quotes was expected");
	ret = read_string(r, key, &len);
	if (ret < 0)
		return ret;
	skip_space(r);
	if (r->p == r->end || *r->p != ':')
		return fail(r, ERR_INVALID, "':' was expected");
	r->p++;
	return 0;
}

/* At the opening bracket of an array or object. */
static int read_container(struct reader *r, struct json *v)
{
	bool object = *r->p == '{';
	char close = object ? '}' : ']';
	struct json **tail = &v->child;
	int ret;

	if (++r->depth > r->limits->max_depth)
		return fail(r, ERR_LIMIT, "nested too deep");
	v->type = object ? JSON_OBJECT : JSON_ARRAY;
	r->p++;
	skip_space(r);
	if (r->p < r->end && *r->p == close) {
		r->p++;
		r->depth--;
		return 0;
	}
	for (;;) {
		const char *key = NULL;

		ret = object ? read_key(r, &key) : 0;
		if (ret == 0)
			ret = read_value(r, tail);
		if (ret < 0)
			return ret;
		(*tail)->key = key;
		tail = &(*tail)->next;
		v->len++;
		skip_space(r);
		if (r->p == r->end)
			return fail(r, ERR_INVALID, "the text ends inside an array or object");
		if (*r->p == close)
			break;
		if (*r->p != ',')
			return fail(r, ERR_INVALID, object ? "',' or '}' was expected" : "',' or ']' was expected");
		r->p++;
	}
	r->p++;
	r->depth--;
	return object ? refuse_duplicates(r, v) : 0;
}

static int read_value(struct reader *r, struct json **out)
{
	struct json *v;

	skip_space(r);
	if (r->p == r->end)
		return fail(r, ERR_INVALID, "the text ends where a value was expected");
	if (++r->nodes > r->limits->max_nodes)
		return fail(r, ERR_LIMIT, "too many values");
	v = arena_new(r->a, struct json);
	if (!v)
		return out_of_memory(r);
	*out = v;
	switch (*r->p) {
	case '{':
	case '[':
		return read_container(r, v);
	case '"':
		v->type = JSON_STRING;
		return read_string(r, &v->str, &v->len);
	case 't':
	case 'f':
	case 'n':
		return read_word(r, v);
	default:
		return read_number(r, v);
	}
}

int json_parse(struct arena *a, const char *text, size_t len, const struct json_limits *limits, const struct json **out,
	       struct err *e)
{
	struct reader r = { .a = a, .start = text, .p = text, .end = text + len,
			    .limits = limits ? limits : &json_default_limits, .e = e };
	struct json *root = NULL;
	int ret;

	if (len > r.limits->max_bytes)
		return err_set(e, ERR_LIMIT, "JSON: %zu bytes, more than the limit of %zu", len, r.limits->max_bytes);
	ret = read_value(&r, &root);
	if (ret < 0)
		return ret;
	skip_space(&r);
	if (r.p != r.end)
		return fail(&r, ERR_INVALID, "there is more text behind the value");
	*out = root;
	return 0;
}
