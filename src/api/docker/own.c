/* The attacker is the client. He may have a container of his with all that Docker's defaults give it, and nothing of the machine: no folder, no device, no
 * namespace and no right beyond. So what his requests may say is listed here, and what is not listed is refused when it says something: a member that is
 * new one day is no hole. Others' containers and volumes are not there for him; images are everybody's, to look at and to use, and so are networks, but those
 * of others who are kept to their own.
 *
 * Whose a thing is stands in a label, so that lists and events are filtered by what filters them anyway. An image cannot give it
 * (engine/config.c): a container is its maker's, not its image's author's. */
#include "api/docker/own.h"

#include <string.h>

#include "api/docker/fields.h"
#include "api/docker/filters.h"
#include "api/docker/own_judge.h"
#include "api/docker/own_places.h"
#include "api/docker/words.h"
#include "base/text.h"
#include "engine/config.h"
#include "engine/execs.h"

/* ---- what a new container may ask for ---- */

/* Networks that have a name; no namespace of the host's, or of a container's. */
static int judge_network(const struct json *v, struct err *e)
{
	if (v->type != JSON_STRING || strchr(v->str, ':') || !strcmp(v->str, "host"))
		return own_no(e, "this NetworkMode");
	return 0;
}

static int judge_security(const struct json *v, struct err *e)
{
	json_each(it, v)
		if (it->type != JSON_STRING || !own_is_word("no-new-privileges|no-new-privileges=true|no-new-privileges:true", it->str))
			return own_no(e, "this SecurityOpt");
	return v->type == JSON_ARRAY ? 0 : own_no(e, "this SecurityOpt");
}

static int judge_log(const struct json *v, struct err *e)
{
	static const struct own_member options[] = { { .name = "max-size" }, { .name = "max-file" }, { .name = "compress" }, { .name = "mode" }, { .name = "max-buffer-size" }, { 0 } };

	if (v->type != JSON_OBJECT || !own_is_word("|json-file|local|none", json_text(v, "Type", "")))
		return own_no(e, "this LogConfig");
	return own_judge(json_get(v, "Config"), options, e);
}

/* Volumes, which have a name: "NAME:/PATH[:OPTIONS]". */
static int judge_binds(const struct json *v, struct err *e)
{
	json_each(it, v) {
		const char *place = it->type == JSON_STRING ? strchr(it->str, ':') : NULL, *options = place ? strchr(place + 1, ':') : NULL;

		if (!place || strchr("./", it->str[0]) || memchr(it->str, '/', (size_t)(place - it->str)))
			return own_no(e, "these Binds");
		for (const char *o = options; o; o = strchr(o + 1, ',')) {
			char word[16] = "";
			size_t len = strcspn(o + 1, ",");

			if (len < sizeof(word))
				memcpy(word, o + 1, len);
			if (!own_is_word("ro|rw|nocopy|z|Z", word))
				return own_no(e, "these Binds");
		}
	}
	return 0;
}

static int judge_volume(const struct json *v, struct err *e)
{
	static const struct own_member members[] = { { .name = "NoCopy" }, { .name = "Subpath" }, { 0 } };

	return own_judge(v, members, e);
}

/* A volume; or memory. */
static int judge_mounts(const struct json *v, struct err *e)
{
	static const struct own_member volume[] = { { .name = "Type" }, { .name = "Source" }, { .name = "Target" }, { .name = "ReadOnly" },
						    { "VolumeOptions", OWN_JUDGED, NULL, judge_volume }, { 0 } };
	static const struct own_member memory[] = { { .name = "Type" }, { .name = "Target" }, { .name = "ReadOnly" }, { .name = "TmpfsOptions" }, { 0 } };

	json_each(it, v) {
		const char *type = json_text(it, "Type", "");

		if (it->type != JSON_OBJECT || !own_is_word("volume|tmpfs", type))
			return own_no(e, "Mounts of this type");
		if (own_judge(it, type[0] == 'v' ? volume : memory, e) < 0)
			return err_ctx(e, "Mounts");
	}
	return 0;
}

static const struct own_member host_members[] = {
	{ "NetworkMode", OWN_JUDGED, NULL, judge_network },
	{ "SecurityOpt", OWN_JUDGED, NULL, judge_security },
	{ "LogConfig", OWN_JUDGED, NULL, judge_log },
	{ "Mounts", OWN_JUDGED, NULL, judge_mounts },
	{ "Binds", OWN_JUDGED, NULL, judge_binds },
	{ "MaskedPaths", OWN_NULL_ALONE },
	{ "ReadonlyPaths", OWN_NULL_ALONE },
	{ "CgroupnsMode", OWN_ONE_OF, "|private" },
	{ "IpcMode", OWN_ONE_OF, "|none|private|shareable" },
	{ "UsernsMode", OWN_ONE_OF, "|private" },
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

		if (own_judge_endpoint(it, e) < 0 || judge_network(&name, e) < 0)
			return e->code;
	}
	return 0;
}

