/* The attacker is the client. He may have a container of his with all that Docker's defaults give it, and nothing of the machine: no folder, no device, no
 * namespace and no right beyond. So what his requests may say is listed here, and what is not listed is refused when it says something: a member that is
 * new one day is no hole. Others' containers are not there for him; images and networks are everybody's, to look at and to use.
 *
 * Whose a container is stands in a label, so that lists and events are filtered by what filters them anyway. An image cannot give it
 * (engine/config.c): a container is its maker's, not its image's author's. */
#include "api/docker/own.h"

#include <string.h>

#include "api/docker/fields.h"
#include "api/docker/filters.h"
#include "api/docker/words.h"
#include "base/text.h"
#include "engine/config.h"
#include "engine/execs.h"

static int no(struct err *e, const char *what)
{
	return err_set(e, ERR_DENIED, "not allowed to you, who are kept to containers of your own: %s", what);
}

/* ---- what a new container may ask for ---- */

enum said {
	ANYTHING,
	NULL_ALONE, /* an empty list says something */
	ONE_OF,     /* of these texts, or nothing */
	JUDGED
};

struct member {
	const char *name;
	enum said said;
	const char *texts; /* "|private" */
	int (*judge)(const struct json *v, struct err *e);
};

static bool is_word(const char *words, const char *text)
{
	size_t len = strlen(text);

	for (const char *w = words; w; w = strchr(w, '|') ? strchr(w, '|') + 1 : NULL)
		if (strcspn(w, "|") == len && strncmp(w, text, len) == 0)
			return true;
	return false;
}

static const struct member *find(const struct member *table, const char *name)
{
	for (const struct member *m = table; m->name; m++)
		if (strcmp(m->name, name) == 0)
			return m;
	return NULL;
}

/* What no row has must say nothing. */
static int judge(const struct json *object, const struct member *table, struct err *e)
{
	if (object && object->type != JSON_OBJECT && object->type != JSON_NULL)
		return err_set(e, ERR_INVALID, "want an object {...}");
	json_each(it, object) {
		const struct member *m = find(table, it->key);
		bool fine = it->type == JSON_NULL || (m ? m->said == ANYTHING || m->said == JUDGED : field_is_empty(it));

		if (m && m->said == ONE_OF && it->type == JSON_STRING)
			fine = is_word(m->texts, it->str);
		if (!fine)
			return no(e, it->key);
		if (m && m->said == JUDGED && it->type != JSON_NULL && m->judge(it, e) < 0)
			return e->code;
	}
	return 0;
}

/* Networks that have a name; no namespace of the host's, or of a container's. */
static int judge_network(const struct json *v, struct err *e)
{
	if (v->type != JSON_STRING || strchr(v->str, ':') || !strcmp(v->str, "host"))
		return no(e, "this NetworkMode");
	return 0;
}

static int judge_security(const struct json *v, struct err *e)
{
	json_each(it, v)
		if (it->type != JSON_STRING || !is_word("no-new-privileges|no-new-privileges=true|no-new-privileges:true", it->str))
			return no(e, "this SecurityOpt");
	return v->type == JSON_ARRAY ? 0 : no(e, "this SecurityOpt");
}

static int judge_log(const struct json *v, struct err *e)
{
	static const struct member options[] = { { .name = "max-size" }, { .name = "max-file" }, { .name = "compress" }, { .name = "mode" }, { .name = "max-buffer-size" }, { 0 } };

	if (v->type != JSON_OBJECT || !is_word("|json-file|local|none", json_text(v, "Type", "")))
		return no(e, "this LogConfig");
	return judge(json_get(v, "Config"), options, e);
}

/* A volume without a name, of its own; or memory. */
static int judge_mounts(const struct json *v, struct err *e)
{
	static const struct member volume[] = { { .name = "Type" }, { .name = "Target" }, { .name = "ReadOnly" }, { 0 } };
	static const struct member memory[] = { { .name = "Type" }, { .name = "Target" }, { .name = "ReadOnly" }, { .name = "TmpfsOptions" }, { 0 } };

	json_each(it, v) {
		const char *type = json_text(it, "Type", "");

		if (it->type != JSON_OBJECT || !is_word("volume|tmpfs", type))
			return no(e, "Mounts of this type");
		if (judge(it, type[0] == 'v' ? volume : memory, e) < 0)
			return err_ctx(e, "Mounts");
	}
	return 0;
}

