#include "api/docker/build_query.h"

#include <inttypes.h>
#include <string.h>

#include "api/docker/buildkit.h"
#include "base/text.h"

const struct field build_parameters[] = {
	{ .name = "buildargs", .how = FIELD_HONOURED, .why = "{\"NAME\":\"VALUE\"}" },
	{ .name = "cachefrom", .how = FIELD_HONOURED, .why = "[\"IMAGE\"]: nothing else is the cache; each may be missing" },
	{ .name = "cgroupparent", .how = FIELD_HONOURED },
	{ .name = "cpuperiod", .how = FIELD_HONOURED },
	{ .name = "cpuquota", .how = FIELD_HONOURED },
	{ .name = "cpusetcpus", .how = FIELD_HONOURED },
	{ .name = "cpusetmems", .how = FIELD_HONOURED },
	{ .name = "cpushares", .how = FIELD_HONOURED },
	{ .name = "dockerfile", .how = FIELD_HONOURED, .why = "a path in the context" },
	{ .name = "extrahosts", .how = FIELD_HONOURED, .why = "NAME:IP" },
	{ .name = "forcerm", .how = FIELD_HARMLESS, .why = "a step's container never stays" },
	{ .name = "isolation", .how = FIELD_REFUSED, .why = "but for \"default\": it is Windows'" },
	{ .name = "labels", .how = FIELD_HONOURED, .why = "{\"NAME\":\"VALUE\"}" },
	{ .name = "memory", .how = FIELD_HONOURED },
	{ .name = "memswap", .how = FIELD_HONOURED },
	{ .name = "networkmode", .how = FIELD_HONOURED },
	{ .name = "nocache", .how = FIELD_HONOURED },
	{ .name = "outputs", .how = FIELD_REFUSED, .why = "they are BuildKit's" },
	{ .name = "platform", .how = FIELD_HONOURED },
	{ .name = "pull", .how = FIELD_HONOURED },
	{ .name = "q", .how = FIELD_HONOURED },
	{ .name = "remote", .how = FIELD_HONOURED, .why = "a URL of a tar or a Dockerfile, or a git repository" },
	{ .name = "rm", .how = FIELD_HARMLESS, .why = "a step's container never stays" },
	{ .name = "securityopt", .how = FIELD_HONOURED },
	{ .name = "session", .how = FIELD_REFUSED, .why = "it is BuildKit's" },
	{ .name = "shmsize", .how = FIELD_HONOURED },
	{ .name = "squash", .how = FIELD_HONOURED },
	{ .name = "t", .how = FIELD_HONOURED, .why = "several times, too" },
	{ .name = "target", .how = FIELD_HONOURED },
	{ .name = "ulimits", .how = FIELD_HONOURED, .why = "[{\"Name\",\"Soft\",\"Hard\"}]" },
	{ .name = "version", .how = FIELD_HONOURED, .why = "1; 2 is BuildKit, which is refused" },
	{ 0 }
};

static const char *text_of(struct exchange *ex, const char *key)
{
	const char *v = ex_query(ex, key);

	return v && *v ? v : NULL;
}

/* *out NULL: it is not given, or null. */
static int json_of(struct exchange *ex, const char *key, enum json_type type, const struct json **out, struct err *e)
{
	const char *text = text_of(ex, key);

	*out = NULL;
	if (!text)
		return 0;
	if (json_parse(ex_arena(ex), text, strlen(text), NULL, out, e) < 0)
		return err_ctx(e, "%s", key);
	if ((*out)->type == JSON_NULL)
		*out = NULL;
	return !*out || (*out)->type == type ? 0 :
	       err_set(e, ERR_INVALID, "%s: want a JSON %s", key, type == JSON_OBJECT ? "object" : "array");
}

static int no_memory(struct err *e)
{
	return err_errno(e, -ENOMEM, "build");
}

/* {"NAME":"VALUE"}: one that is null was not set. */
static int pairs(struct exchange *ex, const char *key, const struct df_pair **out, size_t *n, struct err *e)
{
	const struct json *map;
	struct df_pair *v;
	int r = json_of(ex, key, JSON_OBJECT, &map, e);

	*n = 0;
	if (r < 0)
		return r;
	v = arena_array(ex_arena(ex), map ? map->len + 1 : 1, sizeof(*v));
	if (!v)
		return no_memory(e);
	json_each(it, map) {
		if (it->type == JSON_NULL)
			continue;
		if (it->type != JSON_STRING || !*it->key)
			return err_set(e, ERR_INVALID, "%s: '%.100s' is no string", key, it->key);
		v[(*n)++] = (struct df_pair){ it->key, it->str };
	}
	*out = v;
	return 0;
}

