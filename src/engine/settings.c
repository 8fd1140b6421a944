/* Each file is checked whole, also those keys that another one's go before: an error shows when it is made, not when the other file goes.
 * What a value may be is the options' matter, so the options' own checks judge it. */
#include "engine/settings.h"

#include <ctype.h>
#include <fcntl.h>
#include <string.h>

#include "base/io.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/credentials.h"
#include "engine/spec_plan.h"

#define FILE_MAX (1U << 20)
#define DOCKER_FILE_MAX (4U << 20)
#define NAME "tare/config.json"

static const struct {
	const char *key, *variable;
} proxies[] = {
	{ "httpProxy", "HTTP_PROXY" }, { "httpsProxy", "HTTPS_PROXY" }, { "ftpProxy", "FTP_PROXY" },
	{ "noProxy", "NO_PROXY" },     { "allProxy", "ALL_PROXY" },
};

/* ---- values ---- */

static int texts(struct arena *a, const struct json *doc, const char *key, struct strv *out, struct err *e)
{
	const char **v = NULL;
	size_t n = 0;
	int r = json_get_strv(a, doc, "", key, &v, &n, e);

	*out = (struct strv){ v, n };
	return r;
}

/* {NAME: VALUE} as NAME=VALUE. Numbers and booleans are taken as they are written, as everybody writes them in log-opts. */
static int pairs(struct arena *a, const struct json *doc, const char *key, struct strv *out, struct err *e)
{
	const struct json *obj = NULL;
	const char **v;
	size_t n = 0;
	int r = json_get_obj(doc, "", key, &obj, e);

	if (r < 0 || !obj)
		return r;
	v = arena_array(a, obj->len + 1, sizeof(*v));
	json_each(it, obj) {
		const char *value = it->type == JSON_BOOL ? it->boolean ? "true" : "false" : it->str;

		if (!value)
			return err_set(e, ERR_INVALID, "%s: \"%.60s\" wants a text", key, it->key);
		if (v)
			v[n++] = arena_printf(a, "%s=%s", it->key, value);
	}
	*out = (struct strv){ v, n };
	return arena_error(a) < 0 ? err_errno(e, -ENOMEM, "settings") : 0;
}

static int check_keys(const struct json *obj, const char *const *known, size_t n, const char *where, struct err *e)
{
	return json_check_keys(obj, known, n, where, "; \"tare help config\" has all there are", e);
}

static int ulimit(struct arena *a, const struct json *v, const char **out, struct err *e)
{
	static const char *const known[] = { "Name", "Soft", "Hard" };
	int64_t soft = INT64_MIN, hard;
	const char *name = v->key;
	int r = v->type == JSON_OBJECT ? check_keys(v, known, ARRAY_LEN(known), "it", e) : err_set(e, ERR_INVALID, "want {\"Soft\": N, \"Hard\": N}");

	if (r == 0)
		r = json_get_i64(v, "", "Soft", &soft, e);
	hard = soft;
	if (r == 0)
		r = json_get_i64(v, "", "Hard", &hard, e);
	if (r == 0)
		r = json_get_str(v, "", "Name", &name, e);
	if (r == 0 && (soft == INT64_MIN || strcmp(name, v->key) != 0))
		r = err_set(e, ERR_INVALID, soft == INT64_MIN ? "it has no \"Soft\"" : "its \"Name\" is another one");
	if (r < 0)
		return err_ctx(e, "default-ulimits: %.60s", v->key);
	*out = arena_printf(a, "%s=%lld:%lld", v->key, (long long)soft, (long long)hard);
	return 0;
}

static int ulimits(struct arena *a, const struct json *doc, struct strv *out, struct err *e)
{
	const struct json *obj = NULL;
	const char **v;
	size_t n = 0;
	int r = json_get_obj(doc, "", "default-ulimits", &obj, e);

	if (r < 0 || !obj)
		return r;
	v = arena_array(a, obj->len + 1, sizeof(*v));
	if (!v)
		return err_errno(e, -ENOMEM, "settings");
	json_each(it, obj)
		if (ulimit(a, it, &v[n++], e) < 0)
			return e->code;
	*out = (struct strv){ v, n };
	return 0;
}

