/* A walk over the words as the parser does it, but without values: all that counts is where the last word stands. What it
 * may be follows from what the help calls it (cli_option.arg, cli_command.args): "auto|plain" are words, IMAGE, CONTAINER, VOLUME and
 * NETWORK things that the program keeps, SIGNAL the kernel's, COMMAND of an argument the program's own (where it is not what is to be
 * run in a container), FILE, PATH, FOLDER and DIR are the shell's matter, of anything else we know nothing. See cli_complete.h. */
#include "cmd/cli_complete.h"

#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "oci/signals.h"

struct walk {
	struct cli_completion c;
	const struct cli_program *program;
	const struct cli_command *command; /* NULL while at the program's own options */
	const struct cli_option *options;
	const struct cli_command *table;  /* whose names may come; NULL: arguments */
	const struct cli_option *pending; /* whose value comes next */
	void *target;			  /* the program's options */
	size_t n_args;
	const struct cli_command *named;  /* the commands that the next argument may be a name of, where arguments are such names */
	bool options_end, lost; /* lost: an unknown word, nothing is known about what follows */
	cli_things_fn things;
};

static const struct {
	const char *name;
	int thing;
	const char *answer;
} names[] = {
	{ "CONTAINER", CLI_CONTAINERS, NULL }, { "IMAGE", CLI_IMAGES, NULL },	    { "NAME[:TAG", CLI_IMAGES, NULL },
	{ "VOLUME", CLI_VOLUMES, NULL },
	{ "NETWORK", CLI_NETWORKS, NULL },     { "FILE", CLI_THINGS, ":files" },    { "PATH", CLI_THINGS, ":files" },
	{ "SOCKET", CLI_THINGS, ":files" },    { "ROOTFS", CLI_THINGS, ":files" },  { "FOLDER", CLI_THINGS, ":folders" },
	{ "DIR", CLI_THINGS, ":folders" },     { "SRC", CLI_VOLUMES, ":files" },
};

void cli_offer(const struct cli_completion *c, const char *candidate, const char *help)
{
	size_t before = strlen(c->before);

	if (!text_starts(candidate, c->word + before))
		return;
	for (const char *p = candidate; *p; p++)
		if (iscntrl((unsigned char)*p))
			return;
	sb_printf(c->out, "%s%s%s\t%s\n", c->before, candidate, c->after, help ? help : "");
}

/* "CONTAINER..." and "PATH[:PATH-INSIDE]" begin with a name, "PATH-INSIDE" with none. */
static bool is_name(const char *choice, size_t len, const char *name)
{
	size_t n = strlen(name);
	char next = n < len ? choice[n] : '\0';

	return n <= len && !strncmp(choice, name, n) && (!next || strchr("[]:.,", next));
}

/* By their short names, or by their long ones to who began so. */
static void offer_signals(const struct walk *w)
{
	bool whole = text_starts(w->c.word + strlen(w->c.before), "SIG");
	char name[OCI_SIGNAL_NAME_LEN];

	for (int i = 1; i < 32; i++)
		if (strncmp(oci_signal_name(i, name), "SIG", 3) == 0)
			cli_offer(&w->c, name + (whole ? 0 : 3), NULL);
}

/* Of "CONTAINER:PATH" a candidate is "web:", for more is to come. */
static void offer_name(const struct walk *w, const char *choice, size_t len)
{
	if (is_name(choice, len, "SIGNAL"))
		offer_signals(w);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct cli_completion c = w->c;
		size_t n = strlen(names[i].name);

		if (!is_name(choice, len, names[i].name))
			continue;
		c.after = n < len && choice[n] == ':' ? ":" : "";
		if (names[i].thing != CLI_THINGS)
			w->things(&c, (enum cli_thing)names[i].thing);
		if (names[i].answer)
			sb_printf(w->c.out, "%s\t%s\n", names[i].answer, w->c.before);
		return;
	}
}

