#include "api/docker/inspect_image.h"

#include <string.h>

#include "api/docker/times.h"
#include "engine/images.h"
#include "image/ref.h"

/* Docker has each of these whatever the image says, but those that it leaves out where they are silent. */
enum silent { SILENT_TEXT, SILENT_FALSE, SILENT_NULL, SILENT_OMIT };
static const struct {
	const char *key;
	enum silent silent;
} config_rows[] = {
	{ "Hostname", SILENT_TEXT },	 { "Domainname", SILENT_TEXT },	   { "User", SILENT_TEXT },	   { "AttachStdin", SILENT_FALSE },
	{ "AttachStdout", SILENT_FALSE }, { "AttachStderr", SILENT_FALSE }, { "ExposedPorts", SILENT_OMIT }, { "Tty", SILENT_FALSE },
	{ "OpenStdin", SILENT_FALSE },	 { "StdinOnce", SILENT_FALSE },	   { "Env", SILENT_NULL },	   { "Cmd", SILENT_NULL },
	{ "Healthcheck", SILENT_OMIT },	 { "ArgsEscaped", SILENT_OMIT },   { "Image", SILENT_TEXT },	   { "Volumes", SILENT_NULL },
	{ "WorkingDir", SILENT_TEXT },	 { "Entrypoint", SILENT_NULL },	   { "NetworkDisabled", SILENT_OMIT }, { "MacAddress", SILENT_OMIT },
	{ "OnBuild", SILENT_NULL },	 { "Labels", SILENT_NULL },	   { "StopSignal", SILENT_OMIT },  { "StopTimeout", SILENT_OMIT },
	{ "Shell", SILENT_OMIT },
};

/* What Go leaves out of an object by omitempty. */
static bool is_empty(const struct json *v)
{
	switch (v->type) {
	case JSON_NULL:
		return true;
	case JSON_BOOL:
		return !v->boolean;
	case JSON_STRING:
	case JSON_ARRAY:
	case JSON_OBJECT:
		return v->len == 0;
	case JSON_NUMBER:
		break;
	}
	return false;
}

