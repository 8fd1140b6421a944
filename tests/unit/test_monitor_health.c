#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "monitor/health.h"

static void rules(void **state)
{
	const struct description d = { .has_health = true, .health = { .retries = 3 } };
	struct health h = { .d = &d, .in_start = true };

	(void)state;
	for (int i = 0; i < 10; i++) /* in the start period failures do not count */
		assert_false(health_judge(&h, 1));
	assert_int_equal(h.status, HEALTH_STARTING);
	assert_int_equal(h.streak, 0);
	h.in_start = false;
	assert_false(health_judge(&h, 1));
	assert_false(health_judge(&h, -1));
	assert_int_equal(h.status, HEALTH_STARTING);
	assert_true(health_judge(&h, 2));
	assert_int_equal(h.status, HEALTH_UNHEALTHY);
	assert_false(health_judge(&h, 2));
	assert_int_equal(h.streak, 4);
	assert_true(health_judge(&h, 0));
	assert_int_equal(h.status, HEALTH_HEALTHY);
	assert_int_equal(h.streak, 0);
	assert_false(health_judge(&h, 1)); /* healthy until so many in a row */
	assert_false(health_judge(&h, 1));
	assert_false(health_judge(&h, 0));
	assert_int_equal(h.streak, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(rules) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