/* One of what the help lists: a word as it is, a thing, or one with words before it ("container:CONTAINER"). */
static void offer_choice(const struct walk *w, const char *choice, size_t len)
{
	size_t lower = 0, before = strlen(w->c.before);
	struct walk behind = *w;
	char *text;

	while (lower < len && !isupper((unsigned char)choice[lower]) && !strchr("[]=,", choice[lower]))
		lower++;
	text = arena_strndup(w->c.a, choice, lower);
	if (!text)
		return;
	if (lower == len && isalpha((unsigned char)text[0])) {
		cli_offer(&w->c, text, NULL);
	} else if (lower == 0) {
		offer_name(w, choice, len);
	} else if (lower < len && text_starts(w->c.word + before, text)) {
		behind.c.before = arena_printf(w->c.a, "%s%s", w->c.before, text);
		if (behind.c.before)
			offer_name(&behind, choice + lower, len - lower);
	} else if (lower < len && text[lower - 1] == ':') {
		cli_offer(&w->c, text, NULL);
	}
}

static void offer_choices(const struct walk *w, const char *choices)
{
	const char *choice;
	size_t len;

	while ((choice = cli_next_choice(&choices, &len)))
		offer_choice(w, choice, len);
}

/* A value in parts, "key=WHAT,key=WHAT[,...]": a key that is not there yet, or what the last one may be. */
static void offer_fields(const struct walk *w, const char *fields)
{
	const char *value = w->c.word + strlen(w->c.before), *comma = strrchr(value, ','), *part = comma ? comma + 1 : value, *eq = strchr(part, '=');

	for (const char *at = fields; at && *at != '['; at = strpbrk(at, ",[") ? strpbrk(at, ",[") + 1 : NULL) {
		size_t key = strcspn(at, "=") + 1;
		const char *name = arena_strndup(w->c.a, at, key), *choices = arena_strndup(w->c.a, at + key, strcspn(at + key, ",["));
		struct walk in = *w;

		in.c.before = arena_strndup(w->c.a, w->c.word, (size_t)((eq ? eq + 1 : part) - w->c.word));
		if (!name || !choices || !in.c.before || !strchr(name, '='))
			return;
		if (!eq && !strstr(in.c.before, name))
			cli_offer(&in.c, name, NULL);
		else if (eq && strncmp(part, name, key) == 0)
			offer_choices(&in, choices);
	}
}

static void offer_value(const struct walk *w, const struct cli_option *row)
{
	if (row->kind == CLI_STRV && row->choices)
		offer_fields(w, row->choices);
	else if (row->arg && text_ends(row->arg, "[,...]"))
		offer_fields(w, row->arg);
	else if (row->kind == CLI_FLAG)
		offer_choices(w, "true|false");
	else if (row->kind == CLI_STR && row->choices)
		offer_choices(w, row->choices);
	else
		offer_choices(w, row->arg ? row->arg : "");
}

static void offer_option(const struct cli_option *row, void *data)
{
	const struct walk *w = data;
	char *name = arena_printf(w->c.a, "--%s", row->name);

	if (name)
		cli_offer(&w->c, name, row->help);
}

static void offer_commands(const struct walk *w, const struct cli_command *table)
{
	for (const struct cli_command *c = table; c && c->name; c++)
		if (c->help)
			cli_offer(&w->c, c->name, c->help);
}

/* Arguments that are names of the program's commands: its own, and then those below the one before. */
static bool names_commands(const struct cli_command *c)
{
	return c && c->args && !c->stop_at_positional && strstr(c->args, "COMMAND...");
}

/* The argument that comes next, of usages such as "IMAGE [COMMAND [ARG...]]" and "CONTAINER...". */
static void offer_argument(const struct walk *w)
{
	const char *at = w->command && w->command->args ? w->command->args : "", *begin = at;
	size_t len = 0;

	if (w->command && w->command->max_args != CLI_ANY && w->n_args >= (size_t)w->command->max_args)
		return;
	for (size_t i = 0; i <= w->n_args && *at; i++) {
		begin = at + strspn(at, " ");
		if (*begin == '[')
			begin++;
		len = strcspn(begin, " ");
		at = begin + len;
		if (!*at && len >= 3 && memmem(begin, len, "...", 3)) /* it and all that follow */
			break;
		if (!*at && i < w->n_args)
			return;
	}
	while (len && (begin[len - 1] == '.' || (begin[len - 1] == ']' && !memchr(begin, '[', len))))
		len--;
	begin = arena_strndup(w->c.a, begin, len);
	if (begin && !(names_commands(w->command) && w->n_args))
		offer_choices(w, begin);
	if (names_commands(w->command))
		offer_commands(w, w->named);
}

