#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "engine/detach.h"

static void feed(struct detach *d, const char *in, const char *want_out, bool want_left)
{
	char out[100];
	size_t len;
	bool left = detach_feed(d, in, strlen(in), out, &len);

	assert_int_equal(left, want_left);
	assert_int_equal(len, strlen(want_out));
	assert_memory_equal(out, want_out, len);
}

static void keys(void **state)
{
	static const char *const good[] = { "", "a", "ctrl-a", "ctrl-p,ctrl-q", "ctrl-[,x", "ctrl-@" };
	static const char *const bad[] = { "ctrl-", "ctrl-3", "ab", "a,", ",a", "ctrl-ab", "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q" };
	struct detach d;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_int_equal(detach_init(&d, good[i]), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_true(detach_init(&d, bad[i]) < 0);
	assert_int_equal(detach_init(&d, NULL), 0);
	assert_int_equal(d.n, 2);
	assert_int_equal(d.keys[0], 16);
	assert_int_equal(d.keys[1], 17);
}

static void typed(void **state)
{
	struct detach d;

	(void)state;
	assert_int_equal(detach_init(&d, "ctrl-p,ctrl-q"), 0);
	feed(&d, "hello", "hello", false);
	feed(&d, "a\x10", "a", false);
	feed(&d, "b", "\x10" "b", false); /* it was not meant */
	feed(&d, "x\x10\x10", "x\x10", false);
	feed(&d, "\x11 rest", "", true);
	assert_int_equal(detach_init(&d, ""), 0);
	feed(&d, "\x10\x11", "\x10\x11", false);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(keys), cmocka_unit_test(typed) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
