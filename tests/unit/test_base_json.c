#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/json.h"

static int parse(struct arena *a, const char *text, const struct json **out, struct err *e)
{
	return json_parse(a, text, strlen(text), NULL, out, e);
}

static void accepts(void **state)
{
	static const char *const good[] = { "null", " true ", "0", "-0", "1.5e+10", "\"\"", "[]", "{}", "[1,2,[3]]",
					    "{\"a\":{\"b\":[null,false]}}", "\"\\ud83d\\ude00\\n\"", "\"\xc3\xa9\"" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		const struct json *v;
		struct err e = { 0 };

		assert_int_equal(parse(&a, good[i], &v, &e), 0);
	}
}

static void refuses(void **state)
{
	static const char *const bad[] = {
		"", " ", "nul", "01", "+1", "1.", ".5", "1e", "-", "\"", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\udc00\"",
		"\"\\u0000\"", "\"\x01\"", "\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "[1,]", "[1 2]", "[", "{\"a\"}",
		"{\"a\":1,}", "{a:1}", "{\"a\":1,\"a\":2}", "1 2", "[1]]", "{\"a\":1,\"\\u0061\":2}", "'a'", "NaN", "// x\n1",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		const struct json *v;
		struct err e = { 0 };

		assert_true(parse(&a, bad[i], &v, &e) < 0);
		assert_int_equal(e.cls, ERR_INVALID);
		assert_non_null(strstr(e.msg, "line 1 column "));
	}
}

static void limits(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	const struct json *v;
	struct err e = { 0 };

	(void)state;
	for (int i = 0; i < 65; i++)
		sb_putc(&text, '[');
	assert_true(json_parse(&a, text.s, text.len, NULL, &v, &e) < 0);
	assert_int_equal(e.cls, ERR_LIMIT);
	sb_reset(&text);
	sb_putc(&text, '{');
	for (int i = 0; i < 100000; i++)
		sb_printf(&text, "\"k%d\":%d,", i, i);
	sb_puts(&text, "\"k5\":0}");
	assert_true(json_parse(&a, text.s, text.len, NULL, &v, &e) < 0);
	assert_non_null(strstr(e.msg, "twice"));
}

static void round_trip(void **state)
{
	static const char text[] = "{\"a\":[1,-2,18446744073709551615,1.50e3],\"b\":{\"c\":\"x\\\"\\\\\\n\\u0001\"},\"d\":null}";
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&out);
	const struct json *v;
	struct err e = { 0 };
	uint64_t u = 0;
	int64_t i = 7;

	(void)state;
	assert_int_equal(parse(&a, text, &v, &e), 0);
	jw_value(&w, NULL, v);
	assert_string_equal(sb_str(&out), text);
	assert_int_equal(json_as_u64(json_get(v, "a")->child->next->next, &u), 0);
	assert_true(u == UINT64_MAX);
	assert_int_equal(json_as_i64(json_get(v, "a")->child->next->next, &i), -ERANGE);
	assert_int_equal(json_as_u64(json_get(v, "a")->child->next, &u), -ERANGE);
	assert_int_equal(json_get_i64(v, "root", "absent", &i, &e), 0);
	assert_int_equal(i, 7);
	assert_int_equal(json_get_i64(v, "root", "b", &i, &e), -EINVAL);
	assert_string_equal(e.msg, "root.b: must be an integer");
}

static void bad_bytes_are_replaced(void **state)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&out);

	(void)state;
	jw_strn(&w, NULL, "a\xff\xc3z", 4);
	assert_string_equal(sb_str(&out), "\"a\xef\xbf\xbd\xef\xbf\xbdz\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts),
		cmocka_unit_test(refuses),
		cmocka_unit_test(limits),
		cmocka_unit_test(round_trip),
		cmocka_unit_test(bad_bytes_are_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
