/* build/lex, split, heredoc, instruction, parse: the text of a Dockerfile as typed instructions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/strbuf.h"
#include "build/dockerfile.h"

/* ---- the lines of a file, as "first-last text" each ---- */

static void put_line(struct strbuf *b, const struct df_line *line)
{
	sb_printf(b, "%u-%u %s", line->first, line->last, line->text);
	for (size_t i = 0; i < line->docs.n; i++)
		sb_printf(b, " {%s%s:%s}", line->docs.v[i].name, line->docs.v[i].expand ? "" : "!", line->docs.v[i].content);
	sb_putc(b, ';');
}

static void check_lines(const char *text, size_t len, const char *want)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;
	struct df_lines lines;
	struct err e = { 0 };

	if (df_lex(&a, text, len, &lines, &e) < 0)
		sb_printf(&b, "E %s", e.msg);
	else
		for (size_t i = 0; i < lines.n; i++)
			put_line(&b, &lines.v[i]);
	if (want[0] == 'E' ? strncmp(sb_str(&b), want, strlen(want)) != 0 : strcmp(sb_str(&b), want) != 0)
		fail_msg("%s\ngot  %s\nwant %s", text, sb_str(&b), want);
}

static void lines(void **state)
{
	static const char *const rows[][2] = {
		{ "", "" },
		{ "\n\n  \n# comment\n", "" },
		{ "FROM a", "1-1 FROM a;" },
		{ "FROM a\nRUN b\n", "1-1 FROM a;2-2 RUN b;" },
		{ "FROM a\r\nRUN b\r\n", "1-1 FROM a;2-2 RUN b;" },
		{ "\xef\xbb\xbf" "FROM a\n", "1-1 FROM a;" },
		{ "  \tFROM a  \n", "1-1 FROM a  ;" },
		{ "RUN a \\\n  b\n", "1-2 RUN a   b;" },
		{ "RUN a\\\nb\n", "1-2 RUN ab;" },
		{ "RUN a \\  \t\n b\n", "1-2 RUN a  b;" },
		{ "RUN a \\\r\n b\r\n", "1-2 RUN a  b;" },
		{ "RUN a \\\n# comment\n  # another\n b\n", "1-4 RUN a  b;" },
		{ "RUN a \\\n\n\n b\n", "1-4 RUN a  b;" },
		{ "RUN a \\\n \\\n b\n", "1-3 RUN a   b;" },
		{ "RUN a \\\\\nRUN b\n", "1-1 RUN a \\\\;2-2 RUN b;" },
		{ "RUN a \\", "1-1 RUN a ;" },
		{ "RUN a \\\n", "1-1 RUN a ;" },
		{ "\\\nRUN a\n", "1-2 RUN a;" },
		{ "FROM a\n\\\n", "E line 2: a lone \\" },
		{ "RUN a # no comment\n", "1-1 RUN a # no comment;" },
		{ "RUN a \\ b\n", "1-1 RUN a \\ b;" },
		{ "# escape=`\nRUN a `\n b \\\nRUN c\n", "2-3 RUN a  b \\;4-4 RUN c;" },
		{ "# Escape = ` \nRUN a `\n b\n", "2-3 RUN a  b;" },
		{ "\n# escape=`\nRUN a `\n", "3-3 RUN a `;" },
		{ "# comment\n# escape=`\nRUN a `\n", "3-3 RUN a `;" },
		{ "# syntax=docker/dockerfile:1\n# escape=`\nRUN a `\n b\n", "3-4 RUN a  b;" },
		{ "#!/usr/bin/env dockerfile\n# escape=`\nRUN a `\n b\n", "3-4 RUN a  b;" },
		{ "# syntax=x\n#!/bin/sh\n# escape=`\nRUN a `\n", "4-4 RUN a `;" },
		{ "# unknown=x\n# escape=`\nRUN a `\n", "3-3 RUN a `;" },
		{ "# escape=\x1b\n", "E line 1: # escape=\\x1b: the" },
		{ "# escape=x\n", "E line 1: # escape=x" },
		{ "# escape=\nRUN a \\\nb\n", "2-3 RUN a b;" },
		{ "# escape=\\\n# escape=`\n", "E line 2: # escape= was there already" },
		{ "#syntax=a\n#SYNTAX=b\n", "E line 2: # syntax= was there already" },
		{ "RUN \xff\n", "E line 1: byte 5 is no UTF-8" },
		{ "# \xff\nRUN a\n", "2-2 RUN a;" },
		{ "RUN ä ☺\n", "1-1 RUN ä ☺;" },
		{ "RUN --mount=\"a\n", "E line 1: the quote in the flag" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check_lines(rows[i][0], strlen(rows[i][0]), rows[i][1]);
	check_lines("FROM a\nRUN b\0c\n", 15, "E line 2: a NUL byte");
}

static void heredocs(void **state)
{
	static const char *const rows[][2] = {
		{ "RUN <<EOF\na\n b\nEOF\nRUN c\n", "1-4 RUN <<EOF {EOF:a\n b\n};5-5 RUN c;" },
		{ "RUN <<EOF\nEOF", "1-2 RUN <<EOF {EOF:};" },
		{ "RUN <<EOF\r\na\r\nEOF\r\n", "1-3 RUN <<EOF {EOF:a\r\n};" },
		{ "RUN <<EOF\n\tEOF\nEOF\n", "1-3 RUN <<EOF {EOF:\tEOF\n};" },
		{ "RUN <<-EOF\n\t\ta\n\t b\n\n\tEOF\n", "1-5 RUN <<-EOF {EOF:a\n b\n\n};" },
		{ "RUN <<-EOF\r\n\t\r\n\tEOF\r\n", "1-3 RUN <<-EOF {EOF:\r\n};" },
		{ "RUN <<'EOF'\n$a\nEOF\n", "1-3 RUN <<'EOF' {EOF!:$a\n};" },
		{ "RUN <<\"EOF\"\nEOF\n", "1-2 RUN <<\"EOF\" {EOF!:};" },
		{ "RUN <<E\"O\"F\nEOF\n", "1-2 RUN <<E\"O\"F {EOF!:};" },
		{ "RUN <<eo\\'f\neo'f\n", "1-2 RUN <<eo\\'f {eo'f:};" },
		{ "RUN <<'one two'\none two\n", "1-2 RUN <<'one two' {one two!:};" },
		{ "RUN <<$EOF\n$EOF\n", "1-2 RUN <<$EOF {$EOF:};" },
		{ "RUN <<  EOF > x\nEOF\n", "1-2 RUN <<  EOF > x {EOF:};" },
		{ "# escape=`\nRUN <<EOF\\\nEOF\n", "2-3 RUN <<EOF\\ {EOF:};" },
		{ "RUN 3<<EOF\nEOF\n", "1-2 RUN 3<<EOF {EOF:};" },
		{ "RUN cat <<A <<B\na\nA\nb\nB\n", "1-5 RUN cat <<A <<B {A:a\n} {B:b\n};" },
		{ "COPY <<X <<Y /d\nY\nX\nX\nY\n", "1-5 COPY <<X <<Y /d {X:Y\n} {Y:X\n};" },
		{ "RUN --mount=type=cache,target=/x <<EOF\na\nEOF\n", "1-3 RUN --mount=type=cache,target=/x <<EOF {EOF:a\n};" },
		{ "RUN <<EOF\n# no comment\na \\\nEOF\nRUN b\n", "1-4 RUN <<EOF {EOF:# no comment\na \\\n};5-5 RUN b;" },
		{ "run a \\\n <<EOF\nx\nEOF\n", "1-4 run a  <<EOF {EOF:x\n};" },
		{ "ONBUILD RUN <<EOF\na\nEOF\n", "1-3 ONBUILD RUN <<EOF {EOF:a\n};" },
		{ "ADD <<a.txt /b\nx\na.txt\n", "1-3 ADD <<a.txt /b {a.txt:x\n};" },
		{ "RUN <<EOF\n\xff\nEOF\n", "1-3 RUN <<EOF {EOF:\xff\n};" },
		/* none of these */
		{ "RUN \"<<EOF\"\nRUN b\n", "1-1 RUN \"<<EOF\";2-2 RUN b;" },
		{ "RUN a<<EOF\nRUN b\n", "1-1 RUN a<<EOF;2-2 RUN b;" },
		{ "RUN cat <<<word\nRUN b\n", "1-1 RUN cat <<<word;2-2 RUN b;" },
		{ "RUN [\"<<EOF\"]\nRUN b\n", "1-1 RUN [\"<<EOF\"];2-2 RUN b;" },
		{ "RUN don't <<EOF\nRUN b\n", "1-1 RUN don't <<EOF;2-2 RUN b;" },
		{ "USER <<EOF\nRUN b\n", "1-1 USER <<EOF;2-2 RUN b;" },
		{ "ONBUILD USER <<EOF\nRUN b\n", "1-1 ONBUILD USER <<EOF;2-2 RUN b;" },
		{ "RUN a <<\nRUN b\n", "1-1 RUN a <<;2-2 RUN b;" },
		{ "RUN <<''\nRUN b\n", "1-1 RUN <<'';2-2 RUN b;" },
		{ "RUN \\<<EOF\nRUN b\n", "1-1 RUN \\<<EOF;2-2 RUN b;" },
		{ "FROM a\nRUN <<EOF\na\n", "E line 2: the here-document <<EOF has no end" },
		{ "RUN <<A <<B\nB\nA\n", "E line 1: the here-document <<B has no end" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check_lines(rows[i][0], strlen(rows[i][0]), rows[i][1]);
}

static void limits(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;
	struct df_lines out;
	struct err e = { 0 };

	(void)state;
	sb_puts(&b, "RUN ");
	sb_fill(&b, 'a', DF_MAX_LINE);
	assert_true(df_lex(&a, b.s, b.len, &out, &e) < 0);
	assert_int_equal(e.cls, ERR_LIMIT);
	sb_reset(&b);
	for (unsigned int i = 0; i <= DF_MAX_INSTRUCTIONS; i++)
		sb_puts(&b, "A\n");
	assert_true(df_lex(&a, b.s, b.len, &out, &e) < 0);
	assert_int_equal(e.cls, ERR_LIMIT);
	sb_fill(&b, '\n', DF_MAX_BYTES);
	assert_true(df_lex(&a, b.s, b.len, &out, &e) < 0);
	assert_int_equal(e.cls, ERR_LIMIT);
	/* as deep as the line is long */
	sb_reset(&b);
	for (int i = 0; i < 100000; i++)
		sb_puts(&b, "ONBUILD ");
	{
		struct df_instruction what;

		assert_true(df_parse_trigger(&a, sb_str(&b), 1, &what, &e) < 0);
	}
}

/* ---- one instruction, as a text of all that it says ---- */

static void put_list(struct strbuf *b, const char *name, const struct df_list *list)
{
	if (!list->n)
		return;
	sb_printf(b, " %s", name);
	for (size_t i = 0; i < list->n; i++)
		sb_printf(b, "%s%s", i ? "|" : "=", list->v[i]);
}

static void put_text(struct strbuf *b, const char *name, const char *value)
{
	if (value)
		sb_printf(b, " %s=%s", name, value);
}

static void put_choice(struct strbuf *b, const char *name, enum df_choice c)
{
	if (c != DF_UNSAID)
		sb_printf(b, " %s%s", c == DF_NO ? "!" : "", name);
}

static void put_command(struct strbuf *b, const struct df_command *c)
{
	sb_puts(b, c->exec ? " exec" : " shell");
	for (size_t i = 0; i < c->argv.n; i++)
		sb_printf(b, "%s%s", i ? "|" : "=", c->argv.v[i]);
}

static void put_copy(struct strbuf *b, const struct df_copy *c)
{
	put_list(b, "src", &c->sources);
	for (size_t i = 0; i < c->docs.n; i++)
		sb_printf(b, " {%s:%s}", c->docs.v[i].name, c->docs.v[i].content);
	put_text(b, "dest", c->dest);
	put_text(b, "from", c->from);
	put_text(b, "chown", c->chown);
	put_text(b, "chmod", c->chmod);
	put_text(b, "checksum", c->checksum);
	put_choice(b, "link", c->link);
	put_choice(b, "parents", c->parents);
	put_choice(b, "keep", c->keep_git_dir);
	put_choice(b, "unpack", c->unpack);
	put_list(b, "exclude", &c->excludes);
}

static void put_run(struct strbuf *b, const struct df_run *r)
{
	static const char *const networks[] = { "", " net=none", " net=host" };

	put_command(b, &r->command);
	sb_puts(b, r->script ? " script" : "");
	put_list(b, "mount", &r->mount_texts);
	sb_puts(b, networks[r->network]);
	sb_puts(b, r->security == DF_SECURITY_INSECURE ? " insecure" : "");
}

static void put_health(struct strbuf *b, const struct df_health *h)
{
	if (h->none) {
		sb_puts(b, " none");
		return;
	}
	put_command(b, &h->command);
	sb_printf(b, " %lld/%lld/%lld/%lld/%lld", (long long)h->interval / 1000000, (long long)h->timeout / 1000000, (long long)h->start_period / 1000000,
		  (long long)h->start_interval / 1000000, (long long)h->retries);
}

static void put_instruction(struct strbuf *b, const struct df_instruction *i)
{
	sb_puts(b, df_kind_name(i->kind));
	switch (i->kind) {
	case DF_ADD:
	case DF_COPY:
		put_copy(b, &i->copy);
		break;
	case DF_ARG:
	case DF_ENV:
	case DF_LABEL:
		sb_puts(b, i->pairs.spaced ? " spaced" : "");
		for (size_t k = 0; k < i->pairs.n; k++)
			sb_printf(b, " [%s]%s%s", i->pairs.v[k].key, i->pairs.v[k].value ? "=" : "", i->pairs.v[k].value ? i->pairs.v[k].value : "");
		break;
	case DF_CMD:
	case DF_ENTRYPOINT:
	case DF_SHELL:
		put_command(b, &i->command);
		break;
	case DF_EXPOSE:
	case DF_VOLUME:
		put_list(b, "list", &i->list);
		break;
	case DF_FROM:
		put_text(b, "base", i->from.base);
		put_text(b, "name", i->from.name);
		put_text(b, "platform", i->from.platform);
		break;
	case DF_HEALTHCHECK:
		put_health(b, &i->health);
		break;
	case DF_ONBUILD:
		put_text(b, "trigger", i->trigger);
		break;
	case DF_RUN:
		put_run(b, &i->run);
		break;
	default:
		put_text(b, "word", i->word);
	}
}

static void check_instruction(const char *text, const char *want)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT, file = STRBUF_INIT;
	struct df_file f;
	struct err e = { 0 };

	sb_printf(&file, "FROM x\n%s\n", text);
	if (df_parse(&a, file.s, file.len, &f, &e) < 0)
		sb_puts(&b, e.msg);
	else if (f.n_stages > 1)
		put_instruction(&b, &f.stages[1].from);
	else if (f.stages[0].n)
		put_instruction(&b, &f.stages[0].v[0]);
	if (want[0] == '!') { /* an error: in line 2, with these words */
		if (e.code >= 0 || strncmp(e.msg, "line 2: ", 8) != 0 || !strstr(e.msg, want + 1))
			fail_msg("%s\ngot  %s\nwant an error with \"%s\"", text, sb_str(&b), want + 1);
	} else if (strcmp(sb_str(&b), want) != 0) {
		fail_msg("%s\ngot  %s\nwant %s", text, sb_str(&b), want);
	}
}

static void check_all(const char *const (*rows)[2], size_t n)
{
	for (size_t i = 0; i < n; i++)
		check_instruction(rows[i][0], rows[i][1]);
}

static void commands(void **state)
{
	static const char *const rows[][2] = {
		{ "RUN echo  hi ", "RUN shell=echo  hi" },
		{ "run echo hi", "RUN shell=echo hi" },
		{ "RUN [\"echo\", \"hi\"]", "RUN exec=echo|hi" },
		{ "RUN [ \"a\" ]  ", "RUN exec=a" },
		{ "RUN [\"a\", 'b']", "RUN shell=[\"a\", 'b']" },
		{ "RUN [ -f x ] && y", "RUN shell=[ -f x ] && y" },
		{ "RUN [\"a\" \"b\"]", "RUN shell=[\"a\" \"b\"]" },
		{ "RUN [\"a\"", "RUN shell=[\"a\"" },
		{ "RUN [\"a\"] b", "RUN shell=[\"a\"] b" },
		{ "RUN [\"a\\u00e4\\n\"]", "RUN exec=aä\n" },
		{ "RUN [1]", "!strings alone" },
		{ "RUN [\"a\", null]", "!strings alone" },
		{ "RUN", "!RUN wants a command" },
		{ "RUN []", "!RUN wants a command" },
		{ "RUN $x \"$y\"", "RUN shell=$x \"$y\"" },
		{ "RUN -- --x", "RUN shell=--x" },
		{ "RUN --x y", "!unknown flag --x" },
		{ "RUN <<EOF\na\nb\nEOF", "RUN shell=a\nb\n" },
		{ "RUN <<EOF\n#!/bin/py\nb\nEOF", "RUN shell=#!/bin/py\nb\n script" },
		{ "RUN cat <<-EOF > x\n\ta\n\tEOF", "RUN shell=cat <<-EOF > x\na\nEOF" },
		{ "RUN a <<A b <<B\n1\nA\n2\nB", "RUN shell=a <<A b <<B\n1\nA\n2\nB" },
		{ "CMD echo hi", "CMD shell=echo hi" },
		{ "CMD [\"a\",\"b\"]", "CMD exec=a|b" },
		{ "CMD []", "CMD exec" },
		{ "CMD", "!CMD wants a command, or []" },
		{ "CMD --x", "!unknown flag --x: it has none" },
		{ "ENTRYPOINT [\"/a\"]", "ENTRYPOINT exec=/a" },
		{ "ENTRYPOINT a b", "ENTRYPOINT shell=a b" },
		{ "ENTRYPOINT []", "ENTRYPOINT exec" },
		{ "SHELL [\"/bin/bash\", \"-c\"]", "SHELL exec=/bin/bash|-c" },
		{ "SHELL /bin/bash -c", "!a list in JSON" },
		{ "SHELL []", "!a list in JSON" },
		{ "SHELL", "!a list in JSON" },
	};

	(void)state;
	check_all(rows, ARRAY_LEN(rows));
}

static void run_flags(void **state)
{
	static const char *const rows[][2] = {
		{ "RUN --network=none a", "RUN shell=a net=none" },
		{ "RUN --network=host --security=insecure a", "RUN shell=a net=host insecure" },
		{ "RUN --network=default --security=sandbox a", "RUN shell=a" },
		{ "RUN --network=hots a", "!did you mean host?" },
		{ "RUN --network=bridge0 a", "!--network=bridge0: want default, none or host" },
		{ "RUN --mount=type=volume,target=/a c", "!type=volume: want bind, cache, tmpfs, secret or ssh" },
		{ "RUN --network a", "!--network wants a value" },
		{ "RUN --network=none --network=none a", "!--network was there already" },
		{ "RUN --security=x a", "!--security=x" },
		{ "RUN --device=x a", "!--device is not supported" },
		{ "RUN --mout=x a", "!did you mean --mount?" },
		{ "RUN --mount=type=cache,target=/a --mount=type=tmpfs,target=/b c", "RUN shell=c mount=type=cache,target=/a|type=tmpfs,target=/b" },
		{ "RUN --mount=type=bind,\"target=/a b\" c", "RUN shell=c mount=type=bind,target=/a b" },
		{ "RUN --mount=type=bund,target=/a c", "!did you mean bind?" },
		{ "RUN --mount=type=bind c", "RUN shell=c mount=type=bind" },
		{ "RUN --mount=type=cache,targte=/a c", "!did you mean target?" },
		{ "RUN --mount=type=secret c", "!id=" },
		{ "RUN --mount=type=bind,sharing=locked,target=/a c", "!type=bind has no key \"sharing\"" },
		{ "RUN --mount=type=cache,sharing=loked,target=/a c", "!did you mean locked?" },
		{ "RUN --mount=type=cache,mode=9,target=/a c", "!mode=9" },
		{ "RUN --mount=type=tmpfs,target=/a,size=x c", "!size=x" },
		{ "RUN --mount=from=$x,target=/a c", "!no variables in from" },
		{ "RUN --mount=target=$x,nope=1 c", "!unknown key \"nope\"" },
		{ "RUN --mount=type=$t,target=$x c", "RUN shell=c mount=type=$t,target=$x" },
		{ "RUN --mount=target c", "!target wants a value" },
		{ "RUN --mount=target=/a,ro=maybe c", "!ro=maybe" },
		{ "RUN --mount=\\\"target=/a c", "!double quote" },
		{ "RUN --mount=type=secret,source=a,id=b c", "!two names" },
	};

	(void)state;
	check_all(rows, ARRAY_LEN(rows));
}

static void copies(void **state)
{
	static const char *const rows[][2] = {
		{ "COPY a b", "COPY src=a dest=b" },
		{ "COPY a  b\tc /d/", "COPY src=a|b|c dest=/d/" },
		{ "COPY [\"a b\", \"c\"]", "COPY src=a b dest=c" },
		{ "COPY \"a b\" c", "COPY src=\"a|b\" dest=c" },
		{ "COPY --from=x --chown=1:2 --chmod=755 --link a b", "COPY src=a dest=b from=x chown=1:2 chmod=755 link" },
		{ "COPY --link=false --parents --exclude=a --exclude=*.b a b", "COPY src=a dest=b !link parents exclude=a|*.b" },
		{ "COPY --link=x a b", "!want true or false" },
		{ "COPY --link= a b", "!want true or false" },
		{ "COPY --from a b", "!--from wants a value" },
		{ "COPY --from= a b", "!a stage or an image" },
		{ "COPY --from=$x a b", "!no variables in --from" },
		{ "COPY --form=x a b", "!did you mean --from?" },
		{ "COPY --checksum=x a b", "!unknown flag --checksum" },
		{ "COPY --keep-git-dir a b", "!unknown flag" },
		{ "COPY a", "!COPY wants at least one source and a destination" },
		{ "COPY", "!COPY wants at least one source and a destination" },
		{ "COPY [\"a\"]", "!COPY wants at least one source" },
		{ "COPY [\"a\", 1]", "!strings alone" },
		{ "COPY <<EOF /x\na\nEOF", "COPY {EOF:a\n} dest=/x" },
		{ "COPY a <<A <<B /x/\n1\nA\n2\nB", "COPY src=a {A:1\n} {B:2\n} dest=/x/" },
		{ "COPY a <<EOF\nx\nEOF", "!behind the here-document" },
		{ "COPY <<'a b' /x\na b", "!may have no blanks" },
		{ "COPY <<EOF\nEOF", "!at least one source" },
		{ "ADD a b", "ADD src=a dest=b" },
		{ "ADD --checksum=sha256:1 --keep-git-dir=true --unpack=false --link --chmod=1 --chown=2 --exclude=3 http://a b",
		  "ADD src=http://a dest=b chown=2 chmod=1 checksum=sha256:1 link keep !unpack exclude=3" },
		{ "ADD --checksum=x a b c", "!one source" },
		{ "ADD --from=x a b", "!unknown flag --from" },
		{ "ADD --parents a b", "!unknown flag --parents" },
	};

	(void)state;
	check_all(rows, ARRAY_LEN(rows));
}

static void pairs(void **state)
{
	static const char *const rows[][2] = {
		{ "ENV a=b", "ENV [a]=b" },
		{ "ENV a=b c='d e' f=\"g h\" i=j\\ k", "ENV [a]=b [c]='d e' [f]=\"g h\" [i]=j\\ k" },
		{ "ENV a b  c=d ", "ENV spaced [a]=b  c=d" },
		{ "ENV a  \"b\"", "ENV spaced [a]=\"b\"" },
		{ "ENV a=", "ENV [a]=" },
		{ "ENV a='b\\' c=d", "ENV [a]='b\\' [c]=d" },
		{ "ENV a=b=c", "ENV [a]=b=c" },
		{ "ENV a=b\\", "ENV [a]=b" },
		{ "ENV a", "!want a=VALUE" },
		{ "ENV", "!ENV wants NAME=VALUE" },
		{ "ENV =b", "!want a name before the =" },
		{ "ENV a=b c", "!\"c\": want NAME=VALUE" },
		{ "ENV --x a=b", "!unknown flag" },
		{ "LABEL a.b/c=d \"e f\"=g", "LABEL [a.b/c]=d [\"e f\"]=g" },
		{ "LABEL a b", "LABEL spaced [a]=b" },
		{ "LABEL a=\"b \\\n c\"", "LABEL [a]=\"b  c\"" },
		{ "ARG a", "ARG [a]" },
		{ "ARG a=b c d='e f'", "ARG [a]=b [c] [d]='e f'" },
		{ "ARG a=", "ARG [a]=" },
		{ "ARG", "!ARG wants NAME" },
		{ "ARG =b", "!want a name" },
		{ "ARG --x", "!unknown flag" },
	};

	(void)state;
	check_all(rows, ARRAY_LEN(rows));
}

static void others(void **state)
{
	static const char *const rows[][2] = {
		{ "EXPOSE 80 443/tcp $x", "EXPOSE list=80|443/tcp|$x" },
		{ "EXPOSE", "!EXPOSE wants a port" },
		{ "VOLUME /a /b", "VOLUME list=/a|/b" },
		{ "VOLUME [\"/a b\"]", "VOLUME list=/a b" },
		{ "VOLUME", "!VOLUME wants a folder" },
		{ "VOLUME []", "!VOLUME wants a folder" },
		{ "VOLUME [\"\"]", "!folders with a name" },
		{ "USER a:b", "USER word=a:b" },
		{ "USER", "!USER wants a value" },
		{ "WORKDIR /a b", "WORKDIR word=/a b" },
		{ "WORKDIR \"/a b\"", "WORKDIR word=\"/a b\"" },
		{ "WORKDIR --x /a", "!unknown flag" },
		{ "STOPSIGNAL SIGKILL", "STOPSIGNAL word=SIGKILL" },
		{ "MAINTAINER a <b@c>", "MAINTAINER word=a <b@c>" },
		{ "MAINTAINER", "!MAINTAINER wants a value" },
		{ "FROM a", "FROM base=a" },
		{ "FROM --platform=$X a:1 AS B.c-d_1", "FROM base=a:1 name=b.c-d_1 platform=$X" },
		{ "FROM a as b", "FROM base=a name=b" },
		{ "FROM a b", "!FROM wants IMAGE" },
		{ "FROM", "!FROM wants IMAGE" },
		{ "FROM a IS b", "!FROM wants IMAGE" },
		{ "FROM a AS 1b", "!no name of a stage" },
		{ "FROM a AS b/c", "!no name of a stage" },
		{ "FROM --platfrom=x a", "!did you mean --platform?" },
		{ "HEALTHCHECK NONE", "HEALTHCHECK none" },
		{ "HEALTHCHECK none", "HEALTHCHECK none" },
		{ "HEALTHCHECK CMD curl  x", "HEALTHCHECK shell=curl  x 0/0/0/0/0" },
		{ "HEALTHCHECK --interval=1m30s --timeout=500ms --start-period=1h --start-interval=2s --retries=3 CMD [\"a\", \"b\"]",
		  "HEALTHCHECK exec=a|b 90000/500/3600000/2000/3" },
		{ "HEALTHCHECK --interval=0 cmd a", "HEALTHCHECK shell=a 0/0/0/0/0" },
		{ "HEALTHCHECK --interval=30 CMD a", "!its unit" },
		{ "HEALTHCHECK --interval=1us CMD a", "!one millisecond" },
		{ "HEALTHCHECK --timeout=-1s CMD a", "!one millisecond" },
		{ "HEALTHCHECK --retries=-1 CMD a", "!--retries=-1" },
		{ "HEALTHCHECK --retries=x CMD a", "!--retries=x" },
		{ "HEALTHCHECK NONE x", "!stands alone" },
		{ "HEALTHCHECK --interval=1s NONE", "!stands alone" },
		{ "HEALTHCHECK CMD", "!a command behind CMD" },
		{ "HEALTHCHECK CMD []", "!a command behind CMD" },
		{ "HEALTHCHECK a", "!CMD and a command, or NONE" },
		{ "HEALTHCHECK", "!CMD and a command, or NONE" },
		{ "ONBUILD RUN a", "ONBUILD trigger=RUN a" },
		{ "onbuild  copy --from=x a b", "ONBUILD trigger=copy --from=x a b" },
		{ "ONBUILD COPY <<A <<B /d\n1\nA\n2\nB", "ONBUILD trigger=COPY <<A <<B /d\n1\nA\n2\nB" },
		{ "ONBUILD", "!ONBUILD wants an instruction" },
		{ "ONBUILD ONBUILD RUN a", "!ONBUILD ONBUILD" },
		{ "ONBUILD FROM a", "!ONBUILD FROM" },
		{ "ONBUILD MAINTAINER a", "!ONBUILD MAINTAINER" },
		{ "ONBUILD RNU a", "!did you mean RUN?" },
		{ "ONBUILD COPY a", "!at least one source" },
		{ "RNU a", "!unknown instruction RNU (did you mean RUN?)" },
		{ "ENTRYPONT a", "!did you mean ENTRYPOINT?" },
		{ "xyzzyplugh a", "!unknown instruction xyzzyplugh" },
		{ "\x1b[31mRUN a", "!\\x1b[31mRUN" },
	};

	(void)state;
	check_all(rows, ARRAY_LEN(rows));
}

/* ---- files ---- */

static void files(void **state)
{
	static const char text[] = "# syntax=docker/dockerfile:1.4\n# check=error=true\nARG v=1\nARG w\nFROM a:$v AS one\nRUN x\nFROM one\nRUN y\nCMD z\n";
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct df_file f;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(df_parse(&a, text, strlen(text), &f, &e), 0);
	assert_string_equal(f.syntax, "docker/dockerfile:1.4");
	assert_string_equal(f.check, "error=true");
	assert_int_equal(f.n_args, 2);
	assert_int_equal(f.n_stages, 2);
	assert_int_equal(f.stages[0].n, 1);
	assert_int_equal(f.stages[1].n, 2);
	assert_int_equal(f.stages[1].v[1].first, 9);
	assert_string_equal(f.stages[1].v[1].text, "CMD z");
	assert_int_equal(f.warnings.n, 1);
	assert_int_equal(f.warnings.v[0].line, 2);
	assert_non_null(strstr(f.warnings.v[0].text, "# check="));
	assert_int_equal(df_find_stage(&f, "ONE", 2), 0);
	assert_int_equal(df_find_stage(&f, "one", 0), -1);
	assert_int_equal(df_find_stage(&f, "1", 2), 1);
	assert_int_equal(df_find_stage(&f, "1", 1), -1);
	assert_int_equal(df_find_stage(&f, "2", 2), -1);
}

static void whole_files(void **state)
{
	static const char *const rows[][2] = {
		{ "", "no FROM in it" }, { "ARG a\n", "no FROM in it" }, { "RUN a\nFROM b\n", "line 1: RUN a: want FROM before it" },
		{ "ARG a\nENV b=c\n", "line 2: ENV b=c: want FROM before it" }, { "FROM a\n\nCOPY b\n", "line 3: COPY b: COPY wants" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		struct df_file f;
		struct err e = { 0 };

		assert_true(df_parse(&a, rows[i][0], strlen(rows[i][0]), &f, &e) < 0);
		if (strncmp(e.msg, rows[i][1], strlen(rows[i][1])) != 0)
			fail_msg("%s: %s", rows[i][0], e.msg);
	}
}

static void warnings(void **state)
{
	static const struct {
		const char *text;
		unsigned int line;
		const char *part;
	} rows[] = {
		{ "FROM a\nRUN b \\\n\n c\n", 3, "blank line" }, { "FROM a\nCMD ['b']\n", 2, "no JSON list" }, { "FROM a AS x\nFROM b AS X\n", 2, "this name" },
		{ "# syntax=me/mine\nFROM a\n", 1, "# syntax=" }, { "# syntax=docker/dockerfilex\nFROM a\n", 1, "# syntax=" },
		{ "#!/x\n# escape=`\n# syntax=me/mine\nFROM a\n", 3, "# syntax=" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		struct df_file f;
		struct err e = { 0 };

		assert_int_equal(df_parse(&a, rows[i].text, strlen(rows[i].text), &f, &e), 0);
		assert_int_equal(f.warnings.n, 1);
		assert_int_equal(f.warnings.v[0].line, rows[i].line);
		assert_non_null(strstr(f.warnings.v[0].text, rows[i].part));
	}
}

static void triggers(void **state)
{
	static const char *const bad[] = { "", "RUN a\nRUN b", "FROM x", "ONBUILD RUN a", "MAINTAINER x", "NOPE", "RUN <<EOF\n" };
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct df_instruction what;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(df_parse_trigger(&a, "COPY <<A /x\n1\nA", 7, &what, &e), 0);
	assert_int_equal(what.kind, DF_COPY);
	assert_int_equal(what.first, 7);
	assert_string_equal(what.copy.docs.v[0].content, "1\n");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_true(df_parse_trigger(&a, bad[i], 7, &what, &e) < 0);
		assert_null(strstr(e.msg, "line 7")); /* the caller's to say */
	}
}

static void shown_lines(void **state)
{
	static const char text[] = "one\r\n\nthree";
	size_t len;

	(void)state;
	assert_memory_equal(df_show_line(text, strlen(text), 1, &len), "one", 3);
	assert_int_equal(len, 3);
	(void)df_show_line(text, strlen(text), 2, &len);
	assert_int_equal(len, 0);
	assert_string_equal(df_show_line(text, strlen(text), 3, &len), "three");
	assert_int_equal(len, 5);
	assert_string_equal(df_show_line(text, strlen(text), 4, &len), "");
	assert_string_equal(df_show_line("", 0, 1, &len), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),  cmocka_unit_test(heredocs), cmocka_unit_test(limits), cmocka_unit_test(commands), cmocka_unit_test(run_flags),
		cmocka_unit_test(copies), cmocka_unit_test(pairs),    cmocka_unit_test(others), cmocka_unit_test(files),    cmocka_unit_test(whole_files),
		cmocka_unit_test(warnings), cmocka_unit_test(triggers), cmocka_unit_test(shown_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
