/* Which options a driver takes is a table. What a record carries beside its text is settled here, when the container is made: labels and
 * variables do not change afterwards, and the monitor need not know what they are.
 *
 * Sources: Docker's "Configure logging drivers", "Customize log driver output", and its journald driver's list of fields. */
#include "engine/spec_log.h"

#include <ctype.h>
#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/text.h"
#include "engine/spec_plan.h"
#include "sys/sock.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

enum { NONE = 1, JSON = 2, LOCAL = 4, K8S = 8, JOURNAL = 16 };
#define FILES (JSON | LOCAL | K8S)

static const struct log_driver {
	const char *name, *written_as; /* for the monitor */
	unsigned int bit;
	const char *file; /* in the container's folder; "": ID-json.log; NULL: none */
} drivers[] = {
	{ "json-file", "json-file", JSON, "" },
	{ "local", "json-file", LOCAL, "container.log" },
	{ "k8s-file", "k8s-file", K8S, "ctr.log" },
	{ "journald", "journald", JOURNAL, NULL },
	{ "none", "none", NONE, NULL },
};

/* Docker's for "local". */
#define LOCAL_SIZE (20U << 20)
#define LOCAL_FILES 5U

/* Docker's for max-buffer-size. */
#define BUFFER_SIZE 1000000U
#define MOST_BUFFER (1U << 30)

struct chosen {
	const char *labels, *labels_regex, *env, *env_regex;
	bool non_blocking;
	uint64_t buffer; /* 0: not said */
	const char *compress;
};

struct log_opt {
	const char *name;
	unsigned int drivers;
	int (*take)(struct plan_log *log, struct chosen *c, const char *value, struct err *e);
};

static int take_size(struct plan_log *log, struct chosen *c, const char *value, struct err *e)
{
	(void)c;
	if (strcmp(value, "-1") == 0) { /* Docker's word for it */
		log->max_size = 0;
		return 0;
	}
	if (text_size(value, &log->max_size) < 0 || !log->max_size)
		return err_set(e, ERR_INVALID, "--log-opt max-size=%s: want a size such as 10m", value);
	return 0;
}

static int take_files(struct plan_log *log, struct chosen *c, const char *value, struct err *e)
{
	(void)c;
	if (text_u32(value, &log->max_file) < 0 || !log->max_file || log->max_file > 1000)
		return err_set(e, ERR_INVALID, "--log-opt max-file=%s: want a number of files, 1 to 1000", value);
	return 0;
}

static int take_tag(struct plan_log *log, struct chosen *c, const char *value, struct err *e)
{
	(void)c;
	(void)e;
	log->tag = value;
	return 0;
}

static int take_labels(struct plan_log *log, struct chosen *c, const char *value, struct err *e)
{
	(void)log;
	(void)e;
	c->labels = value;
	return 0;
}

static int take_labels_regex(struct plan_log *log, struct chosen *c, const char *value, struct err *e)
{
	(void)log;
	(void)e;
	c->labels_regex = value;
	return 0;
}

static int take_env(struct plan_log *log, struct chosen *c, const char *value, struct err *e)
{
	(void)log;
	(void)e;
	c->env = value;
	return 0;
}

static int take_env_regex(struct plan_log *log, struct chosen *c, const char *value, struct err *e)
{
	(void)log;
	(void)e;
	c->env_regex = value;
	return 0;
}

/* What a container waits for when its log has no room. */
static int take_mode(struct plan_log *log, struct chosen *c, const char *value, struct err *e)
{
	(void)log;
	c->non_blocking = strcmp(value, "non-blocking") == 0;
	return c->non_blocking || strcmp(value, "blocking") == 0 ? 0 : err_set(e, ERR_INVALID, "--log-opt mode=%s: want blocking or non-blocking", value);
}

static int take_buffer(struct plan_log *log, struct chosen *c, const char *value, struct err *e)
{
	(void)log;
	if (text_size(value, &c->buffer) < 0 || !c->buffer || c->buffer > MOST_BUFFER)
		return err_set(e, ERR_INVALID, "--log-opt max-buffer-size=%s: want a size such as 4m, at most 1g", value);
	return 0;
}

