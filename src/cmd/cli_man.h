/* Manual pages: NAME, SYNOPSIS and OPTIONS out of the command tables, everything else out of a text per page in man/. */
#ifndef TARE_CMD_CLI_MAN_H
#define TARE_CMD_CLI_MAN_H

#include "cmd/cli.h"
#include "cmd/cli_topic.h"

/* Writes the pages of a program's commands that the help shows, "tare-image-ls.1", and the program's own into the folder `out`. A
 * command that is another one's by another way ("tare image ls" is "tare images") is a link to that one's page, which has both in its
 * SYNOPSIS. whole: one page, the program's, with its commands as parts of it.
 *
 * The text of a page is texts/PAGE.md ("tare-images.md"): "# SECTION" begins a section, the first must be DESCRIPTION and OPTIONS
 * comes behind it; empty lines divide paragraphs; "- " begins a point; lines that begin with four blanks stay as they are; what is in
 * `backticks` is bold. SEE ALSO is "PAGE(1), PAGE(1)" there. ERR_NOTFOUND: a page has no text. */
int cli_man(struct arena *a, const struct cli_program *p, const char *texts, const char *out, bool whole, struct err *e) MUST_CHECK;

/* Those of the topics, "tare-formats.7". */
int cli_man_topics(struct arena *a, const struct cli_program *p, const struct cli_topic *topics, const char *out, struct err *e) MUST_CHECK;

#endif
