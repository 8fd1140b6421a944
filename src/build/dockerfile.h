/* A Dockerfile as typed instructions. Docker's "Dockerfile reference"; what that leaves open is as BuildKit does it.
 *
 * df_parse() checks all that can be checked before variables have values; what they may stand in is then still text as
 * written (quotes and escapes included). build/args.h has their values at an instruction, df_resolve()
 * (build/resolve.h) gives the same instruction with them. */
#ifndef TARE_BUILD_DOCKERFILE_H
#define TARE_BUILD_DOCKERFILE_H

#include <stdint.h>

#include "build/lex.h"

enum df_kind {
	DF_ADD,
	DF_ARG,
	DF_CMD,
	DF_COPY,
	DF_ENTRYPOINT,
	DF_ENV,
	DF_EXPOSE,
	DF_FROM,
	DF_HEALTHCHECK,
	DF_LABEL,
	DF_MAINTAINER,
	DF_ONBUILD,
	DF_RUN,
	DF_SHELL,
	DF_STOPSIGNAL,
	DF_USER,
	DF_VOLUME,
	DF_WORKDIR,
	DF_KIND_COUNT
};

enum df_choice { DF_UNSAID, DF_NO, DF_YES };

struct df_pair {
	const char *key, *value; /* value NULL: of ARG, without a default */
};

struct df_pairs {
	struct df_pair *v;
	size_t n;
	bool spaced; /* "ENV KEY value", the old form: one pair */
};

/* exec: argv as in JSON, maybe empty. Else argv[0] alone, a text for the shell. */
struct df_command {
	struct df_list argv;
	bool exec;
};

/* Of ADD and COPY. sources and docs: in the order of the line each; a document is a file of its name. */
struct df_copy {
	struct df_list sources;
	struct df_heredocs docs;
	const char *dest;
	const char *from;                     /* of COPY: a stage's name or number, or an image; NULL without */
	const char *chown, *chmod, *checksum; /* NULL without; "" resolved is without, too */
	struct df_list excludes;
	enum df_choice link, parents, keep_git_dir, unpack;
};

enum df_mount_type { DF_MOUNT_BIND, DF_MOUNT_CACHE, DF_MOUNT_TMPFS, DF_MOUNT_SECRET, DF_MOUNT_SSH };
enum df_sharing { DF_SHARING_SHARED, DF_SHARING_PRIVATE, DF_SHARING_LOCKED };

struct df_mount {
	enum df_mount_type type;
	const char *target; /* relative to the working folder or not; NULL: that itself, of secret and ssh: as usual */
	const char *source, *from; /* NULL without; of secret source is id */
	const char *id;  /* NULL without: of cache the target, of secret the target's last part, of ssh "default" */
	const char *env; /* of secret: the variable that has it; NULL without */
	bool read_only, required;
	enum df_sharing sharing;
	uint64_t size;          /* of tmpfs; 0: unlimited */
	int64_t mode, uid, gid; /* -1: not said */
};

enum df_network { DF_NETWORK_DEFAULT, DF_NETWORK_NONE, DF_NETWORK_HOST };
enum df_security { DF_SECURITY_SANDBOX, DF_SECURITY_INSECURE };

struct df_run {
	struct df_command command;  /* with documents in it where the shell is to see them */
	bool script;                /* argv[0] is a file to be executed as such: it begins with #! */
	struct df_list mount_texts; /* --mount as written */
	struct df_mount *mounts;    /* what df_resolve() makes of them; NULL before */
	size_t n_mounts;
	enum df_network network;
	enum df_security security;
};

struct df_health {
	bool none; /* HEALTHCHECK NONE: not even the one of the base image */
	struct df_command command;
	int64_t interval, timeout, start_period, start_interval; /* in nanoseconds; 0: not said */
	int64_t retries;                                         /* 0: not said */
};

struct df_from {
	const char *base;     /* "scratch", a stage's name or an image's */
	const char *name;     /* AS, in lower case; NULL without */
	const char *platform; /* NULL without */
};

struct df_instruction {
	enum df_kind kind;
	unsigned int first, last; /* lines of the file, from 1 */
	const char *text;         /* in one line, without its documents: for the history and for messages */
	union {
		struct df_copy copy;       /* ADD, COPY */
		struct df_pairs pairs;     /* ARG, ENV, LABEL */
		struct df_command command; /* CMD, ENTRYPOINT, SHELL */
		struct df_run run;
		struct df_list list; /* EXPOSE: "80/tcp" each once resolved; VOLUME */
		const char *word;    /* MAINTAINER, STOPSIGNAL, USER, WORKDIR */
		struct df_health health;
		struct df_from from;
		const char *trigger; /* ONBUILD: the instruction, with its documents, as an image's configuration keeps
					it */
	};
};

struct df_stage {
	struct df_instruction from;
	struct df_instruction *v; /* what follows it */
	size_t n, cap;
};

struct df_file {
	char escape;
	const char *syntax, *check;  /* the directives; NULL without */
	struct df_instruction *args; /* ARG before the first FROM */
	size_t n_args, args_cap;
	struct df_stage *stages; /* one at least */
	size_t n_stages, stages_cap;
	struct df_warnings warnings;
};

/* text: len bytes, need not outlive the call. Everything given lives in a. The message begins with "line N: " and the
 * instruction; ERR_INVALID, ERR_LIMIT (build/lex.h), ERR_UNSUPPORTED for what Docker has and tare has not. */
int df_parse(struct arena *a, const char *text, size_t len, struct df_file *out, struct err *e) MUST_CHECK;

/* One instruction that stands alone. FROM, ONBUILD and what else there is: whether it is allowed there is for the caller to say. */
int df_parse_line(struct arena *a, const char *text, struct df_instruction *out, struct err *e) MUST_CHECK;

/* One instruction of an image's OnBuild, for the stage whose FROM is in this line. It may be none of FROM, ONBUILD and
 * MAINTAINER. The message does not say where. */
int df_parse_trigger(struct arena *a, const char *text, unsigned int line, struct df_instruction *out,
		     struct err *e) MUST_CHECK;

/* "RUN" */
const char *df_kind_name(enum df_kind kind);

/* The stage that ref means among the first `before`: a number, or a name in any case, of several the last. -1: none. */
int df_find_stage(const struct df_file *f, const char *ref, size_t before);

/* Line number `line` of the text, for a message that shows it: *len bytes of text, no end of line. "" when there is
 * none. */
const char *df_show_line(const char *text, size_t size, unsigned int line, size_t *len);

#endif