static int take_compress(struct plan_log *log, struct chosen *c, const char *value, struct err *e)
{
	c->compress = value;
	log->compress = strcmp(value, "true") == 0;
	return log->compress || strcmp(value, "false") == 0 ? 0 : err_set(e, ERR_INVALID, "--log-opt compress=%s: want true or false", value);
}

static const struct log_opt opts[] = {
	{ "max-size", FILES, take_size },
	{ "max-file", FILES, take_files },
	{ "compress", JSON | LOCAL, take_compress },
	{ "labels", JSON | JOURNAL, take_labels },
	{ "labels-regex", JSON | JOURNAL, take_labels_regex },
	{ "env", JSON | JOURNAL, take_env },
	{ "env-regex", JSON | JOURNAL, take_env_regex },
	{ "tag", JSON | JOURNAL, take_tag },
	{ "mode", FILES | JOURNAL, take_mode },
	{ "max-buffer-size", FILES | JOURNAL, take_buffer },
};

static int refuse(const struct log_driver *d, const char *opt, struct err *e)
{
	char list[200] = "";
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_LEN(opts); i++)
		if (opts[i].drivers & d->bit)
			len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", len ? ", " : "", opts[i].name);
	if (!len)
		return err_set(e, ERR_INVALID, "--log-opt means nothing with --log-driver %s", d->name);
	return err_set(e, ERR_UNSUPPORTED, "--log-opt %s: log driver %s has no such option (it has %s)", opt, d->name, list);
}

static int take(struct plan_log *log, struct chosen *c, const char *text, struct err *e)
{
	const char *eq = strchr(text, '=');

	for (size_t i = 0; eq && i < ARRAY_LEN(opts); i++)
		if (strlen(opts[i].name) == (size_t)(eq - text) && strncmp(opts[i].name, text, (size_t)(eq - text)) == 0 &&
		    (opts[i].drivers & log->driver->bit))
			return opts[i].take(log, c, eq + 1, e);
	return refuse(log->driver, text, e);
}

static int find_driver(const char *name, const struct log_driver **out, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(drivers); i++)
		if (strcmp(drivers[i].name, name) == 0) {
			*out = &drivers[i];
			return 0;
		}
	return err_set(e, ERR_UNSUPPORTED, "--log-driver %s is not supported (%s are)", name, LOG_DRIVERS);
}

/* ---- what records carry ---- */

/* Later ones of a key replace earlier ones. */
static void add_attr(struct plan *p, const char *key, const char *value)
{
	struct plan_log *log = &p->log;
	struct plan_log_attr *more;

	for (size_t i = 0; i < log->n_attrs; i++)
		if (strcmp(log->attrs[i].key, key) == 0) {
			log->attrs[i].value = value;
			return;
		}
	more = arena_alloc(p->a, (log->n_attrs + 1) * sizeof(*more));
	if (!more)
		return; /* plan's arena says so */
	if (log->n_attrs)
		memcpy(more, log->attrs, log->n_attrs * sizeof(*more));
	more[log->n_attrs++] = (struct plan_log_attr){ key, value };
	log->attrs = more;
}

static bool listed(const char *list, const char *key)
{
	size_t len = strlen(key);

	for (const char *at = list; at && *at; at += strcspn(at, ","), at += *at == ',')
		if (strcspn(at, ",") == len && strncmp(at, key, len) == 0)
			return true;
	return false;
}

struct choice {
	const char *list, *option, *pattern;
	regex_t regex;
};

