/* Topics: texts for people about what several commands have in common, man/topics/NAME.md. They are part of the program, so that it can
 * show them where no manual is installed, and the same text makes a page of section 7 (cli_man.h).
 *
 * A text begins with "# NAME" and a line that says what it is about, then "# DESCRIPTION" and whatever sections follow; how it is written
 * says cli_man.h. */
#ifndef TARE_CMD_CLI_TOPIC_H
#define TARE_CMD_CLI_TOPIC_H

#include <stddef.h>

#include "base/strbuf.h"

struct cli_topic {
	const char *name, *text;
};

/* A table of these ends with a row of zeros. NULL: there is none of that name. */
const struct cli_topic *cli_topic_find(const struct cli_topic *table, const char *name);

/* What it is about: len bytes. */
const char *cli_topic_about(const struct cli_topic *t, size_t *len);
/* What follows that line. */
const char *cli_topic_body(const struct cli_topic *t);

/* For reading on a terminal so many columns wide (at least 40). */
void cli_topic_show(const struct cli_topic *t, size_t columns, struct strbuf *out);

#endif
