/* A list stays JSON: what a plugin is told is its own part of it, member by member, with what the specification adds (section 3). Only
 * what we decide by is taken out of it: name, versions, types, capabilities.
 *
 * Names become parts of file names, types names of programs: both are checked here, for all. */
#include "net/cni.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

/* A file of the cache is called NETWORK-CONTAINER-IFNAME: 128, 64, 15 and two dashes fit. */
#define NAME_MAX_LEN 128

bool cni_name_ok(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
	size_t len = strlen(name);

	return len > 0 && len <= NAME_MAX_LEN && strspn(name, letters) == len && !strchr("_.-", name[0]);
}

/* ---- versions ---- */

/* "1.0.0", "0.4": three numbers; what is missing is 0. */
static bool read_version(const char *text, uint32_t v[3])
{
	memset(v, 0, 3 * sizeof(*v));
	for (size_t i = 0; i < 3; i++) {
		if (!text_take_u32(&text, &v[i]))
			return false;
		if (!*text)
			return true;
		if (*text++ != '.')
			return false;
	}
	return false;
}

bool cni_version_ok(const char *text)
{
	uint32_t v[3];

	return read_version(text, v);
}

int cni_version_compare(const char *a, const char *b)
{
	uint32_t va[3], vb[3];
	bool ok_a = read_version(a, va), ok_b = read_version(b, vb);

	if (!ok_a || !ok_b)
		return (int)ok_a - (int)ok_b;
	for (size_t i = 0; i < 3; i++)
		if (va[i] != vb[i])
			return va[i] < vb[i] ? -1 : 1;
	return 0;
}

/* Into its place, the newest first. One that is newer than ours is left out. */
static int add_version(struct cni_list *out, const char *v, struct err *e)
{
	size_t at = 0;

	if (!cni_version_ok(v))
		return err_set(e, ERR_INVALID, "\"%.40s\" is no version of CNI", v);
	if (cni_version_compare(v, CNI_NEWEST) > 0)
		return 0;
	while (at < out->n_versions && cni_version_compare(out->versions[at], v) > 0)
		at++;
	if (at < out->n_versions && cni_version_compare(out->versions[at], v) == 0)
		return 0;
	memmove(&out->versions[at + 1], &out->versions[at], (out->n_versions - at) * sizeof(*out->versions));
	out->versions[at] = v;
	out->n_versions++;
	return 0;
}

static int read_versions(struct arena *a, const struct json *doc, struct cni_list *out, struct err *e)
{
	const char **more = NULL, *one = NULL;
	size_t n = 0;
	int r = json_get_str(doc, "list", "cniVersion", &one, e);

	if (r == 0)
		r = json_get_strv(a, doc, "list", "cniVersions", &more, &n, e);
	if (r < 0)
		return r;
	out->versions = arena_array(a, n + 2, sizeof(*out->versions));
	if (!out->versions)
		return err_errno(e, -ENOMEM, "read versions");
	if (one && *one)
		r = add_version(out, one, e);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = add_version(out, more[i], e);
	if (r == 0 && !out->n_versions && ((one && *one) || n))
		return err_set(e, ERR_UNSUPPORTED, "cniVersion \"%.40s\" is newer than " CNI_NEWEST ", the newest that is known here", one ? one : more[0]);
	return r;
}

/* ---- plugins ---- */

static int read_plugin(const struct json *conf, struct cni_plugin *out, struct err *e)
{
	const struct json *capabilities = NULL;
	int r;

	*out = (struct cni_plugin){ .conf = conf };
	if (conf->type != JSON_OBJECT)
		return err_set(e, ERR_INVALID, "a plugin's configuration is no object");
	r = json_get_str(conf, "plugin", "type", &out->type, e);
	if (r == 0)
		r = json_get_obj(conf, "plugin", "capabilities", &capabilities, e);
	if (r < 0)
		return r;
	if (!out->type || !out->type[0])
		return err_set(e, ERR_INVALID, "a plugin has no type");
	if (strpbrk(out->type, "/\\:") || out->type[0] == '.' || strlen(out->type) > NAME_MAX_LEN)
		return err_set(e, ERR_INVALID, "plugin type \"%.80s\" is no name of a program", out->type);
	return 0;
}

