/* build/expand, build/pattern: what a word becomes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/strbuf.h"
#include "build/expand.h"

static const char *const variables[][2] = {
	{ "PWD", "/home" }, { "SHELL", "bash" }, { "NULL", "" }, { "hi", "hi" }, { "two", "ab  cd" }, { "lead", "  ab c" }, { "trail", "ab c  " },
	{ "f", "xxyy" }, { "path", "/foo*/*/*.txt" }, { "url", "http://a.example/b" }, { "file", "lib.tar.gz" }, { "star", "*" }, { "uni", "äöü" },
	{ "needle", "\\*/" }, { "quote", "a'b\"c" }, { "dollar", "$PWD" }, { "a_1", "under" }, { "bcb", "xbcb" }, { "stars", "a***yy*" }, { "regex", "()[]{}^$.*?|\\x" },
};

static const char *get(void *data, const char *name)
{
	(void)data;
	for (size_t i = 0; i < ARRAY_LEN(variables); i++)
		if (strcmp(variables[i][0], name) == 0)
			return variables[i][1];
	return NULL;
}

struct row {
	const char *word, *want; /* NULL: an error */
};

static const char *expand(struct arena *a, const char *word, char escape, struct err *e)
{
	size_t spent = 0;
	struct df_vars vars = { get, NULL, escape, &spent };
	const char *out = NULL;

	*e = (struct err){ 0 };
	return df_expand(a, &vars, word, &out, e) < 0 ? NULL : out;
}

static void check(const struct row *rows, size_t n, char escape)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct err e;

	for (size_t i = 0; i < n; i++) {
		const char *got = expand(&a, rows[i].word, escape, &e);

		if (!rows[i].want != !got || (got && strcmp(got, rows[i].want) != 0))
			fail_msg("%s: got %s, want %s (%s)", rows[i].word, got ? got : "(error)", rows[i].want ? rows[i].want : "(error)", e.msg);
		if (!got && (e.code >= 0 || !*e.msg))
			fail_msg("%s: an error without a message", rows[i].word);
	}
}

static void quotes(void **state)
{
	static const struct row rows[] = {
		{ "", "" }, { "plain", "plain" }, { "a b  c", "a b  c" }, { "a'b c'd", "ab cd" }, { "a'b", NULL }, { "a\\'b", "a'b" },
		{ "a\\\\'b", NULL }, { "a\\tb", "atb" }, { "\"a\\tb\"", "a\\tb" }, { "\"a\\\\tb\"", "a\\tb" }, { "'a\\tb'", "a\\tb" },
		{ "a\\", "a" }, { "a\\\\", "a\\" }, { "\"a", NULL }, { "\"a\\\"", NULL }, { "\"a'b\"", "a'b" }, { "'a\\'", "a\\" },
		{ "\"\"", "" }, { "''", "" }, { "\"''\"", "''" }, { "'\"'", "\"" }, { "\"a\\", NULL }, { "\"a\\$PWD\"", "a$PWD" },
		{ "'$PWD'", "$PWD" }, { "\"$PWD\"", "/home" }, { "\"a'$PWD'\"", "a'/home'" }, { "ä'ö'ü", "äöü" }, { "a\\ b", "a b" },
		{ "<<EOF", "<<EOF" }, { "a<b", "a<b" }, { "\\\xc3\xa4", "ä" },
	};

	(void)state;
	check(rows, ARRAY_LEN(rows), '\\');
}

static void names(void **state)
{
	static const struct row rows[] = {
		{ "$PWD", "/home" }, { "a$PWD.", "a/home." }, { "$pwd", "" }, { "$PWDx", "" }, { "${PWD}x", "/homex" }, { "$.", "$." }, { "$", "$" },
		{ "a$ b", "a$ b" }, { "$$", "" }, { "$1x", "x" }, { "$001aaa", "aaa" }, { "${1}", "" }, { "$@@@", "@@" }, { "$*", "" }, { "${#}", "" },
		{ "${@:-b}", "b" }, { "${-}", "" }, { "${-:-b}", "b" }, { "${?:+b}", "" }, { "$_", "" }, { "$a_1", "under" }, { "\\$PWD", "$PWD" },
		{ "\\\\$PWD", "\\/home" }, { "\\${}", "${}" }, { "$quote", "a'b\"c" }, { "$dollar", "$PWD" }, { "\"$quote\"", "a'b\"c" }, { "$'x'", "$x" },
		{ "$PWDä", "/homeä" }, { "${PWDä}", NULL },
	};

	(void)state;
	check(rows, ARRAY_LEN(rows), '\\');
}

