/* Docker's filters of `docker ps`. A row of the table is one of them; each is asked with one value at a time (filter.h adds up). */
#include "api/docker/container_filter.h"

#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "api/docker/filters.h"
#include "base/text.h"
#include "engine/images.h"
#include "engine/network.h"
#include "net/port.h"

/* What is looked at, and where more about it is to be found. */
struct looking {
	const struct engine *en;
	struct arena *a;
	const struct seen *s;
};

static int by_id(const struct looking *l, const char *value, struct err *e)
{
	(void)e;
	return text_starts(l->s->rec.id, value);
}

/* A regular expression that fits somewhere; names may be written with the slash that they have in `inspect`. */
static int by_name(const struct looking *l, const char *value, struct err *e)
{
	const char *slashed = arena_printf(l->a, "/%s", l->s->rec.name);
	regex_t expression;
	int fits;

	if (!slashed)
		return err_errno(e, -ENOMEM, "--filter name");
	if (regcomp(&expression, value, REG_EXTENDED | REG_NOSUB) != 0)
		return err_set(e, ERR_INVALID, "--filter name=%s: that is no regular expression", value);
	fits = regexec(&expression, slashed + 1, 0, NULL, 0) == 0 || (strchr(value, '/') && regexec(&expression, slashed, 0, NULL, 0) == 0);
	regfree(&expression);
	return fits;
}

static int by_status(const struct looking *l, const char *value, struct err *e)
{
	static const char *const states[] = { "created", "running", "paused", "exited", "restarting", "removing", "dead" };

	for (size_t i = 0; i < ARRAY_LEN(states); i++)
		if (strcmp(states[i], value) == 0)
			return strcmp(l->s->state, value) == 0;
	return err_set(e, ERR_INVALID, "--filter status=%s: created, running, paused, exited, restarting, removing or dead", value);
}

static int by_label(const struct looking *l, const char *value, struct err *e)
{
	(void)e;
	return filter_label(l->s->config.labels, value);
}

static int by_exited(const struct looking *l, const char *value, struct err *e)
{
	int64_t code;

	if (text_i64(value, &code) < 0)
		return err_set(e, ERR_INVALID, "--filter exited=%s: want an exit code", value);
	return l->s->rec.status == RECORD_EXITED && l->s->rec.exit_code == code;
}

static int by_ancestor(const struct looking *l, const char *value, struct err *e)
{
	struct image img;

	if (image_find(l->en->catalog, l->a, value, &img, e) < 0)
		return e->cls == ERR_NOTFOUND ? 0 : e->code;
	return l->s->rec.image && strcmp(l->s->rec.image, img.id) == 0;
}

/* -1: made before that container, 1: after, 0: it is that one. */
static int against(const struct looking *l, const char *key, const char *value, int *order, struct err *e)
{
	struct record other;
	int r = record_find(l->en->catalog, l->a, value, &other, e);

	if (r < 0)
		return err_ctx(e, "--filter %s=%s", key, value);
	*order = strcmp(other.id, l->s->rec.id) == 0 ? 0 : l->s->rec.created < other.created ? -1 : 1;
	return 0;
}

static int by_before(const struct looking *l, const char *value, struct err *e)
{
	int order = 0, r = against(l, "before", value, &order, e);

	return r < 0 ? r : order < 0;
}

static int by_since(const struct looking *l, const char *value, struct err *e)
{
	int order = 0, r = against(l, "since", value, &order, e);

	return r < 0 ? r : order > 0;
}

static bool listed(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (; len && list; list = strchr(list, ',') ? strchr(list, ',') + 1 : NULL)
		if (strncmp(list, name, len) == 0 && (!list[len] || list[len] == ','))
			return true;
	return false;
}

static int by_network(const struct looking *l, const char *value, struct err *e)
{
	struct network net;
	struct err ignored;

	(void)e;
	if (listed(l->s->networks, value))
		return 1;
	if (network_is_default(value)) /* who looks for it makes it, where it is not there yet */
		return listed(l->s->networks, NETWORK_DEFAULT);
	return network_find(l->en, l->a, value, &net, &ignored) == 0 && listed(l->s->networks, net.name);
}

static bool says(const struct json *of, const char *key, const char *value)
{
	const struct json *v = json_get(of, key);

	return v && v->type == JSON_STRING && v->str[0] && strcmp(v->str, value) == 0;
}

