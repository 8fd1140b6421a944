/* The command line of every program: tables of commands and options from which come parser, usage and errors.
 *
 * A program is a table of commands; a command has a table of options, each naming a member of the command's own
 * struct (offset) where its value goes. Commands nest ("tare system info"). Accepted: --opt value, --opt=value,
 * -o value, -ovalue, -it for -i -t, --flag=false, "--" ends the options. By default options may stand before and
 * after positional arguments; a command with `stop_at_positional` takes everything from its first positional on
 * as it is ("run IMAGE ls -l"). --help (and -h where the table has no h of its own) prints usage made from the rows.
 *
 *	struct rm_opts { bool force; struct cli_strv filters; };
 *	static const struct cli_option rm_options[] = {
 *		{ "force", 'f', NULL, CLI_FLAG, "remove it even when it runs", offsetof(struct rm_opts, force) },
 *		{ "filter", 0, "KEY=VALUE", CLI_STRV, "only those that match", offsetof(struct rm_opts, filters) },
 *		{ 0 }
 *	};
 *	static const struct cli_command commands[] = {
 *		{ "rm", "CONTAINER...", "remove containers", cmd_rm, rm_options, .size = sizeof(struct rm_opts),
 *		  .min_args = 1, .max_args = CLI_ANY },
 *		{ 0 }
 *	};
 */
#ifndef TARE_CMD_CLI_H
#define TARE_CMD_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/strbuf.h"

#define CLI_ANY (-1)

struct cli_strv {
	const char **v; /* NULL-terminated once n > 0; NULL when none was given */
	size_t n;
};

enum cli_kind {
	CLI_FLAG,	 /* bool; --x, --x=true, --x=false */
	CLI_STR,	 /* const char *; the last one wins */
	CLI_STRV,	 /* struct cli_strv; may be given several times */
	CLI_I64,	 /* int64_t */
	CLI_U64,	 /* uint64_t */
	CLI_U32,	 /* uint32_t */
	CLI_SIZE,	 /* uint64_t: bytes, "512m" (text_size) */
	CLI_DURATION,	 /* int64_t: nanoseconds, "1m30s", a bare number is seconds (text_duration) */
	CLI_CALL,	 /* parse() gets the value (NULL for a row without arg) and the target's address */
	CLI_GROUP,	 /* the rows of `group`, their targets at offset + theirs; name NULL, not the table's end */
	CLI_UNSUPPORTED, /* known from a peer, refused by name; arg tells whether it takes a value; not in the --help; help: why, for the message */
	CLI_IGNORED,	 /* known from a peer where it does nothing either; accepted with a warning on the log; of a flag =true too, no other */
};

typedef int (*cli_parse_fn)(struct arena *a, const char *value, void *target, struct err *e);

/* One option. A table ends with a row of zeros. */
struct cli_option {
	const char *name; /* long name without dashes */
	char letter;	  /* short name, 0 = none */
	const char *arg;  /* what the help calls its value; NULL = takes none */
	enum cli_kind kind;
	const char *help; /* one line; NULL = hidden */
	size_t offset;	  /* of the target in the command's struct */
	union {
		const char *choices;		 /* CLI_STR: "table|json": nothing else is accepted; CLI_STRV: "key=WHAT,key=WHAT", what
						  * shells complete one value to: the command itself judges it */
		cli_parse_fn parse;		 /* CLI_CALL */
		const struct cli_option *group; /* CLI_GROUP */
	};
};

struct cli_command;

/* A parsed command line. */
struct cli_call {
	const char *program;		 /* "tare" */
	const char *name;		 /* the whole command: "tare system info" */
	const struct cli_command *command;
	const void *global;		 /* the program's options */
	const void *opts;		 /* the command's options, NULL when it has size 0 */
	const char *const *args;	 /* positional arguments, NULL-terminated */
	size_t n_args;
	struct arena *arena;		 /* everything above lives here */
};

/* Runs a command: the exit code (0-255), or a negative error with e set. */
typedef int (*cli_run_fn)(const struct cli_call *call, struct err *e);

/* One command. A table ends with a row of zeros. */
struct cli_command {
	const char *name;
	const char *args; /* what the usage shows behind the options: "IMAGE [COMMAND [ARG...]]"; NULL = nothing */
	const char *help; /* one line; NULL = hidden */
	cli_run_fn run;	  /* NULL with `sub` */
	const struct cli_option *options;
	size_t size;		      /* of the struct the options go to */
	const void *defaults;	      /* its initial value; NULL = zeros */
	int min_args, max_args;	      /* positional arguments; CLI_ANY = no upper limit */
	bool stop_at_positional;      /* options end at the first positional argument */
	const struct cli_command *sub; /* nested commands instead of run */
	int id;			      /* the program's own, e.g. which of several verbs a shared run() is */
	const char *also;	      /* other names it goes by in its table, "list|ps"; NULL = none */
	const char *missing;	      /* known from a peer, and refused: why, and what there is instead; with neither run nor help */
};

struct cli_program {
	const char *name;    /* "tare" */
	const char *about;   /* one line */
	const char *version; /* what --version (and -v, unless the table has a v) prints; NULL = no such option */
	const struct cli_option *options;
	size_t size;
	const void *defaults;
	const struct cli_command *commands; /* NULL: it has none, and takes no arguments; its options are in the call's `global` */
};

/* Parses argv (argv[0] is skipped). 0: *out is a command to run. 1: help or version was asked for and its text is in
 * *text, nothing is to be run; a program called without a command gets the same with the usage. Else
 * ERR_INVALID (no such command: ERR_NOTFOUND) with one line that names what was wrong and, where there is one, what was probably meant; out->global is set once the
 * program's own options were parsed (so that a log format asked for holds for that error too), else NULL. */
int cli_parse(struct arena *a, const struct cli_program *p, int argc, const char *const *argv, struct cli_call *out,
	      struct strbuf *text, struct err *e) MUST_CHECK;

/* The help of a command or, command NULL, of the program. name as cli_call's. */
void cli_help(const struct cli_program *p, const struct cli_command *command, const char *name, struct strbuf *out);

#endif