static int choice_begin(struct choice *c, struct err *e)
{
	if (c->pattern && regcomp(&c->regex, c->pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return err_set(e, ERR_INVALID, "--log-opt %s=%s is no regular expression", c->option, c->pattern);
	return 0;
}

static bool choice_has(const struct choice *c, const char *key)
{
	return listed(c->list, key) || (c->pattern && regexec(&c->regex, key, 0, NULL, 0) == 0);
}

static void choice_end(struct choice *c)
{
	if (c->pattern)
		regfree(&c->regex);
}

/* KEY=VALUE, or KEY alone. */
static void offer(struct plan *p, const struct choice *c, const char *text)
{
	const char *eq = strchr(text, '='), *key = eq ? arena_strndup(p->a, text, (size_t)(eq - text)) : text;

	if (key && choice_has(c, key))
		add_attr(p, key, eq ? eq + 1 : "");
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct plan_log_attr *)a)->key, ((const struct plan_log_attr *)b)->key);
}

static int choose(struct plan *p, const struct image_config *image, const struct chosen *want, struct err *e)
{
	struct choice label = { .list = want->labels, .option = "labels-regex", .pattern = want->labels_regex };
	struct choice env = { .list = want->env, .option = "env-regex", .pattern = want->env_regex };
	int r = choice_begin(&label, e);

	if (r < 0)
		return r;
	r = choice_begin(&env, e);
	if (r < 0) {
		choice_end(&label);
		return r;
	}
	for (size_t i = 0; image && i < image->n_labels; i++)
		if (choice_has(&label, image->labels[i].key))
			add_attr(p, image->labels[i].key, image->labels[i].value);
	for (size_t i = 0; i < p->opt->labels.n; i++)
		offer(p, &label, p->opt->labels.v[i]);
	for (size_t i = 0; i < p->env.n; i++)
		offer(p, &env, p->env.v[i]);
	choice_end(&label);
	choice_end(&env);
	if (p->log.n_attrs)
		qsort(p->log.attrs, p->log.n_attrs, sizeof(*p->log.attrs), by_key);
	return 0;
}

/* ---- the tag ---- */

static const char *short_id(struct arena *a, const char *id)
{
	return arena_strndup(a, id, 12);
}

/* The members that Docker's templates have. */
static int tag_members(const struct plan *p, const char *name, const struct json **out, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	const char *image = p->opt->image ? p->opt->image : "", *id = p->image_id ? p->image_id : "";

	jw_object(&w, NULL);
	jw_str(&w, "ID", short_id(p->a, p->id));
	jw_str(&w, "FullID", p->id);
	jw_str(&w, "Name", name);
	jw_str(&w, "ImageID", short_id(p->a, id)); /* with "sha256:", as Docker's */
	jw_str(&w, "ImageFullID", id);
	jw_str(&w, "ImageName", image);
	jw_str(&w, "DaemonName", "tare");
	jw_str(&w, "Hostname", p->hostname);
	jw_str(&w, "Command", p->args.v[0]);
	jw_str(&w, "ContainerID", p->id);
	jw_str(&w, "ContainerName", arena_printf(p->a, "/%s", name));
	jw_str(&w, "ContainerImageID", id);
	jw_str(&w, "ContainerImageName", image);
	jw_end_object(&w);
	return sb_error(&text) < 0 ? err_errno(e, -ENOMEM, "--log-opt tag") : json_parse(p->a, text.s, text.len, NULL, out, e);
}

/* As text; template NULL: "". */
static int tag(const struct plan *p, const char *template, const char *name, const char **out, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	const struct json *members;
	int r;

	*out = "";
	if (!template || !*template)
		return 0;
	r = tag_members(p, name, &members, e);
	if (r == 0 && !p->opt->apply_template && strstr(template, "{{"))
		r = err_set(e, ERR_INVALID, "templates are not known here");
	if (r == 0 && !p->opt->apply_template)
		sb_puts(&text, template);
	else if (r == 0)
		r = p->opt->apply_template(p->a, template, members, &text, e);
	if (r < 0)
		return err_ctx(e, "--log-opt tag=%s", template);
	*out = arena_strdup(p->a, sb_str(&text));
	return sb_error(&text) < 0 || !*out ? err_errno(e, -ENOMEM, "--log-opt tag") : 0;
}