static const struct member host_members[] = {
	{ "NetworkMode", JUDGED, NULL, judge_network },
	{ "SecurityOpt", JUDGED, NULL, judge_security },
	{ "LogConfig", JUDGED, NULL, judge_log },
	{ "Mounts", JUDGED, NULL, judge_mounts },
	{ "MaskedPaths", NULL_ALONE },
	{ "ReadonlyPaths", NULL_ALONE },
	{ "CgroupnsMode", ONE_OF, "|private" },
	{ "IpcMode", ONE_OF, "|none|private|shareable" },
	{ "UsernsMode", ONE_OF, "|private" },
	{ .name = "PortBindings" }, { .name = "PublishAllPorts" }, { .name = "RestartPolicy" }, { .name = "AutoRemove" }, { .name = "ConsoleSize" },
	{ .name = "CapDrop" }, { .name = "Dns" }, { .name = "DnsOptions" }, { .name = "DnsSearch" }, { .name = "ExtraHosts" }, { .name = "GroupAdd" },
	{ .name = "ReadonlyRootfs" }, { .name = "StorageOpt" }, { .name = "Tmpfs" }, { .name = "ShmSize" }, { .name = "Runtime" }, { .name = "Isolation" },
	{ .name = "Init" }, { .name = "CpuShares" }, { .name = "Memory" }, { .name = "NanoCpus" }, { .name = "BlkioWeight" }, { .name = "CpuPeriod" },
	{ .name = "CpuQuota" }, { .name = "CpusetCpus" }, { .name = "CpusetMems" }, { .name = "MemoryReservation" }, { .name = "MemorySwap" },
	{ .name = "MemorySwappiness" }, { .name = "OomKillDisable" }, { .name = "PidsLimit" }, { .name = "Ulimits" },
	{ 0 },
};

static int judge_endpoints(const struct json *endpoints, struct err *e)
{
	if (endpoints && endpoints->type != JSON_OBJECT && endpoints->type != JSON_NULL)
		return err_set(e, ERR_INVALID, "EndpointsConfig: want an object {...}");
	json_each(it, endpoints) {
		const struct json name = { .type = JSON_STRING, .str = it->key };
		const struct json *links = json_get(it, "Links");
		int r = links && !field_is_empty(links) ? no(e, "Links") : judge_network(&name, e);

		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- whose it is ---- */

static struct json *new_member(struct arena *a, struct json *object, const char *key, enum json_type type)
{
	struct json *v = arena_new(a, struct json), **at = &object->child;

	if (!v)
		return NULL;
	while (*at) /* the last one: it has the last word of what is read in turn */
		at = &(*at)->next;
	*v = (struct json){ .type = type, .key = key };
	*at = v;
	object->len++;
	return v;
}

static void drop_member(struct json *object, const char *key)
{
	for (struct json **at = &object->child; *at;) {
		if (strcmp((*at)->key, key) != 0) {
			at = &(*at)->next;
			continue;
		}
		*at = (*at)->next;
		object->len--;
	}
}

static int sign(struct exchange *ex, struct json *body, struct err *e)
{
	struct arena *a = ex_arena(ex);
	struct json *labels = (struct json *)(uintptr_t)json_get(body, "Labels"), *own;

	if (labels && labels->type != JSON_OBJECT) { /* null, or what the handler would refuse */
		drop_member(body, "Labels");
		labels = NULL;
	}
	if (!labels)
		labels = new_member(a, body, "Labels", JSON_OBJECT);
	if (!labels)
		return err_errno(e, -ENOMEM, "create");
	drop_member(labels, CONFIG_OWNER_LABEL);
	own = new_member(a, labels, CONFIG_OWNER_LABEL, JSON_STRING);
	if (!own)
		return err_errno(e, -ENOMEM, "create");
	own->str = guard_owner(ex);
	own->len = strlen(own->str);
	return 0;
}

static int guard_create(struct exchange *ex, struct json *body, struct err *e)
{
	int r = body->type == JSON_OBJECT ? judge(json_get(body, "HostConfig"), host_members, e) : err_set(e, ERR_INVALID, "want an object");

	if (r == 0)
		r = judge_endpoints(json_get(json_get(body, "NetworkingConfig"), "EndpointsConfig"), e);
	return r < 0 ? r : sign(ex, body, e);
}

static int guard_update(struct exchange *ex, struct json *body, struct err *e)
{
	(void)ex;
	return judge(body, host_members, e);
}

static int guard_exec(struct exchange *ex, struct json *body, struct err *e)
{
	const struct json *privileged = json_get(body, "Privileged");

	(void)ex;
	return privileged && !field_is_empty(privileged) ? no(e, "Privileged") : 0;
}

/* ---- requests ---- */

static bool is_his(struct exchange *ex, const char *config)
{
	struct ct_config c;
	struct err e = { 0 };

	return config_parse(ex_arena(ex), config, &c, &e) == 0 && strcmp(json_text(c.labels, CONFIG_OWNER_LABEL, ""), guard_owner(ex)) == 0;
}

/* The container that the path names; from here on by its id, whatever is renamed meanwhile. */
static int guard_container(struct exchange *ex, struct err *e)
{
	CLEANUP_LIVE struct live live = LIVE_INIT;
	struct engine *en;
	struct record rec;
	int r = words_container(ex, &en, &rec, &live, e);

	if (r < 0)
		return r;
	if (!is_his(ex, rec.config))
		return err_set(e, ERR_NOTFOUND, "No such container: %s", ex_param(ex, 0));
	guard_param(ex, 0, rec.id);
	return 0;
}

static int guard_process(struct exchange *ex, struct err *e)
{
	struct kept_exec x;
	struct engine *en;
	struct record rec;
	int r = ex_engine(ex, &en, e);

	if (r == 0)
		r = execs_find(en, ex_arena(ex), ex_param(ex, 0), &x, e);
	if (r == 0)
		r = record_get(en->catalog, ex_arena(ex), x.container, &rec, e);
	if (r < 0)
		return r;
	return is_his(ex, rec.config) ? 0 : err_set(e, ERR_NOTFOUND, "No such exec instance: %s", ex_param(ex, 0));
}

/* His alone, whatever else was asked for. */
static int guard_list(struct exchange *ex, bool events, struct err *e)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&out);
	const char *text = ex_query(ex, "filters"), *value;
	const struct json *asked = NULL;
	int r = text && *text ? json_parse(ex_arena(ex), text, strlen(text), NULL, &asked, e) : 0;

	if (r < 0 || (asked && asked->type != JSON_OBJECT))
		return err_set(e, ERR_INVALID, "filters: want {\"KEY\":[\"VALUE\"]}");
	jw_object(&w, NULL);
	json_each(it, asked)
		if (strcmp(it->key, "label") != 0 && (!events || strcmp(it->key, "type") != 0))
			jw_value(&w, it->key, it);
	jw_array(&w, "label");
	json_each(it, json_get(asked, "label")) /* a list, or the keys of an object */
		jw_str(&w, NULL, it->key ? it->key : it->type == JSON_STRING ? it->str : "");
	value = arena_printf(ex_arena(ex), CONFIG_OWNER_LABEL "=%s", guard_owner(ex));
	jw_str(&w, NULL, value);
	jw_end_array(&w);
	if (events) {
		jw_array(&w, "type");
		jw_str(&w, NULL, "container");
		jw_end_array(&w);
	}
	jw_end_object(&w);
	text = arena_strdup(ex_arena(ex), sb_str(&out));
	return sb_error(&out) < 0 || !value || !text ? err_errno(e, -ENOMEM, "filters") : guard_query(ex, "filters", text, e);
}

