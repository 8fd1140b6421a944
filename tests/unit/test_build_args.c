/* build/args, resolve, mount, ports, stages: instructions with their variables' values, and what stages need each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/strbuf.h"
#include "build/stages.h"

static const struct df_pair args[] = { { "given", "G" }, { "HTTP_PROXY", "http://p" }, { "given2", "x" }, { "given2", "G2" }, { "unused", "u" } };

static struct df_inputs inputs(void)
{
	struct df_inputs in = { .args = args, .n_args = ARRAY_LEN(args), .target_stage = NULL };

	platform_make("linux", "amd64", NULL, &in.build);
	platform_make("linux", "arm", "v7", &in.target);
	return in;
}

struct box {
	struct arena a;
	struct df_file f;
	struct df_inputs in;
	struct df_scope global, stage;
	struct df_instruction last; /* as resolved */
	struct err e;
};

static void box_free(struct box *b)
{
	arena_free(&b->a);
}

/* The first stage to its end, on an image with env. */
static int run(struct box *b, const char *text, const char *const *env)
{
	b->in = inputs();
	if (df_parse(&b->a, text, strlen(text), &b->f, &b->e) < 0 || df_scope_global(&b->a, &b->f, &b->in, &b->global, &b->e) < 0 ||
	    df_scope_step(&b->global, &b->f.stages[0].from, &b->last, &b->e) < 0 || df_scope_stage(&b->global, env, &b->stage, &b->e) < 0)
		return b->e.code;
	for (size_t i = 0; i < b->f.stages[0].n; i++)
		if (df_scope_step(&b->stage, &b->f.stages[0].v[i], &b->last, &b->e) < 0)
			return b->e.code;
	return 0;
}

static const char *const image_env[] = { "PATH=/bin", "BASE=b", "EMPTY=", "odd", NULL };

/* The environment behind the last instruction, "NAME=VALUE,…". */
static void check_env(const char *text, unsigned int which, const char *want)
{
	CLEANUP(box_free) struct box b = { 0 };
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	const char *const *list;

	if (run(&b, text, image_env) < 0)
		fail_msg("%s: %s", text, b.e.msg);
	list = df_scope_list(&b.stage, which);
	for (size_t i = 0; list[i]; i++)
		sb_printf(&out, "%s%s", i ? "," : "", list[i]);
	if (strcmp(sb_str(&out), want) != 0)
		fail_msg("%s\ngot  %s\nwant %s", text, sb_str(&out), want);
}

static void environment(void **state)
{
	static const char base[] = "PATH=/bin,BASE=b,EMPTY=,odd=";
	char want[200];

	(void)state;
	check_env("FROM x\n", DF_OF_ENV, base);
	(void)snprintf(want, sizeof(want), "%s,a=1,b=1/bin", base);
	check_env("FROM x\nENV a=1\nENV b=$a$PATH\n", DF_OF_ENV, want);
	(void)snprintf(want, sizeof(want), "%s,abc=bye,def=hello,ghi=bye", base);
	check_env("FROM x\nENV abc=hello\nENV abc=bye def=$abc\nENV ghi=$abc\n", DF_OF_ENV, want);
	check_env("FROM x\nENV PATH=/x:$PATH EMPTY='q q' odd=\n", DF_OF_ENV, "PATH=/x:/bin,BASE=b,EMPTY=q q,odd=");
	check_env("FROM x\nENV EMPTY two  words\n", DF_OF_ENV, "PATH=/bin,BASE=b,EMPTY=two  words,odd=");
	(void)snprintf(want, sizeof(want), "%s,k1=v", base);
	check_env("FROM x\nARG n=1\nENV k$n=v\n", DF_OF_ENV, want);
}