int plan_log(struct plan *p, const struct image_config *image, struct err *e)
{
	struct plan_log *log = &p->log;
	struct chosen want = { 0 };
	const char *ignored;
	int r;

	*log = (struct plan_log){ .max_file = 1 };
	r = find_driver(p->opt->log_driver ? p->opt->log_driver : "json-file", &log->driver, e);
	if (r == 0 && log->driver->bit == LOCAL) {
		log->max_size = LOCAL_SIZE;
		log->max_file = LOCAL_FILES;
	}
	for (size_t i = 0; r == 0 && i < p->opt->log_opts.n; i++)
		r = take(log, &want, p->opt->log_opts.v[i], e);
	if (r == 0 && log->max_file > 1 && log->max_size == 0 && !log->compress)
		log_warning("--log-opt max-file has no effect without max-size: the log is one file, whatever its size");
	if (r == 0 && log->compress && (log->max_file < 2 || !log->max_size))
		r = err_set(e, ERR_INVALID, "--log-opt compress=true needs max-size, and max-file of at least 2: files that are done are compressed");
	if (log->driver && log->driver->bit == LOCAL && !want.compress)
		log->compress = log->max_file > 1 && log->max_size; /* as Docker's */
	if (r == 0 && want.buffer && !want.non_blocking)
		r = err_set(e, ERR_INVALID, "--log-opt max-buffer-size needs mode=non-blocking");
	log->buffer = !want.non_blocking ? 0 : want.buffer ? want.buffer : BUFFER_SIZE;
	if (r == 0)
		r = choose(p, image, &want, e);
	/* before anything is made; its name may be one that is still to be found */
	return r < 0 || !p->id ? r : tag(p, log->tag, p->opt->name ? p->opt->name : "name", &ignored, e);
}

/* ---- written ---- */

const char *plan_log_path(const struct plan *p, const char *container_dir)
{
	const struct log_driver *d = p->log.driver;

	if (!d->file)
		return "";
	return *d->file ? arena_printf(p->a, "%s/%s", container_dir, d->file) : arena_printf(p->a, "%s/%s-json.log", container_dir, p->id);
}

static void write_file(const struct plan *p, const char *container_dir, const char *tag_text, struct json_writer *w)
{
	const struct plan_log *log = &p->log;
	bool tagged = !*tag_text;

	jw_str(w, "path", plan_log_path(p, container_dir));
	jw_u64(w, "maxSize", log->max_size);
	jw_u64(w, "maxFile", log->max_file);
	if (log->compress)
		jw_bool(w, "compress", true);
	if (tagged && !log->n_attrs)
		return;
	jw_object(w, "attrs");
	for (size_t i = 0; i < log->n_attrs; i++) {
		if (!tagged && strcmp(log->attrs[i].key, "tag") >= 0) {
			jw_str(w, "tag", tag_text);
			tagged = true;
		}
		if (!*tag_text || strcmp(log->attrs[i].key, "tag") != 0)
			jw_str(w, log->attrs[i].key, log->attrs[i].value);
	}
	if (!tagged)
		jw_str(w, "tag", tag_text);
	jw_end_object(w);
}

/* The journal's names: capitals, digits and _, and a capital first; what is left of key may be nothing. */
static const char *field_name(struct arena *a, const char *key)
{
	char *name = arena_strdup(a, key);

	for (char *c = name; c && *c; c++)
		*c = isalnum((unsigned char)*c) ? (char)toupper((unsigned char)*c) : '_';
	while (name && (*name == '_' || isdigit((unsigned char)*name)))
		name++;
	return name && strlen(name) <= 64 ? name : "";
}

