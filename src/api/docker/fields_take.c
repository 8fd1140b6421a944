#include "api/docker/fields.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/spec_log.h"

static void *at(const struct taking *t, const struct field *f)
{
	return (char *)t->o + f->offset;
}

int field_wrong(const struct taking *t, const struct field *f, const char *want, struct err *e)
{
	return err_set(e, ERR_INVALID, "%s.%s: want %s", t->where, f->name, want);
}

int field_add(struct taking *t, struct strv *list, const char *v, struct err *e)
{
	const char **more = arena_array(t->a, list->n + 2, sizeof(*more));

	if (!more || !v)
		return err_errno(e, -ENOMEM, "%s", t->where);
	if (list->n)
		memcpy(more, list->v, list->n * sizeof(*more));
	more[list->n] = v;
	*list = (struct strv){ more, list->n + 1 };
	return 0;
}

const char *field_text(const struct json *object, const char *key)
{
	return json_text(object, key, "");
}

int64_t field_number(const struct json *object, const char *key)
{
	const struct json *v = json_get(object, key);
	int64_t n = 0;

	return v && json_as_i64(v, &n) == 0 ? n : 0;
}

bool field_flag(const struct json *object, const char *key)
{
	const struct json *v = json_get(object, key);

	return v && v->type == JSON_BOOL && v->boolean;
}

/* ---- one member each ---- */

int take_text(struct taking *t, const struct field *f, const struct json *v, struct err *e)
{
	if (v->type != JSON_STRING)
		return field_wrong(t, f, "a text", e);
	*(const char **)at(t, f) = v->str;
	return 0;
}

int take_flag(struct taking *t, const struct field *f, const struct json *v, struct err *e)
{
	if (v->type != JSON_BOOL)
		return field_wrong(t, f, "true or false", e);
	*(bool *)at(t, f) = v->boolean;
	return 0;
}

/* Texts into an array; a text alone is one of one, as Docker's StrSlice reads it. */
static int texts_of(struct taking *t, const struct field *f, const struct json *v, struct strv *out, struct err *e)
{
	const char **texts = arena_array(t->a, (v->type == JSON_ARRAY ? v->len : 1) + 1, sizeof(*texts));
	size_t n = 0;

	if (!texts)
		return err_errno(e, -ENOMEM, "%s.%s", t->where, f->name);
	if (v->type == JSON_STRING)
		texts[n++] = v->str;
	else if (v->type != JSON_ARRAY)
		return field_wrong(t, f, "a list of texts", e);
	json_each(it, v->type == JSON_ARRAY ? v : NULL) {
		if (it->type != JSON_STRING)
			return field_wrong(t, f, "a list of texts", e);
		texts[n++] = it->str;
	}
	*out = (struct strv){ texts, n };
	return 0;
}

int take_list(struct taking *t, const struct field *f, const struct json *v, struct err *e)
{
	struct strv *list = at(t, f), more;
	int r = v->type == JSON_ARRAY ? texts_of(t, f, v, &more, e) : field_wrong(t, f, "a list of texts", e);

	for (size_t i = 0; r == 0 && i < more.n; i++)
		r = field_add(t, list, more.v[i], e);
	return r;
}

int take_pairs(struct taking *t, const struct field *f, const struct json *v, struct err *e)
{
	int r = v->type == JSON_OBJECT ? 0 : field_wrong(t, f, "an object of texts", e);

	json_each(it, r == 0 ? v : NULL) {
		if (r == 0 && it->type != JSON_STRING && it->type != JSON_NULL)
			r = field_wrong(t, f, "an object of texts", e);
		if (r == 0 && strchr(it->key, '=')) /* as an option it would be another one: the first "=" ends its name */
			r = err_set(e, ERR_INVALID, "%s.%s: '%.200s': a name has no '='", t->where, f->name, it->key);
		if (r == 0)
			r = field_add(t, at(t, f), arena_printf(t->a, "%s=%s", it->key, it->type == JSON_STRING ? it->str : ""), e);
	}
	return r;
}

