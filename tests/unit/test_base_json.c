#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include <iconv.h>
/* json-c has an enum of this name too */
#define json_type peer_json_type
#include <json-c/json.h>
#undef json_type

#include "base/json.h"
#include "base/text.h"

/* ---- helpers ---- */

/* Parses a copy of exactly len bytes, so that the sanitizers see a read behind it. */
static int parse(struct arena *a, const char *text, size_t len, const struct json_limits *lim, const struct json **out,
		 struct err *e)
{
	char *copy = malloc(len ? len : 1);
	int r;

	memcpy(copy, text, len);
	r = json_parse(a, copy, len, lim, out, e);
	free(copy);
	return r;
}

static const struct json *must_parse(struct arena *a, const char *text)
{
	struct err e = { 0 };
	const struct json *v = NULL;

	if (parse(a, text, strlen(text), NULL, &v, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	return v;
}

static void assert_refused(const char *text, size_t len, enum err_class cls, const char *message)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct err e = { 0 };
	const struct json *v;

	if (parse(&a, text, len, NULL, &v, &e) == 0)
		fail_msg("accepted: %.*s", (int)len, text);
	assert_int_equal(e.cls, cls);
	assert_true(e.code < 0);
	if (message)
		assert_string_equal(e.msg, message);
}

static void assert_written(const struct json *v, const char *want)
{
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&b);

	jw_value(&w, NULL, v);
	assert_string_equal(sb_str(&b), want);
}

/* ---- reading ---- */

static void values(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const struct json *v = must_parse(&a, " {\"a\" : [1, -2.50e+3, true, false, null, \"x\"],\r\n\t\"b\":{}, \"\":[]} ");
	const struct json *arr = json_get(v, "a");

	(void)state;
	assert_int_equal(v->type, JSON_OBJECT);
	assert_int_equal(v->len, 3);
	assert_null(v->key);
	assert_int_equal(arr->len, 6);
	assert_string_equal(arr->key, "a");
	assert_string_equal(arr->child->next->str, "-2.50e+3");
	assert_int_equal(arr->child->next->len, 8);
	assert_true(arr->child->next->next->boolean);
	assert_int_equal(json_get(v, "b")->type, JSON_OBJECT);
	assert_int_equal(json_get(v, "")->type, JSON_ARRAY);
	assert_null(json_get(v, "c"));
	assert_null(json_get(NULL, "c"));
	assert_null(json_get(arr, "c"));
	assert_written(v, "{\"a\":[1,-2.50e+3,true,false,null,\"x\"],\"b\":{},\"\":[]}");
	assert_string_equal(must_parse(&a, "0")->str, "0");
	assert_string_equal(must_parse(&a, "\"\"")->str, "");
}

static void strings(void **state)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
		{ "\"plain text longer than eight bytes\"", "plain text longer than eight bytes" },
		{ "\"12345678\"", "12345678" },
		{ "\"1234567\\n12345678\\t\"", "1234567\n12345678\t" },
		{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t" },
		{ "\"\\u0041\\u00e9\\u20AC\\uD83D\\ude00\"", "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80" },
		{ "\"\\u007f\\u0080\\u07ff\\u0800\\uffff\\uDBFF\\uDFFF\"",
		  "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf4\x8f\xbf\xbf" },
		{ "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"", "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80" },
		{ "\"\x7f\"", "\x7f" },
	};
	CLEANUP_ARENA struct arena a = ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct json *v = must_parse(&a, rows[i].in);

		assert_string_equal(v->str, rows[i].want);
		assert_int_equal(v->len, strlen(rows[i].want));
	}
	/* neighbours do not touch each other */
	assert_written(must_parse(&a, "[\"a\",\"\",1,\"b\",-1,{\"\":\"\"}]"), "[\"a\",\"\",1,\"b\",-1,{\"\":\"\"}]");
}

