#include "build/instruction.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/strbuf.h"
#include "base/text.h"
#include "build/flags.h"
#include "build/heredoc.h"
#include "build/mount.h"

struct reading {
	struct arena *a;
	const struct df_line *line;
	char escape;
	struct df_warnings *warnings;
	struct df_instruction *out;
	struct err *e;
};

static int no_memory(const struct reading *r)
{
	return err_errno(r->e, -ENOMEM, "reading the instruction");
}

static int wants(const struct reading *r, const char *what)
{
	return err_set(r->e, ERR_INVALID, "%s wants %s", df_kind_name(r->out->kind), what);
}

/* ---- commands ---- */

/* ["a", 'b'] is meant as JSON and is none. */
static void suspect_json(const struct reading *r, const char *rest)
{
	struct err ignored = { 0 };
	size_t len = strlen(rest);

	if (len > 2 && rest[0] == '[' && (rest[1] == '"' || rest[1] == '\'') && rest[len - 1] == ']')
		(void)!df_warn(r->a, r->warnings, r->line->first,
			       "this is no JSON list and so a text for the shell: strings in a list are in double "
			       "quotes, with commas between them",
			       &ignored);
}

/* A list in JSON, or all of rest as text for a shell. */
static int read_command(const struct reading *r, const char *rest, struct df_command *out)
{
	int json = df_split_json(r->a, rest, &out->argv, r->e);

	if (json < 0)
		return json;
	out->exec = json;
	if (json)
		return 0;
	suspect_json(r, rest);
	out->argv.n = 0;
	return df_list_add(r->a, &out->argv, rest) ? 0 : no_memory(r);
}

static int read_cmd(const struct reading *r)
{
	if (!*r->line->split.rest)
		return wants(r, "a command, or [] for none");
	return read_command(r, r->line->split.rest, &r->out->command);
}

static int read_shell(const struct reading *r)
{
	struct df_command *c = &r->out->command;

	if (read_command(r, r->line->split.rest, c) < 0)
		return r->e->code;
	return c->exec && c->argv.n ? 0 : wants(r, "a list in JSON: SHELL [\"/bin/bash\", \"-c\"]");
}

/* ---- RUN ---- */

struct run_flags {
	struct df_list mounts;
	const char *network, *security;
};

static const struct df_flag run_flags[] = {
	{ "mount", DF_FLAG_LIST, offsetof(struct run_flags, mounts) },
	{ "network", DF_FLAG_TEXT, offsetof(struct run_flags, network) },
	{ "security", DF_FLAG_TEXT, offsetof(struct run_flags, security) },
	{ "device", DF_FLAG_NOT, 0 },
};

static int choose(const struct reading *r, const char *flag, const char *value, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!value || strcmp(value, names[i]) == 0)
			return (int)i;
	return df_no_choice(flag, value, names, n, r->e);
}

/* A document that is the whole command is what is run, by its own #! where it has one. With a command before it a shell
 * reads both, so they are put together again. */
static int read_documents(const struct reading *r, struct df_run *run)
{
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;
	const struct df_heredocs *docs = &r->line->docs;
	const char *rest = r->line->split.rest;

	if (!docs->n)
		return 0;
	if (df_is_heredoc(rest)) {
		run->command.argv.v[0] = docs->v[0].content;
		run->script = text_starts(docs->v[0].content, "#!");
		return 0;
	}
	sb_puts(&b, rest);
	for (size_t i = 0; i < docs->n; i++) {
		sb_putc(&b, '\n');
		sb_puts(&b, docs->v[i].content);
		sb_puts(&b, docs->v[i].name);
	}
	run->command.argv.v[0] = arena_strndup(r->a, sb_str(&b), b.len);
	return sb_error(&b) < 0 || !run->command.argv.v[0] ? no_memory(r) : 0;
}

