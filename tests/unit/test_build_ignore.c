/* build/glob, build/ignore: what a pattern fits, and what is left out of a context. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/strbuf.h"
#include "build/glob.h"
#include "build/ignore.h"

struct row {
	const char *pattern, *path;
	int want; /* -1: the pattern is none */
};

static void check(const struct row *rows, size_t n, bool deep)
{
	for (size_t i = 0; i < n; i++) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		const struct glob *g;
		struct err e = { 0 };
		int got = glob_compile(&a, rows[i].pattern, deep, &g, &e) < 0 ? -1 : glob_matches(g, rows[i].path);

		if (got != rows[i].want)
			fail_msg("%s of %s: %d, want %d %s", rows[i].pattern, rows[i].path, got, rows[i].want, e.msg);
	}
}

static void plain(void **state)
{
	static const struct row rows[] = {
		{ "abc", "abc", 1 }, { "abc", "abcd", 0 }, { "abc", "ab", 0 }, { "*", "abc", 1 }, { "*", "", 1 }, { "*", "a/b", 0 }, { "*c", "abc", 1 },
		{ "a*", "a", 1 }, { "a*", "abc", 1 }, { "a*", "ab/c", 0 }, { "a*/b", "abc/b", 1 }, { "a*/b", "a/c/b", 0 }, { "a*b*c*d*e*/f", "axbxcxdxe/f", 1 },
		{ "a*b*c*d*e*/f", "axbxcxdxe/xxx/f", 0 }, { "a*b*c*d*e*/f", "axbxcxdxexxx/fff", 0 }, { "a*b?c*x", "abxbbxdbxebxczzx", 1 },
		{ "a*b?c*x", "abxbbxdbxebxczzy", 0 }, { "ab[c]", "abc", 1 }, { "ab[b-d]", "abc", 1 }, { "ab[e-g]", "abc", 0 }, { "ab[^c]", "abc", 0 },
		{ "ab[^b-d]", "abc", 0 }, { "ab[^e-g]", "abc", 1 }, { "a\\*b", "a*b", 1 }, { "a\\*b", "ab", 0 }, { "a?b", "a☺b", 1 }, { "a[^a]b", "a☺b", 1 },
		{ "a???b", "a☺b", 0 }, { "a[^a][^a][^a]b", "a☺b", 0 }, { "[a-ζ]*", "α", 1 }, { "*[a-ζ]", "A", 0 }, { "a?b", "a/b", 0 }, { "a*b", "a/b", 0 },
		{ "[\\]a]", "]", 1 }, { "[\\-]", "-", 1 }, { "[x\\-]", "x", 1 }, { "[x\\-]", "-", 1 }, { "[x\\-]", "z", 0 }, { "[\\-x]", "a", 0 },
		{ "[]a]", "]", -1 }, { "[-]", "-", -1 }, { "[x-]", "x", -1 }, { "[-x]", "x", -1 }, { "[a-b-c]", "a", -1 }, { "[", "a", -1 }, { "[^", "a", -1 },
		{ "[^bc", "a", -1 }, { "a[", "a", -1 }, { "a[", "ab", -1 }, { "\\", "a", -1 }, { "a\\", "a", -1 }, { "*x", "xxx", 1 }, { "[!a]", "a", 1 },
		{ "[!a]", "b", 0 }, { "a**b", "axyb", 1 }, { "a**b", "a/b", 0 }, { "", "", 1 }, { "", "a", 0 }, { "?", "\xff", 1 }, { "\xff", "\xff", 1 },
		{ "[a-]", "-", -1 }, { "a[/]b", "a/b", 1 }, { "]", "]", 1 },
	};

	(void)state;
	check(rows, ARRAY_LEN(rows), false);
}

