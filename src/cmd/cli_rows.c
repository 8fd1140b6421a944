/* See cli_rows.h. */
#include "cmd/cli_rows.h"

#include <string.h>

bool cli_find_option(const struct cli_option *rows, char *base, const char *name, size_t len, char letter, struct cli_found *out)
{
	for (const struct cli_option *o = rows; o && (o->name || o->kind == CLI_GROUP); o++) {
		if (o->kind == CLI_GROUP) {
			if (cli_find_option(o->group, base + o->offset, name, len, letter, out))
				return true;
		} else if (name ? !strncmp(o->name, name, len) && !o->name[len] : o->letter && o->letter == letter) {
			*out = (struct cli_found){ o, base + o->offset };
			return true;
		}
	}
	return false;
}

static bool goes_by(const struct cli_command *c, const char *name)
{
	const char *also = c->also, *one;
	size_t len;

	if (!strcmp(c->name, name))
		return true;
	while ((one = cli_next_choice(&also, &len)))
		if (len == strlen(name) && !strncmp(one, name, len))
			return true;
	return false;
}

const struct cli_command *cli_find_command(const struct cli_command *table, const char *name)
{
	for (const struct cli_command *c = table; c && c->name; c++)
		if (goes_by(c, name))
			return c;
	return NULL;
}

bool cli_takes_value(const struct cli_option *row)
{
	return row->kind != CLI_FLAG && row->arg;
}

bool cli_is_shown(const struct cli_option *row)
{
	return row->help && row->kind != CLI_UNSUPPORTED && row->kind != CLI_IGNORED;
}

void cli_each_option(const struct cli_option *rows, cli_option_fn fn, void *data)
{
	for (const struct cli_option *o = rows; o && (o->name || o->kind == CLI_GROUP); o++) {
		if (o->kind == CLI_GROUP)
			cli_each_option(o->group, fn, data);
		else if (cli_is_shown(o))
			fn(o, data);
	}
}

const char *cli_next_choice(const char **at, size_t *len)
{
	const char *begin = *at, *c = begin;
	int depth = 0;

	if (!begin || !*begin)
		return NULL;
	for (; *c && (*c != '|' || depth); c++)
		depth += (*c == '[') - (*c == ']');
	*len = (size_t)(c - begin);
	*at = *c ? c + 1 : c;
	return begin;
}
