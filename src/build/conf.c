#include "build/conf.h"

#include <string.h>

#include "base/json.h"

static int no_memory(struct err *e)
{
	return err_errno(e, -ENOMEM, "the image's configuration");
}

static int add_all(struct arena *a, const char *const *from, struct df_list *to)
{
	for (; from && *from; from++)
		if (!df_list_add(a, to, *from))
			return -ENOMEM;
	return 0;
}

/* Unless it is there. */
static bool add_once(struct arena *a, struct df_list *list, const char *s)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i], s) == 0)
			return true;
	return df_list_add(a, list, s);
}

int conf_label(struct arena *a, struct conf *c, const char *key, const char *value, struct err *e)
{
	struct df_pair *v;

	for (size_t i = 0; i < c->n_labels; i++)
		if (strcmp(c->labels[i].key, key) == 0) {
			c->labels[i].value = value;
			return 0;
		}
	v = arena_grow(a, c->labels, c->n_labels, &c->cap_labels, sizeof(*v));
	if (!v)
		return no_memory(e);
	c->labels = v;
	c->labels[c->n_labels++] = (struct df_pair){ key, value };
	return 0;
}

int conf_add_entry(struct arena *a, struct conf *c, const struct conf_history *h, struct err *e)
{
	struct conf_history *v = arena_grow(a, c->history, c->n_history, &c->cap_history, sizeof(*v));

	if (!v)
		return no_memory(e);
	c->history = v;
	c->history[c->n_history++] = *h;
	return 0;
}

int conf_add_history(struct arena *a, struct conf *c, const char *created, const char *created_by, bool empty, struct err *e)
{
	const struct conf_history h = { .created = created, .created_by = created_by, .comment = "tare build", .empty_layer = empty };

	return conf_add_entry(a, c, &h, e);
}

static int take_base(struct arena *a, const struct image_config *b, struct conf *c, struct err *e)
{
	const struct json *config = json_get(b->json, "config");
	const char **triggers = NULL;
	size_t n = 0;
	int r = json_get_strv(a, config, "config", "OnBuild", &triggers, &n, e);

	c->arch = b->architecture;
	c->os = b->os;
	c->variant = b->variant;
	c->author = b->author;
	c->user = b->user;
	c->workdir = b->working_dir;
	c->stop_signal = b->stop_signal;
	c->stop_timeout = b->stop_timeout;
	c->entrypoint = b->entrypoint;
	c->cmd = b->cmd;
	c->shell = b->shell;
	c->env = b->env;
	c->base_health = b->healthcheck;
	if (r == 0 && (add_all(a, b->exposed_ports, &c->ports) < 0 || add_all(a, b->volumes, &c->volumes) < 0 ||
		       add_all(a, triggers, &c->onbuild) < 0))
		r = no_memory(e);
	for (size_t i = 0; r == 0 && i < b->n_labels; i++)
		r = conf_label(a, c, b->labels[i].key, b->labels[i].value, e);
	for (size_t i = 0; r == 0 && i < b->n_history; i++) {
		const struct image_history *h = &b->history[i];
		const struct conf_history own = { h->created, h->created_by, h->author, h->comment, h->empty_layer };

		r = conf_add_entry(a, c, &own, e);
	}
	return r;
}

int conf_begin(struct arena *a, const struct image_config *base, const struct platform *platform, struct conf *out, struct err *e)
{
	static const char *const nothing[] = { NULL };
	static const char *const path[] = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL };

	*out = (struct conf){ .arch = platform->arch, .os = platform->os, .variant = platform->variant[0] ? platform->variant : NULL,
			      .user = "", .workdir = "", .stop_timeout = -1, .env = base ? nothing : path };
	return base ? take_base(a, base, out, e) : 0;
}

int conf_copy(struct arena *a, const struct conf *from, struct conf *out, struct err *e)
{
	int r = 0;

	*out = *from;
	out->own_cmd = false;
	out->ports = out->volumes = out->onbuild = (struct df_list){ 0 };
	out->labels = NULL;
	out->history = NULL;
	out->n_labels = out->cap_labels = out->n_history = out->cap_history = 0;
	if (add_all(a, from->ports.v, &out->ports) < 0 || add_all(a, from->volumes.v, &out->volumes) < 0 ||
	    add_all(a, from->onbuild.v, &out->onbuild) < 0)
		return no_memory(e);
	for (size_t i = 0; r == 0 && i < from->n_labels; i++)
		r = conf_label(a, out, from->labels[i].key, from->labels[i].value, e);
	for (size_t i = 0; r == 0 && i < from->n_history; i++)
		r = conf_add_entry(a, out, &from->history[i], e);
	return r;
}

