/* An image's configuration is untrusted: base/json bounds it, and everything the engine acts on is checked here for
 * type and form, so that an odd one is refused at load time with the property's name, not at run time. */
#include "image/config.h"

#include <string.h>

#include "image/digest.h"

const struct json_limits image_json_limits = { .max_bytes = 4 << 20, .max_depth = 32, .max_nodes = 100000 };

/* Docker's history and the specification stop long before; overlayfs takes 500 lowers. */
#define MAX_LAYERS 500
#define MAX_HISTORY 4096

static int get_vector(struct arena *a, const struct json *obj, const char *where, const char *key,
		      const char *const **out, struct err *e)
{
	const char **v = NULL;
	size_t n = 0;
	int r = json_get_strv(a, obj, where, key, &v, &n, e);

	if (r == 0 && v)
		*out = v;
	return r;
}

/* The keys of an object such as {"80/tcp":{}}; Go writes the empty set as null or {}. */
static int get_keys(struct arena *a, const struct json *obj, const char *key, const char *const **out, struct err *e)
{
	const struct json *set = NULL;
	const char **v;
	size_t n = 0;
	int r = json_get_obj(obj, "config", key, &set, e);

	if (r < 0)
		return r;
	v = arena_array(a, (set ? set->len : 0) + 1, sizeof(*v));
	if (!v)
		return err_errno(e, -ENOMEM, "image configuration");
	json_each(it, set)
		v[n++] = it->key;
	*out = v;
	return 0;
}

static int get_labels(struct arena *a, const struct json *obj, struct image_config *c, struct err *e)
{
	const struct json *labels = NULL;
	struct image_kv *v;
	int r = json_get_obj(obj, "config", "Labels", &labels, e);

	if (r < 0 || !labels)
		return r;
	v = arena_array(a, labels->len + 1, sizeof(*v));
	if (!v)
		return err_errno(e, -ENOMEM, "image configuration");
	json_each(it, labels) {
		if (it->type != JSON_STRING)
			return err_set(e, ERR_INVALID, "config.Labels: '%s' is no string", it->key);
		v[c->n_labels++] = (struct image_kv){ it->key, it->str };
	}
	c->labels = v;
	return 0;
}

static int check_env(const struct image_config *c, struct err *e)
{
	for (const char *const *v = c->env; *v; v++)
		if (!strchr(*v, '=') || **v == '=')
			return err_set(e, ERR_INVALID, "config.Env: '%s' is not NAME=VALUE", *v);
	return 0;
}

static int check_paths(const struct image_config *c, struct err *e)
{
	if (c->working_dir[0] && c->working_dir[0] != '/')
		return err_set(e, ERR_INVALID, "config.WorkingDir: '%s' is not absolute", c->working_dir);
	for (const char *const *v = c->volumes; *v; v++)
		if (**v != '/')
			return err_set(e, ERR_INVALID, "config.Volumes: '%s' is not absolute", *v);
	return 0;
}

/* The members of `config`: what Docker calls ContainerConfig. */
static int parse_run_config(struct arena *a, const struct json *doc, struct image_config *c, struct err *e)
{
	const struct json *cfg = NULL;
	int64_t timeout = -1;
	int r = json_get_obj(doc, "image", "config", &cfg, e);

	if (r == 0)
		r = get_vector(a, cfg, "config", "Entrypoint", &c->entrypoint, e);
	if (r == 0)
		r = get_vector(a, cfg, "config", "Cmd", &c->cmd, e);
	if (r == 0)
		r = get_vector(a, cfg, "config", "Env", &c->env, e);
	if (r == 0)
		r = get_vector(a, cfg, "config", "Shell", &c->shell, e);
	if (r == 0)
		r = json_get_str(cfg, "config", "User", &c->user, e);
	if (r == 0)
		r = json_get_str(cfg, "config", "WorkingDir", &c->working_dir, e);
	if (r == 0)
		r = json_get_str(cfg, "config", "StopSignal", &c->stop_signal, e);
	if (r == 0)
		r = json_get_i64(cfg, "config", "StopTimeout", &timeout, e);
	if (r == 0)
		r = get_keys(a, cfg, "ExposedPorts", &c->exposed_ports, e);
	if (r == 0)
		r = get_keys(a, cfg, "Volumes", &c->volumes, e);
	if (r == 0)
		r = json_get_obj(cfg, "config", "Healthcheck", &c->healthcheck, e);
	if (r == 0)
		r = get_labels(a, cfg, c, e);
	if (r == 0)
		r = check_env(c, e);
	if (r == 0)
		r = check_paths(c, e);
	c->stop_timeout = timeout;
	if (c->stop_signal && !*c->stop_signal)
		c->stop_signal = NULL;
	return r;
}

