#include "api/docker/event_view.h"

#include <string.h>

#include "api/docker/filters.h"
#include "base/text.h"

#define SCOPE "local"

static const char *attribute(const struct event *ev, const char *key)
{
	const struct json *v = json_get(ev->attributes, key);

	return v && v->type == JSON_STRING ? v->str : NULL;
}

/* ---- which ---- */

/* A container, network or volume is meant by its whole id or name, or the beginning of one. */
static bool is_named(const struct event *ev, const char *type, const char *value)
{
	const char *name = attribute(ev, "name");

	return strcmp(ev->type, type) == 0 && (text_starts(ev->id, value) || (name && text_starts(name, value)));
}

/* The image itself, and containers made of it: with its tag or without. */
static bool is_image(const char *name, const char *value)
{
	size_t len = strlen(value);

	return name && (strcmp(name, value) == 0 || (strncmp(name, value, len) == 0 && (name[len] == ':' || name[len] == '@')));
}

static bool is_of_image(const struct event *ev, const char *value)
{
	if (strcmp(ev->type, "image") == 0)
		return is_image(ev->id, value) || is_image(attribute(ev, "name"), value);
	return strcmp(ev->type, "container") == 0 && is_image(attribute(ev, "image"), value);
}

/* "exec_start" is "exec_start: COMMAND", too. */
static bool is_action(const char *action, const char *value)
{
	size_t len = strlen(value);

	return strcmp(action, value) == 0 || (strncmp(action, value, len) == 0 && action[len] == ':');
}

static int matches(const char *key, const char *value, void *data, struct err *e)
{
	static const char *const named[] = { "container", "network", "volume" };
	const struct event *ev = data;

	for (size_t i = 0; i < ARRAY_LEN(named); i++)
		if (strcmp(key, named[i]) == 0)
			return is_named(ev, key, value);
	if (strcmp(key, "image") == 0)
		return is_of_image(ev, value);
	if (strcmp(key, "event") == 0)
		return is_action(ev->action, value);
	if (strcmp(key, "type") == 0)
		return strcmp(ev->type, value) == 0;
	if (strcmp(key, "scope") == 0)
		return strcmp(SCOPE, value) == 0;
	if (strcmp(key, "label") == 0)
		return filter_label(ev->attributes, value);
	if (filter_is_key(EVENT_FILTER_NOBODY, key)) /* nothing is told of these */
		return 0;
	return err_set(e, ERR_INVALID, "there is no filter \"%s\": " EVENT_FILTER_KEYS, key);
}

int event_passes(struct arena *a, struct strv filters, const struct event *ev, struct err *e)
{
	struct event copy = *ev;

	return filter_passes(a, filters, matches, &copy, e);
}

int event_filters_check(struct arena *a, struct strv filters, struct err *e)
{
	struct event none = { "container", "start", "0", NULL, 1 };

	return filter_check(a, filters, matches, &none, e);
}

/* ---- how ---- */

/* What an older docker told is still there in JSON. */
struct names {
	const char *status, *id, *from, *scope, *time, *nano;
};

static const struct names forms[] = {
	[EVENT_JSON] = { "status", "id", "from", "scope", "time", "timeNano" },
	[EVENT_FIELDS] = { "Status", "ID", "From", "Scope", "Time", "TimeNano" },
};

void event_write(const struct event *ev, enum event_form form, struct strbuf *out)
{
	const struct names *n = &forms[form];
	struct json_writer w = JSON_WRITER(out);
	bool container = strcmp(ev->type, "container") == 0, image = strcmp(ev->type, "image") == 0;

	jw_object(&w, NULL);
	if (container || image || form == EVENT_FIELDS) {
		jw_str(&w, n->status, container || image ? ev->action : "");
		jw_str(&w, n->id, container || image ? ev->id : "");
	}
	if ((container && attribute(ev, "image")) || form == EVENT_FIELDS)
		jw_str(&w, n->from, container && attribute(ev, "image") ? attribute(ev, "image") : "");
	jw_str(&w, "Type", ev->type);
	jw_str(&w, "Action", ev->action);
	jw_object(&w, "Actor");
	jw_str(&w, "ID", ev->id);
	jw_value(&w, "Attributes", ev->attributes);
	jw_end_object(&w);
	jw_str(&w, n->scope, SCOPE);
	jw_i64(&w, n->time, ev->ns / 1000000000);
	jw_i64(&w, n->nano, ev->ns);
	jw_end_object(&w);
}