int take_keys(struct taking *t, const struct field *f, const struct json *v, struct err *e)
{
	int r = v->type == JSON_OBJECT ? 0 : field_wrong(t, f, "an object", e);

	json_each(it, r == 0 ? v : NULL)
		if (r == 0)
			r = field_add(t, at(t, f), it->key, e);
	return r;
}

static int number(struct taking *t, const struct field *f, const struct json *v, int64_t *out, struct err *e)
{
	return v->type == JSON_NUMBER && json_as_i64(v, out) == 0 ? 0 : field_wrong(t, f, "a whole number", e);
}

int take_number_as_text(struct taking *t, const struct field *f, const struct json *v, struct err *e)
{
	int64_t n;
	int r = number(t, f, v, &n, e);

	if (r == 0)
		*(const char **)at(t, f) = arena_printf(t->a, "%" PRId64, n);
	return r;
}

static int keep(struct taking *t, const struct field *f, int64_t n, struct err *e)
{
	int64_t *kept = arena_new(t->a, int64_t);

	if (!kept)
		return err_errno(e, -ENOMEM, "%s.%s", t->where, f->name);
	*kept = n;
	*(const int64_t **)at(t, f) = kept;
	return 0;
}

int take_number(struct taking *t, const struct field *f, const struct json *v, struct err *e)
{
	int64_t n;
	int r = number(t, f, v, &n, e);

	return r < 0 ? r : keep(t, f, n, e);
}

int take_count(struct taking *t, const struct field *f, const struct json *v, struct err *e)
{
	uint64_t *kept = arena_new(t->a, uint64_t);

	if (!kept)
		return err_errno(e, -ENOMEM, "%s.%s", t->where, f->name);
	if (v->type != JSON_NUMBER || json_as_u64(v, kept) < 0)
		return field_wrong(t, f, "a whole number", e);
	*(const uint64_t **)at(t, f) = kept;
	return 0;
}

int take_weight(struct taking *t, const struct field *f, const struct json *v, struct err *e)
{
	return v->type == JSON_NUMBER && json_as_u64(v, at(t, f)) == 0 ? 0 : field_wrong(t, f, "a whole number", e);
}

/* ---- Config ---- */

void fields_no_env_of_ours(struct strv env)
{
	for (size_t i = 0; i < env.n; i++)
		if (!strchr(env.v[i], '='))
			(void)unsetenv(env.v[i]);
}

int take_env(struct taking *t, const struct field *f, const struct json *v, struct err *e)
{
	int r = take_list(t, f, v, e);

	if (r == 0)
		fields_no_env_of_ours(t->o->env);
	return r;
}

int take_command(struct taking *t, const struct field *f, const struct json *v, struct err *e)
{
	return texts_of(t, f, v, at(t, f), e);
}

int take_entrypoint(struct taking *t, const struct field *f, const struct json *v, struct err *e)
{
	struct strv words;
	int r = texts_of(t, f, v, &words, e);

	if (r < 0)
		return r;
	t->o->no_entrypoint = words.n == 0;
	if (words.n) {
		t->o->entrypoint = words.v[0];
		t->o->entrypoint_args = (struct strv){ words.v + 1, words.n - 1 };
	}
	return 0;
}

int take_healthcheck(struct taking *t, const struct field *f, const struct json *v, struct err *e)
{
	const struct json *test = json_get(v, "Test");

	if (v->type != JSON_OBJECT)
		return field_wrong(t, f, "an object", e);
	t->o->health_interval = field_number(v, "Interval");
	t->o->health_timeout = field_number(v, "Timeout");
	t->o->health_start_period = field_number(v, "StartPeriod");
	t->o->health_start_interval = field_number(v, "StartInterval");
	t->o->health_retries = field_number(v, "Retries");
	if (!test || field_is_empty(test))
		return 0;
	if (texts_of(t, f, test, &t->o->health_test, e) < 0)
		return e->code;
	if (strcmp(t->o->health_test.v[0], "NONE") == 0) {
		t->o->health_test.n = 0;
		t->o->no_healthcheck = true;
	}
	return 0;
}

