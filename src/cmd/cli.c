/* Parsing of command lines from tables; see cli.h.
 *
 * One pass over argv for each level: the program's options up to the first word, which is a command; then that
 * command's, until a command without `sub` is found. Values go straight into the command's struct, which is a copy
 * of its defaults, so a command never sees argv and needs no "was it given" flags beyond its own sentinels.
 * argv belongs to whoever called us; nothing in it is trusted to be short or sane, and nothing is written to it. */
#include "cmd/cli.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/nearest.h"
#include "base/text.h"
#include "cmd/cli_rows.h"

/* Where the parser stands. */
struct scan {
	struct arena *a;
	const struct cli_program *program;
	const struct cli_command *command; /* NULL while at the program's own options */
	const char *name;		   /* "tare system info" */
	const struct cli_option *options;
	void *target;
	const char *const *argv;
	int argc, at;
	bool help, version;
};

static void suggest_options(struct nearest *s, const struct cli_option *rows)
{
	for (const struct cli_option *o = rows; o && (o->name || o->kind == CLI_GROUP); o++) {
		if (o->kind == CLI_GROUP)
			suggest_options(s, o->group);
		else if (o->help)
			(void)nearest_offer(s, o->name);
	}
}

static int append(struct arena *a, struct cli_strv *list, const char *value)
{
	const char **v = arena_array(a, list->n + 2, sizeof(*v));

	if (!v)
		return -ENOMEM;
	if (list->n)
		memcpy(v, list->v, list->n * sizeof(*v));
	v[list->n++] = value;
	list->v = v;
	return 0;
}

static bool is_choice(const char *choices, const char *value)
{
	size_t len = strlen(value);

	for (const char *c = choices; c; c = strchr(c, '|') ? strchr(c, '|') + 1 : NULL)
		if (len && !strncmp(c, value, len) && (c[len] == '|' || !c[len]))
			return true;
	return false;
}

static int parse_bool(const char *value, bool *out)
{
	static const char *const yes[] = { "true", "1", "t", "T", "TRUE", "True" };
	static const char *const no[] = { "false", "0", "f", "F", "FALSE", "False" };

	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		if (!strcmp(value, yes[i]) || !strcmp(value, no[i])) {
			*out = !strcmp(value, yes[i]);
			return 0;
		}
	}
	return -EINVAL;
}

/* Stores one value; shown is the option as the user wrote it. */
static int store(struct scan *s, const struct cli_found *f, const char *shown, const char *value, struct err *e)
{
	const char *wants = "a number";
	bool yes;
	int r = 0;

	switch (f->row->kind) {
	case CLI_FLAG:
		wants = "true or false";
		r = parse_bool(value ? value : "true", f->target);
		break;
	case CLI_STR:
		if (f->row->choices && !is_choice(f->row->choices, value))
			return err_set(e, ERR_INVALID, "%s \"%s\": must be one of %s", shown, value, f->row->choices);
		*(const char **)f->target = value;
		break;
	case CLI_STRV:
		r = append(s->a, f->target, value);
		break;
	case CLI_I64:
		r = text_i64(value, f->target);
		break;
	case CLI_U64:
		r = text_u64(value, f->target);
		break;
	case CLI_U32:
		r = text_u32(value, f->target);
		break;
	case CLI_SIZE:
		wants = "a size such as 512m";
		r = text_size(value, f->target);
		break;
	case CLI_DURATION:
		wants = "a duration such as 10s";
		r = text_duration(value, f->target);
		break;
	case CLI_CALL:
		r = f->row->parse(s->a, value, f->target, e);
		return r < 0 ? err_ctx(e, "%s", shown) : 0;
	case CLI_UNSUPPORTED:
		return f->row->help ? err_set(e, ERR_UNSUPPORTED, "option %s is not supported: %s", shown, f->row->help) :
				      err_set(e, ERR_UNSUPPORTED, "option %s is not supported by this version, see \"%s --help\"", shown,
					      s->name);
	case CLI_IGNORED:
		if (!f->row->arg && value && (parse_bool(value, &yes) < 0 || !yes))
			return err_set(e, ERR_UNSUPPORTED, "option %s=%.20s is not supported: it is always as if that were true", shown, value);
		log_warning("option %s has no effect", shown);
		break;
	case CLI_GROUP:
		break;
	}
	if (r == -ENOMEM)
		return err_errno(e, r, "%s", shown);
	if (r == -ERANGE)
		return err_set(e, ERR_INVALID, "%s \"%s\": out of range", shown, value);
	if (r < 0)
		return err_set(e, ERR_INVALID, "%s \"%s\": must be %s", shown, value, wants);
	return 0;
}