int own_may_create(const struct json *body, struct err *e)
{
	int r = body->type == JSON_OBJECT ? own_judge(json_get(body, "HostConfig"), host_members, e) : err_set(e, ERR_INVALID, "want an object");

	return r < 0 ? r : judge_endpoints(json_get(json_get(body, "NetworkingConfig"), "EndpointsConfig"), e);
}

static int guard_create(struct exchange *ex, struct json *body, struct err *e)
{
	int r = own_may_create(body, e);

	if (r == 0)
		r = own_sign(ex, body, e);
	if (r == 0)
		r = own_use_networks(ex, body, e);
	return r < 0 ? r : own_use_volumes(ex, json_get(body, "HostConfig"), e);
}

static int guard_update(struct exchange *ex, struct json *body, struct err *e)
{
	(void)ex;
	return own_judge(body, host_members, e);
}

static int guard_exec(struct exchange *ex, struct json *body, struct err *e)
{
	(void)ex;
	json_each(it, body->type == JSON_OBJECT ? body : NULL) /* in any case, as it is read (exec.c) */
		if (strcasecmp(it->key, "Privileged") == 0 && !field_is_empty(it))
			return own_no(e, "Privileged");
	return 0;
}

/* ---- requests ---- */

/* The container that the path names; from here on by its id, whatever is renamed meanwhile. */
static int guard_container(struct exchange *ex, struct err *e)
{
	CLEANUP_LIVE struct live live = LIVE_INIT;
	struct engine *en;
	struct record rec;
	int r = words_container(ex, &en, &rec, &live, e);

	if (r < 0)
		return r;
	if (!own_made(ex, rec.config))
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
	return own_made(ex, rec.config) ? 0 : err_set(e, ERR_NOTFOUND, "No such exec instance: %s", ex_param(ex, 0));
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

	return source && *source ? own_no(e, "fromSrc") : 0;
}

static bool is_one_of(const char *request, const char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(v[i], request))
			return true;
	return false;
}

int docker_guard(struct exchange *ex, struct err *e)
{
	/* what is everybody's, or a matter of its body alone */
	static const char *const open[] = {
		"GET /info", "GET /images/json", "GET /images/{+}/json", "GET /images/{+}/history", "GET /images/search", "GET /distribution/{+}/json", "GET /networks",
		"POST /auth", "GET /plugins", "GET /plugins/{+}/json", "POST /containers/create", "POST /volumes/create", "POST /networks/create",
	};
	static const char *const lists[] = {
		"GET /containers/json", "POST /containers/prune", "GET /events", "GET /volumes", "POST /volumes/prune", "POST /networks/prune",
	};
	static const struct {
		const char *request;
		guard_body_fn fn;
	} bodies[] = {
		{ "POST /containers/create", guard_create }, { "POST /containers/{}/update", guard_update }, { "POST /containers/{}/exec", guard_exec },
		{ "POST /volumes/create", own_volume_body }, { "POST /networks/create", own_network_body }, { "POST /networks/{}/connect", own_connect_body },
		{ "POST /networks/{}/disconnect", own_connect_body },
	};
	const struct route *route = guard_route(ex);
	const char *request = arena_printf(ex_arena(ex), "%s %s", route->method, route->path);

	if (!request)
		return err_errno(e, -ENOMEM, "authorize");
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
		if (!strcmp(bodies[i].request, request))
			guard_body(ex, bodies[i].fn);
	if (is_one_of(request, open, ARRAY_LEN(open)))
		return 0;
	if (!strcmp(request, "POST /images/create"))
		return guard_pull(ex, e);
	if (is_one_of(request, lists, ARRAY_LEN(lists)))
		return guard_list(ex, !strcmp(request, "GET /events"), e);
	if (!strcmp(route->path, "/volumes/{}"))
		return own_volume(ex, e);
	if (!strncmp(route->path, "/networks/{}", strlen("/networks/{}")))
		return own_network(ex, strcmp(route->method, "DELETE") != 0, e);
	if (!strcmp(request, "DELETE /containers/{+}")) /* or a link between two */
		return ex_query_bool(ex, "link", false) ? own_no(e, "link") : guard_container(ex, e);
	if (!strncmp(route->path, "/containers/{}", strlen("/containers/{}")))
		return guard_container(ex, e);
	return !strncmp(route->path, "/exec/{}/", strlen("/exec/{}/")) ? guard_process(ex, e) : own_no(e, request);
}
