/* Usage texts, made from the same rows that parse; see cli.h. */
#include "cmd/cli.h"

#include <stdio.h>
#include <string.h>

#include "cmd/cli_rows.h"

#define COLUMN_MAX 34 /* longer left columns put their help on a line of its own */

static void add_row(struct strbuf *out, const char *left, const char *right, size_t width)
{
	if (strlen(left) > width)
		sb_printf(out, "  %s\n  %*s  %s\n", left, (int)width, "", right);
	else
		sb_printf(out, "  %-*s  %s\n", (int)width, left, right);
}

static void option_left(const struct cli_option *o, char *buf, size_t len)
{
	char letter[5] = "    ";

	if (o->letter)
		snprintf(letter, sizeof(letter), "-%c, ", o->letter);
	snprintf(buf, len, "%s--%s%s%s", letter, o->name, o->arg ? " " : "", o->arg ? o->arg : "");
}

/* One walk with width 0 measures, another prints. */
static size_t walk_options(const struct cli_option *rows, struct strbuf *out, size_t width)
{
	size_t widest = 0;

	for (const struct cli_option *o = rows; o && (o->name || o->kind == CLI_GROUP); o++) {
		char left[120];
		size_t len;

		if (o->kind == CLI_GROUP) {
			len = walk_options(o->group, out, width);
			widest = len > widest ? len : widest;
			continue;
		}
		if (!cli_is_shown(o))
			continue;
		option_left(o, left, sizeof(left));
		len = strlen(left);
		if (len <= COLUMN_MAX && len > widest)
			widest = len;
		if (width)
			add_row(out, left, o->help, width);
	}
	return widest;
}

static void add_commands(const struct cli_command *table, struct strbuf *out)
{
	size_t width = 8;

	for (const struct cli_command *c = table; c->name; c++)
		if (c->help && strlen(c->name) > width)
			width = strlen(c->name);
	sb_puts(out, "\nCommands:\n");
	for (const struct cli_command *c = table; c->name; c++)
		if (c->help)
			add_row(out, c->name, c->help, width);
}

/* "Also: list, ps" */
static void add_names(struct strbuf *out, const char *also)
{
	const char *between = "Also: ", *one;
	size_t len;

	while ((one = cli_next_choice(&also, &len))) {
		sb_printf(out, "%s%.*s", between, (int)len, one);
		between = ", ";
	}
	sb_putc(out, '\n');
}

void cli_help(const struct cli_program *p, const struct cli_command *command, const char *name, struct strbuf *out)
{
	const struct cli_option *options = command ? command->options : p->options;
	const struct cli_command *table = command ? command->sub : p->commands;
	const char *about = command ? command->help : p->about;
	size_t width = walk_options(options, out, 0);
	const struct cli_option fixed[] = {
		{ "help", command ? '\0' : 'h', NULL, CLI_FLAG, "print this and exit", 0 },
		{ command || !p->version ? NULL : "version", 'v', NULL, CLI_FLAG, "print the version and exit", 0 },
		{ 0 },
	};

	width = width > 18 ? width : 18;
	sb_printf(out, "Usage: %s [OPTIONS]", name);
	if (table)
		sb_puts(out, " COMMAND");
	if (command && command->args)
		sb_printf(out, " %s", command->args);
	sb_printf(out, "\n\n%s\n", about ? about : "");
	if (command && command->also)
		add_names(out, command->also);
	sb_puts(out, "\nOptions:\n");
	walk_options(options, out, width);
	walk_options(fixed, out, width);
	if (table) {
		add_commands(table, out);
		sb_printf(out, "\n\"%s COMMAND --help\" tells more about a command.\n", name);
	}
}
