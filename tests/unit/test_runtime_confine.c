/* Landlock by annotations: how they are read, and which version of the kernel's Landlock is enough for what. What is then
 * enforced: tests/integration/oci-landlock.bats. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/confine.h"

static struct arena arena = ARENA_INIT;
static struct err err;

static int parse(const struct oci_kv *kv, size_t n, struct rt_confine *out)
{
	struct oci_spec spec = { .annotations = kv, .n_annotations = n };

	err = (struct err){ 0 };
	return rt_confine_parse(&arena, &spec, out, &err);
}

#define PARSE(out, ...)                                                                                                \
	parse((const struct oci_kv[]){ __VA_ARGS__ }, sizeof((const struct oci_kv[]){ __VA_ARGS__ }) / sizeof(struct oci_kv), \
	      out)
#define LL(name) "org.tare.landlock." name

static void test_lists(void **state)
{
	struct rt_confine c;

	(void)state;
	assert_int_equal(PARSE(&c, { "other", "x" }), 0);
	assert_false(c.any);
	assert_int_equal(PARSE(&c, { LL("ro"), "/usr:/etc" }, { LL("bind"), "0:65535" }), 0);
	assert_true(c.any && c.domain.files && c.domain.tcp_bind);
	assert_false(c.domain.tcp_connect || c.domain.sockets || c.domain.signals || c.best_effort);
	assert_string_equal(c.ro[0], "/usr");
	assert_string_equal(c.ro[1], "/etc");
	assert_null(c.ro[2]);
	assert_null(c.rw);
	assert_int_equal(c.n_bind, 2);
	assert_int_equal(c.bind[0], 0);
	assert_int_equal(c.bind[1], 65535);
	/* nothing is allowed, and that is a rule, too */
	assert_int_equal(PARSE(&c, { LL("exec"), "" }, { LL("connect"), "" }), 0);
	assert_true(c.domain.files && c.domain.tcp_connect);
	assert_null(c.exec[0]);
	assert_int_equal(c.n_connect, 0);
	assert_int_equal(PARSE(&c, { LL("scope"), "signal:abstract-unix" }, { LL("best-effort"), "true" }), 0);
	assert_true(c.domain.sockets && c.domain.signals && c.best_effort);
	assert_false(c.domain.files);
}

static void test_bad(void **state)
{
	static const struct oci_kv bad[] = {
		{ LL("ro"), "etc" },	  { LL("rw"), "/a:" },	   { LL("exec"), ":/a" },     { LL("bind"), "-1" },
		{ LL("bind"), "65536" },  { LL("connect"), "1:" }, { LL("scope"), "unix" },   { LL("best-effort"), "" },
		{ LL("best-effort"), "1" }, { LL("read"), "/" },   { LL(""), "/" },
	};
	struct rt_confine c;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_true(parse(&bad[i], 1, &c) < 0);
		assert_int_equal(err.cls, ERR_INVALID);
		assert_non_null(strstr(err.msg, bad[i].key));
	}
}

static void possible(const struct rt_confine *c, int abi, const char *says)
{
	int r;

	err = (struct err){ 0 };
	r = rt_confine_possible(c, abi, &err);
	if (!says) {
		assert_int_equal(r, 0);
		return;
	}
	assert_true(r < 0);
	assert_int_equal(err.cls, ERR_UNSUPPORTED);
	assert_non_null(strstr(err.msg, says));
}

static void test_versions(void **state)
{
	struct rt_confine files, port, scope, lax;

	(void)state;
	assert_int_equal(PARSE(&files, { LL("rw"), "/" }), 0);
	assert_int_equal(PARSE(&port, { LL("connect"), "1" }), 0);
	assert_int_equal(PARSE(&scope, { LL("scope"), "signal" }), 0);
	assert_int_equal(PARSE(&lax, { LL("scope"), "signal" }, { LL("ro"), "/" }, { LL("best-effort"), "true" }), 0);
	possible(&files, -EOPNOTSUPP, "no Landlock");
	possible(&files, 2, "landlock.rw: needs version 3 of Landlock (Linux 6.2), this kernel's is 2");
	possible(&files, 3, NULL);
	possible(&port, 3, "landlock.connect: needs version 4");
	possible(&port, 4, NULL);
	possible(&scope, 5, "landlock.scope: needs version 6");
	possible(&scope, 6, NULL);
	possible(&lax, 1, NULL);
	possible(&lax, -EOPNOTSUPP, NULL);
	assert_true(rt_confine_possible(&lax, -EIO, &err) < 0);
}

static int free_arena(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_versions),
	};

	return cmocka_run_group_tests(tests, NULL, free_arena);
}