static int read_run(const struct reading *r)
{
	static const char *const networks[] = { "default", "none", "host" };
	static const char *const securities[] = { "sandbox", "insecure" };
	struct df_run *run = &r->out->run;
	struct run_flags f = { 0 };
	struct df_mount ignored;
	int network, security;

	if (df_flags(r->a, &r->line->split.flags, run_flags, ARRAY_LEN(run_flags), &f, r->e) < 0)
		return r->e->code;
	network = choose(r, "--network", f.network, networks, ARRAY_LEN(networks));
	security = network < 0 ? network : choose(r, "--security", f.security, securities, ARRAY_LEN(securities));
	if (security < 0)
		return security;
	run->network = (enum df_network)network;
	run->security = (enum df_security)security;
	run->mount_texts = f.mounts;
	for (size_t i = 0; i < f.mounts.n; i++)
		if (df_mount_parse(r->a, f.mounts.v[i], NULL, &ignored, r->e) < 0)
			return r->e->code;
	if (read_command(r, r->line->split.rest, &run->command) < 0)
		return r->e->code;
	if (!run->command.argv.n || !*run->command.argv.v[0])
		return wants(r, "a command");
	return read_documents(r, run);
}

/* ---- ADD, COPY ---- */

static const struct df_flag copy_flags[] = {
	{ "from", DF_FLAG_TEXT, offsetof(struct df_copy, from) },
	{ "chown", DF_FLAG_TEXT, offsetof(struct df_copy, chown) },
	{ "chmod", DF_FLAG_TEXT, offsetof(struct df_copy, chmod) },
	{ "link", DF_FLAG_CHOICE, offsetof(struct df_copy, link) },
	{ "parents", DF_FLAG_CHOICE, offsetof(struct df_copy, parents) },
	{ "exclude", DF_FLAG_LIST, offsetof(struct df_copy, excludes) },
};

static const struct df_flag add_flags[] = {
	{ "chown", DF_FLAG_TEXT, offsetof(struct df_copy, chown) },
	{ "chmod", DF_FLAG_TEXT, offsetof(struct df_copy, chmod) },
	{ "link", DF_FLAG_CHOICE, offsetof(struct df_copy, link) },
	{ "exclude", DF_FLAG_LIST, offsetof(struct df_copy, excludes) },
	{ "checksum", DF_FLAG_TEXT, offsetof(struct df_copy, checksum) },
	{ "keep-git-dir", DF_FLAG_CHOICE, offsetof(struct df_copy, keep_git_dir) },
	{ "unpack", DF_FLAG_CHOICE, offsetof(struct df_copy, unpack) },
};

/* Words of the plain form: "<<NAME" each takes the next document, the others are files; the last is where they go. */
static int sort_sources(const struct reading *r, const struct df_list *words, bool plain, struct df_copy *copy)
{
	size_t docs = 0, sources = words->n - 1;

	copy->dest = words->v[sources];
	if (plain && df_is_heredoc(copy->dest))
		return wants(r, "a file or folder to copy to, behind the here-document");
	for (size_t i = 0; i < sources; i++) {
		if (plain && df_is_heredoc(words->v[i]))
			docs++;
		else if (!df_list_add(r->a, &copy->sources, words->v[i]))
			return no_memory(r);
	}
	if (docs != r->line->docs.n)
		return err_set(r->e, ERR_INVALID,
			       "a here-document's name may have no blanks here, nor any before it: <<NAME");
	copy->docs = r->line->docs;
	return 0;
}

static int read_copy(const struct reading *r)
{
	struct df_copy *copy = &r->out->copy;
	const struct df_split *s = &r->line->split;
	struct df_list words;
	int json;

	if (r->out->kind == DF_COPY ? df_flags(r->a, &s->flags, copy_flags, ARRAY_LEN(copy_flags), copy, r->e) < 0
				    : df_flags(r->a, &s->flags, add_flags, ARRAY_LEN(add_flags), copy, r->e) < 0)
		return r->e->code;
	if (copy->from && strchr(copy->from, '$'))
		return err_set(
			r->e, ERR_INVALID,
			"--from=%.60s: there are no variables in --from; name a stage with FROM and an ARG before it",
			copy->from);
	if (copy->from && !*copy->from)
		return wants(r, "a stage or an image behind --from=");
	json = df_split_json(r->a, s->rest, &words, r->e);
	if (json < 0 || (!json && df_split_blanks(r->a, s->rest, &words, r->e) < 0))
		return r->e->code;
	if (words.n < 2)
		return wants(r, "at least one source and a destination");
	if (copy->checksum && words.n != 2)
		return err_set(r->e, ERR_INVALID, "--checksum is for one source");
	return sort_sources(r, &words, !json, copy);
}