static const char *lower(struct arena *a, const char *name)
{
	char *copy = arena_strdup(a, name);

	for (char *c = copy; c && *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return copy;
}

/* of: "default" of "proxies". Both spellings: some programs know the one, some the other. */
static int proxy_variables(struct arena *a, const struct json *of, struct strv *out, struct err *e)
{
	const char **v = arena_array(a, 2 * ARRAY_LEN(proxies) + 1, sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; v && i < ARRAY_LEN(proxies); i++) {
		const char *value = "";

		if (json_get_str(of, "proxies.default", proxies[i].key, &value, e) < 0)
			return e->code;
		if (strpbrk(value, "\n\r"))
			return err_set(e, ERR_INVALID, "proxies.default.%s: has more than one line", proxies[i].key);
		if (!*value)
			continue;
		v[n++] = arena_printf(a, "%s=%s", proxies[i].variable, value);
		v[n++] = arena_printf(a, "%s=%s", lower(a, proxies[i].variable), value);
	}
	*out = (struct strv){ v, n };
	return arena_error(a) < 0 ? err_errno(e, -ENOMEM, "settings") : 0;
}

static int read_proxies(struct arena *a, const struct json *doc, struct strv *out, struct err *e)
{
	static const char *const only[] = { "default" };
	const char *known[ARRAY_LEN(proxies)];
	const struct json *all = NULL, *of = NULL;
	int r = json_get_obj(doc, "", "proxies", &all, e);

	for (size_t i = 0; i < ARRAY_LEN(proxies); i++)
		known[i] = proxies[i].key;
	if (r == 0)
		r = check_keys(all, only, ARRAY_LEN(only), "proxies", e);
	if (r == 0)
		r = json_get_obj(all, "proxies", "default", &of, e);
	if (r == 0)
		r = check_keys(of, known, ARRAY_LEN(known), "proxies.default", e);
	return r < 0 ? r : proxy_variables(a, of, out, e);
}

/* ---- files ---- */

/* What daemon.json has, too. */
static int read_shared(struct arena *a, const struct json *doc, struct settings *s, struct err *e)
{
	int r = json_get_str(doc, "", "log-driver", &s->log_driver, e);

	if (r == 0)
		r = json_get_str(doc, "", "default-shm-size", &s->shm_size, e);
	if (r == 0)
		r = pairs(a, doc, "log-opts", &s->log_opts, e);
	if (r == 0)
		r = ulimits(a, doc, &s->ulimits, e);
	if (r == 0)
		r = texts(a, doc, "dns", &s->dns, e);
	if (r == 0)
		r = texts(a, doc, "dns-search", &s->dns_search, e);
	if (r == 0)
		r = texts(a, doc, "dns-opts", &s->dns_option, e);
	if (r == 0)
		r = texts(a, doc, "cdi-spec-dirs", &s->device_folders, e);
	return r;
}

static int read_values(struct arena *a, const struct json *doc, struct settings *s, struct err *e)
{
	int64_t pids = INT64_MIN, *kept;
	int r = read_shared(a, doc, s, e);

	if (r == 0)
		r = json_get_i64(doc, "", "default-pids-limit", &pids, e);
	if (r == 0)
		r = read_proxies(a, doc, &s->proxies, e);
	if (r < 0 || pids == INT64_MIN)
		return r;
	kept = arena_alloc(a, sizeof(*kept));
	if (!kept)
		return err_errno(e, -ENOMEM, "settings");
	*kept = pids;
	s->pids_limit = kept;
	return 0;
}

/* With the options' own eyes. */
static int judge(struct arena *a, const struct settings *s, struct err *e)
{
	struct ct_options opt = { 0 };
	struct plan p = { .a = a, .opt = &opt };
	uint64_t bytes;
	int r = settings_container(s, a, false, &opt, e);

	if (r == 0)
		r = plan_log(&p, NULL, e);
	if (r == 0)
		r = plan_dns(&opt, e);
	if (r == 0)
		r = plan_ulimits(&p, e);
	for (size_t i = 0; r == 0 && i < s->device_folders.n; i++)
		if (s->device_folders.v[i][0] != '/')
			r = err_set(e, ERR_INVALID, "cdi-spec-dirs: \"%.80s\" is no absolute path", s->device_folders.v[i]);
	if (r == 0 && s->shm_size && (text_size(s->shm_size, &bytes) < 0 || bytes == 0))
		r = err_set(e, ERR_INVALID, "default-shm-size \"%.40s\": want a size such as 64m", s->shm_size);
	return r;
}

int settings_take(struct arena *a, const struct json *doc, struct settings *out, struct err *e)
{
	int r = read_shared(a, doc, out, e);

	return r < 0 ? r : judge(a, out, e);
}

static void take_texts(struct strv *into, struct strv from)
{
	if (!into->n)
		*into = from;
}

static void take(struct settings *into, const struct settings *from)
{
	if (!into->log_driver && !into->log_opts.n) {
		into->log_driver = from->log_driver;
		into->log_opts = from->log_opts;
	}
	into->shm_size = into->shm_size ? into->shm_size : from->shm_size;
	into->pids_limit = into->pids_limit ? into->pids_limit : from->pids_limit;
	take_texts(&into->ulimits, from->ulimits);
	take_texts(&into->dns, from->dns);
	take_texts(&into->dns_search, from->dns_search);
	take_texts(&into->dns_option, from->dns_option);
	take_texts(&into->device_folders, from->device_folders);
	take_texts(&into->proxies, from->proxies);
}

/* 1: there is none. */
static int load(struct arena *a, const char *path, size_t max, const struct json **doc, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	size_t len;
	int r = io_read_file(AT_FDCWD, path, max, &text, &len);

	if (r == -ENOENT || r == -ENOTDIR)
		return 1;
	if (r < 0)
		return err_errno(e, r, "read");
	if (!len) /* as /dev/null: nothing is said */
		return 1;
	r = json_parse(a, text, len, NULL, doc, e);
	if (r == 0 && (*doc)->type != JSON_OBJECT)
		r = err_set(e, ERR_INVALID, "it is no object {…}");
	return r;
}

static int read_one(struct arena *a, const char *path, bool must, struct settings *into, struct err *e)
{
	static const char *const known[] = { "log-driver", "log-opts",	 "default-ulimits", "default-pids-limit", "default-shm-size",
					     "dns",	   "dns-search", "dns-opts",	     "cdi-spec-dirs",	   "proxies" };
	struct settings own = { 0 };
	const struct json *doc;
	int r = load(a, path, FILE_MAX, &doc, e);

	if (r > 0)
		return must && access(path, F_OK) < 0 ? err_set(e, ERR_NOTFOUND, "TARE_CONFIG=%s: there is no such file", path) : 0;
	if (r == 0)
		r = check_keys(doc, known, ARRAY_LEN(known), "it", e);
	if (r == 0)
		r = read_values(a, doc, &own, e);
	if (r == 0)
		r = judge(a, &own, e);
	if (r < 0)
		return err_ctx(e, "%s", path);
	take(into, &own);
	return 0;
}

static const char *env(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

/* Docker's client goes on without a file of its own that it cannot read, with a warning. 1: nothing is there to be read. */
static int load_docker(struct arena *a, const char **path, const struct json **doc, struct err *e)
{
	struct credential_files files;
	int r = credential_files_find(a, 0, &files, e);

	if (r < 0 || !files.docker)
		return r < 0 ? r : 1;
	*path = files.docker;
	return load(a, files.docker, DOCKER_FILE_MAX, doc, e);
}

static int docker_proxies(struct arena *a, struct strv *out, struct err *e)
{
	const struct json *doc, *of = NULL;
	const char *path = NULL;
	struct err why = { 0 };
	int r = load_docker(a, &path, &doc, &why);

	if (r < 0 && !path)
		return err_set(e, why.cls, "%s", why.msg);
	if (r == 0)
		r = json_get_obj(json_get(doc, "proxies"), "proxies", "default", &of, &why);
	if (r == 0)
		r = proxy_variables(a, of, out, &why);
	if (r < 0)
		log_warning("%s: %s: no proxy variables are taken from there", path, why.msg);
	return 0;
}

const char *settings_of_client(struct arena *a, const char *key)
{
	const struct json *doc;
	const char *path = NULL, *text = NULL;
	struct err why = { 0 };
	int r = env("TARE_CONFIG") ? 1 : load_docker(a, &path, &doc, &why);

	if (r == 0)
		r = json_get_str(doc, "", key, &text, &why);
	if (r < 0)
		log_warning("%s: %s: %s is not taken from there", path ? path : "Docker's config.json", why.msg, key);
	return text && *text ? text : NULL;
}

int settings_read(struct arena *a, bool ordinary, struct settings *out, struct err *e)
{
	const char *one = env("TARE_CONFIG"), *own = env("XDG_CONFIG_HOME"), *home = env("HOME"), *path = NULL;
	int r = 0;

	*out = (struct settings){ 0 };
	if (one)
		return read_one(a, one, true, out, e);
	if (ordinary && (own || home))
		path = own ? arena_printf(a, "%s/" NAME, own) : arena_printf(a, "%s/.config/" NAME, home);
	if (arena_error(a) < 0)
		return err_errno(e, -ENOMEM, "settings");
	if (path)
		r = read_one(a, path, false, out, e);
	if (r == 0)
		r = read_one(a, "/etc/" NAME, false, out, e);
	return r < 0 || out->proxies.n ? r : docker_proxies(a, &out->proxies, e);
}

/* ---- what they are for ---- */

static bool has_name(struct strv list, const char *text)
{
	size_t len = strcspn(text, "=");

	for (size_t i = 0; i < list.n; i++)
		if (strcspn(list.v[i], "=") == len && strncmp(list.v[i], text, len) == 0)
			return true;
	return false;
}

/* Those of more whose name list has not, behind it. */
static int add_missing(struct arena *a, struct strv *list, struct strv more, struct err *e)
{
	const char **v = more.n ? arena_array(a, list->n + more.n + 1, sizeof(*v)) : NULL;
	size_t n = 0;

	if (!more.n)
		return 0;
	if (!v)
		return err_errno(e, -ENOMEM, "settings");
	for (; n < list->n; n++)
		v[n] = list->v[n];
	for (size_t i = 0; i < more.n; i++)
		if (!has_name(*list, more.v[i]))
			v[n++] = more.v[i];
	*list = (struct strv){ v, n };
	return 0;
}

/* A network that is somebody else's has name servers already. */
static bool shares_network(const struct ct_options *opt)
{
	for (size_t i = 0; i < opt->networks.n; i++)
		if (opt->networks.v[i] && text_starts(opt->networks.v[i], "container:"))
			return true;
	return false;
}

int settings_step(const struct settings *s, struct arena *a, bool ordinary, struct ct_options *opt, struct err *e)
{
	if (!opt->shm_size)
		opt->shm_size = s->shm_size;
	if (!opt->pids_limit && !ordinary)
		opt->pids_limit = s->pids_limit;
	if (!shares_network(opt)) {
		take_texts(&opt->dns, s->dns);
		take_texts(&opt->dns_search, s->dns_search);
		take_texts(&opt->dns_option, s->dns_option);
	}
	return add_missing(a, &opt->ulimits, s->ulimits, e);
}

/* The options of a driver are only that driver's. */
static int log_defaults(const struct settings *s, struct arena *a, struct ct_options *opt, struct err *e)
{
	const char *driver = s->log_driver ? s->log_driver : "json-file";

	if (opt->log_driver && strcmp(opt->log_driver, driver) != 0)
		return 0;
	if (!opt->log_driver)
		opt->log_driver = s->log_driver;
	return add_missing(a, &opt->log_opts, s->log_opts, e);
}

int settings_container(const struct settings *s, struct arena *a, bool ordinary, struct ct_options *opt, struct err *e)
{
	int r = settings_step(s, a, ordinary, opt, e);

	opt->default_env = s->proxies;
	take_texts(&opt->device_folders, s->device_folders);
	return r < 0 ? r : log_defaults(s, a, opt, e);
}
