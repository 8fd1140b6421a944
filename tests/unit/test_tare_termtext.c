/* cmd/tare/termtext.c: what is left of others' text on a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "cmd/tare/termtext.h"

static void cleaned(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "", "" },
		{ "plain text", "plain text" },
		{ "tab\there", "tab here" },
		{ "10%\r20%\r30%", "30%" },
		{ "windows\r", "windows" },
		{ "\r\r", "" },
		{ "\033[1;31mred\033[0m!", "red!" },
		{ "a\033[2Jb\033[10;10Hc", "abc" },
		{ "\033]0;title\007x\033]8;;http://h\033\\link\033]8;;\033\\", "xlink" },
		{ "\033Pdevice\033\\x\033(By\0337z", "xyz" },
		{ "cut \033", "cut " },
		{ "cut \033[12", "cut " },
		{ "cut \033]never ends", "cut " },
		{ "bell\a back\b null \177 c1 \302\233 2J", "bell back null  c1  2J" },
		{ "\303\244 \346\227\245 \360\237\230\200", "\303\244 \346\227\245 \360\237\230\200" },
		{ "bad \377 \300\257 \355\240\200 \360\200\200\200 \303", "bad ? ?? ??? ???? ?" },
		{ "turned \342\200\256 around \342\201\246", "turned  around " },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;

		termtext_clean(rows[i].text, strlen(rows[i].text), &out);
		assert_string_equal(sb_str(&out), rows[i].want);
	}
}

static void fitted(void **state)
{
	static const struct {
		const char *text;
		size_t columns, bytes, used;
	} rows[] = {
		{ "abcdef", 4, 4, 4 }, { "abcdef", 6, 6, 6 }, { "abcdef", 60, 6, 6 }, { "abc", 0, 0, 0 },
		{ "\303\244\303\244\303\244", 2, 4, 2 }, { "\346\227\245\346\227\245", 3, 3, 2 }, { "\346\227\245", 1, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t used, n = termtext_fit(rows[i].text, strlen(rows[i].text), rows[i].columns, &used);

		assert_int_equal(n, rows[i].bytes);
		assert_int_equal(used, rows[i].used);
	}
}

static void tails(void **state)
{
	static const struct {
		const char *text;
		size_t n;
		const char *want;
	} rows[] = {
		{ "", 3, "" },
		{ "\n\n", 3, "" },
		{ "one", 3, "one\n" },
		{ "one\ntwo\nthree\nfour\n", 2, "three\nfour\n" },
		{ "one\ntwo\n\n  \nthree\n\n", 2, "two\nthree\n" },
		{ "one\ntwo\n10%\r20%", 2, "two\n20%\n" },
		{ "one\ntwo\n", 0, "" },
		{ "\n\nfirst\n", 9, "first\n" },
		{ "one\n\033[31m\033[0m\ntwo\n", 2, "one\ntwo\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;

		termtext_tail(rows[i].text, strlen(rows[i].text), rows[i].n, &out);
		assert_string_equal(sb_str(&out), rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(cleaned), cmocka_unit_test(fitted), cmocka_unit_test(tails) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