const char *const *conf_command(struct arena *a, const struct conf *c, const struct df_command *command)
{
	static const char *const sh[] = { "/bin/sh", "-c", NULL };
	const char *const *shell = c->shell && c->shell[0] ? c->shell : sh;
	struct df_list argv = { 0 };

	if (command->exec)
		return command->argv.v;
	if (add_all(a, shell, &argv) < 0 || !df_list_add(a, &argv, command->argv.v[0]))
		return NULL;
	return argv.v;
}

const char *conf_path(struct arena *a, const struct conf *c, const char *dir)
{
	const char *whole = dir[0] == '/' ? dir : arena_printf(a, "%s/%s", c->workdir, dir);
	char *out = whole ? arena_alloc(a, strlen(whole) + 2) : NULL;
	size_t n = 0;

	for (const char *p = whole; out && *p;) {
		size_t len = strcspn(p, "/");

		if (len == 2 && p[0] == '.' && p[1] == '.') {
			while (n > 0 && out[--n] != '/')
				;
		} else if (len > 0 && !(len == 1 && *p == '.')) {
			out[n++] = '/';
			memcpy(out + n, p, len);
			n += len;
		}
		p += len;
		p += *p == '/';
	}
	if (out && n == 0)
		out[n++] = '/';
	if (out)
		out[n] = '\0';
	return out;
}

/* ---- instructions ---- */

static int command(struct arena *a, const struct conf *c, const struct df_instruction *in, const char *const **out, struct err *e)
{
	*out = conf_command(a, c, &in->command);
	return *out ? 0 : no_memory(e);
}

static int entrypoint(struct arena *a, struct conf *c, const struct df_instruction *in, struct err *e)
{
	if (!c->own_cmd) /* the base's was for the base's entrypoint */
		c->cmd = NULL;
	return command(a, c, in, &c->entrypoint, e);
}

static int list(struct arena *a, struct conf *c, const struct df_instruction *in, struct err *e)
{
	for (size_t i = 0; i < in->list.n; i++) {
		if (in->kind == DF_VOLUME && in->list.v[i][0] != '/')
			return err_set(e, ERR_INVALID, "\"%s\": want an absolute path: no container could have it otherwise", in->list.v[i]);
		if (!add_once(a, in->kind == DF_EXPOSE ? &c->ports : &c->volumes, in->list.v[i]))
			return no_memory(e);
	}
	return 0;
}

static int health(struct arena *a, struct conf *c, const struct df_instruction *in, struct err *e)
{
	struct df_health *h = arena_new(a, struct df_health);

	if (!h)
		return no_memory(e);
	*h = in->health;
	if (!h->none && !h->command.exec) { /* by the shell that this image has */
		h->command.argv = (struct df_list){ 0 };
		if (!df_list_add(a, &h->command.argv, in->health.command.argv.v[0]))
			return no_memory(e);
	}
	c->health = h;
	return 0;
}

int conf_apply(struct arena *a, struct conf *c, const struct df_instruction *in, struct err *e)
{
	int r = 0;

	switch (in->kind) {
	case DF_CMD:
		c->own_cmd = true;
		return command(a, c, in, &c->cmd, e);
	case DF_ENTRYPOINT:
		return entrypoint(a, c, in, e);
	case DF_SHELL:
		c->shell = in->command.argv.v;
		return 0;
	case DF_LABEL:
		for (size_t i = 0; r == 0 && i < in->pairs.n; i++)
			r = conf_label(a, c, in->pairs.v[i].key, in->pairs.v[i].value, e);
		return r;
	case DF_EXPOSE:
	case DF_VOLUME:
		return list(a, c, in, e);
	case DF_MAINTAINER:
		c->author = in->word;
		return 0;
	case DF_STOPSIGNAL:
		c->stop_signal = in->word;
		return 0;
	case DF_USER:
		c->user = in->word;
		return 0;
	case DF_WORKDIR:
		c->workdir = conf_path(a, c, in->word);
		return c->workdir ? 0 : no_memory(e);
	case DF_HEALTHCHECK:
		return health(a, c, in, e);
	case DF_ONBUILD:
		return df_list_add(a, &c->onbuild, in->trigger) ? 0 : no_memory(e);
	case DF_ADD:
	case DF_ARG:
	case DF_COPY:
	case DF_ENV:
	case DF_FROM:
	case DF_RUN:
	case DF_KIND_COUNT:
	default:
		return 0;
	}
}

/* ---- writing ---- */

