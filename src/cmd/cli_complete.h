/* What can come next on a command line: for the completions of shells, from the same rows that parse.
 *
 * A shell's script (cli_completion_script()) asks the program itself: "tare internal complete -- WORD...", the last word being
 * the one that is written, perhaps empty. The answer is a line for each candidate, the whole word, a tab and what it is;
 * or ":files" or ":folders", a tab and what of the word stands before the path ("--file="): the shell lists those itself.
 * Nothing is an answer, too. Script and program need not be of the same tare: what a script does not know it offers as a word. */
#ifndef TARE_CMD_CLI_COMPLETE_H
#define TARE_CMD_CLI_COMPLETE_H

#include "cmd/cli_rows.h"

/* What a program keeps and its arguments name. */
enum cli_thing { CLI_CONTAINERS, CLI_IMAGES, CLI_NETWORKS, CLI_VOLUMES, CLI_THINGS };

struct cli_completion {
	struct arena *a;
	const void *global;   /* the program's options, as far as they were on the line */
	const char *word;     /* what is completed */
	const char *before;   /* what stands before the candidates in word: "--network=", "container:" */
	const char *after;    /* what a candidate is followed by: ":", of VOLUME:PATH; "" */
	struct strbuf *out;
};

/* Offers one, where it begins as the word does. help may be NULL. What has control characters is left out. */
void cli_offer(const struct cli_completion *c, const char *candidate, const char *help);

/* Offers all things of a kind. It must be quick, and change and wait for nothing; what it cannot read it leaves out. */
typedef void (*cli_things_fn)(const struct cli_completion *c, enum cli_thing thing);

/* The answer for n words, the program's name not among them. */
int cli_complete(struct arena *a, const struct cli_program *p, cli_things_fn things, const char *const *words, size_t n,
		 struct strbuf *out, struct err *e) MUST_CHECK;

/* The script for "bash", "zsh" or "fish", for tare and tare-oci; NULL for another shell. */
const char *cli_completion_script(const char *shell);

#endif