/* ---- ARG, ENV, LABEL ---- */

static bool add_pair(const struct reading *r, size_t *cap, const char *key, const char *value)
{
	struct df_pairs *p = &r->out->pairs;
	struct df_pair *v = arena_grow(r->a, p->v, p->n, cap, sizeof(*v));

	if (!v || !key)
		return false;
	p->v = v;
	p->v[p->n++] = (struct df_pair){ key, value };
	return true;
}

/* "KEY some value": the old form, a pair whose value is the rest of the line. */
static int read_spaced(const struct reading *r)
{
	const char *rest = r->line->split.rest, *value;
	size_t len = 0, cap = 0;

	while (rest[len] && !df_is_space(rest[len]))
		len++;
	value = rest + len;
	while (df_is_space(*value))
		value++;
	if (!*value)
		return err_set(r->e, ERR_INVALID, "want %.60s=VALUE", rest);
	r->out->pairs.spaced = true;
	return add_pair(r, &cap, arena_strndup(r->a, rest, len), value) ? 0 : no_memory(r);
}

static int read_pairs(const struct reading *r)
{
	bool arg = r->out->kind == DF_ARG;
	struct df_list words;
	size_t cap = 0;

	if (df_split_words(r->a, r->line->split.rest, r->escape, &words, r->e) < 0)
		return r->e->code;
	if (!words.n)
		return wants(r, arg ? "NAME or NAME=VALUE" : "NAME=VALUE");
	if (!arg && !strchr(words.v[0], '='))
		return read_spaced(r);
	for (size_t i = 0; i < words.n; i++) {
		const char *word = words.v[i], *eq = strchr(word, '=');
		size_t len = eq ? (size_t)(eq - word) : strlen(word);

		if (!eq && !arg)
			return err_set(r->e, ERR_INVALID,
				       "\"%.60s\": want NAME=VALUE; a value with blanks goes in quotes", word);
		if (!len)
			return err_set(r->e, ERR_INVALID, "\"%.60s\": want a name before the =", word);
		if (!add_pair(r, &cap, arena_strndup(r->a, word, len), eq ? eq + 1 : NULL))
			return no_memory(r);
	}
	return 0;
}

/* ---- the others ---- */

static int read_list(const struct reading *r)
{
	struct df_list *list = &r->out->list;
	const char *rest = r->line->split.rest;
	int json = 0;

	if (r->out->kind == DF_VOLUME)
		json = df_split_json(r->a, rest, list, r->e);
	if (json < 0 || (!json && df_split_blanks(r->a, rest, list, r->e) < 0))
		return r->e->code;
	if (!list->n)
		return wants(r, r->out->kind == DF_VOLUME ? "a folder or more" : "a port or more");
	for (size_t i = 0; i < list->n; i++)
		if (!*list->v[i])
			return wants(r, "folders with a name");
	return 0;
}

static int read_word(const struct reading *r)
{
	r->out->word = r->line->split.rest;
	return *r->out->word ? 0 : wants(r, "a value");
}