static void arguments(void **state)
{
	static const char *const rows[][2] = {
		{ "FROM x\nARG a=1\n", "a=1" },
		{ "FROM x\nARG a\n", "" },
		{ "FROM x\nARG given\n", "given=G" },
		{ "FROM x\nARG given=default\n", "given=G" },
		{ "FROM x\nARG given2\n", "given2=G2" },
		{ "ARG a=global\nFROM x\n", "" },
		{ "ARG a=global\nFROM x\nARG a\n", "a=global" },
		{ "ARG a=global\nFROM x\nARG a=own\n", "a=own" },
		{ "ARG a\nFROM x\nARG a\n", "" },
		{ "ARG given\nFROM x\nARG b=$given\n", "b=" },
		{ "ARG given\nFROM x\nARG given b=$given\n", "given=G,b=G" },
		{ "ARG a=1 b=${a}2\nFROM x\nARG b\n", "b=12" },
		{ "FROM x\nARG a=1 b=$a c=${b}3\n", "a=1,b=1,c=13" },
		{ "FROM x\nARG a='q $PATH' b=\"q $PATH\"\n", "a=q $PATH,b=q /bin" },
		{ "FROM x\nARG TARGETPLATFORM\nARG TARGETOS TARGETARCH TARGETVARIANT\n", "TARGETPLATFORM=linux/arm/v7,TARGETOS=linux,TARGETARCH=arm,TARGETVARIANT=v7" },
		{ "FROM x\nARG BUILDPLATFORM BUILDARCH BUILDVARIANT TARGETSTAGE\n", "BUILDPLATFORM=linux/amd64,BUILDARCH=amd64,BUILDVARIANT=,TARGETSTAGE=default" },
		{ "FROM x\nENV b=$TARGETARCH\n", "" },
		{ "FROM x\nARG HTTP_PROXY\n", "HTTP_PROXY=http://p" },
		/* ENV hides ARG, whichever was first */
		{ "FROM x\nARG a=1\nENV a=2\n", "" },
		{ "FROM x\nENV a=2\nARG a=1\n", "" },
		{ "FROM x\nARG BASE=1\n", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check_env(rows[i][0], DF_OF_ARG, rows[i][1]);
	check_env("FROM x\n", DF_OF_PROXY, "HTTP_PROXY=http://p");
	check_env("FROM x\nARG HTTP_PROXY\n", DF_OF_PROXY, "");
	check_env("FROM x\nARG a=1\nENV EMPTY=e\n", DF_OF_ENV | DF_OF_ARG | DF_OF_PROXY, "PATH=/bin,BASE=b,EMPTY=e,odd=,a=1,HTTP_PROXY=http://p");
}

static void which_counts(void **state)
{
	static const char *const rows[][2] = {
		{ "FROM x\nENV a=2\nARG a=1\nUSER $a\n", "2" }, { "FROM x\nARG a=1\nENV a=2\nUSER $a\n", "2" }, { "FROM x\nARG a=1\nUSER $a\nENV a=2\n", "1" },
		{ "FROM x\nUSER ${u:-none}\nARG u=1\n", "none" }, { "FROM x\nUSER $HTTP_PROXY\n", "" }, { "ARG a=1\nFROM x\nUSER ${a:-unset}\n", "unset" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(box_free) struct box b = { 0 };
		const char *user = NULL;

		assert_int_equal(run(&b, rows[i][0], NULL), 0);
		/* the value is in the instruction, which may not be the last */
		assert_int_equal(df_scope_stage(&b.global, NULL, &b.stage, &b.e), 0);
		for (size_t k = 0; k < b.f.stages[0].n; k++) {
			assert_int_equal(df_scope_step(&b.stage, &b.f.stages[0].v[k], &b.last, &b.e), 0);
			user = b.last.kind == DF_USER ? b.last.word : user;
		}
		assert_string_equal(user, rows[i][1]);
	}
}

static void child(void **state)
{
	static const char text[] = "FROM x AS one\nARG given\nENV e=$given\nFROM one\nUSER $given$e\n";
	CLEANUP(box_free) struct box b = { 0 };
	struct df_scope second;

	(void)state;
	assert_int_equal(run(&b, text, image_env), 0);
	assert_int_equal(df_scope_child(&b.stage, &second, &b.e), 0);
	assert_int_equal(df_scope_step(&second, &b.f.stages[1].v[0], &b.last, &b.e), 0);
	assert_string_equal(b.last.word, "GG");
	assert_string_equal(df_scope_get(&second, "PATH"), "/bin");
	assert_null(df_scope_get(&second, "none"));
}

static void unused(void **state)
{
	static const char text[] = "ARG given\nFROM x\nARG given2=1\n";
	CLEANUP(box_free) struct box b = { 0 };
	struct df_list list;

	(void)state;
	assert_int_equal(run(&b, text, NULL), 0);
	assert_int_equal(df_unused_args(&b.a, &b.f, &b.in, &list, &b.e), 0);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.v[0], "unused");
}

/* ---- what each instruction makes of variables ---- */

static void put_list(struct strbuf *b, const struct df_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		sb_printf(b, "%s%s", i ? "|" : "", list->v[i]);
}

static void put_mount(struct strbuf *b, const struct df_mount *m)
{
	static const char *const types[] = { "bind", "cache", "tmpfs", "secret", "ssh" }, *const sharings[] = { "", " private", " locked" };

	sb_printf(b, "%s%s%s%s", types[m->type], m->read_only ? " ro" : " rw", m->required ? " required" : "", sharings[m->sharing]);
	sb_printf(b, "%s%s%s%s", m->target ? " to=" : "", m->target ? m->target : "", m->source ? " src=" : "", m->source ? m->source : "");
	sb_printf(b, "%s%s%s%s", m->from ? " from=" : "", m->from ? m->from : "", m->id ? " id=" : "", m->id ? m->id : "");
	sb_printf(b, "%s%s", m->env ? " env=" : "", m->env ? m->env : "");
	if (m->size)
		sb_printf(b, " size=%llu", (unsigned long long)m->size);
	if (m->mode >= 0)
		sb_printf(b, " mode=%llo", (unsigned long long)m->mode);
	if (m->uid >= 0 || m->gid >= 0)
		sb_printf(b, " %lld:%lld", (long long)m->uid, (long long)m->gid);
}

static void put(struct strbuf *b, const struct df_instruction *i)
{
	switch (i->kind) {
	case DF_ADD:
	case DF_COPY:
		put_list(b, &i->copy.sources);
		for (size_t k = 0; k < i->copy.docs.n; k++)
			sb_printf(b, "{%s}", i->copy.docs.v[k].content);
		sb_printf(b, ">%s", i->copy.dest);
		sb_printf(b, " %s %s %s", i->copy.chown ? i->copy.chown : "-", i->copy.chmod ? i->copy.chmod : "-", i->copy.checksum ? i->copy.checksum : "-");
		break;
	case DF_LABEL:
		for (size_t k = 0; k < i->pairs.n; k++)
			sb_printf(b, "[%s]=[%s]", i->pairs.v[k].key, i->pairs.v[k].value);
		break;
	case DF_EXPOSE:
	case DF_VOLUME:
		put_list(b, &i->list);
		break;
	case DF_CMD:
	case DF_ENTRYPOINT:
		put_list(b, &i->command.argv);
		break;
	case DF_RUN:
		put_list(b, &i->run.command.argv);
		for (size_t k = 0; k < i->run.n_mounts; k++) {
			sb_puts(b, "; ");
			put_mount(b, &i->run.mounts[k]);
		}
		break;
	case DF_ONBUILD:
		sb_puts(b, i->trigger);
		break;
	default:
		sb_puts(b, i->word);
	}
}

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* Behind an ENV and an image's environment. */
static void check(const char *text, const char *want)
{
	CLEANUP(box_free) struct box b = { 0 };
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT, file = STRBUF_INIT;

	sb_printf(&file, "FROM x\nENV v=V w='a b' n= ports='7 8/udp' m=755 h=" HEX64 "\n%s\n", text);
	if (run(&b, file.s, image_env) < 0)
		sb_puts(&out, b.e.msg);
	else
		put(&out, &b.last);
	if (want[0] == '!') {
		if (b.e.code >= 0 || strncmp(b.e.msg, "line 3: ", 8) != 0 || !strstr(b.e.msg, want + 1))
			fail_msg("%s\ngot  %s\nwant an error with \"%s\"", text, sb_str(&out), want + 1);
	} else if (b.e.code < 0 || strcmp(sb_str(&out), want) != 0) {
		fail_msg("%s\ngot  %s\nwant %s", text, sb_str(&out), want);
	}
}

static void check_all(const char *const (*rows)[2], size_t n)
{
	for (size_t i = 0; i < n; i++)
		check(rows[i][0], rows[i][1]);
}

static void values(void **state)
{
	static const char *const rows[][2] = {
		{ "COPY --chown=$v:$v --chmod=0$m a$v \"$w\" /$v/", "aV|a b>/V/ V:V 0755 -" },
		{ "COPY --chmod=u=rwX,go-w a b", "a>b - u=rwX,go-w -" },
		{ "COPY --chmod=$v a b", "!--chmod=V: want" },
		{ "COPY --chmod=10000 a b", "!--chmod=10000" },
		{ "COPY [\"$w\", \"/x y\"]", "a b>/x y - - -" },
		{ "COPY $none /x", ">/x - - -" },
		{ "COPY \"a b\" /x", "!closing \"" },
		{ "COPY <<A <<'B' /x\n$v \"q\"\nA\n$v\nB", "{V \"q\"\n}{$v\n}>/x - - -" },
		{ "COPY <<A /x\n${v\nA", "!here-document A" },
		{ "ADD --checksum=sha256:$h http://$v/a /x", "http://V/a>/x - - sha256:" HEX64 },
		{ "ADD --checksum=$h https://a/b.git#v1 /x", "https://a/b.git#v1>/x - - " HEX64 },
		{ "ADD --checksum=sha256:$v http://a/a /x", "!--checksum=sha256:V: want sha256:" },
		{ "ADD --checksum=sha256:$h git@a:b /x", "!want a commit" },
		{ "ADD --checksum=sha256:$h a /x", "!for what is fetched" },
		{ "ADD https://a/b.git?nope=1 /x", "!unknown key \"nope\"" },
		{ "LABEL a$v=\"$w\" b=$w 'c d'=$none", "[aV]=[a b][b]=[a b][c d]=[]" },
		{ "LABEL $none=1", "!is empty once" },
		{ "LABEL a=\"${none?no a}\"", "!none: no a" },
		{ "EXPOSE 80 443/TCP 53/udp $none 80/tcp", "53/udp|80/tcp|443/tcp" },
		{ "EXPOSE 8000-8002 1.2.3.4:5:6 [::1]::7/sctp 8:9", "6/tcp|7/sctp|9/tcp|8000/tcp|8001/tcp|8002/tcp" },
		{ "EXPOSE 0 65535", "0/tcp|65535/tcp" },
		{ "EXPOSE ${none:-1 2/udp}", "!the } of ${" },
		{ "EXPOSE $ports", "7/tcp|8/udp" },
		{ "EXPOSE 65536", "!\"65536\": want PORT" },
		{ "EXPOSE 2-1", "!\"2-1\"" },
		{ "EXPOSE a", "!\"a\"" },
		{ "EXPOSE 1/x", "!\"1/x\"" },
		{ "EXPOSE 1-3:5-6", "!\"1-3:5-6\"" },
		{ "EXPOSE x:1:2", "!\"x:1:2\"" },
		{ "EXPOSE /tcp", "!\"/tcp\"" },
		{ "VOLUME /$v \"/x\"", "/V|/x" },
		{ "VOLUME $none", "!is empty once" },
		{ "USER $v:\"$v\"", "V:V" },
		{ "USER $none", "" },
		{ "WORKDIR /$w/\"c  d\"", "/a b/c  d" },
		{ "WORKDIR $none", "!is empty once" },
		{ "STOPSIGNAL ${s:-SIGINT}", "SIGINT" },
		{ "STOPSIGNAL 9", "9" },
		{ "STOPSIGNAL $v", "!no signal \"V\"" },
		{ "MAINTAINER $v", "$v" },
		{ "RUN echo $v", "echo $v" },
		{ "RUN <<E\n$v\nE", "$v\n" },
		{ "CMD [\"$v\"]", "$v" },
		{ "ENTRYPOINT $v", "$v" },
		{ "ONBUILD RUN $v", "RUN $v" },
	};

	(void)state;
	check_all(rows, ARRAY_LEN(rows));
}

static void mounts(void **state)
{
	static const char *const rows[][2] = {
		{ "RUN --mount=target=/a x", "x; bind ro to=/a" },
		{ "RUN --mount=type=BIND,src=a,dst=/b,rw,from=y x", "x; bind rw to=/b src=a from=y" },
		{ "RUN --mount=type=bind,source=a,destination=/b,rw=false x", "x; bind ro to=/b src=a" },
		{ "RUN --mount=type=bind,target=/b,ro=false x", "x; bind rw to=/b" },
		{ "RUN --mount=type=cache,target=/$v,id=$v,sharing=locked,mode=0700,uid=1,gid=2 x", "x; cache rw locked to=/V id=V mode=700 1:2" },
		{ "RUN --mount=type=cache,target=/a,sharing=private,ro x", "x; cache ro private to=/a" },
		{ "RUN --mount=type=tmpfs,target=/a,size=64m x", "x; tmpfs rw to=/a size=67108864" },
		{ "RUN --mount=type=secret,id=a,required x", "x; secret ro required id=a" },
		{ "RUN --mount=type=secret,src=a,env=B,mode=0444,required=false x", "x; secret ro id=a env=B mode=444" },
		{ "RUN --mount=type=secret,target=/a x", "x; secret ro to=/a" },
		{ "RUN --mount=type=ssh x", "x; ssh ro" },
		{ "RUN --mount=type=ssh,id=k,required=true,uid=3 x", "x; ssh ro required id=k 3:-1" },
		{ "RUN --mount=type=${none:-cache},target=/a x", "x; cache rw to=/a" },
		{ "RUN --mount=type=ssh --mount=type=tmpfs,target=/$w x", "x; ssh ro; tmpfs rw to=/a b" },
		{ "RUN --mount=\\\"target=/a,b\\\",from=y x", "x; bind ro to=/a,b from=y" },
		{ "RUN --mount=type=cache,target=$none x", "x; cache rw" },
		{ "RUN --mount=from=y --mount=source=a,target=b x", "x; bind ro from=y; bind ro to=b src=a" },
		{ "RUN --mount=type=$v,target=/a x", "!type=V" },
		{ "RUN --mount=type=tmpfs,target=/$v,size=$v x", "!size=V" },
		{ "RUN --mount=type=cache,target=/$v,uid=$v x", "!uid=V" },
		{ "RUN --mount=type=cache,target=/$v,uid=4294967295 x", "!too big" },
	};

	(void)state;
	check_all(rows, ARRAY_LEN(rows));
}

static void first_line(void **state)
{
	static const char *const rows[][2] = {
		{ "ARG v=1\nFROM a:$v\n", "a:1" }, { "FROM a:${v:-2}\n", "a:2" }, { "ARG given\nFROM $given\n", "G" }, { "FROM a-$TARGETARCH$TARGETVARIANT\n", "a-armv7" },
		{ "FROM $none\n", NULL }, { "ARG v=${none?}\nFROM a\n", NULL }, { "FROM --platform=$none a\n", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(box_free) struct box b = { 0 };
		int r = run(&b, rows[i][0], NULL);

		if (rows[i][1]) {
			assert_int_equal(r, 0);
			assert_string_equal(b.last.from.base, rows[i][1]);
		} else {
			assert_true(r < 0);
			assert_int_equal(strncmp(b.e.msg, "line 1: ", 8), 0);
		}
	}
}

/* Forty lines that would be a terabyte. */
static void doubling(void **state)
{
	CLEANUP(box_free) struct box b = { 0 };
	CLEANUP_STRBUF struct strbuf file = STRBUF_INIT;

	(void)state;
	sb_puts(&file, "FROM x\nENV a=12345678901234567890\n");
	for (int i = 0; i < 40; i++)
		sb_puts(&file, "ENV a=$a$a\n");
	assert_true(run(&b, file.s, NULL) < 0);
	assert_int_equal(b.e.cls, ERR_LIMIT);
}

/* ---- stages ---- */

static void check_plan(const char *text, const char *target, const char *want)
{
	CLEANUP(box_free) struct box b = { 0 };
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct df_plan plan;

	b.in = inputs();
	assert_int_equal(df_parse(&b.a, text, strlen(text), &b.f, &b.e), 0);
	assert_int_equal(df_scope_global(&b.a, &b.f, &b.in, &b.global, &b.e), 0);
	if (df_plan(&b.a, &b.f, &b.global, target, &plan, &b.e) < 0) {
		if (want[0] != '!' || !strstr(b.e.msg, want + 1))
			fail_msg("%s: %s, want %s", text, b.e.msg, want);
		return;
	}
	for (size_t i = 0; i < plan.n; i++) {
		const struct df_stage_plan *s = &plan.v[i];

		sb_printf(&out, "%s%s%s", i == plan.target ? "*" : "", s->needed ? "+" : "-", s->base < 0 ? s->from.from.base : "");
		for (size_t k = 0; k < s->n_needs; k++) {
			sb_printf(&out, "%s%zu", (int)s->needs[k] == s->base ? "=" : "<", s->needs[k]);
			if ((int)s->needs[k] != s->base)
				sb_printf(&out, ".%zu", s->needs_at[k]);
			else
				assert_int_equal(s->needs_at[k], 0);
		}
		sb_printf(&out, "%s%s;", s->has_platform ? "@" : "", s->has_platform ? s->platform.arch : "");
	}
	if (strcmp(sb_str(&out), want) != 0)
		fail_msg("%s\ngot  %s\nwant %s", text, sb_str(&out), want);
}

static void plans(void **state)
{
	static const char *const rows[][3] = {
		{ "FROM a\n", NULL, "*+a;" },
		{ "FROM a AS x\nFROM b\n", NULL, "-a;*+b;" },
		{ "FROM a AS x\nFROM x\n", NULL, "+a;*+=0;" },
		{ "FROM a AS x\nFROM X AS y\nFROM b\nCOPY --from=y p q\n", NULL, "+a;+=0;*+b<1.0;" },
		{ "FROM a\nFROM b\nCOPY --from=0 p q\nCOPY --from=0 r s\n", NULL, "+a;*+b<0.0;" },
		{ "FROM a AS x\nFROM b\nRUN --mount=from=x,target=/y z\nRUN --mount=from=img,target=/y z\n", NULL, "+a;*+b<0.0;" },
		{ "FROM a AS x\nFROM b\nRUN --mount=from=x,target=/$v z\n", NULL, "+a;*+b<0.0;" },
		{ "FROM a AS x\nFROM b\nRUN t\nCOPY --from=x p q\nRUN --mount=from=x,target=/y z\n", NULL, "+a;*+b<0.1;" },
		{ "FROM a AS x\nFROM b AS y\nFROM c\n", "x", "*+a;-b;-c;" },
		{ "FROM a AS x\nFROM b AS y\nFROM c\n", "Y", "-a;*+b;-c;" },
		{ "FROM a AS x\nFROM b AS y\nFROM c\n", "1", "-a;*+b;-c;" },
		{ "FROM a AS x\nFROM b AS x\nFROM x\n", NULL, "-a;+b;*+=1;" },
		{ "FROM a AS x\nFROM x AS x\nFROM x\n", NULL, "+a;+=0;*+=1;" },
		{ "FROM a\nFROM 0\n", NULL, "-a;*+0;" },
		{ "FROM b\nFROM a AS b\n", NULL, "-b;*+a;" },
		{ "FROM scratch\nCOPY --from=busybox p q\n", NULL, "*+scratch;" },
		{ "FROM --platform=$BUILDPLATFORM a\n", NULL, "*+a@amd64;" },
		{ "ARG s=x\nFROM a AS x\nFROM $s\n", NULL, "+a;*+=0;" },
		{ "FROM a AS one\nFROM b\n", "onw", "!did you mean one?" },
		{ "FROM a\n", "1", "!no stage \"1\"" },
		{ "FROM a\nCOPY --from=0 p q\n", NULL, "!line 2: COPY --from=0 p q: from=0: there is no stage 0 before this one" },
		{ "FROM a\nFROM b\nCOPY --from=2 p q\n", NULL, "!from=2" },
		{ "FROM a\nCOPY --from=x p q\nFROM b AS x\n", NULL, "!comes later (line 3)" },
		{ "FROM a AS x\nCOPY --from=x p q\n", NULL, "!is this one" },
		{ "FROM --platform=a/b/c/d/e x\n", NULL, "!line 1: FROM --platform=a/b/c/d/e x: " },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check_plan(rows[i][0], rows[i][1], rows[i][2]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(environment), cmocka_unit_test(arguments), cmocka_unit_test(which_counts), cmocka_unit_test(child),	cmocka_unit_test(unused),
		cmocka_unit_test(values),      cmocka_unit_test(mounts),    cmocka_unit_test(first_line),   cmocka_unit_test(doubling), cmocka_unit_test(plans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