static void defaults(void **state)
{
	static const struct row rows[] = {
		{ "${no}", "" }, { "${no:-x}", "x" }, { "${no-x}", "x" }, { "${NULL:-x}", "x" }, { "${NULL-x}", "" }, { "${PWD:-x}", "/home" },
		{ "${PWD-x}", "/home" }, { "${no:+x}", "" }, { "${no+x}", "" }, { "${NULL:+x}", "" }, { "${NULL+x}", "x" }, { "${PWD:+x}", "x" },
		{ "${PWD+x}", "x" }, { "${no?x}", NULL }, { "${no:?x}", NULL }, { "${NULL?x}", "" }, { "${NULL:?x}", NULL }, { "${PWD?x}", "/home" },
		{ "${PWD:?}", "/home" }, { "${no:-$PWD}", "/home" }, { "${no:-${PWD:-y}}", "/home" }, { "${no:-${none:-y}}", "y" },
		{ "a${PWD:+${PWD}:}b", "a/home:b" }, { "${no:-\\$PWD:}x", "$PWD:x" }, { "${no:-\\${PWD}z}x", "${PWDz}x" }, { "${no:-a b}", "a b" },
		{ "${no:-'a}b'}", "a}b" }, { "${no:-\"a}b\"}", "a}b" }, { "${no:-a\\}b}", "a}b" }, { "${no:-b {c}", "b {c" }, { "${no:-b}}", "b}" },
		{ "${no:-}", "" }, { "${no:-${PWD}", NULL }, { "${no:-'a}", NULL }, { "${PWD:-${}}", NULL }, { "${PWD+${no?x}}", NULL },
	};

	(void)state;
	check(rows, ARRAY_LEN(rows), '\\');
}

static void malformed(void **state)
{
	static const struct row rows[] = {
		{ "${}", NULL }, { "a${}b", NULL }, { "${.}", NULL }, { "${{a}", NULL }, { "${:}", NULL }, { "${:-b}", NULL }, { "${PWD", NULL }, { "${", NULL },
		{ "${PWD:", NULL }, { "${PWD:}", NULL }, { "${PWD:x}", NULL }, { "${PWD:=x}", NULL }, { "${PWD=x}", NULL }, { "${PWD:#x}", NULL },
		{ "${PWD:%x}", NULL }, { "${PWD:/a/b}", NULL }, { "${PWD x}", NULL }, { "${#x}", NULL }, { "${PWD,,}", NULL }, { "${PWD/a}", NULL },
		{ "${PWD//a}", NULL }, { "${PWD//}", NULL }, { "${PWD/a/b", NULL }, { "${PWD#a", NULL }, { "${!PWD}", NULL },
	};

	(void)state;
	check(rows, ARRAY_LEN(rows), '\\');
}

