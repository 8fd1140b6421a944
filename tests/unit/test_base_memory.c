/* base/arena, base/strbuf, base/err: the small things everything stands on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/strbuf.h"

static void arena_is_zeroed_and_aligned(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;

	(void)state;
	for (size_t i = 1; i < 3000; i += 7) {
		unsigned char *p = arena_alloc(&a, i);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 16, 0);
		for (size_t k = 0; k < i; k++)
			assert_int_equal(p[k], 0);
		memset(p, 0xff, i);
	}
	assert_string_equal(arena_printf(&a, "%s-%d", "x", 7), "x-7");
	assert_non_null(arena_alloc(&a, 1 << 20));
	assert_int_equal(arena_error(&a), 0);
}

static void arena_reset_gives_zeroes_again(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;

	(void)state;
	arena_reset(&a);
	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < 30; i++) {
			unsigned char *p = arena_alloc(&a, 1000);

			for (int b = 0; b < 1000; b++)
				assert_int_equal(p[b], 0);
			memset(p, 0xff, 1000);
		}
		arena_reset(&a);
	}
	a.failed = true;
	arena_reset(&a);
	assert_non_null(arena_alloc(&a, 1));
}

static void arena_failure_is_sticky(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;

	(void)state;
	assert_null(arena_array(&a, SIZE_MAX / 2, 3));
	assert_int_equal(arena_error(&a), -ENOMEM);
	assert_null(arena_alloc(&a, 1));
}

static void a_large_piece_wastes_nothing(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	char *before, *large, *after;

	(void)state;
	before = arena_strdup(&a, "before");
	large = arena_alloc(&a, 100000);
	after = arena_strdup(&a, "after");
	memset(large, 'x', 100000);
	assert_int_equal(after - before, 16);
	assert_string_equal(before, "before");
	assert_string_equal(arena_strndup(&a, "cut here", 3), "cut");
}

static void strbuf_fails_once_and_for_all(void **state)
{
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;

	(void)state;
	sb_puts(&b, "kept");
	sb_add(&b, "x", SIZE_MAX - 2);
	assert_int_equal(sb_error(&b), -ENOMEM);
	sb_puts(&b, "not added");
	assert_string_equal(sb_str(&b), "kept");
	sb_reset(&b);
	sb_add(&b, "x", SIZE_MAX);
	assert_int_equal(sb_error(&b), -ENOMEM);
	assert_null(sb_take(&b));
	assert_int_equal(sb_error(&b), 0);
	sb_printf(&b, "%s", "again");
	sb_putc(&b, '!');
	assert_string_equal(sb_str(&b), "again!");
}

static void strbuf_grows_and_gives_away(void **state)
{
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;
	char *taken;

	(void)state;
	assert_string_equal(sb_str(&b), "");
	for (int i = 0; i < 1000; i++)
		sb_printf(&b, "%03d,", i);
	assert_int_equal(b.len, 4000);
	assert_int_equal(b.s[4000], '\0');
	sb_add(&b, "\0x", 2);
	assert_int_equal(b.len, 4002);
	taken = sb_take(&b);
	assert_non_null(taken);
	assert_int_equal(b.len, 0);
	free(taken);
	taken = sb_take(&b);
	assert_string_equal(taken, "");
	free(taken);
}

static void errors_keep_code_and_gain_context(void **state)
{
	struct err e = { 0 };

	(void)state;
	assert_int_equal(err_errno(&e, -ENOENT, "open %s", "x"), -ENOENT);
	assert_int_equal(err_ctx(&e, "start %s", "web"), -ENOENT);
	assert_string_equal(e.msg, "start web: open x: No such file or directory");
	assert_int_equal(e.cls, ERR_NOTFOUND);
	assert_true(err_set(&e, ERR_CMD_MISSING, "no") < 0);
	assert_int_equal(err_info(e.cls)->exit_code, 127);
	for (int c = ERR_INVALID; c < ERR_CLASS_COUNT; c++) {
		assert_non_null(err_info((enum err_class)c)->name);
		assert_true(err_info((enum err_class)c)->code < 0);
	}
}

static void a_long_message_is_cut_not_overrun(void **state)
{
	struct err e = { 0 };

	(void)state;
	err_set(&e, ERR_INVALID, "%0700d", 1);
	for (int i = 0; i < 50; i++)
		err_ctx(&e, "level %d of many", i);
	assert_true(strlen(e.msg) < sizeof(e.msg));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arena_is_zeroed_and_aligned),
		cmocka_unit_test(arena_reset_gives_zeroes_again),
		cmocka_unit_test(arena_failure_is_sticky),
		cmocka_unit_test(a_large_piece_wastes_nothing),
		cmocka_unit_test(strbuf_fails_once_and_for_all),
		cmocka_unit_test(strbuf_grows_and_gives_away),
		cmocka_unit_test(errors_keep_code_and_gain_context),
		cmocka_unit_test(a_long_message_is_cut_not_overrun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
