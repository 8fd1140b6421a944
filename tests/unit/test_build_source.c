/* build/source, build/filemode: what ADD fetches, what --chmod makes of a mode. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/strbuf.h"
#include "build/filemode.h"
#include "build/source.h"

static void put(struct strbuf *b, const char *name, const char *value)
{
	if (value)
		sb_printf(b, " %s=%s", name, value);
}

static void sources(void **state)
{
	static const char *const rows[][2] = {
		{ "a/b", "files a/b" },
		{ "http:", "files http:" },
		{ "github.com/a/b.git", "files github.com/a/b.git" },
		{ "a@b", "files a@b" },
		{ "a@b/c:d", "files a@b/c:d" },
		{ "@b:c", "files @b:c" },
		{ "./git@a:b", "files ./git@a:b" },
		{ "http://a/b.tar?x=y#z", "http http://a/b.tar?x=y#z" },
		{ "HTTPS://a/b", "http HTTPS://a/b" },
		{ "https://a/b.gitx", "http https://a/b.gitx" },
		{ "https://a/b.git", "git https://a/b.git" },
		{ "https://a/b?c=.git", "http https://a/b?c=.git" },
		{ "https://a/b.git#v1", "git https://a/b.git ref=v1" },
		{ "https://a/b.git#v1:c/d", "git https://a/b.git ref=v1 subdir=c/d" },
		{ "https://a/b.git#:c", "git https://a/b.git subdir=c" },
		{ "https://a/b.git#", "git https://a/b.git" },
		{ "git://a/b", "git git://a/b" },
		{ "ssh://git@a:22/b#x", "git ssh://git@a:22/b ref=x" },
		{ "SSH://git@A/B", "git ssh://git@A/B" },
		{ "HTTPs://a/B.git#V", "git https://a/B.git ref=V" },
		{ "git@a.b:c/d.git#x:y", "git git@a.b:c/d.git ref=x subdir=y" },
		{ "https://a/b.git?ref=x&subdir=y%2fz", "git https://a/b.git ref=x subdir=y/z" },
		{ "https://a/b.git?tag=v1", "git https://a/b.git ref=refs/tags/v1" },
		{ "https://a/b.git?tag=refs/tags/v1", "git https://a/b.git ref=refs/tags/v1" },
		{ "https://a/b.git?branch=m&commit=abc", "git https://a/b.git ref=refs/heads/m commit=abc" },
		{ "https://a/b.git?checksum=abc&keep-git-dir&submodules=false", "git https://a/b.git commit=abc keep !submodules" },
		{ "https://a/b.git?&keep-git-dir=0&", "git https://a/b.git !keep" },
		{ "https://a/b.git?ref=x#x", "git https://a/b.git ref=x" },
		{ "https://a/b.git?ref=x#y", "!ref=x: y was said before" },
		{ "https://a/b.git?tag=x&branch=x", "!branch=refs/heads/x: refs/tags/x was said before" },
		{ "https://a/b.git?ref=", "!the key ref wants a value" },
		{ "https://a/b.git?ref", "!the key ref wants a value" },
		{ "https://a/b.git?nope=1", "!unknown key \"nope\"" },
		{ "https://a/b.git?mtime=commit", "!mtime is not supported" },
		{ "https://a/b.git?keep-git-dir=maybe", "!want true or false" },
		{ "https://a/b.git?ref=%4", "!two hex digits" },
		{ "https://a/b.git?ref=%00", "!two hex digits" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		static const char *const kinds[] = { "files", "http", "git" };
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;
		struct df_source s;
		struct err e = { 0 };

		if (df_source_parse(&a, rows[i][0], &s, &e) < 0) {
			if (rows[i][1][0] != '!' || !strstr(e.msg, rows[i][1] + 1))
				fail_msg("%s: %s", rows[i][0], e.msg);
			continue;
		}
		sb_printf(&b, "%s %s", kinds[s.kind], s.url);
		put(&b, "ref", s.ref);
		put(&b, "subdir", s.subdir);
		put(&b, "commit", s.commit);
		sb_puts(&b, s.keep_git_dir == DF_YES ? " keep" : s.keep_git_dir == DF_NO ? " !keep" : "");
		sb_puts(&b, s.submodules == DF_YES ? " submodules" : s.submodules == DF_NO ? " !submodules" : "");
		assert_string_equal(sb_str(&b), rows[i][1]);
	}
}

static void modes(void **state)
{
	static const struct {
		const char *text;
		mode_t old;
		bool dir;
		int want; /* -1: none */
	} rows[] = {
		{ "755", 0, false, 0755 }, { "0", 0777, false, 0 }, { "07777", 0, false, 07777 }, { "10000", 0, false, -1 }, { "8", 0, false, -1 }, { "", 0, false, -1 },
		{ "-1", 0, false, -1 }, { "u+x", 0644, false, 0744 }, { "+x", 0644, false, 0755 }, { "a-w", 0666, false, 0444 }, { "go=", 0777, false, 0700 },
		{ "u=rw,go=r", 0777, false, 0644 }, { "u=rwX,go=rX", 0600, false, 0644 }, { "u=rwX,go=rX", 0600, true, 0755 }, { "a+X", 0611, false, 0711 },
		{ "a+X", 0644, false, 0644 }, { "g=u", 0740, false, 0770 }, { "o=g", 0750, false, 0755 }, { "u+s", 0755, false, 04755 }, { "g+s", 0755, false, 02755 },
		{ "ug+s", 0755, false, 06755 }, { "+t", 0777, true, 01777 }, { "u-s", 06755, false, 02755 }, { "a=rx", 06777, false, 0555 }, { "u=g-w+x", 0060, false, 0560 },
		{ "ug=rw,o-rwx", 0777, false, 0660 }, { "+", 0644, false, 0644 }, { "u", 0, false, -1 }, { "u+x,", 0, false, -1 }, { ",u+x", 0, false, -1 }, { "z+x", 0, false, -1 },
		{ "u+q", 0, false, -1 }, { "u+x g+x", 0, false, -1 }, { "u=ug", 0700, false, -1 }, { "755x", 0, false, -1 }, { "u+x", 0100644, false, 0744 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		mode_t got = 0;
		int r = df_filemode(rows[i].text, rows[i].old, rows[i].dir, &got) < 0 ? -1 : (int)got;

		if (r != rows[i].want)
			fail_msg("%s of %o: %o, want %o", rows[i].text, rows[i].old, (unsigned int)r, (unsigned int)rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(sources), cmocka_unit_test(modes) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