static void deep(void **state)
{
	static const struct row rows[] = {
		{ "**", "file", 1 }, { "**", "dir/file", 1 }, { "**/", "file", 1 }, { "**/**", "dir/file", 1 }, { "dir/**", "dir/file", 1 }, { "dir/**", "dir", 0 },
		{ "dir/**", "dir/dir2/file", 1 }, { "**/dir", "dir", 1 }, { "**/dir", "a/b/dir", 1 }, { "**/dir2/*", "dir/dir2/file", 1 },
		{ "**/dir2/**", "dir/dir2/dir2/file", 1 }, { "**file", "file", 1 }, { "**file", "dir/file", 1 }, { "**file", "a/bfile", 1 }, { "**/file", "bfile", 0 },
		{ "**file*", "a/bfile", 0 }, { "**file*", "a/filex", 1 }, { "**/file*.txt", "dir/dir/file.txt", 1 }, { "**/file*txt", "dir/file.txt", 1 },
		{ "**/**/*.txt", "dir/dir/file.txt", 1 }, { "**/**/*.txt", "file.txt", 1 }, { "**/*.txt", "a.txt2", 0 }, { "a**/*.txt", "a/file.txt", 1 },
		{ "a**/*.txt", "a/dir/dir/file.txt", 1 }, { "a/*.txt", "a/dir/file.txt", 0 }, { "a/*.txt**", "a/file.txt", 1 }, { "a/*.txt**", "a/x.txt/y", 1 },
		{ "a[b-d]e", "ace", 1 }, { ".*", ".foo", 1 }, { ".*", "foo", 0 }, { "abc.def", "abcZdef", 0 }, { "abc?def", "abcdef", 0 }, { "a\\\\", "a\\", 1 },
		{ "**/foo/bar", "foo/bar", 1 }, { "**/foo/bar", "dir/dir2/foo/bar", 1 }, { "**/foo/bar", "dir/foo/x/bar", 0 }, { "abc/**", "abc/def/ghi", 1 },
		{ "**/.foo", ".foo", 1 }, { "**/.foo", "bar.foo", 0 }, { "a(b)c/def", "a(b)c/def", 1 }, { "a.|)$(}+{bc", "a.|)$(}+{bc", 1 }, { "a\\*b", "a*b", 1 },
		{ "a**b", "a/x/b", 1 }, { "a**b", "ab", 1 }, { "a**b", "axb", 0 }, { "a/**/b", "a/b", 1 }, { "a/**/b", "a/x/y/b", 1 }, { "a/**/b", "ab", 0 },
		{ "a**", "abc/d", 1 }, { "a**", "b", 0 }, { "***", "a/b", 1 }, { "**/a**/b", "x/ay/b", 1 }, { "**/a**/b", "x/ayb", 0 }, { "**/a**/b", "x/a/q/b", 1 }, { "**/[ab]", "x/a", 1 },
	};

	(void)state;
	check(rows, ARRAY_LEN(rows), true);
}