static void refused(void **state)
{
	static const char *const bad[] = {
		"", " ", "nul", "truE", "nulll", "tru", "01", "-", "-01", "+1", "1.", ".5", "1e", "1e+", "1.e3", "0x10", "NaN",
		"Infinity", "-Infinity", "'a'", "\"", "\"a", "\"\\", "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"",
		"\"\\ud800\"", "\"\\ud800x\"", "\"\\ud800\\n\"", "\"\\ud800\\u0041\"", "\"\\ud800\\ud800\"", "\"\\udc00\"",
		"\"\\udc00\\ud800\"", "\"\\u0000\"", "\"\t\"", "\"\n\"", "\"\x1f\"", "[", "]", "[1", "[1,", "[1,]", "[,1]",
		"[1 2]", "[1}", "{", "}", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{,}", "{a:1}",
		"{\"a\" 1}", "{1:1}", "{\"a\":1]", "{\"a\":}", "1 2", "{}{}", "[],", "\xef\xbb\xbf{}", "/**/1", "1//", "\v1",
		"\"\x80\"", "\"\xc3\"", "\"\xc3(\"", "\"\xc0\xaf\"", "\"\xe0\x80\xaf\"", "\"\xed\xa0\x80\"",
		"\"\xf0\x80\x80\xaf\"", "\"\xf4\x90\x80\x80\"", "\"\xf5\x80\x80\x80\"", "\"\xff\"", "\"\xe2\x82", "\"\xe2\x82\"",
		"{\"\xff\":1}", ("\xc2\xa0" "1"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_refused(bad[i], strlen(bad[i]), ERR_INVALID, NULL);
	assert_refused("1\0", 2, ERR_INVALID, NULL);
	assert_refused("\0", 1, ERR_INVALID, NULL);
	assert_refused("\"a\0b\"", 5, ERR_INVALID, NULL);
	assert_refused("\"\\\0\"", 4, ERR_INVALID, NULL);
	assert_refused("[\0]", 3, ERR_INVALID, NULL);
}

static void messages(void **state)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
		{ "", "line 1, column 1: the text ends where a value is expected" },
		{ "{\"a\": 1,\n \"b\" 2}", "line 2, column 6: expected ':' behind a key, found '2'" },
		{ "[\"\xc3\xa9\xe2\x82\xac\", x]", "line 1, column 8: expected a value, found 'x'" },
		{ "{\"a\":1,\n\"b\":2,\n\"a\":3}", "line 3, column 1: the key \"a\" is there twice" },
		{ "{\"a\\n\":1,\"a\\u000a\":2}", "line 1, column 10: the key \"a\\x0a\" is there twice" },
		{ "[1,2\n", "line 2, column 1: the text ends where ',' or ']' is expected" },
		{ "{} x", "line 1, column 4: something follows the end of the document" },
		{ "[\"\x01\"]",
		  "line 1, column 3: control character 0x01 in a string: it must be written as an escape" },
		{ "[\"abc", "line 1, column 2: this string never ends" },
		{ "[\x80]", "line 1, column 2: expected a value, found byte 0x80" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_refused(rows[i].in, strlen(rows[i].in), ERR_INVALID, rows[i].want);
}

static void limits(void **state)
{
	const struct json_limits lim = { .max_bytes = 20, .max_depth = 3, .max_nodes = 5 };
	static const struct {
		const char *in;
		bool ok;
	} rows[] = {
		{ "[[[]]]", true },	     { "[[[[]]]]", false },	  { "{\"a\":[{}]}", true },
		{ "{\"a\":[{\"b\":[]}]}", false }, { "[1,1,1,1]", true },	  { "[1,1,1,1,1]", false },
		{ "\"123456789012345678\"", true },   { "\"1234567890123456789\"", false }, { "[[],[],[[]]]", true },
	};
	char *deep = malloc(200000);
	CLEANUP_ARENA struct arena a = ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err e = { 0 };
		const struct json *v;
		int r = parse(&a, rows[i].in, strlen(rows[i].in), &lim, &v, &e);

		assert_int_equal(r == 0, rows[i].ok);
		if (!rows[i].ok)
			assert_int_equal(e.cls, ERR_LIMIT);
	}
	memset(deep, '[', 200000);
	assert_refused(deep, 200000, ERR_LIMIT, "line 1, column 65: nested deeper than 64 levels");
	free(deep);
}

/* 100,000 keys that share a long prefix, in three orders; then one of them twice. */
static void many_keys(void **state)
{
	struct timespec start, now;
	struct json_limits lim = json_default_limits;

	(void)state;
	lim.max_bytes = 32 << 20;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
	for (unsigned int order = 0; order < 4; order++) {
		CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		struct err e = { 0 };
		const struct json *v;

		sb_putc(&b, '{');
		for (unsigned int i = 0; i < 100000; i++) {
			unsigned int k = order == 0 ? i : order == 1 ? 100000 - i : (i * 7919U) % 100000U;

			sb_printf(&b, "\"%060u\":0,", k);
		}
		sb_printf(&b, "\"%060u\":1}", order == 3 ? 4711 : 100001);
		if (order < 3) {
			assert_int_equal(json_parse(&a, sb_str(&b), b.len, &lim, &v, &e), 0);
			assert_int_equal(v->len, 100001);
		} else {
			assert_int_equal(json_parse(&a, sb_str(&b), b.len, &lim, &v, &e), -EINVAL);
			assert_non_null(strstr(e.msg, "column 6500002: the key \"0000"));
		}
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	/* comparing each with each would take minutes */
	assert_true(now.tv_sec - start.tv_sec < 10);
}

/* ---- getters ---- */

/* A text of ours: of what the root's members have only what is asked for. */
static void only_some(void **state)
{
	static const char *const only[] = { "a", "list", NULL };
	const char *text = "{\"x\": {\"b\": [{\"]\": \"}\\\"\"}, 2], \"a\": {\"b\": 1} , \"c\": \"\\\\\"}, \"b\": [{\"c\": 3}], \"y\": {\"list\": [4], \"d\": -1e3}}";
	struct json_limits lim = json_default_limits;
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const struct json *v;
	struct err e;

	(void)state;
	lim.only = only;
	assert_int_equal(parse(&a, text, strlen(text), &lim, &v, &e), 0);
	assert_written(v, "{\"x\":{\"a\":{\"b\":1}},\"b\":[{\"c\":3}],\"y\":{\"list\":[4]}}");
	for (size_t len = 0; len < strlen(text); len++)
		assert_true(parse(&a, text, len, &lim, &v, &e) < 0);
}

/* No further than one member of the root's, wherever it stands; one deeper in is none of the root's. */
static void only_until(void **state)
{
	const char *text = "{\"a\": [1], \"b\": {\"c\": 2}, \"c\": \"x\", \"c\" what";
	struct json_limits lim = json_default_limits;
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const struct json *v;
	struct err e;

	(void)state;
	lim.until = "c";
	assert_int_equal(parse(&a, text, strlen(text), &lim, &v, &e), 0);
	assert_written(v, "{\"a\":[1],\"b\":{\"c\":2},\"c\":\"x\"}");
	lim.until = "d";
	assert_true(parse(&a, text, strlen(text), &lim, &v, &e) < 0);
	assert_int_equal(parse(&a, "[{\"d\": 1}, 2]", 13, &lim, &v, &e), 0);
	assert_written(v, "[{\"d\":1},2]");
}

static void getters(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const struct json *o = must_parse(&a, "{\"s\":\"x\",\"t\":true,\"min\":-9223372036854775808,\"max\":18446744073709551615,"
					      "\"u\":4294967295,\"f\":1.0,\"e\":1e3,\"n\":null,\"v\":[\"a\",\"b\"],\"w\":[\"a\",1],"
					      "\"o\":{\"k\":1},\"zero\":-0,\"big\":18446744073709551616}");
	struct err e = { 0 };
	const char *s = "default";
	bool b = false;
	int64_t i = 7;
	uint64_t u = 7;
	uint32_t u32 = 7;
	const char **v = NULL;
	size_t n = 9;
	const struct json *sub;

	(void)state;
	assert_int_equal(json_get_str(o, "x", "absent", &s, &e) | json_get_str(o, "x", "n", &s, &e), 0);
	assert_string_equal(s, "default");
	assert_int_equal(json_get_i64(o, "x", "n", &i, &e) | json_get_u32(o, "x", "n", &u32, &e), 0);
	assert_int_equal(i, 7);
	assert_int_equal(u32, 7);
	assert_int_equal(json_get_str(o, "x", "s", &s, &e), 0);
	assert_string_equal(s, "x");
	assert_int_equal(json_get_bool(o, "x", "t", &b, &e), 0);
	assert_true(b);
	assert_int_equal(json_get_i64(o, "x", "min", &i, &e), 0);
	assert_true(i == INT64_MIN);
	assert_int_equal(json_get_i64(o, "x", "zero", &i, &e), 0);
	assert_int_equal(i, 0);
	assert_int_equal(json_get_u64(o, "x", "max", &u, &e), 0);
	assert_true(u == UINT64_MAX);
	assert_int_equal(json_get_u32(o, "x", "u", &u32, &e), 0);
	assert_true(u32 == UINT32_MAX);
	assert_int_equal(json_get_strv(&a, o, "x", "v", &v, &n, &e), 0);
	assert_int_equal(n, 2);
	assert_string_equal(v[1], "b");
	assert_null(v[2]);
	assert_int_equal(json_get_obj(o, "x", "o", &sub, &e), 0);
	assert_int_equal(sub->child->type, JSON_NUMBER);
	assert_int_equal(json_get_array(o, "x", "absent", &sub, &e), 0);
	assert_null(sub);
	assert_int_equal(json_as_i64(json_get(o, "s"), &i), -EINVAL);
	assert_int_equal(json_as_u64(json_get(o, "min"), &u), -ERANGE);
	assert_int_equal(json_as_u64(json_get(o, "big"), &u), -ERANGE);
	assert_int_equal(json_as_i64(json_get(o, "max"), &i), -ERANGE);
	assert_int_equal(json_as_u64(json_get(o, "f"), &u), -EINVAL);
}

#define REFUSED(call, text)                                                                                            \
	do {                                                                                                           \
		assert_true((call) < 0);                                                                               \
		assert_int_equal(e.cls, ERR_INVALID);                                                                  \
		assert_string_equal(e.msg, text);                                                                      \
	} while (0)

static void getter_messages(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const struct json *o = must_parse(&a, "{\"s\":\"x\",\"neg\":-1,\"f\":1.5,\"w\":[\"a\",1],\"big\":4294967296}");
	struct err e = { 0 };
	const char *s;
	bool b;
	int64_t i;
	uint64_t u;
	uint32_t u32;
	const char **v;
	size_t n;
	const struct json *sub;

	(void)state;
	REFUSED(json_get_bool(o, "process", "s", &b, &e), "process.s: must be true or false");
	REFUSED(json_get_str(o, "", "neg", &s, &e), "neg: must be a string");
	REFUSED(json_get_str(o, NULL, "neg", &s, &e), "neg: must be a string");
	REFUSED(json_get_i64(o, "p", "f", &i, &e), "p.f: must be an integer");
	REFUSED(json_get_u64(o, "p", "neg", &u, &e), "p.neg: is out of range");
	REFUSED(json_get_u32(o, "p", "big", &u32, &e), "p.big: is out of range");
	REFUSED(json_get_strv(&a, o, "p", "w", &v, &n, &e), "p.w: must be an array of strings");
	REFUSED(json_get_strv(&a, o, "p", "s", &v, &n, &e), "p.s: must be an array of strings");
	REFUSED(json_get_obj(o, "p", "w", &sub, &e), "p.w: must be an object");
}

/* ---- writing ---- */

static void write_all(struct json_writer *w)
{
	static const char *const v[] = { "a", "{", NULL };

	jw_object(w, NULL);
	jw_str(w, "s", "q\"\\/\b\f\n\r\t\x01\x7f\xc3\xa9");
	jw_str(w, "null", NULL);
	jw_strn(w, "bad", "a\xff\xe2\x82z\0", 6);
	jw_bool(w, "t", true);
	jw_i64(w, "i", INT64_MIN);
	jw_u64(w, "u", UINT64_MAX);
	jw_strv(w, "v", v);
	jw_strv(w, "none", NULL);
	jw_object(w, "o");
	jw_end_object(w);
	jw_array(w, "{");
	jw_array(w, NULL);
	jw_null(w, NULL);
	jw_end_array(w);
	jw_u64(w, NULL, 1);
	jw_end_array(w);
	jw_end_object(w);
}

static void writing(void **state)
{
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&b), pretty = { .out = &b, .pretty = true };
	CLEANUP_ARENA struct arena a = ARENA_INIT;

	(void)state;
	write_all(&w);
	assert_string_equal(sb_str(&b),
			    "{\"s\":\"q\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u007f\xc3\xa9\",\"null\":null,"
			    "\"bad\":\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\\u0000\",\"t\":true,"
			    "\"i\":-9223372036854775808,\"u\":18446744073709551615,\"v\":[\"a\",\"{\"],\"none\":[],"
			    "\"o\":{},\"{\":[[null],1]}");
	sb_reset(&b);
	jw_object(&pretty, NULL);
	jw_array(&pretty, "a");
	jw_i64(&pretty, NULL, 1);
	jw_end_array(&pretty);
	jw_object(&pretty, "o");
	jw_end_object(&pretty);
	jw_end_object(&pretty);
	assert_string_equal(sb_str(&b), "{\n\t\"a\": [\n\t\t1\n\t],\n\t\"o\": {}\n}");
	assert_written(must_parse(&a, sb_str(&b)), "{\"a\":[1],\"o\":{}}");
}

/* ---- against json-c ---- */

static uint64_t rng;

static unsigned int pick(unsigned int n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (unsigned int)(rng >> 11) % n;
}

static const char *any_of(const char *const *from, size_t n)
{
	return from[pick((unsigned int)n)];
}

static void gen_string(struct strbuf *b, bool key)
{
	static const char *const parts[] = { "a", "bc", "longer than eight", "\\n", "\\\"", "\\\\", "\\/", "\\u0041",
					     "\\u20ac", "\\ud83d\\ude00", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", " " };

	sb_putc(b, '"');
	for (unsigned int i = pick(key ? 3 : 6); i > 0; i--)
		sb_puts(b, any_of(parts, ARRAY_LEN(parts)));
	sb_putc(b, '"');
}

static void gen_space(struct strbuf *b)
{
	static const char *const spaces[] = { "", "", "", " ", "\n", "\t ", "\r\n" };

	sb_puts(b, any_of(spaces, ARRAY_LEN(spaces)));
}

static void gen_value(struct strbuf *b, unsigned int depth)
{
	static const char *const scalars[] = { "null", "true", "false", "0", "-1", "42", "1.5", "-0.25", "1e3", "2E-2",
					       "9223372036854775807", "-9223372036854775808", "18446744073709551615" };
	unsigned int kind = pick(depth > 5 ? 2 : 4), n = pick(6);
	bool object = kind == 3;

	gen_space(b);
	if (kind == 0) {
		sb_puts(b, any_of(scalars, ARRAY_LEN(scalars)));
	} else if (kind == 1) {
		gen_string(b, false);
	} else {
		sb_putc(b, object ? '{' : '[');
		for (unsigned int i = 0; i < n; i++) {
			sb_puts(b, i ? "," : "");
			gen_space(b);
			if (object) {
				gen_string(b, true);
				gen_space(b);
				sb_putc(b, ':');
			}
			gen_value(b, depth + 1);
		}
		gen_space(b);
		sb_putc(b, object ? '}' : ']');
	}
	gen_space(b);
}

/* Damages a document in one place. */
static void mutate(struct strbuf *b)
{
	static const char bytes[] = "{}[],:\"\\0-.eE+x \n\x01\x80\xff";
	size_t at = pick((unsigned int)b->len);

	switch (pick(3)) {
	case 0:
		b->s[at] = bytes[pick(sizeof(bytes) - 1)];
		break;
	case 1:
		memmove(b->s + at, b->s + at + 1, b->len - at);
		b->len--;
		break;
	default:
		b->len = at;
		b->s[at] = '\0';
	}
}

/* json-c takes what is out of range as the nearest that is not. */
static bool same_number(const struct json *v, struct json_object *o)
{
	int64_t i = INT64_MIN;
	uint64_t u = UINT64_MAX;

	if (json_object_is_type(o, json_type_double))
		return strtod(v->str, NULL) == json_object_get_double(o);
	if (!json_object_is_type(o, json_type_int))
		return false;
	if (v->str[0] == '-')
		return json_as_i64(v, &i) != -EINVAL && i == json_object_get_int64(o);
	return json_as_u64(v, &u) != -EINVAL && u == json_object_get_uint64(o);
}

static bool same(const struct json *v, struct json_object *o)
{
	size_t i = 0;

	switch (v->type) {
	case JSON_NULL:
		return json_object_is_type(o, json_type_null);
	case JSON_BOOL:
		return json_object_is_type(o, json_type_boolean) && json_object_get_boolean(o) == v->boolean;
	case JSON_STRING:
		return json_object_is_type(o, json_type_string) && (size_t)json_object_get_string_len(o) == v->len &&
		       !memcmp(json_object_get_string(o), v->str, v->len);
	case JSON_NUMBER:
		return same_number(v, o);
	case JSON_ARRAY:
		if (!json_object_is_type(o, json_type_array) || json_object_array_length(o) != v->len)
			return false;
		json_each(it, v)
			if (!same(it, json_object_array_get_idx(o, i++)))
				return false;
		return true;
	case JSON_OBJECT:
		if (!json_object_is_type(o, json_type_object) || (size_t)json_object_object_length(o) != v->len)
			return false;
		json_each(it, v)
		{
			struct json_object *member;

			if (!json_object_object_get_ex(o, it->key, &member) || !same(it, member))
				return false;
		}
		return true;
	}
	return false;
}

/* What json-c 0.16 takes, even when told to be strict, although the RFC or the house does not. */
static bool peer_is_lax(const char *message)
{
	static const char *const ours[] = { "there twice",	  "surrogate",	       "NUL",
					    "start with a zero",  "control character", "expected a digit",
					    "a digit is expected" };

	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (strstr(message, ours[i]))
			return true;
	return false;
}

static struct json_object *peer_parse(const char *text, size_t len)
{
	struct json_tokener *tok = json_tokener_new_ex(65);
	struct json_object *o;

	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(tok, text, (int)len + 1);
	if (json_tokener_get_error(tok) != json_tokener_success) {
		json_object_put(o);
		o = NULL;
	}
	json_tokener_free(tok);
	return o;
}

/* json-c 0.16 lets broken sequences pass; glibc does not. */
static bool is_utf8(const struct strbuf *b)
{
	iconv_t cd = iconv_open("UTF-16LE", "UTF-8");
	char *in = b->s, *out = malloc(2 * b->len + 2), *o = out;
	size_t left = b->len, room = 2 * b->len + 2;
	bool ok = iconv(cd, &in, &left, &o, &room) != (size_t)-1 && left == 0;

	free(out);
	iconv_close(cd);
	return ok;
}

static void compare_with_peer(const struct strbuf *b)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf written = STRBUF_INIT;
	struct json_writer w = { .out = &written, .pretty = pick(2) };
	struct err e = { 0 };
	const struct json *v = NULL, *again = NULL;
	int r = parse(&a, b->s, b->len, NULL, &v, &e);
	struct json_object *o = peer_parse(b->s, b->len);

	if (strstr(e.msg, "not UTF-8") ? is_utf8(b) : r == 0 && !is_utf8(b))
		fail_msg("iconv knows UTF-8 otherwise: %s: %s", e.msg, b->s);
	if (strstr(e.msg, "not UTF-8")) {
		json_object_put(o);
		return;
	}
	/* a lone null is NULL to json-c, like a failure */
	if (r == 0 && v->type == JSON_NULL) {
		json_object_put(o);
		return;
	}
	if ((r == 0) != (o != NULL) && !(r < 0 && peer_is_lax(e.msg)))
		fail_msg("json-c %s, we %s: %s", o ? "accepts" : "refuses", r == 0 ? "accept" : e.msg, b->s);
	if (r == 0) {
		if (!same(v, o))
			fail_msg("other values than json-c: %s", b->s);
		jw_value(&w, NULL, v);
		if (json_parse(&a, sb_str(&written), written.len, NULL, &again, &e) < 0 || !same(again, o))
			fail_msg("written and read again: %s: %s", e.msg, sb_str(&written));
	}
	json_object_put(o);
}

static void differential(void **state)
{
	const char *given = getenv("TARE_TEST_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) * 1000003U + (uint64_t)getpid();
	unsigned int rounds = getenv("TARE_TEST_LONG") ? 300000 : 20000;

	(void)state;
	print_message("# seed %llu (TARE_TEST_SEED repeats it)\n", (unsigned long long)seed);
	rng = seed | 1;
	for (unsigned int i = 0; i < rounds; i++) {
		CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;

		gen_value(&b, 0);
		compare_with_peer(&b);
		mutate(&b);
		if (b.len)
			compare_with_peer(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),	  cmocka_unit_test(strings),
		cmocka_unit_test(refused),	  cmocka_unit_test(messages),
		cmocka_unit_test(limits),	  cmocka_unit_test(many_keys),
		cmocka_unit_test(only_some),
		cmocka_unit_test(only_until),
		cmocka_unit_test(getters),	  cmocka_unit_test(getter_messages),
		cmocka_unit_test(writing),	  cmocka_unit_test(differential),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
