#include "engine/health.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "engine/events.h"

#define MAX_BYTES 262144U

bool health_is_checked(const struct ct_config *config)
{
	const struct json *test = json_get(json_get(json_get(config->doc, "Config"), "Healthcheck"), "Test");

	json_each(word, test)
		return word->type == JSON_STRING && strcmp(word->str, "NONE") != 0;
	return false;
}

const struct json *health_read(const struct engine *en, struct arena *a, const char *id)
{
	CLEANUP_FREE char *text = NULL;
	const struct json *doc = NULL;
	char name[NAME_MAX + 1];
	struct err ignored;
	size_t len;

	(void)snprintf(name, sizeof(name), "%s/health.json", id);
	if (io_read_file(en->state_fd, name, MAX_BYTES, &text, &len) < 0 || json_parse(a, text, len, NULL, &doc, &ignored) < 0)
		return NULL;
	return doc;
}

const char *health_word(const struct engine *en, struct arena *a, const char *id)
{
	const struct json *doc = health_read(en, a, id);
	const char *status = "starting";
	struct err ignored;

	return doc && json_get_str(doc, "health", "Status", &status, &ignored) < 0 ? "starting" : status;
}

const char *health_status(const struct engine *en, struct arena *a, const char *id, const struct ct_config *config)
{
	return health_is_checked(config) ? health_word(en, a, id) : "none";
}

int health_changed(const struct engine *en, const char *id, const char *status, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct record rec;
	char action[64];
	int r = record_get(en->catalog, &a, id, &rec, e);

	if (r < 0) /* somebody removes it */
		return e->cls == ERR_NOTFOUND ? 0 : r;
	(void)snprintf(action, sizeof(action), "health_status: %.40s", status);
	events_container(en, &rec, action, NULL);
	return 0;
}