static int read_from(const struct reading *r)
{
	static const struct df_flag table[] = { { "platform", DF_FLAG_TEXT, offsetof(struct df_from, platform) } };
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
	struct df_from *from = &r->out->from;
	struct df_list words;
	char *name;

	if (df_flags(r->a, &r->line->split.flags, table, ARRAY_LEN(table), from, r->e) < 0 ||
	    df_split_blanks(r->a, r->line->split.rest, &words, r->e) < 0)
		return r->e->code;
	if (words.n != 1 && (words.n != 3 || strcasecmp(words.v[1], "AS") != 0))
		return wants(r, "IMAGE or IMAGE AS NAME");
	from->base = words.v[0];
	if (words.n == 1)
		return 0;
	name = arena_strdup(r->a, words.v[2]);
	if (!name)
		return no_memory(r);
	for (char *s = name; *s; s++)
		*s = *s >= 'A' && *s <= 'Z' ? (char)(*s - 'A' + 'a') : *s;
	if (name[0] < 'a' || name[0] > 'z' || strspn(name, allowed) != strlen(name))
		return err_set(r->e, ERR_INVALID,
			       "\"%.60s\" is no name of a stage: want a letter, then letters, digits, -, _ and .",
			       words.v[2]);
	from->name = name;
	return 0;
}

struct health_flags {
	const char *interval, *timeout, *start_period, *start_interval, *retries;
};

static const struct df_flag health_flags[] = {
	{ "interval", DF_FLAG_TEXT, offsetof(struct health_flags, interval) },
	{ "timeout", DF_FLAG_TEXT, offsetof(struct health_flags, timeout) },
	{ "start-period", DF_FLAG_TEXT, offsetof(struct health_flags, start_period) },
	{ "start-interval", DF_FLAG_TEXT, offsetof(struct health_flags, start_interval) },
	{ "retries", DF_FLAG_TEXT, offsetof(struct health_flags, retries) },
};

/* Go's durations have a unit, unlike those of text_duration(). */
static int read_duration(const struct reading *r, const char *flag, const char *text, int64_t *out)
{
	size_t len = text ? strlen(text) : 0;

	*out = 0;
	if (!len || strcmp(text, "0") == 0)
		return 0;
	if ((text[len - 1] >= '0' && text[len - 1] <= '9') || text[len - 1] == '.' || text_duration(text, out) < 0)
		return err_set(r->e, ERR_INVALID, "--%s=%.40s: want a duration with its unit, as 30s or 1m30s", flag,
			       text);
	if (*out != 0 && *out < 1000000)
		return err_set(r->e, ERR_INVALID, "--%s=%.40s: one millisecond is the least", flag, text);
	return 0;
}

static int read_health_flags(const struct reading *r, const struct health_flags *f, struct df_health *h)
{
	if (read_duration(r, "interval", f->interval, &h->interval) < 0 ||
	    read_duration(r, "timeout", f->timeout, &h->timeout) < 0 ||
	    read_duration(r, "start-period", f->start_period, &h->start_period) < 0 ||
	    read_duration(r, "start-interval", f->start_interval, &h->start_interval) < 0)
		return r->e->code;
	if (f->retries && *f->retries &&
	    (text_i64(f->retries, &h->retries) < 0 || h->retries < 0 || h->retries > INT32_MAX))
		return err_set(r->e, ERR_INVALID, "--retries=%.40s: want a number from 0 on", f->retries);
	return 0;
}

static int read_health(const struct reading *r)
{
	struct df_health *h = &r->out->health;
	const char *rest = r->line->split.rest;
	struct health_flags f = { 0 };
	size_t len = strcspn(rest, " \t\v\f\r");

	if (df_flags(r->a, &r->line->split.flags, health_flags, ARRAY_LEN(health_flags), &f, r->e) < 0 ||
	    read_health_flags(r, &f, h) < 0)
		return r->e->code;
	h->none = len == 4 && strncasecmp(rest, "NONE", 4) == 0;
	if (h->none)
		return rest[len] || r->line->split.flags.n ? err_set(r->e, ERR_INVALID, "HEALTHCHECK NONE stands alone")
							   : 0;
	if (len != 3 || strncasecmp(rest, "CMD", 3) != 0)
		return wants(r, "CMD and a command, or NONE");
	rest += len;
	while (df_is_space(*rest))
		rest++;
	if (!*rest)
		return wants(r, "a command behind CMD");
	if (read_command(r, rest, &h->command) < 0)
		return r->e->code;
	return h->command.argv.n ? 0 : wants(r, "a command behind CMD");
}

/* ---- ONBUILD ---- */

