#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/nearest.h"

static const char *of(const char *word, const char *const *names, struct nearest *n)
{
	*n = (struct nearest)NEAREST(word);
	for (; *names; names++)
		(void)nearest_offer(n, *names);
	return n->best;
}

static void the_nearest_counts(void **state)
{
	static const char *const names[] = { "start", "stop", "stats", "", "rm", "Privileged", NULL };
	struct nearest n;

	(void)state;
	assert_string_equal(of("strat", names, &n), "start");
	assert_string_equal(of("stpo", names, &n), "stop");
	assert_string_equal(of("mr", names, &n), "rm");
	assert_string_equal(of("STOP", names, &n), "stop");
	assert_string_equal(of("privilegd", names, &n), "Privileged");
	/* of two the first */
	assert_string_equal(of("stat", (const char *const[]){ "stats", "start", NULL }, &n), "stats");
	assert_string_equal(of("stat", (const char *const[]){ "start", "stats", NULL }, &n), "start");
}

static void far_is_not_near(void **state)
{
	static const char *const names[] = { "start", "stop", "rm", NULL };
	char longer[NEAREST_LEN + 10], hint[NEAREST_HINT_LEN];
	struct nearest n;

	(void)state;
	assert_string_equal(of("x", names, &n), "");
	assert_string_equal(of("ab", names, &n), "");
	assert_string_equal(of("volume", names, &n), "");
	assert_string_equal(of("", names, &n), "");
	assert_string_equal(nearest_hint(&n, hint), "");
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_string_equal(of(longer, (const char *const[]){ longer, NULL }, &n), "");
	assert_string_equal(of("xx", (const char *const[]){ longer, NULL }, &n), "");
	(void)of("strt", names, &n);
	assert_string_equal(nearest_hint(&n, hint), "; did you mean start?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_nearest_counts),
		cmocka_unit_test(far_is_not_near),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
