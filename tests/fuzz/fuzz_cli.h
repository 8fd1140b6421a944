/* A program's command line from anybody: each line of the input is an argument. What the parser says is one clean line,
 * and what it accepts is what the command's row promises. The program's tables are not for others, so a target includes
 * the program's main file. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MOST_ARGS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* argv in `args`, NULL-terminated, pointing into text, which is changed. */
static int split(char *text, const char *args[MOST_ARGS + 2])
{
	int n = 0;

	args[n++] = "program";
	while (n <= MOST_ARGS) {
		char *end = strchr(text, '\n');

		args[n++] = text;
		if (!end)
			break;
		*end = '\0';
		text = end + 1;
	}
	args[n] = NULL;
	return n;
}

static void check_call(const struct cli_call *call)
{
	const struct cli_command *c = call->command;

	if (!c || !c->run || (c->size && !call->opts) || (int)call->n_args < c->min_args ||
	    (c->max_args != CLI_ANY && (int)call->n_args > c->max_args) || call->args[call->n_args])
		abort();
	for (size_t i = 0; i < call->n_args; i++)
		(void)strlen(call->args[i]);
}

static void check_line(const struct cli_program *p, char *text)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	const char *args[MOST_ARGS + 2];
	struct cli_call call = { 0 };
	struct err e = { 0 };
	int n = split(text, args), r = cli_parse(&a, p, n, args, &call, &out, &e);

	if (r == 0)
		check_call(&call);
	else if (r == 1 ? !out.len : e.code >= 0 || !e.msg[0])
		abort();
}

static int fuzz_cli(const struct cli_program *p, const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	check_line(p, text);
	free(text);
	return 0;
}