/* Every path below is tried, so that "no" is never said too early. */
static void below(void **state)
{
	static const struct row rows[] = {
		{ "a/b", "a", 1 }, { "a/b", "b", 0 }, { "a/b", "a/b", 0 }, { "a/b/c", "a/b", 1 }, { "a", "a", 0 }, { "*", "a", 0 }, { "*/x", "a", 1 },
		{ "*/x", "a/b", 0 }, { "**/x", "a/b/c", 1 }, { "**", "a", 1 }, { "a/**", "a", 1 }, { "a/**", "b", 0 }, { "a*/c", "ab", 1 }, { "a*/c", "ba", 0 },
		{ "abc/d", "ab", 0 }, { "ab/d", "abc", 0 }, { "\\a/b", "a", 1 }, { "[ab]/c", "b", 1 }, { "[ab]/c", "c", 0 }, { "a/b*/c/d", "a/bx/c", 1 },
		{ "a/b*/c/d", "a/bx/d", 0 }, { "a/", "a", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		const struct glob *g;
		struct err e = { 0 };

		assert_int_equal(glob_compile(&a, rows[i].pattern, true, &g, &e), 0);
		if (glob_matches_below(g, rows[i].path) != rows[i].want)
			fail_msg("%s below %s: want %d", rows[i].pattern, rows[i].path, rows[i].want);
	}
}

static void special(void **state)
{
	(void)state;
	assert_true(glob_is_pattern("a*"));
	assert_true(glob_is_pattern("a[b]"));
	assert_true(glob_is_pattern("?"));
	assert_false(glob_is_pattern("a\\*"));
	assert_false(glob_is_pattern("a.b/c"));
	assert_false(glob_is_pattern("a\\"));
}

/* Stars that a matcher which goes back would be years with. */
static void hostile(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf pattern = STRBUF_INIT, path = STRBUF_INIT;
	const struct glob *g;
	struct err e = { 0 };

	(void)state;
	sb_fill(&pattern, '*', 5000);
	assert_true(glob_compile(&a, sb_str(&pattern), true, &g, &e) < 0);
	assert_int_equal(e.cls, ERR_LIMIT);
	sb_reset(&pattern);
	sb_fill(&path, 'a', 4000);
	for (int i = 0; i < 1000; i++)
		sb_puts(&pattern, "**a");
	sb_puts(&pattern, "b");
	assert_int_equal(glob_compile(&a, sb_str(&pattern), true, &g, &e), 0);
	assert_false(glob_matches(g, sb_str(&path)));
}

/* ---- lists ---- */

static void parse(struct arena *a, const char *text, struct ignore *out)
{
	struct err e = { 0 };

	*out = (struct ignore){ 0 };
	if (ignore_parse(a, text, strlen(text), out, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
}

static void lists(void **state)
{
	static const struct row rows[] = {
		{ "docs", "docs", 1 }, { "docs", "docs/a", 1 }, { "docs", "x/docs", 0 }, { "/docs/", "docs/a/b", 1 }, { "./docs", "docs", 1 }, { "docs/../src", "src", 1 },
		{ "docs/../src", "docs", 0 }, { "a//b", "a/b", 1 }, { "# c\ndocs", "docs", 1 }, { "#docs", "#docs", 0 }, { " #docs", "#docs", 1 }, { "  docs  \r\n", "docs", 1 },
		{ "\xef\xbb\xbf" "docs", "docs", 1 }, { "\n\n", "a", 0 }, { "", "a", 0 }, { "*.md\n!README.md", "README.md", 0 }, { "*.md\n!README.md", "a.md", 1 },
		{ "*.md\n!README*.md\nREADME-secret.md", "README-secret.md", 1 }, { "*.md\nREADME-secret.md\n!README*.md", "README-secret.md", 0 },
		{ "**\n!util/docker/web", "util/docker/web/foo", 0 }, { "**\n!util/docker/web\nutil/docker/web/foo", "util/docker/web/foo", 1 }, { "**\n!a", "b", 1 },
		{ "a\n! a/b", "a/b", 0 }, { "a\n!/a/b/", "a/b/c", 0 }, { "a/*\n!a/b", "a/b/c", 0 }, { "a/*\n!a/b", "a/c", 1 }, { "a/*\n!a/b", "a", 0 },
		{ "!a\na", "a", 1 }, { "*\n!.git\n.git/x", ".git/x", 1 }, { "*\n!.git\n.git/x", ".git/y", 0 }, { "*/temp*", "x/temp", 1 }, { "*/temp*", "x/temporary.txt", 1 },
		{ "*/temp*", "temp", 0 }, { "*/*/temp*", "a/b/temp", 1 }, { "temp?", "tempa", 1 }, { "temp?", "temp", 0 }, { "**/*.go", "a/b/c.go", 1 }, { "**/*.go", "c.go", 1 },
		{ ".", "a", 0 }, { "/", "a", 0 }, { "..", "a", 0 }, { "../a", "a", 0 }, { "a/..", "a", 0 }, { "../../x/../a", "a", 0 }, { "**/x\n!**/x/keep", "a/x/keep", 0 },
		{ "**/x\n!**/x/keep", "a/x/b", 1 }, { "a\\*", "a*", 1 }, { "a\\*", "ab", 0 }, { "a b", "a b", 1 }, { "a/./b/", "a/b", 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		struct ignore ig;

		parse(&a, rows[i].pattern, &ig);
		if (ignore_matches(&ig, rows[i].path) != rows[i].want)
			fail_msg("\"%s\" of %s: want %d", rows[i].pattern, rows[i].path, rows[i].want);
	}
}

/* What may be passed over without a look, and what not. */
static void whole(void **state)
{
	static const struct row rows[] = {
		{ "a", "a", 1 }, { "a\n!a/b", "a", 0 }, { "a\n!b", "a", 1 }, { "a\n!b/c", "a", 1 }, { "!a/b\na", "a", 1 }, { "a\n!**/keep", "a", 0 }, { "a\n!*.md", "a", 1 },
		{ "a\n!*/*.md", "a", 0 }, { "a/b\n!a/c", "a/b", 1 }, { "b", "a", 0 }, { "a/**", "a", 0 }, { "a\n!a", "a", 0 }, { "*\n!src\nsrc/gen", "src/gen", 1 },
		{ "*\n!src", "src", 0 }, { "*\n!src/lib/x", "src", 0 }, { "*\n!src/lib/x", "doc", 1 }, { "a\n!a/b\na/b", "a", 0 }, { "a\na/b", "a", 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		struct ignore ig;
		char up[64];
		const char *slash = strchr(rows[i].path, '/');
		int last = IGNORE_NONE;

		parse(&a, rows[i].pattern, &ig);
		if (slash) {
			(void)snprintf(up, sizeof(up), "%.*s", (int)(slash - rows[i].path), rows[i].path);
			last = ignore_step(&ig, up, last);
		}
		last = ignore_step(&ig, rows[i].path, last);
		if (ignore_whole(&ig, rows[i].path, last) != rows[i].want)
			fail_msg("\"%s\" of %s: want %d", rows[i].pattern, rows[i].path, rows[i].want);
	}
}

static void refused(void **state)
{
	static const char *const texts[] = { "a\n!", "a\n!  ", "a\n[", "a\n[]x]", "a\na\\", "a\n![" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		struct ignore ig = { 0 };
		struct err e = { 0 };

		assert_true(ignore_parse(&a, texts[i], strlen(texts[i]), &ig, &e) < 0);
		assert_int_equal(e.cls, ERR_INVALID);
		assert_int_equal(strncmp(e.msg, "line 2: ", 8), 0);
	}
	{
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		struct ignore ig = { 0 };
		struct err e = { 0 };

		assert_true(ignore_parse(&a, "a\nb\0c", 5, &ig, &e) < 0);
		assert_non_null(strstr(e.msg, "NUL"));
		assert_true(ignore_parse(&a, "\x1b[31m[", 6, &ig, &e) < 0);
		assert_null(strchr(e.msg, '\x1b'));
	}
}

static void one_by_one(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct ignore ig = { 0 };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(ignore_add(&a, "*.txt", &ig, &e), 0);
	assert_int_equal(ignore_add(&a, "", &ig, &e), 0);
	assert_int_equal(ignore_add(&a, "!keep.txt", &ig, &e), 0);
	assert_int_equal(ig.n, 2);
	assert_true(ignore_matches(&ig, "a.txt"));
	assert_false(ignore_matches(&ig, "keep.txt"));
	assert_false(ignore_matches(&ig, "sub/a.txt"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain), cmocka_unit_test(deep),  cmocka_unit_test(below),   cmocka_unit_test(special),	 cmocka_unit_test(hostile),
		cmocka_unit_test(lists), cmocka_unit_test(whole), cmocka_unit_test(refused), cmocka_unit_test(one_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