static void take_value(struct walk *w, const struct cli_found *f, const char *value)
{
	if (!w->command && f->row->kind == CLI_STR)
		*(const char **)f->target = value;
}

static void pass_option(struct walk *w, const char *word)
{
	const char *value = strchr(word, '=');
	struct cli_found f;

	if (word[1] == '-') {
		size_t len = (value ? (size_t)(value - word) : strlen(word)) - 2;

		if (!cli_find_option(w->options, w->target, word + 2, len, 0, &f))
			return;
		if (value)
			take_value(w, &f, value + 1);
		else if (cli_takes_value(f.row))
			w->pending = f.row;
		return;
	}
	for (const char *p = word + 1; *p; p++) {
		if (!cli_find_option(w->options, w->target, NULL, 0, *p, &f) || !cli_takes_value(f.row))
			continue;
		if (!p[1])
			w->pending = f.row;
		return;
	}
}

/* One word that is whole. */
static void pass(struct walk *w, const char *word)
{
	const struct cli_command *c;
	struct cli_found f;

	if (w->pending) {
		if (!w->command && cli_find_option(w->options, w->target, w->pending->name, strlen(w->pending->name), 0, &f))
			take_value(w, &f, word);
		w->pending = NULL;
	} else if (!w->options_end && word[0] == '-' && word[1]) {
		if (!strcmp(word, "--"))
			w->options_end = true;
		else
			pass_option(w, word);
	} else if (w->table) {
		c = cli_find_command(w->table, word);
		w->lost = !c;
		if (!c)
			return;
		w->command = c;
		w->options = c->options;
		w->table = c->sub;
	} else {
		c = cli_find_command(w->named, word);
		w->named = c ? c->sub : NULL;
		w->n_args++;
		w->options_end |= w->command && w->command->stop_at_positional;
	}
}

static void offer_options(struct walk *w)
{
	static const struct cli_option help = { "help", 0, NULL, CLI_FLAG, "print this and exit", 0 };
	static const struct cli_option version = { "version", 0, NULL, CLI_FLAG, "print the version and exit", 0 };

	cli_each_option(w->options, offer_option, w);
	offer_option(&help, w);
	if (!w->command && w->program->version)
		offer_option(&version, w);
}

/* The last word. */
static void offer(struct walk *w)
{
	const char *word = w->c.word, *value = strchr(word, '=');
	struct cli_found f;

	if (w->lost)
		return;
	if (w->pending) {
		offer_value(w, w->pending);
	} else if (!w->options_end && text_starts(word, "--") && value) {
		if (!cli_find_option(w->options, w->target, word + 2, (size_t)(value - word) - 2, 0, &f) || !cli_is_shown(f.row))
			return;
		w->c.before = arena_strndup(w->c.a, word, (size_t)(value - word) + 1);
		if (w->c.before)
			offer_value(w, f.row);
	} else if (!w->options_end && word[0] == '-') {
		offer_options(w);
	} else if (w->table) {
		offer_commands(w, w->table);
	} else {
		offer_argument(w);
	}
}

int cli_complete(struct arena *a, const struct cli_program *p, cli_things_fn things, const char *const *words, size_t n,
		 struct strbuf *out, struct err *e)
{
	struct walk w = { .program = p, .options = p->options, .table = p->commands, .named = p->commands, .things = things };

	w.target = arena_alloc(a, p->size ? p->size : 1);
	if (!w.target)
		return err_errno(e, -ENOMEM, "complete a command line");
	if (p->defaults)
		memcpy(w.target, p->defaults, p->size);
	w.c = (struct cli_completion){ .a = a, .global = w.target, .word = n ? words[n - 1] : "", .before = "", .after = "", .out = out };
	for (size_t i = 0; i + 1 < n && !w.lost; i++)
		pass(&w, words[i]);
	offer(&w);
	return sb_error(out) < 0 ? err_errno(e, -ENOMEM, "complete a command line") : 0;
}
