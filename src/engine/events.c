#include "engine/events.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/eventlog.h"
#include "base/io.h"
#include "base/log.h"
#include "engine/config.h"
#include "engine/endpoint.h"
#include "engine/images.h"
#include "engine/volume.h"
#include "wire/event.h"

#define NUMBER_LEN 24

static void line_end(const struct engine *en, struct event_line *l, const char *action, const char *once)
{
	int r;

	event_line_end(l, once);
	r = sb_error(&l->text);
	if (r == 0)
		r = eventlog_append(en->state_fd, l->text.s, l->text.len);
	if (r < 0)
		log_warning("the event \"%.40s\" is not told: %s/events: %s", action, en->state, strerror(-r));
	event_line_free(l);
}

static void write_pairs(struct json_writer *w, const struct event_pair *more)
{
	for (; more && more->key; more++)
		jw_str(w, more->key, more->value ? more->value : "");
}

/* ---- containers ---- */

static bool is_of_pairs(const struct event_pair *more, const char *key)
{
	for (; more && more->key; more++)
		if (strcmp(more->key, key) == 0)
			return true;
	return strcmp(key, "image") == 0 || strcmp(key, "name") == 0;
}

static void write_attributes(const struct record *rec, struct json_writer *w, const char *key, const struct event_pair *more)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct ct_config config = { 0 };
	struct err ignored;

	jw_object(w, key);
	if (config_parse(&a, rec->config, &config, &ignored) == 0)
		json_each(label, config.labels)
			if (label->type == JSON_STRING && !is_of_pairs(more, label->key))
				jw_str(w, label->key, label->str);
	write_pairs(w, more);
	jw_str(w, "image", rec->image_ref ? rec->image_ref : "");
	jw_str(w, "name", rec->name);
	jw_end_object(w);
}

void events_attributes(const struct record *rec, struct json_writer *w, const char *key)
{
	write_attributes(rec, w, key, NULL);
}

/* build/run.c makes them of no image, and --rootfs of a path. */
static bool is_step(const struct record *rec)
{
	return !rec->image && (!rec->image_ref || rec->image_ref[0] != '/');
}

static void tell(const struct engine *en, const struct record *rec, const char *action, const struct event_pair *more, const char *once)
{
	struct event_line l;

	if (is_step(rec))
		return;
	event_line_begin(&l, "container", action, rec->id);
	write_attributes(rec, &l.w, "Attributes", more);
	line_end(en, &l, action, once);
}

void events_container(const struct engine *en, const struct record *rec, const char *action, const struct event_pair *more)
{
	tell(en, rec, action, more, NULL);
}

void events_killed(const struct engine *en, const struct record *rec, int signal)
{
	char number[NUMBER_LEN];

	(void)snprintf(number, sizeof(number), "%d", signal);
	tell(en, rec, "kill", EVENT_PAIRS({ "signal", number }), NULL);
}

void events_exec(const struct engine *en, const struct record *rec, const char *what, const char *id, struct strv args)
{
	CLEANUP_STRBUF struct strbuf action = STRBUF_INIT;

	sb_printf(&action, "exec_%s:", what);
	for (size_t k = 0; k < args.n; k++)
		sb_printf(&action, " %s", args.v[k]);
	if (args.n == 1) /* as docker: between the command and its arguments */
		sb_putc(&action, ' ');
	if (sb_error(&action) == 0)
		tell(en, rec, sb_str(&action), EVENT_PAIRS({ "execID", id }), NULL);
}

void events_exec_detached(const struct engine *en, const struct record *rec, const char *id)
{
	tell(en, rec, "exec_detach", EVENT_PAIRS({ "execID", id }), NULL);
}

void events_exec_ended(const struct engine *en, const struct record *rec, const char *id, int code)
{
	char number[NUMBER_LEN], once[EVENT_ONCE_LEN];

	(void)snprintf(number, sizeof(number), "%d", code);
	tell(en, rec, "exec_die", EVENT_PAIRS({ "execID", id }, { "exitCode", number }), event_exec_once(rec->id, id, once));
}

