/* Docker's configuration of a container ("Config") as changes of an image's: data all the way, so that a blank, a quote or a "$" in it is only that. */
#include <string.h>

#include "build/change.h"
#include "build/ports.h"
#include "oci/signals.h"

struct changing {
	struct arena *a;
	struct conf *c;
	const char *member;
	const struct json *v;
};

static int wrong(const struct changing *ch, const char *want, struct err *e)
{
	return err_set(e, ERR_INVALID, "%s: want %s", ch->member, want);
}

static int no_memory(struct err *e)
{
	return err_errno(e, -ENOMEM, "configuration");
}

static int words(const struct changing *ch, struct df_list *out, struct err *e)
{
	*out = (struct df_list){ 0 };
	if (ch->v->type != JSON_ARRAY)
		return wrong(ch, "an array of texts", e);
	json_each(it, ch->v) {
		if (it->type != JSON_STRING)
			return wrong(ch, "an array of texts", e);
		if (!df_list_add(ch->a, out, it->str))
			return no_memory(e);
	}
	return 0;
}

static int take_command(const struct changing *ch, enum df_kind kind, struct err *e)
{
	struct df_instruction in = { .kind = kind, .command = { .exec = true } };
	int r = words(ch, &in.command.argv, e);

	return r < 0 ? r : conf_apply(ch->a, ch->c, &in, e);
}

static int take_word(const struct changing *ch, enum df_kind kind, struct err *e)
{
	const struct df_instruction in = { .kind = kind, .word = ch->v->str };

	if (ch->v->type != JSON_STRING)
		return wrong(ch, "a text", e);
	if (kind == DF_STOPSIGNAL && oci_signal_number(in.word) < 0)
		return wrong(ch, "a signal's name or number", e);
	return conf_apply(ch->a, ch->c, &in, e);
}

/* Of an object the keys: ports, volumes. */
static int take_keys(const struct changing *ch, enum df_kind kind, struct err *e)
{
	struct df_instruction in = { .kind = kind };
	struct df_list keys = { 0 };
	int r;

	if (ch->v->type != JSON_OBJECT)
		return wrong(ch, "an object", e);
	json_each(it, ch->v)
		if (!df_list_add(ch->a, &keys, it->key))
			return no_memory(e);
	in.list = keys;
	if (kind == DF_EXPOSE) {
		in.list = (struct df_list){ 0 };
		r = df_ports(ch->a, &keys, &in.list, e);
		if (r < 0)
			return r;
	}
	return conf_apply(ch->a, ch->c, &in, e);
}

static size_t name_len(const char *entry)
{
	return strcspn(entry, "=");
}

static bool is_same_name(const char *x, const char *y)
{
	return name_len(x) == name_len(y) && strncmp(x, y, name_len(x)) == 0;
}

/* "NAME=VALUE"; a name alone takes the variable away. */
static int take_env(const struct changing *ch, enum df_kind kind, struct err *e)
{
	static const char *const none[] = { NULL };
	struct df_list given, all = { 0 };
	int r = words(ch, &given, e);

	(void)kind;
	for (const char *const *had = ch->c->env; r == 0 && had && *had; had++) {
		bool again = false;

		for (size_t i = 0; i < given.n; i++)
			again |= is_same_name(*had, given.v[i]);
		if (!again && !df_list_add(ch->a, &all, *had))
			return no_memory(e);
	}
	for (size_t i = 0; r == 0 && i < given.n; i++) {
		if (name_len(given.v[i]) == 0)
			return wrong(ch, "NAME=VALUE", e);
		if (strchr(given.v[i], '=') && !df_list_add(ch->a, &all, given.v[i]))
			return no_memory(e);
	}
	if (r == 0)
		ch->c->env = all.n ? all.v : none;
	return r;
}