static int unknown_option(const struct scan *s, const char *shown, const char *name, struct err *e)
{
	struct nearest near = NEAREST(name);

	if (name)
		suggest_options(&near, s->options);
	if (near.best[0])
		return err_set(e, ERR_INVALID, "unknown option %s, did you mean --%s? See \"%s --help\"", shown, near.best,
			       s->name);
	return err_set(e, ERR_INVALID, "unknown option %s, see \"%s --help\"", shown, s->name);
}

/* The next word as a value. */
static int next_value(struct scan *s, const char *shown, const char **value, struct err *e)
{
	if (s->at >= s->argc)
		return err_set(e, ERR_INVALID, "option %s needs a value, see \"%s --help\"", shown, s->name);
	*value = s->argv[s->at++];
	return 0;
}

static int long_option(struct scan *s, const char *word, struct err *e)
{
	const char *name = word + 2, *value = strchr(name, '=');
	size_t len = value ? (size_t)(value - name) : strlen(name);
	const char *shown = arena_strndup(s->a, word, len + 2);
	struct cli_found f;
	int r;

	if (!shown)
		return err_errno(e, -ENOMEM, "command line");
	if (!cli_find_option(s->options, s->target, name, len, 0, &f)) {
		s->help = len == 4 && !strncmp(name, "help", 4);
		s->version = !s->command && s->program->version && len == 7 && !strncmp(name, "version", 7);
		return s->help || s->version ? 0 : unknown_option(s, shown, shown + 2, e);
	}
	if (value)
		value++;
	if (value && !cli_takes_value(f.row) && f.row->kind != CLI_FLAG && f.row->kind != CLI_UNSUPPORTED && f.row->kind != CLI_IGNORED)
		return err_set(e, ERR_INVALID, "option %s takes no value", shown);
	if (!value && cli_takes_value(f.row)) {
		r = next_value(s, shown, &value, e);
		if (r < 0)
			return r;
	}
	return store(s, &f, shown, value, e);
}

/* "-it", "-fvalue", "-f value". */
static int short_options(struct scan *s, const char *word, struct err *e)
{
	for (const char *p = word + 1; *p; p++) {
		char *shown = arena_printf(s->a, "-%c", *p);
		const char *value = NULL;
		struct cli_found f;
		int r;

		if (!shown)
			return err_errno(e, -ENOMEM, "command line");
		if (!cli_find_option(s->options, s->target, NULL, 0, *p, &f)) {
			s->help = *p == 'h';
			s->version = !s->command && s->program->version && *p == 'v';
			return s->help || s->version ? 0 : unknown_option(s, shown, NULL, e);
		}
		if (cli_takes_value(f.row)) {
			if (p[1]) {
				value = p[1] == '=' ? p + 2 : p + 1;
			} else {
				r = next_value(s, shown, &value, e);
				if (r < 0)
					return r;
			}
		} else if (p[1] == '=' && (f.row->kind == CLI_FLAG || f.row->kind == CLI_IGNORED)) {
			value = p + 2;
		}
		r = store(s, &f, shown, value, e);
		if (r < 0 || value)
			return r;
	}
	return 0;
}

/* Reads the options and positional words of one level. stop: its options end at the first word, which is left alone
 * when words is NULL (it names a command) and else taken with all that follow. */
static int scan_level(struct scan *s, bool stop, struct cli_strv *words, struct err *e)
{
	bool options_end = false;

	while (s->at < s->argc) {
		const char *word = s->argv[s->at];
		int r;

		if (!options_end && word[0] == '-' && word[1]) {
			s->at++;
			if (!strcmp(word, "--")) {
				options_end = true;
				continue;
			}
			r = word[1] == '-' ? long_option(s, word, e) : short_options(s, word, e);
			if (r < 0 || s->help || s->version)
				return r;
			continue;
		}
		if (stop && !words)
			return 0;
		s->at++;
		if (append(s->a, words, word) < 0)
			return err_errno(e, -ENOMEM, "command line");
		options_end |= stop;
	}
	return 0;
}

static void *new_target(struct arena *a, size_t size, const void *defaults)
{
	void *t = arena_alloc(a, size ? size : 1);

	if (t && defaults)
		memcpy(t, defaults, size);
	return t;
}

