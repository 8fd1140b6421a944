#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "cmd/cli.h"

struct common {
	const char *name;
	bool tty;
};

struct run_opts {
	bool detach, interactive;
	struct cli_strv env;
	uint64_t memory;
	int64_t pids, timeout;
	uint32_t fds;
	const char *format;
	char parsed[16];
	struct common common;
};

static int parse_called(struct arena *a, const char *value, void *target, struct err *e)
{
	(void)a;
	if (!strcmp(value, "bad"))
		return err_set(e, ERR_INVALID, "cannot be bad");
	strncpy(target, value, 15);
	return 0;
}

static int run_nothing(const struct cli_call *call, struct err *e)
{
	(void)call;
	(void)e;
	return 0;
}

#define TO(m) offsetof(struct run_opts, m)
static const struct cli_option common_options[] = {
	{ "name", 0, "NAME", CLI_STR, "what to call it", offsetof(struct common, name) },
	{ "tty", 't', NULL, CLI_FLAG, "a terminal", offsetof(struct common, tty) },
	{ 0 },
};
static const struct cli_option run_options[] = {
	{ "detach", 'd', NULL, CLI_FLAG, "go to the background", TO(detach) },
	{ "interactive", 'i', NULL, CLI_FLAG, "keep stdin open", TO(interactive) },
	{ .kind = CLI_GROUP, .group = common_options, .offset = TO(common) },
	{ "env", 'e', "KEY=VALUE", CLI_STRV, "a variable", TO(env) },
	{ "memory", 'm', "SIZE", CLI_SIZE, "memory limit", TO(memory) },
	{ "pids-limit", 0, "N", CLI_I64, "process limit", TO(pids) },
	{ "timeout", 0, "TIME", CLI_DURATION, "how long", TO(timeout) },
	{ "fds", 0, "N", CLI_U32, "descriptors", TO(fds) },
	{ "format", 0, "FORMAT", CLI_STR, "table or json", TO(format), .choices = "table|json" },
	{ "hostname", 'h', "NAME", CLI_CALL, "host name", TO(parsed), .parse = parse_called },
	{ "isolation", 0, "X", CLI_UNSUPPORTED, NULL, 0 },
	{ 0 },
};
static const struct run_opts run_defaults = { .pids = -7, .format = "table" };

static const struct cli_command system_commands[] = {
	{ "info", NULL, "about this machine", run_nothing },
	{ 0 },
};
static const struct cli_command commands[] = {
	{ "run", "IMAGE [COMMAND [ARG...]]", "run a container", run_nothing, run_options, sizeof(struct run_opts),
	  &run_defaults, 1, CLI_ANY, .stop_at_positional = true },
	{ "rm", "CONTAINER...", "remove containers", run_nothing, run_options, sizeof(struct run_opts), &run_defaults, 1, 2 },
	{ "system", NULL, "the machine", .sub = system_commands },
	{ 0 },
};
static const struct cli_option global_options[] = {
	{ "root", 0, "DIR", CLI_STR, "state folder", 0 },
	{ 0 },
};
static const char *const global_default = "/run/x";
static const struct cli_program program = {
	"prog", "does things", "prog 1.2\n", global_options, sizeof(const char *), &global_default, commands,
};

static struct arena arena;
static struct strbuf text;
static struct err err;

static int setup(void **state)
{
	(void)state;
	arena = (struct arena)ARENA_INIT;
	text = (struct strbuf)STRBUF_INIT;
	err = (struct err){ 0 };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	sb_free(&text);
	return 0;
}

#define PARSE(out, ...) parse((const char *const[]){ "prog", ##__VA_ARGS__, NULL }, out)
static int parse(const char *const *argv, struct cli_call *out)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	sb_reset(&text);
	return cli_parse(&arena, &program, argc, argv, out, &text, &err);
}

static void values(void **state)
{
	struct cli_call c;
	const struct run_opts *o;

	(void)state;
	assert_int_equal(PARSE(&c, "--root=/r", "run", "-it", "--detach=false", "-eA=1", "-e", "B=2", "--env=C=3", "-m1k",
			       "--pids-limit", "-1", "--timeout=1.5s", "--fds=3", "--format", "json", "-h=box", "--name", "n",
			       "img", "ls", "-l", "--", "x"), 0);
	o = c.opts;
	assert_string_equal(*(const char *const *)c.global, "/r");
	assert_string_equal(c.name, "prog run");
	assert_true(o->interactive && o->common.tty && !o->detach);
	assert_int_equal(o->env.n, 3);
	assert_string_equal(o->env.v[0], "A=1");
	assert_string_equal(o->env.v[2], "C=3");
	assert_null(o->env.v[3]);
	assert_int_equal(o->memory, 1024);
	assert_int_equal(o->pids, -1);
	assert_int_equal(o->timeout, 1500000000);
	assert_int_equal(o->fds, 3);
	assert_string_equal(o->format, "json");
	assert_string_equal(o->parsed, "box");
	assert_string_equal(o->common.name, "n");
	assert_int_equal(c.n_args, 5);
	assert_string_equal(c.args[2], "-l");
	assert_string_equal(c.args[3], "--");
	assert_null(c.args[5]);
}

