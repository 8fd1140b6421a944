#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "engine/yaml.h"

/* What is read, as JSON. */
static void reads(void **state)
{
	static const char *const rows[][2] = {
		{ "", "null" },
		{ "# only this\n", "null" },
		{ "---\na: 1\n...\n", "{\"a\":1}" },
		{ "a: b\nc:\n- d\n- e: f\n  g: h\n", "{\"a\":\"b\",\"c\":[\"d\",{\"e\":\"f\",\"g\":\"h\"}]}" },
		{ "{ a: [1, 'two', \"thr\\u00e9e\"], b: {} }", "{\"a\":[1,\"two\",\"thr\303\251e\"],\"b\":{}}" },
		{ "- ~\n- null\n-\n- true\n- False\n- yes\n- on\n- ''\n- !!str 1\n- \"2\"\n- '~'\n",
		  "[null,null,null,true,false,\"yes\",\"on\",\"\",\"1\",\"2\",\"~\"]" },
		{ "- 0\n- -7\n- +7\n- 0x1F\n- 0o17\n- 0666\n- 08\n- -0\n- 18446744073709551615\n- -9223372036854775807\n",
		  "[0,-7,7,31,15,438,\"08\",0,18446744073709551615,-9223372036854775807]" },
		{ "- 1.5\n- -2e3\n- .5\n- 1.\n- .inf\n- 0.6.0\n- 1_000\n- 12:30\n- 2001-01-01\n",
		  "[1.5,-2e3,\".5\",\"1.\",\".inf\",\"0.6.0\",\"1_000\",\"12:30\",\"2001-01-01\"]" },
		{ "a: |\n  one\n  two\nb: >-\n  one\n  two\n", "{\"a\":\"one\\ntwo\\n\",\"b\":\"one two\"}" },
		{ "1: x\ntrue: y\n? z\n: w\nnothing:\n", "{\"1\":\"x\",\"true\":\"y\",\"z\":\"w\",\"nothing\":null}" },
		{ "a: &x [1, {k: v}]\nb: *x\nc: {d: *x}\n", "{\"a\":[1,{\"k\":\"v\"}],\"b\":[1,{\"k\":\"v\"}],\"c\":{\"d\":[1,{\"k\":\"v\"}]}}" },
		{ "&k key: x\nwith: { *k : 3 }\n", "{\"key\":\"x\",\"with\":{\"key\":3}}" },
		{ "a: &x 1\nb: &x 2\nc: *x\n", "{\"a\":1,\"b\":2,\"c\":2}" },
		{ "!!map {a: !!seq [b]}", "{\"a\":[\"b\"]}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;
		struct json_writer w = JSON_WRITER(&b);
		const struct json *doc;
		struct err e = { 0 };

		if (yaml_read(&a, rows[i][0], strlen(rows[i][0]), &doc, &e) < 0)
			fail_msg("%s: %s", rows[i][0], e.msg);
		jw_value(&w, NULL, doc);
		assert_string_equal(sb_str(&b), rows[i][1]);
	}
}

static void refuses(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{ "a: 1\na: 2\n", "line 2: \"a\" is given twice" },
		{ "a: 1\n---\nb: 2\n", "line 2: a second document" },
		{ "a: b: c\n", "line 1: mapping values are not allowed" },
		{ "a:\n\t- b\n", "line 2: found character that cannot start any token" },
		{ "a: [1\n", "did not find expected" },
		{ "[a]: b\n", "line 1: a key must be a text" },
		{ "? {a: b}\n: c\n", "line 1: a key must be a text" },
		{ "a: *x\n", "line 1: there is no anchor &x before it" },
		{ "a: &x [*x]\n", "line 1: there is no anchor &x before it" },
		{ "a: &x {b: c}\nd:\n  <<: *x\n", "line 3: \"<<\" (merging) is not read here" },
		{ "a: !!binary aGk=\n", "line 1: the tag tag:yaml.org,2002:binary is not read here" },
		{ "!vendor {a: b}\n", "line 1: the tag !vendor is not read here" },
		{ "a: \"x\\0y\"\n", "line 1: a text with a NUL in it" },
		{ "a: 18446744073709551616\n", "line 1: 18446744073709551616 does not fit into 64 bits" },
		{ "a: -9223372036854775809\n", "line 1: -9223372036854775809 does not fit into 64 bits" },
		{ "a: \xff\n", "line 1: invalid leading UTF-8 octet" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		const struct json *doc;
		struct err e = { 0 };

		if (yaml_read(&a, rows[i].text, strlen(rows[i].text), &doc, &e) == 0)
			fail_msg("%s: read", rows[i].text);
		assert_null(doc);
		if (!strstr(e.msg, rows[i].says))
			fail_msg("%s: %s", rows[i].text, e.msg);
	}
}

static void fails_by_limit(const char *text, const char *says)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const struct json *doc;
	struct err e = { 0 };

	assert_true(yaml_read(&a, text, strlen(text), &doc, &e) < 0);
	assert_int_equal(e.cls, ERR_LIMIT);
	if (!strstr(e.msg, says))
		fail_msg("%s", e.msg);
}

/* Nine levels of nine aliases each would be 387 million texts. */
static void limits(void **state)
{
	CLEANUP_STRBUF struct strbuf laughs = STRBUF_INIT, deep = STRBUF_INIT, many = STRBUF_INIT, anchors = STRBUF_INIT, deeper = STRBUF_INIT;
	CLEANUP_STRBUF struct strbuf large = STRBUF_INIT;

	(void)state;
	sb_puts(&laughs, "- &a0 lol\n");
	for (int i = 1; i < 10; i++) {
		sb_printf(&laughs, "- &a%d [", i);
		for (int k = 0; k < 9; k++)
			sb_printf(&laughs, "*a%d,", i - 1);
		sb_puts(&laughs, "]\n");
	}
	fails_by_limit(sb_str(&laughs), "more than 10000 values");
	sb_fill(&deep, '[', 33);
	fails_by_limit(sb_str(&deep), "nested deeper than 32 levels");
	for (int i = 0; i < 10000; i++)
		sb_puts(&many, "- x\n");
	fails_by_limit(sb_str(&many), "more than 10000 values");
	for (int i = 0; i < 65; i++)
		sb_printf(&anchors, "- &a%d x\n", i);
	fails_by_limit(sb_str(&anchors), "more than 64 anchors");
	sb_puts(&deeper, "- &a0 []\n");
	for (int i = 1; i < 40; i++)
		sb_printf(&deeper, "- &a%d [*a%d]\n", i, i - 1);
	fails_by_limit(sb_str(&deeper), "nested deeper than 32 levels");
	sb_fill(&large, '#', (1U << 20) + 1);
	fails_by_limit(sb_str(&large), "larger than 1 MiB");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(reads), cmocka_unit_test(refuses), cmocka_unit_test(limits) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
