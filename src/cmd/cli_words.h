/* The way back of cli.h: a command line out of what was parsed, for a program that is to be started with the same options. */
#ifndef TARE_CMD_CLI_WORDS_H
#define TARE_CMD_CLI_WORDS_H

#include "cmd/cli.h"

/* The words of program and of the options that are not zero in opts, NULL-terminated, in a; NULL: no memory. Rows of flags, texts, lists of them,
 * and durations. */
const char **cli_words(struct arena *a, const char *program, const struct cli_option *rows, const void *opts);

#endif