static int parse_rootfs(struct arena *a, const struct json *doc, struct image_config *c, struct err *e)
{
	const struct json *rootfs = NULL;
	const char *type = "layers";
	int r = json_get_obj(doc, "image", "rootfs", &rootfs, e);

	if (r == 0 && !rootfs)
		return err_set(e, ERR_INVALID, "rootfs is missing: this is no image configuration");
	if (r == 0)
		r = json_get_str(rootfs, "rootfs", "type", &type, e);
	if (r == 0 && strcmp(type, "layers") != 0)
		return err_set(e, ERR_UNSUPPORTED, "rootfs.type '%s' is not supported (layers is)", type);
	if (r == 0)
		r = get_vector(a, rootfs, "rootfs", "diff_ids", &c->diff_ids, e);
	if (r < 0)
		return r;
	for (const char *const *v = c->diff_ids; *v; v++, c->n_layers++)
		if (!digest_valid(*v))
			return err_set(e, ERR_INVALID, "rootfs.diff_ids: '%s' is no sha256 digest", *v);
	if (c->n_layers > MAX_LAYERS)
		return err_set(e, ERR_LIMIT, "the image has %zu layers; %d is the most tare takes", c->n_layers,
			       MAX_LAYERS);
	return 0;
}

static int parse_history_entry(const struct json *entry, struct image_history *h, struct err *e)
{
	int r = json_get_str(entry, "history", "created", &h->created, e);

	if (r == 0)
		r = json_get_str(entry, "history", "created_by", &h->created_by, e);
	if (r == 0)
		r = json_get_str(entry, "history", "author", &h->author, e);
	if (r == 0)
		r = json_get_str(entry, "history", "comment", &h->comment, e);
	if (r == 0)
		r = json_get_bool(entry, "history", "empty_layer", &h->empty_layer, e);
	return r;
}

static int parse_history(struct arena *a, const struct json *doc, struct image_config *c, struct err *e)
{
	const struct json *list = NULL;
	struct image_history *v;
	int r = json_get_array(doc, "image", "history", &list, e);

	if (r < 0 || !list)
		return r;
	if (list->len > MAX_HISTORY)
		return err_set(e, ERR_LIMIT, "history has %zu entries; %d is the most tare takes", list->len,
			       MAX_HISTORY);
	v = arena_array(a, list->len + 1, sizeof(*v));
	if (!v)
		return err_errno(e, -ENOMEM, "image configuration");
	json_each(it, list) {
		if (it->type != JSON_OBJECT)
			return err_set(e, ERR_INVALID, "history: entry %zu is no object", c->n_history);
		r = parse_history_entry(it, &v[c->n_history++], e);
		if (r < 0)
			return r;
	}
	c->history = v;
	return 0;
}

static int parse(struct arena *a, const struct json *doc, struct image_config *c, struct err *e)
{
	int r;

	if (doc->type != JSON_OBJECT)
		return err_set(e, ERR_INVALID, "it is no JSON object");
	r = json_get_str(doc, "image", "created", &c->created, e);
	if (r == 0)
		r = json_get_str(doc, "image", "author", &c->author, e);
	if (r == 0)
		r = json_get_str(doc, "image", "architecture", &c->architecture, e);
	if (r == 0)
		r = json_get_str(doc, "image", "os", &c->os, e);
	if (r == 0)
		r = json_get_str(doc, "image", "variant", &c->variant, e);
	if (r == 0 && (!c->architecture[0] || !c->os[0]))
		r = err_set(e, ERR_INVALID, "architecture or os is missing: this is no image configuration");
	if (r == 0)
		r = parse_run_config(a, doc, c, e);
	if (r == 0)
		r = parse_rootfs(a, doc, c, e);
	if (r == 0)
		r = parse_history(a, doc, c, e);
	return r;
}

int image_config_parse(struct arena *a, const char *text, size_t len, const struct image_config **out, struct err *e)
{
	static const char *const none[] = { NULL };
	struct image_config *c = arena_new(a, struct image_config);
	int r;

	if (!c)
		return err_errno(e, -ENOMEM, "image configuration");
	*c = (struct image_config){ .architecture = "", .os = "", .user = "", .working_dir = "", .env = none,
				    .exposed_ports = none, .volumes = none, .diff_ids = none };
	r = json_parse(a, text, len, &image_json_limits, &c->json, e);
	if (r == 0)
		r = parse(a, c->json, c, e);
	if (r < 0)
		return err_ctx(e, "image configuration");
	*out = c;
	return 0;
}