static void write_set(struct json_writer *w, const char *key, const struct df_list *list)
{
	if (!list->n)
		return;
	jw_object(w, key);
	for (size_t i = 0; i < list->n; i++) {
		jw_object(w, list->v[i]);
		jw_end_object(w);
	}
	jw_end_object(w);
}

static void write_health(struct json_writer *w, const struct df_health *h)
{
	const struct {
		const char *key;
		int64_t value;
	} numbers[] = { { "Interval", h->interval },	      { "Timeout", h->timeout }, { "StartPeriod", h->start_period },
			{ "StartInterval", h->start_interval }, { "Retries", h->retries } };

	jw_object(w, "Healthcheck");
	jw_array(w, "Test");
	jw_str(w, NULL, h->none ? "NONE" : h->command.exec ? "CMD" : "CMD-SHELL");
	for (size_t i = 0; !h->none && i < h->command.argv.n; i++)
		jw_str(w, NULL, h->command.argv.v[i]);
	jw_end_array(w);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		if (numbers[i].value)
			jw_i64(w, numbers[i].key, numbers[i].value);
	jw_end_object(w);
}

static void write_labels(struct json_writer *w, const struct conf *c)
{
	if (!c->n_labels)
		return;
	jw_object(w, "Labels");
	for (size_t i = 0; i < c->n_labels; i++)
		jw_str(w, c->labels[i].key, c->labels[i].value);
	jw_end_object(w);
}

static void write_config(struct json_writer *w, const struct conf *c)
{
	jw_object(w, "config");
	if (c->user[0])
		jw_str(w, "User", c->user);
	write_set(w, "ExposedPorts", &c->ports);
	jw_strv(w, "Env", c->env);
	if (c->entrypoint)
		jw_strv(w, "Entrypoint", c->entrypoint);
	if (c->cmd)
		jw_strv(w, "Cmd", c->cmd);
	write_set(w, "Volumes", &c->volumes);
	if (c->workdir[0])
		jw_str(w, "WorkingDir", c->workdir);
	write_labels(w, c);
	if (c->stop_signal)
		jw_str(w, "StopSignal", c->stop_signal);
	if (c->stop_timeout >= 0)
		jw_i64(w, "StopTimeout", c->stop_timeout);
	if (c->shell)
		jw_strv(w, "Shell", c->shell);
	if (c->health)
		write_health(w, c->health);
	else if (c->base_health)
		jw_value(w, "Healthcheck", c->base_health);
	if (c->onbuild.n)
		jw_strv(w, "OnBuild", c->onbuild.v);
	jw_end_object(w);
}

static void write_text(struct json_writer *w, const char *key, const char *text)
{
	if (text)
		jw_str(w, key, text);
}

static void write_history(struct json_writer *w, const struct conf *c)
{
	jw_array(w, "history");
	for (size_t i = 0; i < c->n_history; i++) {
		const struct conf_history *h = &c->history[i];

		jw_object(w, NULL);
		write_text(w, "created", h->created);
		write_text(w, "created_by", h->created_by);
		write_text(w, "author", h->author);
		write_text(w, "comment", h->comment);
		if (h->empty_layer)
			jw_bool(w, "empty_layer", true);
		jw_end_object(w);
	}
	jw_end_array(w);
}

/* docs/formats.md, "Caches of builds" */
static void write_cached(struct json_writer *w, const struct conf *c)
{
	if (!c->n_cached)
		return;
	jw_array(w, CONF_CACHED);
	for (size_t i = 0; i < c->n_cached; i++) {
		jw_object(w, NULL);
		jw_str(w, "key", c->cached[i].key);
		jw_u64(w, "layer", c->cached[i].layer);
		jw_end_object(w);
	}
	jw_end_array(w);
}

void conf_write(const struct conf *c, const char *created, const struct image_layer *layers, size_t n, struct strbuf *out)
{
	struct json_writer w = JSON_WRITER(out);

	jw_object(&w, NULL);
	jw_str(&w, "created", created);
	write_text(&w, "author", c->author);
	jw_str(&w, "architecture", c->arch);
	write_text(&w, "variant", c->variant);
	jw_str(&w, "os", c->os);
	write_config(&w, c);
	jw_object(&w, "rootfs");
	jw_str(&w, "type", "layers");
	jw_array(&w, "diff_ids");
	for (size_t i = 0; i < n; i++)
		jw_str(&w, NULL, layers[i].diff_id);
	jw_end_array(&w);
	jw_end_object(&w);
	write_history(&w, c);
	write_cached(&w, c);
	jw_end_object(&w);
}
