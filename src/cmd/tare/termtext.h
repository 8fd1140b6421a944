/* Text of others on a terminal whose lines are ours: what it would do to the terminal is taken out, and what is too wide is cut. */
#ifndef TARE_CMD_TARE_TERMTEXT_H
#define TARE_CMD_TARE_TERMTEXT_H

#include "base/strbuf.h"

/* One line (no newline in it) as a terminal would show it: what a carriage return was followed by overwrites what was before,
 * escape sequences and other control characters are left out, a tab is a blank, what is no UTF-8 becomes "?". Is added to out. */
void termtext_clean(const char *line, size_t len, struct strbuf *out);

/* How many bytes of clean text fit into so many columns; *used: how many they take. Characters that may be wide count twice. */
size_t termtext_fit(const char *text, size_t len, size_t columns, size_t *used);

/* The last lines that say something, at most n, of raw output, each clean and with a newline, into out. */
void termtext_tail(const char *raw, size_t len, size_t n, struct strbuf *out);

#endif