static void cuts(void **state)
{
	static const struct row rows[] = {
		{ "${f#x}", "xyy" }, { "${f#xx}", "yy" }, { "${f#*x}", "xyy" }, { "${f##*x}", "yy" }, { "${f#y}", "xxyy" }, { "${f#*}", "xxyy" },
		{ "${f##*}", "" }, { "${f#}", "xxyy" }, { "${f##}", "xxyy" }, { "${f#?}", "xyy" }, { "${f#??}", "yy" }, { "${f#?????}", "xxyy" },
		{ "${f%y}", "xxy" }, { "${f%%y*}", "xx" }, { "${f%y*}", "xxy" }, { "${f%*}", "xxyy" }, { "${f%%*}", "" }, { "${f%}", "xxyy" },
		{ "${f#*x*y}", "y" }, { "${f##*x*y}", "" }, { "${bcb##*b*c}", "b" }, { "${bcb%%b*b}", "x" }, { "${bcb%b*}", "xbc" }, { "${f%x*}", "x" }, { "${f%%x*}", "" }, { "${f%?}", "xxy" },
		{ "${file%.*}", "lib.tar" }, { "${file%%.*}", "lib" }, { "${file#*.}", "tar.gz" }, { "${file##*.}", "gz" }, { "${url#*://}", "a.example/b" },
		{ "${url%%/*}", "http:" }, { "${url##*/}", "b" }, { "${no#x}", "" }, { "${no%%x}", "" }, { "${NULL#*}", "" }, { "${uni#?}", "öü" },
		{ "${uni%?}", "äö" }, { "${uni#ä*}", "öü" }, { "${star#\\*}", "" }, { "${star#x}", "*" }, { "${f#$f}", "" }, { "${f#${f%yy}}", "yy" },
		{ "${f#'xx'}", "yy" }, { "${f#\"x*\"}", "xyy" }, { "${stars%%\\**\\*}", "a" }, { "${regex#()[]{\\}^$.\\*\\?|\\\\}", "x" }, { "${f#\\x}", NULL },
		{ "${path#/foo\\*}", "/*/*.txt" }, { "${path##*/}", "*.txt" }, { "${path%/*}", "/foo*/*" }, { "${url#http:\\/\\/}", "a.example/b" },
	};

	(void)state;
	check(rows, ARRAY_LEN(rows), '\\');
}

static void replacements(void **state)
{
	static const struct row rows[] = {
		{ "${f/x/z}", "zxyy" }, { "${f//x/z}", "zzyy" }, { "${f/x/}", "xyy" }, { "${f//x/}", "yy" }, { "${f/q/z}", "xxyy" }, { "${f/x*/z}", "z" },
		{ "${f/*y/z}", "z" }, { "${f/?/z}", "zxyy" }, { "${f//?/z}", "zzzz" }, { "${f/y/z}", "xxzy" }, { "${f//y/$PWD}", "xx/home/home" },
		{ "${path/$needle/.}", "/foo.*/*.txt" }, { "${path//$needle/.}", "/foo..*.txt" }, { "${PWD/\\//-}", "-home" }, { "${PWD//\\//\\/}", "\\/home" },
		{ "${url/http:\\/\\//}", "a.example/b" }, { "${no/a/b}", "" }, { "${no///}", "" }, { "${f///}", "xxyy" }, { "${f/$NULL/ww}", "wwxxyy" },
		{ "${f//$NULL/-}", "-x-x-y-y-" }, { "${f//*/z}", "z" }, { "${NULL//*/z}", "z" }, { "${f/x/$\\}", NULL }, { "${f/\\x/a}", NULL },
		{ "${uni/ö/o}", "äoü" }, { "${uni//?/.}", "..." }, { "${file//./-}", "lib-tar-gz" }, { "${file/.*./-}", "lib-gz" }, { "${f/xy/'a b'}", "xa by" },
	};

	(void)state;
	check(rows, ARRAY_LEN(rows), '\\');
}

static void backtick(void **state)
{
	static const struct row rows[] = {
		{ "c:\\dir\\$PWD", "c:\\dir\\/home" }, { "`$PWD", "$PWD" }, { "a``b", "a`b" }, { "\"a`\"b\"", "a\"b" }, { "a`", "a" }, { "a\\", "a\\" },
		{ "${no:-a`}b}", "a}b" }, { "${star#`*}", "" },
	};

	(void)state;
	check(rows, ARRAY_LEN(rows), '`');
}

/* ---- words ---- */