void events_resized(const struct engine *en, const struct record *rec, unsigned int rows, unsigned int columns)
{
	char height[NUMBER_LEN], width[NUMBER_LEN];

	(void)snprintf(height, sizeof(height), "%u", rows);
	(void)snprintf(width, sizeof(width), "%u", columns);
	tell(en, rec, "resize", EVENT_PAIRS({ "height", height }, { "width", width }), NULL);
}

/* A life of a container has one beginning. */
static const char *once_of(const char *id, int64_t started, const char *more, char out[EVENT_ONCE_LEN])
{
	(void)snprintf(out, EVENT_ONCE_LEN, "%s %lld %s", id, (long long)started, more);
	return out;
}

void events_ended(const struct engine *en, const struct record *rec, int64_t started)
{
	char code[NUMBER_LEN], seconds[NUMBER_LEN], once[EVENT_ONCE_LEN];
	int64_t lasted = rec->finished > rec->started ? rec->finished - rec->started : 0;

	if (rec->oom)
		tell(en, rec, "oom", NULL, once_of(rec->id, started, "oom", once));
	(void)snprintf(code, sizeof(code), "%d", rec->exit_code);
	(void)snprintf(seconds, sizeof(seconds), "%lld", (long long)(lasted / 1000000000));
	tell(en, rec, "die", EVENT_PAIRS({ "execDuration", seconds }, { "exitCode", code }), once_of(rec->id, started, "die", once));
}

static const char *note_name(const char *id, char out[NAME_MAX + 1])
{
	(void)snprintf(out, NAME_MAX + 1, EVENTS_LEAVING "/%s", id);
	return out;
}

/* A half one is of a container whose row is there, and is written once more. */
static int write_note(const struct engine *en, const char *id, const struct strbuf *text)
{
	char name[NAME_MAX + 1];
	CLEANUP_FD int fd = -1;

	if (mkdirat(en->state_fd, EVENTS_LEAVING, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(en->state_fd, note_name(id, name), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : io_write_full(fd, text->s, text->len);
}

void events_leaving(const struct engine *en, const struct record *rec)
{
	CLEANUP_EVENT_LINE struct event_line l = { 0 };
	char once[EVENT_ONCE_LEN];
	int r;

	if (is_step(rec))
		return;
	event_line_begin(&l, "container", "destroy", rec->id);
	write_attributes(rec, &l.w, "Attributes", NULL);
	event_line_end(&l, once_of(rec->id, 0, "destroy", once));
	r = sb_error(&l.text);
	if (r == 0)
		r = write_note(en, rec->id, &l.text);
	if (r < 0)
		log_warning("the removal of container %s will not be told: %s/%s: %s", rec->name, en->state, EVENTS_LEAVING, strerror(-r));
}

/* Its line, with the time that it is now. */
void events_destroyed(const struct engine *en, const char *id)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_FREE char *text = NULL;
	char name[NAME_MAX + 1];
	struct event_line l;
	struct event ev;
	const char *once;
	size_t len;

	if (io_read_file(en->state_fd, note_name(id, name), EVENTLOG_MAX, &text, &len) < 0)
		return; /* a step, or told by somebody else */
	if (event_parse(&a, text, len, &ev, &once)) {
		event_line_begin(&l, ev.type, ev.action, ev.id);
		jw_value(&l.w, "Attributes", ev.attributes);
		line_end(en, &l, ev.action, once);
	}
	(void)unlinkat(en->state_fd, name, 0);
}

/* ---- images, networks ---- */

void events_image(const struct engine *en, const char *action, const char *id, const char *name)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const struct image_config *config = NULL;
	struct err ignored = { 0 };
	struct image image;
	struct event_line l;

	event_line_begin(&l, "image", action, id);
	jw_object(&l.w, "Attributes");
	if (image_find(en->catalog, &a, id, &image, &ignored) == 0 && image_config_read(en, &a, image.id, &config, &ignored) == 0)
		for (size_t i = 0; i < config->n_labels; i++)
			if (strcmp(config->labels[i].key, "name") != 0)
				jw_str(&l.w, config->labels[i].key, config->labels[i].value);
	jw_str(&l.w, "name", name ? name : id);
	jw_end_object(&l.w);
	line_end(en, &l, action, NULL);
}

void events_registry(const struct engine *en, const char *action, const char *name)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const char *end = strchr(name, '@'), *tag;

	if (!end) {
		tag = strrchr(name, ':');
		end = tag && !strchr(tag, '/') ? tag : name + strlen(name);
	}
	events_image(en, action, name, arena_strndup(&a, name, (size_t)(end - name)));
}

