#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/text.h"

static void sizes(void **state)
{
	static const struct {
		const char *in;
		uint64_t want;
	} good[] = { { "0", 0 }, { "1b", 1 }, { "512m", 512 << 20 }, { "1.5g", 1536ULL << 20 }, { "4KiB", 4096 }, { "2TB", 2ULL << 40 } };
	static const char *const bad[] = { "", "m", "-1", "1x", "1mm", "99999999999999999999", "1 m", "20000000t" };
	uint64_t v;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_int_equal(text_size(good[i].in, &v), 0);
		assert_int_equal(v, good[i].want);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_true(text_size(bad[i], &v) < 0);
}

static void durations(void **state)
{
	int64_t ns;

	(void)state;
	assert_int_equal(text_duration("10", &ns), 0);
	assert_int_equal(ns, 10000000000LL);
	assert_int_equal(text_duration("1h30m", &ns), 0);
	assert_int_equal(ns, 5400000000000LL);
	assert_int_equal(text_duration("-1.5s", &ns), 0);
	assert_int_equal(ns, -1500000000LL);
	assert_true(text_duration("", &ns) < 0);
	assert_true(text_duration("1h5", &ns) < 0);
	assert_true(text_duration("5x", &ns) < 0);
	assert_true(text_duration("99999999999h", &ns) < 0);
}

static void times(void **state)
{
	struct timespec ts;
	char out[TEXT_TIME_LEN];
	char behind[8 + TEXT_TIME_LEN] = "id=12345"; /* nothing in front of it is touched */

	(void)state;
	assert_int_equal(text_parse_time("2026-11-23T10:00:00.5+01:00", &ts), 0);
	text_time(&ts, out);
	assert_string_equal(out, "2026-11-23T09:00:00.500000000Z");
	text_time(&ts, behind + 8);
	assert_string_equal(behind, "id=123452026-11-23T09:00:00.500000000Z");
	assert_int_equal(text_parse_time("2026-11-23", &ts), 0);
	assert_int_equal(text_parse_time("1700000000.25", &ts), 0);
	assert_int_equal(ts.tv_nsec, 250000000);
	assert_true(text_parse_time("yesterday", &ts) < 0);
	assert_true(text_parse_time("2026-11-23T10:00", &ts) < 0);
}

static void ids(void **state)
{
	char id[65], other[65];

	(void)state;
	assert_int_equal(text_random_hex(32, id), 0);
	assert_int_equal(text_random_hex(32, other), 0);
	assert_true(text_is_hex(id, 64));
	assert_string_not_equal(id, other);
	assert_false(text_is_hex("0123456789ABCDEF", 16));
}

static void escape_shows_and_cuts(void **state)
{
	char out[12];

	(void)state;
	assert_string_equal(text_escape("a\x1b[\\b", out, sizeof(out)), "a\\x1b[\\\\...");
	assert_string_equal(text_escape("a b", out, sizeof(out)), "a b");
	assert_string_equal(text_escape("a\\b", out, sizeof(out)), "a\\\\b");
	assert_string_equal(text_escape("0123456789abcdef", out, sizeof(out)), "01234567...");
	assert_string_equal(text_tame("a\x1b[", out, sizeof(out)), "a\\x1b[");
	assert_string_equal(text_tame("a\nb\\", out, sizeof(out)), "a\\x0ab\\");
	assert_string_equal(text_tame("\xc3\xa9", out, sizeof(out)), "\xc3\xa9");
	assert_string_equal(text_tame("\xc2\x9b", out, sizeof(out)), "\\xc2\\x9b");
	assert_string_equal(text_tame("\xe2\x80", out, sizeof(out)), "\\xe2\\x80");
	assert_string_equal(text_tame("0123456789abcdef", out, sizeof(out)), "01234567...");
}

static void distances(void **state)
{
	(void)state;
	assert_int_equal(text_distance("start", "start"), 0);
	assert_int_equal(text_distance("strat", "start"), 1);
	assert_int_equal(text_distance("", "abc"), 3);
	assert_int_equal(text_distance("kitten", "sitting"), 3);
	assert_int_equal(text_distance("a", "0123456789012345678901234567890123456789012345678901234567890123456789"), 64);
}

static void taken(void **state)
{
	const char *at = "12:4294967295-4294967296", *end = at + 3;
	uint32_t v;

	(void)state;
	assert_true(text_take_u32(&at, &v));
	assert_int_equal(v, 12);
	assert_false(text_take_u32(&at, &v));
	at++;
	assert_ptr_equal(at, end);
	assert_true(text_take_u32(&at, &v));
	assert_int_equal(v, UINT32_MAX);
	at++;
	assert_false(text_take_u32(&at, &v));
	assert_string_equal(at, "4294967296");
	at = "-1";
	assert_false(text_take_u32(&at, &v));
}

static void put_together(void **state)
{
	char digits[TEXT_U64_LEN], out[8];

	(void)state;
	assert_string_equal(text_of_u64(0, digits), "0");
	assert_string_equal(text_of_u64(90, digits), "90");
	assert_string_equal(text_of_u64(UINT64_MAX, digits), "18446744073709551615");
	assert_int_equal(TEXT_JOIN(out, sizeof(out), "/a", "", "/bcd", "e"), 7);
	assert_string_equal(out, "/a/bcde");
	assert_int_equal(TEXT_JOIN(out, sizeof(out), "/a", "/bcde", "f"), -ENAMETOOLONG);
	assert_int_equal(TEXT_JOIN(out, sizeof(out), "01234567"), -ENAMETOOLONG);
	assert_int_equal(text_join(out, sizeof(out), (const char *const[]){ NULL }), 0);
	assert_string_equal(out, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(durations),
		cmocka_unit_test(times),
		cmocka_unit_test(ids),
		cmocka_unit_test(distances),
		cmocka_unit_test(escape_shows_and_cuts),
		cmocka_unit_test(put_together),
		cmocka_unit_test(taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