static int by_volume(const struct looking *l, const char *value, struct err *e)
{
	(void)e;
	json_each(mount, json_get(l->s->config.doc, "Mounts"))
		if (says(mount, "Name", value) || says(mount, "Source", value) || says(mount, "Destination", value))
			return 1;
	return 0;
}

/* "80", "80/udp", "8000-8010/tcp": any of these. */
static int ports_of(const char *key, const char *value, struct net_port *out, struct err *e)
{
	return strpbrk(value, ":=") || net_port_parse(value, out, e) < 0 ?
		       err_set(e, ERR_INVALID, "--filter %s=%s: want PORT[-PORT][/tcp|udp|sctp]", key, value) :
		       0;
}

static bool overlap(uint32_t first, uint32_t count, const struct net_port *wanted)
{
	return first < (uint32_t)wanted->target + wanted->count && wanted->target < first + count;
}

static int by_publish(const struct looking *l, const char *value, struct err *e)
{
	const struct endpoints *own = &l->s->own;
	struct net_port wanted;
	int r = ports_of("publish", value, &wanted, e);

	for (size_t i = 0; r == 0 && i < own->n_ports; i++)
		if (own->ports[i].proto == wanted.proto && overlap(own->ports[i].first, own->ports[i].count, &wanted))
			return 1;
	return r;
}

static int by_expose(const struct looking *l, const char *value, struct err *e)
{
	struct net_port wanted, port;
	struct err ignored;
	int r = ports_of("expose", value, &wanted, e);

	if (r < 0)
		return r;
	json_each(text, json_get(l->s->config.doc, "Exposed"))
		if (text->type == JSON_STRING && net_port_parse(text->str, &port, &ignored) == 0 && port.proto == wanted.proto &&
		    overlap(port.target, port.count, &wanted))
			return 1;
	return 0;
}

/* There are no tasks of a swarm, and one isolation. */
static int by_task(const struct looking *l, const char *value, struct err *e)
{
	bool yes;
	int r = filter_bool("is-task", value, &yes, e);

	(void)l;
	return r < 0 ? r : !yes;
}

static int by_isolation(const struct looking *l, const char *value, struct err *e)
{
	(void)l;
	(void)e;
	return !value[0] || strcmp(value, "default") == 0;
}

static int by_health(const struct looking *l, const char *value, struct err *e)
{
	static const char *const words[] = { "none", "starting", "healthy", "unhealthy" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(words[i], value) == 0)
			return strcmp(l->s->health, value) == 0;
	return err_set(e, ERR_INVALID, "--filter health=%s: none, starting, healthy or unhealthy", value);
}

static const struct {
	const char *key;
	int (*fn)(const struct looking *l, const char *value, struct err *e);
} filters_of[] = {
	{ "ancestor", by_ancestor }, { "before", by_before },   { "exited", by_exited },   { "expose", by_expose }, { "health", by_health }, { "id", by_id },
	{ "is-task", by_task },	     { "isolation", by_isolation }, { "label", by_label },  { "name", by_name },     { "network", by_network },
	{ "publish", by_publish },   { "since", by_since },     { "status", by_status },   { "volume", by_volume },
};

static int matches(const char *key, const char *value, void *data, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(filters_of); i++)
		if (strcmp(filters_of[i].key, key) == 0)
			return filters_of[i].fn(data, value, e);
	return err_set(e, ERR_INVALID, "--filter %s=%s: the keys are " CONTAINER_FILTER_KEYS, key, value);
}

int ps_passes(const struct engine *en, struct arena *a, struct strv filters, const struct seen *s, struct err *e)
{
	return filter_passes(a, filters, matches, &(struct looking){ en, a, s }, e);
}

int ps_check(const struct engine *en, struct arena *a, struct strv filters, struct err *e)
{
	const struct seen nobody = { .rec = { .id = "", .name = "" }, .state = "", .health = "", .networks = "" };

	return filter_check(a, filters, matches, &(struct looking){ en, a, &nobody }, e);
}

bool ps_asks_status(struct strv filters)
{
	for (size_t i = 0; i < filters.n; i++)
		if (text_starts(filters.v[i], "status=") || text_starts(filters.v[i], "exited="))
			return true;
	return false;
}