static int read_plugins(struct arena *a, const struct json *doc, struct cni_list *out, struct err *e)
{
	const struct json *plugins = NULL;
	int r = json_get_array(doc, "list", "plugins", &plugins, e);

	if (r < 0)
		return r;
	if (plugins && !plugins->len)
		return err_set(e, ERR_INVALID, "the list has no plugins");
	if (!plugins && out->inlined_only)
		return err_set(e, ERR_INVALID, "loadOnlyInlinedPlugins, and there are no plugins");
	if (plugins && plugins->len > CNI_PLUGINS)
		return err_set(e, ERR_LIMIT, "the list has %zu plugins; at most %u are run", plugins->len, CNI_PLUGINS);
	out->plugins = arena_array(a, CNI_PLUGINS, sizeof(*out->plugins));
	if (!out->plugins)
		return err_errno(e, -ENOMEM, "read plugins");
	json_each(conf, plugins) {
		r = read_plugin(conf, &out->plugins[out->n_plugins++], e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* libcni takes "true" for true. */
static int read_flag(const struct json *doc, const char *key, bool *out, struct err *e)
{
	const struct json *v = json_get(doc, key);

	if (v && v->type == JSON_STRING && (strcasecmp(v->str, "true") == 0 || strcasecmp(v->str, "false") == 0)) {
		*out = strcasecmp(v->str, "true") == 0;
		return 0;
	}
	return json_get_bool(doc, "list", key, out, e);
}

static int read_list(struct arena *a, const struct json *doc, struct cni_list *out, struct err *e)
{
	int r = json_get_str(doc, "list", "name", &out->name, e);

	if (r < 0)
		return r;
	if (!out->name || !cni_name_ok(out->name))
		return err_set(e, ERR_INVALID, "name \"%.140s\": a letter or digit, then letters, digits, _, . and -, at most %d, are wanted",
			       out->name ? out->name : "", NAME_MAX_LEN);
	if ((r = read_flag(doc, "disableCheck", &out->disable_check, e)) < 0 || (r = read_flag(doc, "disableGC", &out->disable_gc, e)) < 0 ||
	    (r = read_flag(doc, "loadOnlyInlinedPlugins", &out->inlined_only, e)) < 0 || (r = read_versions(a, doc, out, e)) < 0)
		return r;
	return read_plugins(a, doc, out, e);
}

/* What a single plugin's configuration stands for. */
static int wrap(struct arena *a, const struct json *conf, struct cni_list *out, const struct json **doc, struct err *e)
{
	static const char *const keys[] = { "cniVersion", "name" };
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);

	if (conf->type != JSON_OBJECT)
		return err_set(e, ERR_INVALID, "this is no object");
	jw_object(&w, NULL);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (json_get(conf, keys[i]))
			jw_value(&w, keys[i], json_get(conf, keys[i]));
	jw_array(&w, "plugins");
	jw_value(&w, NULL, conf);
	jw_end_array(&w);
	jw_end_object(&w);
	out->text = arena_strdup(a, sb_str(&text));
	if (sb_error(&text) < 0 || !out->text)
		return err_errno(e, -ENOMEM, "read a list");
	return json_parse(a, text.s, text.len, NULL, doc, e);
}

int cni_list_parse(struct arena *a, const char *text, size_t len, bool single, struct cni_list *out, struct err *e)
{
	const struct json *doc;
	int r;

	*out = (struct cni_list){ 0 };
	r = json_parse(a, text, len, NULL, &doc, e);
	if (r == 0 && single)
		r = wrap(a, doc, out, &doc, e);
	else if (r == 0 && doc->type != JSON_OBJECT)
		r = err_set(e, ERR_INVALID, "this is no object");
	else if (r == 0 && !(out->text = arena_strndup(a, text, len)))
		r = err_errno(e, -ENOMEM, "read a list");
	return r < 0 ? r : read_list(a, doc, out, e);
}

int cni_list_extend(struct arena *a, struct cni_list *list, const struct json *const *more, size_t n, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	const struct json *doc;
	int r = json_parse(a, list->text, strlen(list->text), NULL, &doc, e);

	if (r < 0)
		return r;
	jw_object(&w, NULL);
	json_each(member, doc)
		if (strcmp(member->key, "plugins") != 0)
			jw_value(&w, member->key, member);
	jw_array(&w, "plugins");
	json_each(conf, json_get(doc, "plugins"))
		jw_value(&w, NULL, conf);
	for (size_t i = 0; i < n; i++)
		jw_value(&w, NULL, more[i]);
	jw_end_array(&w);
	jw_end_object(&w);
	if (sb_error(&text) < 0)
		return err_errno(e, -ENOMEM, "put a list together");
	return cni_list_parse(a, text.s, text.len, false, list, e);
}

static bool has_capability(const struct cni_plugin *p, const char *capability)
{
	const struct json *v = json_get(json_get(p->conf, "capabilities"), capability);

	return v && v->type == JSON_BOOL && v->boolean;
}

bool cni_list_can(const struct cni_list *list, const char *capability)
{
	for (size_t i = 0; i < list->n_plugins; i++)
		if (has_capability(&list->plugins[i], capability))
			return true;
	return false;
}

/* ---- requests ---- */

/* Members that are the runtime's to write, whatever the list says. */
static bool is_ours(const char *key)
{
	static const char *const keys[] = { "name", "cniVersion", "capabilities", "runtimeConfig", "prevResult" };

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (strcmp(key, keys[i]) == 0)
			return true;
	return text_starts(key, "cni.dev/");
}

static void write_runtime_config(struct json_writer *w, const struct cni_attachment *at, const struct cni_plugin *p)
{
	bool open = false;

	json_each(value, at->capabilities) {
		if (!has_capability(p, value->key))
			continue;
		if (!open)
			jw_object(w, "runtimeConfig");
		open = true;
		jw_value(w, value->key, value);
	}
	if (open)
		jw_end_object(w);
}

void cni_request(const struct cni_attachment *at, const struct cni_plugin *p, const struct json *prev, struct strbuf *out)
{
	struct json_writer w = JSON_WRITER(out);

	jw_object(&w, NULL);
	jw_str(&w, "cniVersion", at->version);
	jw_str(&w, "name", at->list->name);
	json_each(member, p->conf)
		if (!is_ours(member->key))
			jw_value(&w, member->key, member);
	write_runtime_config(&w, at, p);
	if (prev)
		jw_value(&w, "prevResult", prev);
	jw_end_object(&w);
}
