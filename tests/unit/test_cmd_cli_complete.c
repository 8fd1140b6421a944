#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "cmd/cli_complete.h"

struct globals {
	const char *root, *mode;
};
struct opts {
	bool flag;
	const char *text;
};

static int run_nothing(const struct cli_call *call, struct err *e)
{
	(void)call;
	(void)e;
	return 0;
}

static const struct cli_option global_options[] = {
	{ "root", 'r', "DIR", CLI_STR, "where", offsetof(struct globals, root) },
	{ "mode", 0, "MODE", CLI_STR, "how", offsetof(struct globals, mode), .choices = "fast|slow" },
	{ 0 },
};
static const struct cli_option inner[] = {
	{ "network", 'n', "NETWORK|none|container:CONTAINER", CLI_STR, "which", offsetof(struct opts, text) }, { 0 },
};
static const struct cli_option options[] = {
	{ "flag", 'f', NULL, CLI_FLAG, "a flag", offsetof(struct opts, flag) },
	{ .kind = CLI_GROUP, .group = inner },
	{ "old", 0, NULL, CLI_IGNORED, "without effect" },
	{ "refused", 0, "X", CLI_UNSUPPORTED },
	{ "secret", 0, "X", CLI_STR, NULL, offsetof(struct opts, text) },
	{ 0 },
};
static const struct cli_command sub[] = {
	{ "one", "IMAGE [FOLDER]", "one", run_nothing, options, sizeof(struct opts), .min_args = 1, .max_args = 2 },
	{ "many", "CONTAINER...", "many", run_nothing, options, sizeof(struct opts), .max_args = CLI_ANY },
	{ 0 },
};
static const struct cli_command commands[] = {
	{ "run", "IMAGE [COMMAND [ARG...]]", "run", run_nothing, options, sizeof(struct opts), .max_args = CLI_ANY, .stop_at_positional = true },
	{ "group", NULL, "a group", .sub = sub },
	{ "pick", "a|bee|FILE", "pick", run_nothing, .min_args = 1, .max_args = 1 },
	{ "hidden", NULL, NULL, run_nothing },
	{ 0 },
};
static const struct cli_program program = {
	.name = "p", .about = "a program", .options = global_options, .size = sizeof(struct globals), .commands = commands,
};

static const char *seen_root;

static void things(const struct cli_completion *c, enum cli_thing thing)
{
	static const char *const names[] = { [CLI_CONTAINERS] = "web", [CLI_IMAGES] = "box:1", [CLI_NETWORKS] = "back" };

	seen_root = ((const struct globals *)c->global)->root;
	cli_offer(c, names[thing], NULL);
	cli_offer(c, "bad\nname", NULL);
	cli_offer(c, "\033[2J", NULL);
}

/* The candidates with blanks between, for words that end with a NULL. */
static void expect(const char *want, const char *const *words)
{
	struct arena a = ARENA_INIT;
	struct strbuf out = STRBUF_INIT, got = STRBUF_INIT;
	struct err e = { 0 };
	size_t n = 0;

	while (words[n])
		n++;
	assert_int_equal(cli_complete(&a, &program, things, words, n, &out, &e), 0);
	for (const char *line = sb_str(&out); *line; line = strchr(line, '\n') + 1) {
		sb_puts(&got, got.len ? " " : "");
		sb_add(&got, line, strcspn(line, "\t"));
	}
	assert_string_equal(sb_str(&got), want);
	sb_free(&got);
	sb_free(&out);
	arena_free(&a);
}
#define EXPECT(want, ...) expect(want, (const char *const[]){ __VA_ARGS__, NULL })

static void test_commands(void **state)
{
	(void)state;
	expect("run group pick", (const char *const[]){ NULL });
	EXPECT("run group pick", "");
	EXPECT("group", "g");
	EXPECT("one many", "group", "");
	EXPECT("", "nonsense", "");
	EXPECT("", "hid");
}

static void test_options(void **state)
{
	(void)state;
	EXPECT("--root --mode --help", "-");
	EXPECT("--flag --network --help", "run", "--");
	EXPECT("--network", "group", "one", "--n");
	EXPECT("", "run", "--", "--fl");	 /* "--" ended them */
	EXPECT("", "run", "box:1", "--fl");	 /* the command's own */
	EXPECT("--flag", "group", "one", "box:1", "--fl");
}

static void test_values(void **state)
{
	(void)state;
	EXPECT("fast slow", "--mode", "");
	EXPECT("--mode=slow", "--mode=s");
	EXPECT(":folders", "-r", "");
	EXPECT("back none container:", "run", "-n", "");
	EXPECT("container:web", "run", "-fn", "container:");
	EXPECT("--network=container:web", "run", "--network=container:w");
	EXPECT("box:1", "run", "-nback", "b"); /* its value was there */
	EXPECT("--flag=true", "run", "--flag=t");
	EXPECT("", "run", "--old=");
	EXPECT("", "run", "--nothing=");
	EXPECT("a bee :files", "pick", "");
}

static void test_arguments(void **state)
{
	(void)state;
	EXPECT("box:1", "group", "one", "");
	EXPECT(":folders", "group", "one", "box:1", "");
	EXPECT("", "group", "one", "box:1", "x", "");
	EXPECT("web", "group", "many", "a", "b", "");
	EXPECT("", "run", "box:1", "");
	EXPECT("web", "--root", "/r", "group", "many", "");
	assert_string_equal(seen_root, "/r");
	EXPECT("web", "--root=/q", "group", "many", "");
	assert_string_equal(seen_root, "/q");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