int take_no_network(struct taking *t, const struct field *f, const struct json *v, struct err *e)
{
	(void)v;
	return field_add(t, at(t, f), "none", e);
}

/* ---- HostConfig ---- */

static bool has_log_driver(const char *name)
{
	size_t len = strlen(name);

	for (const char *have = LOG_DRIVERS; have; have = strchr(have, '|') ? strchr(have, '|') + 1 : NULL)
		if (strcspn(have, "|") == len && strncmp(have, name, len) == 0)
			return true;
	return false;
}

int take_log(struct taking *t, const struct field *f, const struct json *v, struct err *e)
{
	const char *type = field_text(v, "Type");
	const struct json *options = json_get(v, "Config");
	const struct field opts = { .name = "LogConfig.Config", .offset = offsetof(struct ct_options, log_opts) };

	if (*type && !has_log_driver(type))
		return err_set(e, ERR_INVALID, "logger: no log driver named '%s' is registered", type);
	if (*type)
		*(const char **)at(t, f) = type;
	return options && !field_is_empty(options) ? take_pairs(t, &opts, options, e) : 0;
}

int take_restart(struct taking *t, const struct field *f, const struct json *v, struct err *e)
{
	const char *name = field_text(v, "Name");
	int64_t most = field_number(v, "MaximumRetryCount");

	if (most && strcmp(name, "on-failure") != 0)
		return err_set(e, ERR_INVALID, "maximum retry count cannot be used with restart policy '%s'", name);
	if (most < 0)
		return err_set(e, ERR_INVALID, "maximum retry count cannot be negative");
	if (*name)
		*(const char **)at(t, f) = most ? arena_printf(t->a, "on-failure:%" PRId64, most) : name;
	return 0;
}

static int bind_port(struct taking *t, const struct field *f, const char *port, const struct json *where, struct err *e)
{
	const char *ip = field_text(where, "HostIp"), *host = field_text(where, "HostPort");
	const char *open = strchr(ip, ':') && *ip != '[' ? "[" : "", *shut = *open ? "]" : "";

	if (strcmp(host, "0") == 0)
		host = "";
	if (!*ip && !*host)
		return field_add(t, at(t, f), port, e);
	if (!*ip)
		return field_add(t, at(t, f), arena_printf(t->a, "%s:%s", host, port), e);
	return field_add(t, at(t, f), arena_printf(t->a, "%s%s%s:%s:%s", open, ip, shut, host, port), e);
}

int take_bindings(struct taking *t, const struct field *f, const struct json *v, struct err *e)
{
	int r = v->type == JSON_OBJECT ? 0 : field_wrong(t, f, "an object", e);

	json_each(port, r == 0 ? v : NULL) {
		if (port->type != JSON_ARRAY && port->type != JSON_NULL)
			return field_wrong(t, f, "a list for each port", e);
		if (!port->len)
			r = bind_port(t, f, port->key, NULL, e);
		json_each(where, port)
			if (r == 0)
				r = bind_port(t, f, port->key, where, e);
		if (r < 0)
			return r;
	}
	return r;
}

int take_runtime(struct taking *t, const struct field *f, const struct json *v, struct err *e)
{
	static const char *const known[] = { "runc", "io.containerd.runc.v2", "tare-oci" };

	for (size_t i = 0; v->type == JSON_STRING && i < ARRAY_LEN(known); i++)
		if (strcmp(known[i], v->str) == 0)
			return take_text(t, f, v, e);
	return err_set(e, ERR_INVALID, "unknown or invalid runtime name: %s", v->type == JSON_STRING ? v->str : "");
}

int take_isolation(struct taking *t, const struct field *f, const struct json *v, struct err *e)
{
	return v->type == JSON_STRING && strcmp(v->str, "default") == 0 ? take_text(t, f, v, e) : err_set(e, ERR_INVALID, "invalid isolation: there is one way here, \"default\"");
}