static int read_trigger(const struct reading *r)
{
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;
	struct df_line inner = *r->line;
	struct df_instruction what;

	inner.text = r->line->split.rest;
	if (!*inner.text)
		return wants(r, "an instruction");
	if (df_split(r->a, inner.text, r->escape, &inner.split, r->e) < 0)
		return r->e->code;
	if (strcasecmp(inner.split.name, "ONBUILD") == 0)
		return err_set(r->e, ERR_INVALID, "ONBUILD ONBUILD is not allowed");
	if (df_instruction(r->a, &inner, r->escape, r->warnings, &what, r->e) < 0)
		return r->e->code;
	if (what.kind == DF_FROM || what.kind == DF_MAINTAINER)
		return err_set(r->e, ERR_INVALID, "ONBUILD %s is not allowed", df_kind_name(what.kind));
	sb_puts(&b, inner.text);
	for (size_t i = 0; i < inner.docs.n; i++)
		sb_printf(&b, "\n%s%s", inner.docs.v[i].content, inner.docs.v[i].name);
	r->out->trigger = arena_strndup(r->a, sb_str(&b), b.len);
	return sb_error(&b) < 0 || !r->out->trigger ? no_memory(r) : 0;
}

/* ---- all of them ---- */

static const struct {
	const char *name;
	int (*read)(const struct reading *r);
	bool flags; /* reads them itself; else there are none */
} kinds[DF_KIND_COUNT] = {
	[DF_ADD] = { "ADD", read_copy, true },
	[DF_ARG] = { "ARG", read_pairs, false },
	[DF_CMD] = { "CMD", read_cmd, false },
	[DF_COPY] = { "COPY", read_copy, true },
	[DF_ENTRYPOINT] = { "ENTRYPOINT", read_cmd, false },
	[DF_ENV] = { "ENV", read_pairs, false },
	[DF_EXPOSE] = { "EXPOSE", read_list, false },
	[DF_FROM] = { "FROM", read_from, true },
	[DF_HEALTHCHECK] = { "HEALTHCHECK", read_health, true },
	[DF_LABEL] = { "LABEL", read_pairs, false },
	[DF_MAINTAINER] = { "MAINTAINER", read_word, false },
	[DF_ONBUILD] = { "ONBUILD", read_trigger, false },
	[DF_RUN] = { "RUN", read_run, true },
	[DF_SHELL] = { "SHELL", read_shell, false },
	[DF_STOPSIGNAL] = { "STOPSIGNAL", read_word, false },
	[DF_USER] = { "USER", read_word, false },
	[DF_VOLUME] = { "VOLUME", read_list, false },
	[DF_WORKDIR] = { "WORKDIR", read_word, false },
};

const char *df_kind_name(enum df_kind kind)
{
	return kind < DF_KIND_COUNT ? kinds[kind].name : "?";
}

static int unknown(const char *name, struct err *e)
{
	const char *near = df_nearest(name, &kinds[0].name, ARRAY_LEN(kinds), sizeof(kinds[0]));

	if (near)
		return err_set(e, ERR_INVALID, "unknown instruction %.40s (did you mean %s?)", name, near);
	return err_set(e, ERR_INVALID, "unknown instruction %.40s", name);
}

int df_instruction(struct arena *a, const struct df_line *line, char escape, struct df_warnings *warnings,
		   struct df_instruction *out, struct err *e)
{
	struct reading r = { .a = a, .line = line, .escape = escape, .warnings = warnings, .out = out, .e = e };
	size_t kind = 0;

	while (kind < ARRAY_LEN(kinds) && strcasecmp(kinds[kind].name, line->split.name) != 0)
		kind++;
	if (kind == ARRAY_LEN(kinds))
		return unknown(line->split.name, e);
	*out = (struct df_instruction){
		.kind = (enum df_kind)kind, .first = line->first, .last = line->last, .text = line->text
	};
	if (!kinds[kind].flags && df_flags(a, &line->split.flags, NULL, 0, NULL, e) < 0)
		return e->code;
	return kinds[kind].read(&r);
}