static void write_journal(const struct plan *p, const char *name, const char *tag_text, struct json_writer *w)
{
	static const char *const own[] = { "MESSAGE", "PRIORITY", "SYSLOG_TIMESTAMP", "SYSLOG_IDENTIFIER", "CONTAINER_ID", "CONTAINER_ID_FULL",
					   "CONTAINER_NAME", "CONTAINER_TAG", "CONTAINER_PARTIAL_MESSAGE", "CONTAINER_PARTIAL_ID", "CONTAINER_PARTIAL_ORDINAL",
					     "CONTAINER_PARTIAL_LAST", "IMAGE_NAME" };

	jw_str(w, "socket", JOURNAL_SOCKET);
	jw_object(w, "fields");
	jw_str(w, "CONTAINER_ID", short_id(p->a, p->id));
	jw_str(w, "CONTAINER_ID_FULL", p->id);
	jw_str(w, "CONTAINER_NAME", name);
	jw_str(w, "CONTAINER_TAG", tag_text);
	jw_str(w, "IMAGE_NAME", p->opt->image ? p->opt->image : "");
	jw_str(w, "SYSLOG_IDENTIFIER", tag_text);
	for (size_t i = 0; i < p->log.n_attrs; i++) {
		const char *field = field_name(p->a, p->log.attrs[i].key);
		bool taken = !*field;

		for (size_t k = 0; k < ARRAY_LEN(own); k++)
			taken |= strcmp(own[k], field) == 0;
		for (size_t k = 0; k < i; k++)
			taken |= strcmp(field_name(p->a, p->log.attrs[k].key), field) == 0;
		if (!taken)
			jw_str(w, field, p->log.attrs[i].value);
	}
	jw_end_object(w);
}

int plan_write_log(const struct plan *p, const char *container_dir, const char *name, struct json_writer *w, struct err *e)
{
	const struct log_driver *d = p->log.driver;
	const char *tag_text, *template = p->log.tag ? p->log.tag : "";
	int r;

	if (d->bit == JOURNAL && !*template)
		template = short_id(p->a, p->id);
	r = tag(p, template, name, &tag_text, e);
	if (r < 0)
		return r;
	jw_object(w, "log");
	jw_str(w, "driver", d->written_as);
	if (p->log.buffer)
		jw_u64(w, "buffer", p->log.buffer);
	if (d->file)
		write_file(p, container_dir, tag_text, w);
	else if (d->bit == JOURNAL)
		write_journal(p, name, tag_text, w);
	jw_end_object(w);
	return 0;
}

void plan_rename_log(const struct json *log, const char *name, struct json_writer *w)
{
	jw_object(w, "log");
	json_each(member, log) {
		if (strcmp(member->key, "fields") != 0) {
			jw_value(w, member->key, member);
			continue;
		}
		jw_object(w, "fields");
		json_each(field, member) {
			if (strcmp(field->key, "CONTAINER_NAME") == 0)
				jw_str(w, field->key, name);
			else
				jw_value(w, field->key, field);
		}
		jw_end_object(w);
	}
	jw_end_object(w);
}

void plan_write_log_config(const struct plan *p, struct json_writer *w)
{
	jw_object(w, "LogConfig");
	jw_str(w, "Type", p->log.driver->name);
	jw_object(w, "Config");
	for (size_t i = 0; i < ARRAY_LEN(opts); i++) {
		const char *value = NULL;

		for (size_t k = 0; k < p->opt->log_opts.n; k++) { /* the last one of a name counts */
			const char *text = p->opt->log_opts.v[k], *eq = strchr(text, '=');

			if (eq && strlen(opts[i].name) == (size_t)(eq - text) && strncmp(opts[i].name, text, (size_t)(eq - text)) == 0)
				value = eq + 1;
		}
		if (value)
			jw_str(w, opts[i].name, value);
	}
	jw_end_object(w);
	jw_end_object(w);
}

/* Docker refuses, too. A journal that goes while the container runs costs lines, which are counted and told (monitor/journal.h). */
int log_driver_ready(const char *driver, struct err *e)
{
	CLEANUP_FD int root = strcmp(driver, "journald") == 0 ? open("/", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	CLEANUP_FD int fd = root >= 0 ? sock_connect(root, &JOURNAL_SOCKET[1], SOCK_DGRAM) : -1;

	if (root < 0 || fd >= 0)
		return 0;
	return err_set(e, ERR_UNAVAILABLE, "--log-driver journald: no journal listens on this machine (" JOURNAL_SOCKET ": %s): start systemd-journald, or make "
					   "the container with another --log-driver", strerror(-fd));
}