/* Images are pulled. One that he made himself would stand under a name that others go by, and one of a URL is fetched from where the server is. */
static int guard_pull(struct exchange *ex, struct err *e)
{
	const char *source = ex_query(ex, "fromSrc");

	return source && *source ? no(e, "fromSrc") : 0;
}

int docker_guard(struct exchange *ex, struct err *e)
{
	/* what is everybody's */
	static const char *const open[] = {
		"GET /info", "GET /images/json", "GET /images/{+}/json", "GET /images/{+}/history", "GET /images/search", "GET /distribution/{+}/json", "GET /networks",
		"GET /networks/{}", "POST /auth", "GET /plugins", "GET /plugins/{+}/json",
	};
	static const struct {
		const char *request;
		guard_body_fn fn;
	} bodies[] = { { "POST /containers/create", guard_create }, { "POST /containers/{}/update", guard_update }, { "POST /containers/{}/exec", guard_exec } };
	const struct route *route = guard_route(ex);
	const char *request = arena_printf(ex_arena(ex), "%s %s", route->method, route->path);

	if (!request)
		return err_errno(e, -ENOMEM, "authorize");
	for (size_t i = 0; i < ARRAY_LEN(open); i++)
		if (!strcmp(open[i], request))
			return 0;
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
		if (!strcmp(bodies[i].request, request))
			guard_body(ex, bodies[i].fn);
	if (!strcmp(request, "POST /containers/create"))
		return 0;
	if (!strcmp(request, "POST /images/create"))
		return guard_pull(ex, e);
	if (!strcmp(request, "GET /containers/json") || !strcmp(request, "POST /containers/prune") || !strcmp(request, "GET /events"))
		return guard_list(ex, request[5] == 'e', e);
	if (!strcmp(request, "GET /volumes/{}")) /* who looks for a thing of any kind asks for one of these, too */
		return err_set(e, ERR_NOTFOUND, "get %s: no such volume", ex_param(ex, 0));
	if (!strcmp(request, "DELETE /containers/{+}")) /* or a link between two */
		return ex_query_bool(ex, "link", false) ? no(e, "link") : guard_container(ex, e);
	if (!strncmp(route->path, "/containers/{}", strlen("/containers/{}")))
		return guard_container(ex, e);
	return !strncmp(route->path, "/exec/{}/", strlen("/exec/{}/")) ? guard_process(ex, e) : no(e, request);
}