void events_network(const struct engine *en, const char *action, const struct network *n, const char *container, const char *once)
{
	struct event_line l;

	event_line_begin(&l, "network", action, n->id);
	jw_object(&l.w, "Attributes");
	if (container)
		jw_str(&l.w, "container", container);
	jw_str(&l.w, "name", n->name);
	jw_str(&l.w, "type", n->driver);
	jw_end_object(&l.w);
	line_end(en, &l, action, once);
}

void events_volume(const struct engine *en, const char *action, const char *name)
{
	struct event_line l;

	event_line_begin(&l, "volume", action, name);
	jw_object(&l.w, "Attributes");
	jw_str(&l.w, "driver", VOLUME_DRIVER);
	jw_end_object(&l.w);
	line_end(en, &l, action, NULL);
}

static void tell_mount(const struct engine *en, const char *action, const char *id, const struct json *mount, const char *once)
{
	bool comes = strcmp(action, "mount") == 0;
	const struct json *rw = json_get(mount, "RW");
	struct event_line l;

	event_line_begin(&l, "volume", action, json_text(mount, "Name", ""));
	jw_object(&l.w, "Attributes");
	jw_str(&l.w, "container", id);
	if (comes)
		jw_str(&l.w, "destination", json_text(mount, "Destination", ""));
	jw_str(&l.w, "driver", VOLUME_DRIVER);
	if (comes) {
		jw_str(&l.w, "propagation", json_text(mount, "Propagation", ""));
		jw_str(&l.w, "read/write", rw && rw->type == JSON_BOOL && rw->boolean ? "true" : "false");
	}
	jw_end_object(&l.w);
	line_end(en, &l, action, once);
}

void events_volumes(const struct engine *en, const char *action, const struct record *rec, int64_t started, const char *that)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct ct_config config = { 0 };
	char once[EVENT_ONCE_LEN];
	struct err ignored;

	if (is_step(rec) || config_parse(&a, rec->config, &config, &ignored) < 0)
		return;
	json_each(mount, json_get(config.doc, "Mounts")) {
		const char *at = json_text(mount, "Destination", "");

		if (strcmp(json_text(mount, "Type", ""), "volume") != 0 || (that && strcmp(at, that) != 0))
			continue;
		tell_mount(en, action, rec->id, mount, started ? once_of(rec->id, started, at, once) : NULL);
	}
}

void events_pruned(const struct engine *en, const char *type, uint64_t reclaimed)
{
	char number[NUMBER_LEN];
	struct event_line l;

	(void)snprintf(number, sizeof(number), "%llu", (unsigned long long)reclaimed);
	event_line_begin(&l, type, "prune", "");
	jw_object(&l.w, "Attributes");
	jw_str(&l.w, "reclaimed", number);
	jw_end_object(&l.w);
	line_end(en, &l, "prune", NULL);
}

void events_networks(const struct engine *en, const char *action, const struct record *rec, int64_t started)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct err ignored = { 0 };
	struct endpoints own;
	char once[EVENT_ONCE_LEN];

	if (is_step(rec) || endpoint_read(en, &a, rec->id, &own, &ignored) < 0)
		return;
	for (size_t i = 0; i < own.n; i++) {
		const struct network *n = &own.v[i].network;

		events_network(en, action, n, rec->id, started ? once_of(rec->id, started, n->id, once) : NULL);
	}
}