int take_paths(struct taking *t, const struct field *f, const struct json *v, struct err *e)
{
	struct strv *paths = arena_new(t->a, struct strv);

	if (!paths)
		return err_errno(e, -ENOMEM, "%s.%s", t->where, f->name);
	*(const struct strv **)at(t, f) = paths;
	return v->type == JSON_ARRAY ? texts_of(t, f, v, paths, e) : field_wrong(t, f, "a list of texts", e);
}

/* ---- Resources ---- */

int take_swappiness(struct taking *t, const struct field *f, const struct json *v, struct err *e)
{
	int64_t n;
	int r = number(t, f, v, &n, e);

	return r < 0 || n == -1 ? r : keep(t, f, n, e);
}

int take_nano_cpus(struct taking *t, const struct field *f, const struct json *v, struct err *e)
{
	int64_t n;
	int r = number(t, f, v, &n, e);

	if (r == 0 && n < 0)
		r = field_wrong(t, f, "a number above zero", e);
	if (r == 0)
		*(const char **)at(t, f) = arena_printf(t->a, "%" PRId64 ".%09" PRId64, n / 1000000000, n % 1000000000);
	return r;
}

int take_ulimits(struct taking *t, const struct field *f, const struct json *v, struct err *e)
{
	int r = v->type == JSON_ARRAY ? 0 : field_wrong(t, f, "a list", e);

	json_each(it, r == 0 ? v : NULL)
		if (r == 0)
			r = field_add(t, at(t, f), arena_printf(t->a, "%s=%" PRId64 ":%" PRId64, field_text(it, "Name"), field_number(it, "Soft"), field_number(it, "Hard")), e);
	return r;
}

int take_io(struct taking *t, const struct field *f, const struct json *v, struct err *e)
{
	const char *key = strcmp(f->name, "BlkioWeightDevice") == 0 ? "Weight" : "Rate";
	int r = v->type == JSON_ARRAY ? 0 : field_wrong(t, f, "a list", e);

	json_each(it, r == 0 ? v : NULL)
		if (r == 0)
			r = field_add(t, at(t, f), arena_printf(t->a, "%s:%" PRId64, field_text(it, "Path"), field_number(it, key)), e);
	return r;
}

int take_devices(struct taking *t, const struct field *f, const struct json *v, struct err *e)
{
	int r = v->type == JSON_ARRAY ? 0 : field_wrong(t, f, "a list", e);

	json_each(it, r == 0 ? v : NULL) {
		const char *host = field_text(it, "PathOnHost"), *inside = field_text(it, "PathInContainer"), *access = field_text(it, "CgroupPermissions");

		if (r == 0)
			r = field_add(t, at(t, f), arena_printf(t->a, "%s:%s:%s", host, *inside ? inside : host, *access ? access : "rwm"), e);
	}
	return r;
}

/* Names of CDI where the driver is that, else what --gpus has. */
int take_device_requests(struct taking *t, const struct field *f, const struct json *v, struct err *e)
{
	int r = v->type == JSON_ARRAY ? 0 : field_wrong(t, f, "a list", e);

	json_each(it, r == 0 ? v : NULL) {
		const struct json *ids = json_get(it, "DeviceIDs");
		bool cdi = strcmp(field_text(it, "Driver"), "cdi") == 0;
		int64_t count = field_number(it, "Count");
		CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;

		json_each(id, ids) {
			if (r == 0 && cdi)
				r = field_add(t, &t->o->devices, id->type == JSON_STRING ? id->str : "", e);
			sb_printf(&text, "%s%s", text.len ? "," : "", id->type == JSON_STRING ? id->str : "");
		}
		if (r < 0 || cdi)
			continue;
		if (text.len)
			r = field_add(t, at(t, f), arena_printf(t->a, "\"device=%s\"", text.s), e);
		else
			r = field_add(t, at(t, f), count < 0 ? "all" : arena_printf(t->a, "%" PRId64, count), e);
	}
	return r;
}
