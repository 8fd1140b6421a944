#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/subid.h"

static void check(const char *text, const char *name, size_t n, const struct idmap_range *want)
{
	struct idmap_range got[4];

	assert_int_equal(subid_map(text, name, 1000, 1000, got, 4), n);
	assert_int_equal(got[0].inside, 0);
	assert_int_equal(got[0].outside, 1000);
	assert_int_equal(got[0].size, 1);
	for (size_t i = 1; i < n; i++) {
		assert_int_equal(got[i].inside, want[i - 1].inside);
		assert_int_equal(got[i].outside, want[i - 1].outside);
		assert_int_equal(got[i].size, want[i - 1].size);
	}
}

static void ranges_of_a_user(void **state)
{
	(void)state;
	check("user:100000:65536\n", "user", 2, (const struct idmap_range[]){ { 1, 100000, 65536 } });
	check("1000:100000:65536", "user", 2, (const struct idmap_range[]){ { 1, 100000, 65536 } });
	check("other:1:2\nuser:300000:10\n1000:200000:5\n", "user", 3, (const struct idmap_range[]){ { 1, 300000, 10 }, { 11, 200000, 5 } });
	check("1000:200000:5\n", NULL, 2, (const struct idmap_range[]){ { 1, 200000, 5 } });
	/* no more than there is room for */
	check("user:2000:1\nuser:3000:1\nuser:4000:1\nuser:5000:1\n", "user", 4,
	      (const struct idmap_range[]){ { 1, 2000, 1 }, { 2, 3000, 1 }, { 3, 4000, 1 } });
}

static void nothing_set_aside(void **state)
{
	static const char *const texts[] = {
		"", "\n\n", "user", "user:", "user:100000", "user:100000:", "user:100000:0", "user:0:5", "user:-1:5", "user:x:5", "user:100000:5x",
		"user:100000:5:6", "users:100000:5", "use:100000:5", "#user:100000:5", "10000:100000:5", "user:4294967290:65536", "user:99999999999:5",
		/* the user's own id */
		"user:900:200",
	};

	(void)state;
	assert_int_equal(subid_map(NULL, "user", 1000, 1000, (struct idmap_range[4]){ 0 }, 4), 1);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		check(texts[i], "user", 1, NULL);
}

static void overlaps_are_passed_over(void **state)
{
	(void)state;
	check("user:100000:10\nuser:100009:10\nuser:100010:10\n", "user", 3,
	      (const struct idmap_range[]){ { 1, 100000, 10 }, { 11, 100010, 10 } });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_of_a_user),
		cmocka_unit_test(nothing_set_aside),
		cmocka_unit_test(overlaps_are_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