static int unknown_command(const struct scan *s, const struct cli_command *table, const char *word, struct err *e)
{
	struct nearest near = NEAREST(word);

	for (const struct cli_command *c = table; c && c->name; c++)
		if (c->help)
			(void)nearest_offer(&near, c->name);
	if (near.best[0])
		return err_set(e, ERR_NOTFOUND, "unknown command \"%s\", did you mean \"%s %s\"?", word, s->name, near.best);
	return err_set(e, ERR_NOTFOUND, "unknown command \"%s\", see \"%s --help\"", word, s->name);
}

/* Steps from a level with commands down into the one that the next word names. */
static int descend(struct scan *s, const struct cli_command *table, struct err *e)
{
	const char *word = s->argv[s->at++];
	const struct cli_command *c = cli_find_command(table, word);

	if (!c)
		return unknown_command(s, table, word, e);
	if (c->missing)
		return err_set(e, ERR_UNSUPPORTED, "command \"%s %s\" is not supported: %s", s->name, c->name, c->missing);
	s->command = c;
	s->options = c->options;
	s->name = arena_printf(s->a, "%s %s", s->name, c->name);
	s->target = new_target(s->a, c->size, c->defaults);
	return s->name && s->target ? 0 : err_errno(e, -ENOMEM, "command line");
}

static int check_args(const struct cli_command *c, const struct cli_call *call, struct err *e)
{
	if (call->n_args < (size_t)c->min_args)
		return err_set(e, ERR_USAGE, "too few arguments: %s %s, see \"%s --help\"", call->name,
			       c->args ? c->args : "", call->name);
	if (c->max_args != CLI_ANY && call->n_args > (size_t)c->max_args)
		return err_set(e, ERR_USAGE, "unexpected argument \"%s\", see \"%s --help\"", call->args[c->max_args],
			       call->name);
	return 0;
}

/* A level that only has commands: its options, then the word that names one. False: help or version is the answer. */
static int parse_groups(struct scan *s, struct cli_call *out, bool *answer, struct err *e)
{
	const struct cli_command *table = s->program->commands;
	int r;

	while (table) {
		r = scan_level(s, true, NULL, e);
		if (r < 0)
			return r;
		if (!s->command)
			out->global = s->target;
		if (s->help || s->version || s->at >= s->argc) {
			*answer = true;
			return 0;
		}
		r = descend(s, table, e);
		if (r < 0)
			return r;
		table = s->command->sub;
	}
	return 0;
}

/* A program without commands: its options are all there is. */
static int parse_alone(struct scan *s, struct cli_call *out, struct strbuf *text, struct err *e)
{
	struct cli_strv words = { 0 };
	int r = scan_level(s, false, &words, e);

	out->global = s->target;
	if (r < 0)
		return r;
	if (words.n)
		return err_set(e, ERR_USAGE, "unexpected argument \"%s\", see \"%s --help\"", words.v[0], s->name);
	if (s->version)
		sb_puts(text, s->program->version);
	else if (s->help)
		cli_help(s->program, NULL, s->name, text);
	return s->version || s->help;
}

int cli_parse(struct arena *a, const struct cli_program *p, int argc, const char *const *argv, struct cli_call *out,
	      struct strbuf *text, struct err *e)
{
	struct scan s = { .a = a, .program = p, .name = p->name, .options = p->options, .argv = argv, .argc = argc, .at = 1 };
	static const char *const none[] = { NULL };
	struct cli_strv words = { 0 };
	bool answer = false;
	int r;

	*out = (struct cli_call){ .program = p->name, .arena = a, .args = none };
	s.target = new_target(a, p->size, p->defaults);
	if (!s.target)
		return err_errno(e, -ENOMEM, "command line");
	if (!p->commands)
		return parse_alone(&s, out, text, e);
	r = parse_groups(&s, out, &answer, e);
	/* whose error it is shows in the exit code, too */
	out->command = r == 0 && !answer ? s.command : NULL;
	if (r == 0 && !answer)
		r = scan_level(&s, s.command->stop_at_positional, &words, e);
	if (r < 0)
		return r;
	if (s.version) {
		sb_puts(text, p->version);
		return 1;
	}
	if (answer || s.help) {
		cli_help(p, s.command, s.name, text);
		return 1;
	}
	out->name = s.name;
	out->opts = s.command->size ? s.target : NULL;
	if (words.n)
		out->args = words.v;
	out->n_args = words.n;
	return check_args(s.command, out, e);
}