static int take_labels(const struct changing *ch, enum df_kind kind, struct err *e)
{
	int r = ch->v->type == JSON_OBJECT ? 0 : wrong(ch, "an object of texts", e);

	(void)kind;
	json_each(it, r == 0 ? ch->v : NULL)
		if (r == 0)
			r = it->type == JSON_STRING ? conf_label(ch->a, ch->c, it->key, it->str, e) : wrong(ch, "an object of texts", e);
	return r;
}

static int take_health(const struct changing *ch, enum df_kind kind, struct err *e)
{
	static const char *const numbers[] = { "Interval", "Timeout", "StartPeriod", "StartInterval", "Retries" };
	const struct json *test = json_get(ch->v, "Test");
	const struct changing of_test = { .a = ch->a, .member = "Healthcheck.Test", .v = test };
	struct df_list ignored;
	int r = ch->v->type == JSON_OBJECT ? 0 : wrong(ch, "an object", e);

	(void)kind;
	if (r == 0 && test && test->type != JSON_NULL)
		r = words(&of_test, &ignored, e);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(numbers); i++) {
		int64_t n = 0;

		r = json_get_i64(ch->v, "Healthcheck", numbers[i], &n, e);
		if (r == 0 && n < 0)
			r = err_set(e, ERR_INVALID, "Healthcheck.%s: not below 0", numbers[i]);
	}
	if (r < 0)
		return r;
	ch->c->base_health = ch->v;
	ch->c->health = NULL;
	return 0;
}

static int take_triggers(const struct changing *ch, enum df_kind kind, struct err *e)
{
	struct df_list given;
	int r = words(ch, &given, e);

	for (size_t i = 0; r == 0 && i < given.n; i++) {
		const struct df_instruction in = { .kind = kind, .trigger = given.v[i] };
		struct df_instruction checked;

		r = df_parse_trigger(ch->a, given.v[i], 0, &checked, e);
		r = r < 0 ? err_ctx(e, "OnBuild") : conf_apply(ch->a, ch->c, &in, e);
	}
	return r;
}

static int take_timeout(const struct changing *ch, enum df_kind kind, struct err *e)
{
	(void)kind;
	return ch->v->type == JSON_NUMBER && json_as_i64(ch->v, &ch->c->stop_timeout) == 0 && ch->c->stop_timeout >= 0 ? 0 : wrong(ch, "a whole number", e);
}

/* Entrypoint behind Cmd: where there is none it takes the one that was away. What is none of these is a container's, and no image has it. */
static const struct {
	const char *member;
	enum df_kind kind;
	int (*take)(const struct changing *ch, enum df_kind kind, struct err *e);
} members[] = {
	{ "Cmd", DF_CMD, take_command },
	{ "Entrypoint", DF_ENTRYPOINT, take_command },
	{ "Env", DF_ENV, take_env },
	{ "ExposedPorts", DF_EXPOSE, take_keys },
	{ "Healthcheck", DF_HEALTHCHECK, take_health },
	{ "Labels", DF_LABEL, take_labels },
	{ "OnBuild", DF_ONBUILD, take_triggers },
	{ "Shell", DF_SHELL, take_command },
	{ "StopSignal", DF_STOPSIGNAL, take_word },
	{ "StopTimeout", DF_STOPSIGNAL, take_timeout },
	{ "User", DF_USER, take_word },
	{ "Volumes", DF_VOLUME, take_keys },
	{ "WorkingDir", DF_WORKDIR, take_word },
};

static bool is_silent(const struct json *v)
{
	return !v || v->type == JSON_NULL || ((v->type == JSON_STRING || v->type == JSON_ARRAY || v->type == JSON_OBJECT) && v->len == 0);
}

int conf_change_data(struct arena *a, struct conf *c, const struct json *config, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(members); i++) {
		const struct changing ch = { .a = a, .c = c, .member = members[i].member, .v = json_get(config, members[i].member) };

		if (!is_silent(ch.v))
			r = members[i].take(&ch, members[i].kind, e);
	}
	return r;
}
