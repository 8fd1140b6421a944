/* The rows of the command tables (cli.h), for who reads them: the parser, its help, completions, pages. */
#ifndef TARE_CMD_CLI_ROWS_H
#define TARE_CMD_CLI_ROWS_H

#include "cmd/cli.h"

struct cli_found {
	const struct cli_option *row;
	void *target;
};

/* The row of an option, groups' rows too: by its long name (len bytes), or, name NULL, by its letter. base: where the
 * table's offsets count from. */
bool cli_find_option(const struct cli_option *rows, char *base, const char *name, size_t len, char letter, struct cli_found *out);
/* By any of its names; NULL: there is none. */
const struct cli_command *cli_find_command(const struct cli_command *table, const char *name);

/* Whether the next word is its value. */
bool cli_takes_value(const struct cli_option *row);
/* Whether people are told about it: what is hidden, refused or without effect is not shown. */
bool cli_is_shown(const struct cli_option *row);

/* fn for each row that is shown, groups' rows where the group stands. */
typedef void (*cli_option_fn)(const struct cli_option *row, void *data);
void cli_each_option(const struct cli_option *rows, cli_option_fn fn, void *data);

/* One of the choices "a|b|c", of length *len; NULL at the end. What stands in brackets is not divided. */
const char *cli_next_choice(const char **at, size_t *len);

#endif
