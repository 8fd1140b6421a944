/* api/docker/filters.c: what a query's filters are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "api/docker/filters.h"

#define KEYS "label label! name"

static void both_shapes_are_read(void **state)
{
	static const struct {
		const char *text, *want; /* one behind the other */
	} rows[] = {
		{ "", "" },
		{ "{}", "" },
		{ "{\"name\":[\"a\",\"b\"]}", "name=a name=b " },
		{ "{\"name\":{\"a\":true,\"b\":false}}", "name=a name=b " }, /* Docker's client: the names are the values */
		{ "{\"label\":[\"k=v\"],\"label!\":{\"x\":true}}", "label=k=v label!=x " },
		{ "{\"label\":[]}", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		CLEANUP_STRBUF struct strbuf got = STRBUF_INIT;
		struct strv v;
		struct err e = { 0 };

		assert_int_equal(filters_parse(&a, rows[i].text, KEYS, &v, &e), 0);
		for (size_t k = 0; k < v.n; k++)
			sb_printf(&got, "%s ", v.v[k]);
		assert_string_equal(sb_str(&got), rows[i].want);
	}
}

static void what_is_none_is_refused(void **state)
{
	static const char *const rows[] = { "[]", "1", "{", "{\"name\":\"a\"}", "{\"name\":[1]}", "{\"names\":[\"a\"]}", "{\"nam\":[\"a\"]}", "{\"\":[\"a\"]}", "{\"label name\":[\"a\"]}" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		struct strv v;
		struct err e = { 0 };

		assert_true(filters_parse(&a, rows[i], KEYS, &v, &e) < 0);
		assert_int_equal(e.cls, ERR_INVALID);
		assert_non_null(strstr(e.msg, "invalid filter"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_shapes_are_read),
		cmocka_unit_test(what_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
