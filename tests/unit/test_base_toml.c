#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/toml.h"

/* What is read, as JSON. */
static void reads(void **state)
{
	static const char *const rows[][2] = {
		{ "", "{}" },
		{ "# only this", "{}" },
		{ "a=1", "{\"a\":1}" },
		{ "\n\r\n  a = 1 # one\r\n\tb=true\nc = false", "{\"a\":1,\"b\":true,\"c\":false}" },
		{ "a = +1_000\nb = -0\nc=-9223372036854775808", "{\"a\":1000,\"b\":0,\"c\":-9223372036854775808}" },
		{ "a = \"x # \\t\\\"\\\\\\u00e4\\U0001F600\"", "{\"a\":\"x # \\t\\\"\\\\\303\244\360\237\230\200\"}" },
		{ "a = 'C:\\dir'\nb = ''\nc=\"\"", "{\"a\":\"C:\\\\dir\",\"b\":\"\",\"c\":\"\"}" },
		{ "a = []\nb = [ 1, [ 'x' ], # two\n\n {c = 2, d.e = 3},\n]", "{\"a\":[],\"b\":[1,[\"x\"],{\"c\":2,\"d\":{\"e\":3}}]}" },
		{ "t = {}\nu = { a = 'b' }", "{\"t\":{},\"u\":{\"a\":\"b\"}}" },
		{ "[a]\nx=1\n[a.b]\ny=2\n[c.d]\n[c]\nz=3", "{\"a\":{\"x\":1,\"b\":{\"y\":2}},\"c\":{\"d\":{},\"z\":3}}" },
		{ "[ a . \"b.c\" ]\n'd e' = 1\nf.g = 2\nf . h = 3", "{\"a\":{\"b.c\":{\"d e\":1,\"f\":{\"g\":2,\"h\":3}}}}" },
		{ "[[r]]\np='x'\n[[r.m]]\nl='1'\n[[r.m]]\nl='2'\n[[r]]\n[r.s]\nt=1",
		  "{\"r\":[{\"p\":\"x\",\"m\":[{\"l\":\"1\"},{\"l\":\"2\"}]},{\"s\":{\"t\":1}}]}" },
		{ "[fruit]\napple.color=1\n[fruit.apple.taste]\nx=2", "{\"fruit\":{\"apple\":{\"color\":1,\"taste\":{\"x\":2}}}}" },
		{ "1234 = 1\n-_ = 2", "{\"1234\":1,\"-_\":2}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;
		struct json_writer w = JSON_WRITER(&b);
		const struct json *doc;
		struct err e = { 0 };

		if (toml_parse(&a, rows[i][0], strlen(rows[i][0]), &doc, &e) < 0)
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
		{ "a", "line 1: 'a' is not followed by '='" },
		{ "\n\na = ", "line 3: no value" },
		{ "a = b", "line 1: 'b' is no value that is read here" },
		{ "a = 1\na = 2", "line 2: 'a' is given twice" },
		{ "a = 1 b = 2", "line 1: something follows" },
		{ "a = 1.5", "'1.5' is no value" },
		{ "a = 1979-05-27T07:32:00Z", "is no value" },
		{ "a = 0x10", "'0x10' is no value" },
		{ "a = 010", "'010' is no value" },
		{ "a = 1__0", "'_' in a number" },
		{ "a = _1", "'_' in a number" },
		{ "a = 9223372036854775808", "does not fit into 64 bits" },
		{ "a = True", "'True' is no value" },
		{ "a = \"x", "line 1: a string without its end" },
		{ "a = \"x\n\"", "line 1: a string without its end" },
		{ "a = \"\"\"x\"\"\"", "line 1: strings over several lines are not read" },
		{ "a = '''x'''", "strings over several lines" },
		{ "a = \"\\x41\"", "a backslash that begins no escape" },
		{ "a = \"\\ud800\"", "of no character" },
		{ "a = \"\\u0000\"", "of no character" },
		{ "a = \"\\u00g0\"", "hexadecimal" },
		{ "a = \"\001\"", "a control character" },
		{ "# \001", "a control character in a comment" },
		{ "a = [1 2]", "not parted by ','" },
		{ "a = [1,,2]", "no value" },
		{ "a = [1,\n\n# x\n", "line 4" },
		{ "a = {b=1,}", "ends with ','" },
		{ "a = {b=1\n}", "no '}' on its line" },
		{ "[a]\n[b]\n[a]", "line 3: 'a' is given twice" },
		{ "a=1\n[a]", "line 2: 'a' is given twice" },
		{ "a={}\n[a.b]", "line 2: 'a' has a value already" },
		{ "a={}\na.b=1", "line 2: 'a' has a value already" },
		{ "a={b={}, b.c=1}", "'b' has a value already" },
		{ "a=[]\n[[a]]", "line 2: 'a' has a value already, which is no array of [[tables]]" },
		{ "[[a]]\n[a]", "line 2: 'a' is given twice" },
		{ "[a.b]\n[a]\nb.c=1", "line 3: 'b' has a value already" },
		{ "[a]\nb.c=1\n[a.b]", "line 3: 'b' is given twice" },
		{ "[a", "line 1: [ without its ]" },
		{ "[[a]", "line 1: [[ without its ]]" },
		{ "[]", "no key" },
		{ "[a.]", "no key" },
		{ ".a=1", "no key" },
		{ "= 1", "no key" },
		{ "a\xff = 1", "line 1: a byte that is no UTF-8" },
		{ "a=1\r", "something follows" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		const struct json *doc;
		struct err e = { 0 };

		if (toml_parse(&a, rows[i].text, strlen(rows[i].text), &doc, &e) == 0)
			fail_msg("accepted: %s", rows[i].text);
		if (!strstr(e.msg, rows[i].says))
			fail_msg("%s: %s", rows[i].text, e.msg);
		assert_null(doc);
		assert_true(e.cls == ERR_INVALID);
	}
}

/* No text is ended by anything but its length. */
static void ends_where_it_ends(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const struct json *doc;
	struct err e = { 0 };
	int64_t n = 0;

	(void)state;
	assert_int_equal(toml_parse(&a, "a = 123", 6, &doc, &e), 0);
	assert_int_equal(json_get_i64(doc, "", "a", &n, &e), 0);
	assert_int_equal(n, 12);
	assert_true(toml_parse(&a, "a = 1\0", 6, &doc, &e) < 0);
}

static void limits(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;
	const struct json *doc;
	struct err e = { 0 };

	(void)state;
	sb_puts(&b, "a=");
	sb_fill(&b, '[', 40);
	assert_true(toml_parse(&a, b.s, b.len, &doc, &e) < 0);
	assert_true(e.cls == ERR_LIMIT);
	sb_reset(&b);
	for (int i = 0; i < 40; i++)
		sb_puts(&b, "a.");
	sb_puts(&b, "a=1");
	assert_true(toml_parse(&a, b.s, b.len, &doc, &e) < 0);
	assert_true(e.cls == ERR_LIMIT);
	sb_reset(&b);
	sb_puts(&b, "a=[");
	for (int i = 0; i < 10001; i++)
		sb_puts(&b, "1,");
	sb_puts(&b, "]");
	assert_true(toml_parse(&a, b.s, b.len, &doc, &e) < 0);
	assert_true(e.cls == ERR_LIMIT);
	sb_reset(&b);
	sb_fill(&b, '\n', (1 << 20) + 1);
	assert_true(toml_parse(&a, b.s, b.len, &doc, &e) < 0);
	assert_true(e.cls == ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),
		cmocka_unit_test(refuses),
		cmocka_unit_test(ends_where_it_ends),
		cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