static int labels(struct exchange *ex, struct strv *out, struct err *e)
{
	struct arena *a = ex_arena(ex);
	const struct df_pair *v;
	const char **texts;
	size_t n;
	int r = pairs(ex, "labels", &v, &n, e);

	if (r < 0)
		return r;
	texts = arena_array(a, n + 1, sizeof(*texts));
	for (size_t i = 0; texts && i < n; i++)
		texts[i] = arena_printf(a, "%s=%s", v[i].key, v[i].value);
	*out = (struct strv){ texts, n };
	return arena_error(a) < 0 ? no_memory(e) : 0;
}

static int caches(struct exchange *ex, struct build_args *out, struct err *e)
{
	const struct json *list;
	struct build_cache *v;
	int r = json_of(ex, "cachefrom", JSON_ARRAY, &list, e);

	if (r < 0 || !list)
		return r;
	v = arena_array(ex_arena(ex), list->len + 1, sizeof(*v));
	if (!v)
		return no_memory(e);
	json_each(it, list) {
		if (it->type != JSON_STRING)
			return err_set(e, ERR_INVALID, "cachefrom: want strings");
		if (strchr(it->str, '=')) /* type=local is a folder of the server's own machine */
			return err_set(e, ERR_INVALID, "cachefrom: '%.200s': want the name of an image", it->str);
		r = build_cache_parse(ex_arena(ex), it->str, false, &v[out->n_cache_from], e);
		if (r < 0)
			return err_ctx(e, "cachefrom");
		v[out->n_cache_from++].may_fail = true;
	}
	out->cache_from = v;
	return 0;
}

static int ulimits(struct exchange *ex, struct strv *out, struct err *e)
{
	struct arena *a = ex_arena(ex);
	const struct json *list;
	const char **v;
	size_t n = 0;
	int r = json_of(ex, "ulimits", JSON_ARRAY, &list, e);

	if (r < 0)
		return r;
	v = arena_array(a, list ? list->len + 1 : 1, sizeof(*v));
	json_each(it, list) {
		int64_t soft = 0, hard = 0;
		const char *name = "";

		if (json_get_str(it, "ulimits", "Name", &name, e) < 0 || json_get_i64(it, "ulimits", "Soft", &soft, e) < 0 ||
		    json_get_i64(it, "ulimits", "Hard", &hard, e) < 0)
			return e->code;
		if (v)
			v[n++] = arena_printf(a, "%s=%" PRId64 ":%" PRId64, name, soft, hard);
	}
	*out = (struct strv){ v, n };
	return arena_error(a) < 0 ? no_memory(e) : 0;
}

/* Of a parameter that may be there several times; what is empty is not there. */
static int list_of(struct exchange *ex, const char *key, struct strv *out, struct err *e)
{
	size_t given = 0, n = 0;
	const char *const *all = ex_query_all(ex, key, &given);
	const char **v = arena_array(ex_arena(ex), given + 1, sizeof(*v));

	for (size_t i = 0; v && i < given; i++)
		if (*all[i])
			v[n++] = all[i];
	*out = (struct strv){ v, n };
	return v ? 0 : no_memory(e);
}

/* What is BuildKit's, or another system's. */
static int refuse(struct exchange *ex, struct err *e)
{
	const char *version = text_of(ex, "version"), *isolation = text_of(ex, "isolation"), *remote = text_of(ex, "remote");
	const struct json *outputs;

	if ((version && strcmp(version, "1") != 0) || text_of(ex, "session") || (remote && strcmp(remote, "client-session") == 0))
		return err_set(e, ERR_UNSUPPORTED, BUILDKIT_REFUSED);
	if (isolation && strcmp(isolation, "default") != 0)
		return err_set(e, ERR_INVALID, "isolation=%.60s: there is \"default\"", isolation);
	if (json_of(ex, "outputs", JSON_ARRAY, &outputs, e) < 0)
		return e->code;
	return outputs && outputs->len ? err_set(e, ERR_UNSUPPORTED, "outputs are BuildKit's: " BUILDKIT_REFUSED) : 0;
}

/* A number of bytes as an option has it; 0 is none. */
static int bytes(struct exchange *ex, const char *key, const char **out, struct err *e)
{
	int64_t v = 0;
	int r = ex_query_i64(ex, key, &v, e);

	if (r == 0 && v != 0)
		*out = v < 0 ? "-1" : arena_printf(ex_arena(ex), "%" PRId64, v);
	return r;
}