static void words(void **state)
{
	static const struct row rows[] = {
		{ "hello", "hello" }, { "hello${no}bye", "hellobye" }, { "hello${hi}bye", "hellohibye" }, { "x${two}y", "xab|cdy" }, { "x\"${two}\"y", "xab  cdy" },
		{ "x \"${two}\"y", "x|ab  cdy" }, { "x${lead}y", "x|ab|cy" }, { "x\"${lead}\" y", "x  ab c|y" }, { "x${trail}y", "xab|c|y" },
		{ "a b", "a|b" }, { "a\\ b", "a b" }, { "  a\tb  ", "a|b" }, { "a\" b  \"", "a b  " }, { "a\" b", NULL }, { "a\\\" b", "a\"|b" }, { "", "" },
		{ "\"\" a", "a" }, { "$no $NULL", "" }, { "80/tcp '90 91'", "80/tcp|90 91" }, { "${no:-a b}", "a|b" }, { "'$two'", "$two" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;
		size_t spent = 0;
		struct df_vars vars = { get, NULL, '\\', &spent };
		struct df_list list = { 0 };
		struct err e = { 0 };

		if (df_expand_words(&a, &vars, rows[i].word, &list, &e) < 0) {
			if (rows[i].want)
				fail_msg("%s: %s", rows[i].word, e.msg);
			continue;
		}
		for (size_t k = 0; k < list.n; k++)
			sb_printf(&b, "%s%s", k ? "|" : "", list.v[k]);
		assert_non_null(rows[i].want);
		assert_string_equal(sb_str(&b), rows[i].want);
	}
}

static void documents(void **state)
{
	static const struct row rows[] = {
		{ "no variables 'here'\n", "no variables 'here'\n" }, { "\"$PWD\"\n'$PWD'\n", "\"/home\"\n'/home'\n" }, { "\\$PWD \\\\ \\n\n", "$PWD \\ n\n" },
		{ "it's ${no:-fine}\n", "it's fine\n" }, { "${no:-it's}", "it's" }, { "$", "$" }, { "${", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		size_t spent = 0;
		struct df_vars vars = { get, NULL, '`', &spent };
		struct err e = { 0 };
		const char *out = NULL;

		if (df_expand_document(&a, &vars, rows[i].word, &out, &e) < 0)
			assert_null(rows[i].want);
		else
			assert_string_equal(out, rows[i].want);
	}
}

static void messages(void **state)
{
	static const struct {
		const char *word, *part;
	} rows[] = {
		{ "${no:?give me one}", "no: give me one" }, { "${no?}", "no: it must be set" }, { "${NULL:?}", "NULL: it may not be empty" },
		{ "'a", "closing '" }, { "\"a", "closing \"" }, { "${PWD", "}" }, { "${}", "name" }, { "${PWD=x}", "${PWD=…}" }, { "${f#\\q}", "\\q" },
	};
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_null(expand(&a, rows[i].word, '\\', &e));
		if (!strstr(e.msg, rows[i].part))
			fail_msg("%s: \"%s\" lacks \"%s\"", rows[i].word, e.msg, rows[i].part);
	}
}

/* ---- limits ---- */

static void nesting(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;
	struct err e;

	(void)state;
	for (unsigned int i = 0; i < DF_MAX_NESTING; i++)
		sb_puts(&b, "${no:-");
	sb_putc(&b, 'x');
	sb_fill(&b, '}', DF_MAX_NESTING);
	assert_string_equal(expand(&a, sb_str(&b), '\\', &e), "x");
	sb_reset(&b);
	for (unsigned int i = 0; i < 100000; i++)
		sb_puts(&b, "${no:-");
	assert_null(expand(&a, sb_str(&b), '\\', &e));
	assert_int_equal(e.cls, ERR_LIMIT);
}

static const char *get_long(void *data, const char *name)
{
	return strcmp(name, "long") == 0 ? data : NULL;
}

/* Short lines that would become very long, or take for ever. */
static void growth(void **state)
{
	static const char *const words[] = { "${long//a/aaaaaaaaaaaaaaaaaaaa}", "${long%%*a*a*a*a*a*a*b}${long/a*a*a*b/}", "$long" };
	CLEANUP_STRBUF struct strbuf value = STRBUF_INIT;

	(void)state;
	sb_fill(&value, 'a', 100000);
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;
		size_t spent = 0;
		struct df_vars vars = { get_long, value.s, '\\', &spent };
		struct err e = { 0 };
		const char *out;

		for (int k = 0; k < 10000; k++)
			sb_puts(&b, words[i]);
		assert_true(df_expand(&a, &vars, sb_str(&b), &out, &e) < 0);
		assert_int_equal(e.cls, ERR_LIMIT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quotes),	 cmocka_unit_test(names),     cmocka_unit_test(defaults), cmocka_unit_test(malformed),
		cmocka_unit_test(cuts),		 cmocka_unit_test(replacements), cmocka_unit_test(backtick), cmocka_unit_test(words),
		cmocka_unit_test(documents), cmocka_unit_test(messages), cmocka_unit_test(nesting), cmocka_unit_test(growth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
