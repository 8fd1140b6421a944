/* Questions to whoever sits at the terminal, and secrets from standard input. */
#ifndef TARE_CMD_TARE_ASK_H
#define TARE_CMD_TARE_ASK_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"

/* Asks on standard error and reads a line from standard input, which must be a terminal; in a. hidden: what is typed is not shown; who
 * interrupts us has his terminal back as it was before we end. ERR_INVALID: no terminal (instead: what to do without one), or no answer. */
int ask_line(struct arena *a, const char *question, bool hidden, const char *instead, const char **out, struct err *e) MUST_CHECK;

/* All of standard input, without the end of its last line; one line of at most 64 KiB. */
int ask_stdin(struct arena *a, const char **out, struct err *e) MUST_CHECK;

#endif