/* Of the containers of RUN. */
static int containers(struct exchange *ex, struct build_query *q, struct ct_options *run, struct err *e)
{
	int64_t shares = 0;
	int r = bytes(ex, "memory", &run->memory, e);

	if (r == 0)
		r = bytes(ex, "memswap", &run->memory_swap, e);
	if (r == 0)
		r = bytes(ex, "shmsize", &run->shm_size, e);
	if (r == 0)
		r = ex_query_i64(ex, "cpushares", &shares, e);
	if (r == 0)
		r = ex_query_i64(ex, "cpuperiod", &q->cpu_period, e);
	if (r == 0)
		r = ex_query_i64(ex, "cpuquota", &q->cpu_quota, e);
	if (r == 0 && shares < 0)
		r = err_set(e, ERR_INVALID, "cpushares=%" PRId64 " is below 0", shares);
	q->cpu_shares = (uint64_t)shares;
	run->cpu_shares = shares ? &q->cpu_shares : NULL;
	run->cpu_period = q->cpu_period ? &q->cpu_period : NULL;
	run->cpu_quota = q->cpu_quota ? &q->cpu_quota : NULL;
	run->cpuset_cpus = text_of(ex, "cpusetcpus");
	run->cpuset_mems = text_of(ex, "cpusetmems");
	run->cgroup_parent = text_of(ex, "cgroupparent");
	run->profile = "docker";
	if (r == 0)
		r = list_of(ex, "extrahosts", &run->add_host, e);
	if (r == 0)
		r = list_of(ex, "securityopt", &run->security_opt, e);
	return r < 0 ? r : ulimits(ex, &run->ulimits, e);
}

static const char *network(struct exchange *ex)
{
	const char *mode = text_of(ex, "networkmode");

	return mode && (strcmp(mode, "default") == 0 || strcmp(mode, "bridge") == 0) ? NULL : mode;
}

/* "Dockerfile" is what there is without a word. Any other is a path in the context, also one that means something else to `tare build`: "-", a URL. */
static const char *file(struct exchange *ex)
{
	const char *name = text_of(ex, "dockerfile");

	if (!name || strcmp(name, "Dockerfile") == 0)
		return NULL;
	return strcmp(name, "-") == 0 || strstr(name, "://") ? arena_printf(ex_arena(ex), "./%s", name) : name;
}

static int inputs(struct exchange *ex, struct build_args *out, struct err *e)
{
	struct df_inputs *in = &out->inputs;
	const char *platform = text_of(ex, "platform");
	int r = pairs(ex, "buildargs", &in->args, &in->n_args, e);

	in->target_stage = text_of(ex, "target");
	platform_host(&in->build);
	in->target = in->build;
	for (size_t i = 0; r == 0 && i < in->n_args; i++)
		if (strcmp(in->args[i].key, "SOURCE_DATE_EPOCH") == 0)
			out->epoch = in->args[i].value;
	return r == 0 && platform ? platform_parse(platform, &in->target, e) : r;
}

/* Never a folder of the server's own machine. */
static bool is_remote(const char *text)
{
	static const char *const begins[] = { "http://", "https://", "git://", "ssh://", "git@", "github.com/" };

	for (size_t i = 0; i < ARRAY_LEN(begins); i++)
		if (text_starts(text, begins[i]))
			return true;
	return false;
}

int build_query(struct exchange *ex, struct build_query *q, struct build_args *out, struct err *e)
{
	const char *remote = text_of(ex, "remote");
	int r = refuse(ex, e);

	*q = (struct build_query){ 0 };
	*out = (struct build_args){ .context = remote ? remote : "-", .input = -1, .input_name = "the context", .file = file(ex), .network = network(ex),
				    .no_cache = ex_query_bool(ex, "nocache", false), .pull = ex_query_bool(ex, "pull", false),
				    .squash = ex_query_bool(ex, "squash", false), .as_docker = true };
	out->allow_host = out->network && strcmp(out->network, "host") == 0;
	image_limits_default(&out->limits);
	if (arena_error(ex_arena(ex)) < 0)
		return no_memory(e);
	if (r == 0 && remote && !is_remote(remote))
		return err_set(e, ERR_INVALID, "remote=%.200s: want a URL by http or https, or a git repository", remote);
	if (r == 0)
		r = inputs(ex, out, e);
	if (r == 0)
		r = labels(ex, &out->labels, e);
	if (r == 0)
		r = caches(ex, out, e);
	if (r == 0)
		r = list_of(ex, "t", &out->names, e);
	return r < 0 ? r : containers(ex, q, &out->run, e);
}