static void defaults_and_order(void **state)
{
	struct cli_call c;
	const struct run_opts *o;

	(void)state;
	assert_int_equal(PARSE(&c, "rm", "a", "-d", "--", "-b"), 0);
	o = c.opts;
	assert_string_equal(*(const char *const *)c.global, "/run/x");
	assert_true(o->detach);
	assert_int_equal(o->pids, -7);
	assert_string_equal(o->format, "table");
	assert_int_equal(o->env.n, 0);
	assert_int_equal(c.n_args, 2);
	assert_string_equal(c.args[1], "-b");
	assert_int_equal(PARSE(&c, "system", "info"), 0);
	assert_string_equal(c.name, "prog system info");
	assert_string_equal(c.command->name, "info");
	assert_null(c.args[0]);
	assert_null(c.opts);
	assert_int_equal(PARSE(&c, "run", "-", "x"), 0);
	assert_string_equal(c.args[0], "-");
}

static void errors(void **state)
{
	static const struct {
		const char *argv[6];
		const char *has;
	} cases[] = {
		{ { "prog", "rn" }, "did you mean \"prog run\"" },
		{ { "prog", "xyzzy" }, "unknown command \"xyzzy\"" },
		{ { "prog", "--rot", "x", "run" }, "did you mean --root" },
		{ { "prog", "run", "--detahc", "i" }, "unknown option --detahc, did you mean --detach" },
		{ { "prog", "run", "-z", "i" }, "unknown option -z" },
		{ { "prog", "run", "--env" }, "option --env needs a value" },
		{ { "prog", "run", "-e" }, "option -e needs a value" },
		{ { "prog", "run", "--detach=maybe", "i" }, "must be true or false" },
		{ { "prog", "run", "--format=yaml", "i" }, "must be one of table|json" },
		{ { "prog", "run", "--format=", "i" }, "must be one of table|json" },
		{ { "prog", "run", "--fds=-1", "i" }, "must be a number" },
		{ { "prog", "run", "--fds=4294967296", "i" }, "out of range" },
		{ { "prog", "run", "-m", "lots", "i" }, "must be a size" },
		{ { "prog", "run", "-h", "bad", "i" }, "-h: cannot be bad" },
		{ { "prog", "run", "--isolation=vm", "i" }, "--isolation is not supported" },
		{ { "prog", "run" }, "too few arguments: prog run IMAGE" },
		{ { "prog", "rm", "a", "b", "c" }, "unexpected argument \"c\"" },
		{ { "prog", "system", "inof" }, "did you mean \"prog system info\"" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct cli_call c;

		assert_true(parse(cases[i].argv, &c) < 0);
		if (!strstr(err.msg, cases[i].has))
			fail_msg("\"%s\" lacks \"%s\"", err.msg, cases[i].has);
	}
}

static void global_survives(void **state)
{
	struct cli_call c;

	(void)state;
	assert_true(PARSE(&c, "--root", "/q", "run", "--nope") < 0);
	assert_string_equal(*(const char *const *)c.global, "/q");
}

static void help(void **state)
{
	struct cli_call c;

	(void)state;
	assert_int_equal(PARSE(&c, "--version"), 1);
	assert_string_equal(text.s, "prog 1.2\n");
	assert_int_equal(PARSE(&c), 1);
	assert_non_null(strstr(text.s, "Usage: prog [OPTIONS] COMMAND\n"));
	assert_non_null(strstr(text.s, "  run       run a container\n"));
	assert_int_equal(PARSE(&c, "run", "--help"), 1);
	assert_non_null(strstr(text.s, "Usage: prog run [OPTIONS] IMAGE [COMMAND [ARG...]]\n"));
	assert_non_null(strstr(text.s, "  -e, --env KEY=VALUE  "));
	assert_non_null(strstr(text.s, "      --name NAME"));
	assert_null(strstr(text.s, "isolation"));
	assert_int_equal(PARSE(&c, "system"), 1);
	assert_non_null(strstr(text.s, "about this machine"));
	assert_int_equal(PARSE(&c, "rm", "x", "--help"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(values, setup, teardown),
		cmocka_unit_test_setup_teardown(defaults_and_order, setup, teardown),
		cmocka_unit_test_setup_teardown(errors, setup, teardown),
		cmocka_unit_test_setup_teardown(global_survives, setup, teardown),
		cmocka_unit_test_setup_teardown(help, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