/* From 1.50 on these are left out of an image's Config, too, where they are silent: they are a container's. */
static bool is_containers(const char *name)
{
	static const char *const names[] = { "Hostname", "Domainname", "AttachStdin", "AttachStdout", "AttachStderr", "Tty", "OpenStdin", "StdinOnce", "Image",
					     "NetworkDisabled", "MacAddress", "StopTimeout" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static void write_config(const char *key, const struct json *config, unsigned int api, struct json_writer *w)
{
	jw_object(w, key);
	for (size_t i = 0; i < ARRAY_LEN(config_rows); i++) {
		const char *name = config_rows[i].key;
		const struct json *v = json_get(config, name);
		enum silent silent = api >= 150 && is_containers(name) ? SILENT_OMIT : config_rows[i].silent;

		if (v && (silent == SILENT_OMIT ? !is_empty(v) : v->type != JSON_NULL))
			jw_value(w, name, v);
		else if (silent == SILENT_TEXT)
			jw_str(w, name, "");
		else if (silent == SILENT_FALSE)
			jw_bool(w, name, false);
		else if (silent == SILENT_NULL)
			jw_null(w, name);
	}
	jw_end_object(w);
}

void image_write_names(struct arena *a, const char *key, const char *const *names, size_t n, struct json_writer *w)
{
	jw_array(w, key);
	for (size_t i = 0; i < n; i++) {
		struct image_ref ref;
		struct err ignored;

		if (image_ref_parse(a, names[i], &ref, &ignored) == 0)
			jw_str(w, NULL, image_ref_familiar(a, &ref));
	}
	jw_end_array(w);
}

/* The image's own, or what its last step said. */
static const char *comment_of(const struct image_config *config)
{
	const char *own = json_text(config->json, "comment", ""), *last = NULL;

	if (config->n_history)
		last = config->history[config->n_history - 1].comment;
	return *own || !last ? own : last;
}

/* chains: topmost first. */
static void write_driver(const struct engine *en, struct arena *a, const char *const *chains, size_t n, struct json_writer *w)
{
	CLEANUP_STRBUF struct strbuf lower = STRBUF_INIT;
	char path[STORE_LAYER_PATH_LEN];

	for (size_t i = 1; i < n; i++) {
		store_layer_path(chains[i], path);
		sb_printf(&lower, "%s%s/%s", lower.len ? ":" : "", en->root, path);
	}
	jw_object(w, "GraphDriver");
	jw_object(w, "Data");
	if (lower.len)
		jw_str(w, "LowerDir", sb_str(&lower));
	if (n) {
		store_layer_path(chains[0], path);
		jw_str(w, "UpperDir", arena_printf(a, "%s/%s", en->root, path));
	}
	jw_end_object(w);
	jw_str(w, "Name", IMAGE_DRIVER);
	jw_end_object(w);
}

static void write_origin(struct arena *a, const struct image *img, const struct image_config *config, unsigned int api, struct json_writer *w)
{
	jw_str(w, "Id", img->id);
	image_write_names(a, "RepoTags", img->tags, img->n_tags, w);
	image_write_names(a, "RepoDigests", img->digests, img->n_digests, w);
	jw_str(w, "Parent", img->parent);
	jw_str(w, "Comment", comment_of(config));
	jw_str(w, "Created", config->created ? config->created : time_text(a, TIME_NEVER));
	if (api < 145) {
		jw_str(w, "Container", json_text(config->json, "container", ""));
		write_config("ContainerConfig", json_get(config->json, "container_config"), api, w);
	}
	jw_str(w, "DockerVersion", json_text(config->json, "docker_version", ""));
	jw_str(w, "Author", config->author ? config->author : "");
}

static void write_platform(const struct image_config *config, struct json_writer *w)
{
	const char *version = json_text(config->json, "os.version", "");

	jw_str(w, "Architecture", config->architecture);
	if (config->variant && *config->variant)
		jw_str(w, "Variant", config->variant);
	jw_str(w, "Os", config->os);
	if (*version)
		jw_str(w, "OsVersion", version);
}

static void write_rest(struct arena *a, const struct image *img, const struct image_config *config, struct json_writer *w)
{
	jw_object(w, "RootFS");
	jw_str(w, "Type", "layers");
	if (config->n_layers)
		jw_strv(w, "Layers", config->diff_ids);
	jw_end_object(w);
	jw_object(w, "Metadata");
	jw_str(w, "LastTagTime", time_text(a, img->tagged ? img->tagged : TIME_NEVER));
	jw_end_object(w);
	jw_str(w, "Manifest", img->manifest);
	jw_u64(w, "HighestId", img->max_id);
	jw_str(w, "LoadedAt", time_text(a, img->loaded));
}

int inspect_image(const struct engine *en, struct arena *a, const char *what, unsigned int api, struct json_writer *w, struct err *e)
{
	const struct image_config *config;
	const char *const *chains;
	const struct json *run;
	struct image img;
	size_t n;
	int r = image_find(en->catalog, a, what, &img, e);

	if (r == 0)
		r = image_config_read(en, a, img.id, &config, e);
	if (r == 0)
		r = image_layers(en->catalog, a, img.id, &chains, &n, e);
	if (r < 0)
		return r;
	run = json_get(config->json, "config");
	jw_object(w, NULL);
	write_origin(a, &img, config, api, w);
	if (run && run->type == JSON_OBJECT)
		write_config("Config", run, api, w);
	else
		jw_null(w, "Config");
	write_platform(config, w);
	jw_u64(w, "Size", img.size);
	if (api < 144)
		jw_u64(w, "VirtualSize", img.size);
	write_driver(en, a, chains, n, w);
	write_rest(a, &img, config, w);
	jw_end_object(w);
	return 0;
}
