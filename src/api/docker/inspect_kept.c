#include "api/docker/inspect_kept.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "api/docker/inspect_image.h"
#include "base/io.h"
#include "engine/folder.h"

/* A container whose folder is damaged has an inspect still, which says less. */
void kept_read(const struct engine *en, struct arena *a, const char *id, struct kept *out)
{
	static const char *const only[] = { "process", "linux", "kind", "path", "lower", "upper", "work", "base", NULL };
	struct json_limits limits = json_default_limits;
	CLEANUP_FREE char *text = NULL;
	const struct json *doc = NULL, *spec;
	char name[NAME_MAX + 1];
	struct err ignored;
	size_t len;

	limits.only = only;
	(void)snprintf(name, sizeof(name), "containers/%s/config.json", id);
	if (io_read_file(en->root_fd, name, FOLDER_CONFIG_MAX, &text, &len) < 0 || json_parse(a, text, len, &limits, &doc, &ignored) < 0)
		doc = NULL;
	spec = json_get(doc, "spec");
	*out = (struct kept){ json_get(doc, "rootfs"), json_get(spec, "process"), json_get(spec, "linux") };
}

bool kept_stat(const struct engine *en, const char *id, struct stat *out)
{
	char name[NAME_MAX + 1];
	struct timespec now;

	(void)snprintf(name, sizeof(name), "containers/%s/config.json", id);
	return fstatat(en->root_fd, name, out, 0) == 0 && clock_gettime(CLOCK_REALTIME, &now) == 0 && now.tv_sec > out->st_ctim.tv_sec + 1;
}

void kept_write_labels(const struct kept *k, struct json_writer *w)
{
	jw_str(w, "MountLabel", json_text(k->kernel, "mountLabel", ""));
	jw_str(w, "ProcessLabel", json_text(k->process, "selinuxLabel", ""));
	jw_str(w, "AppArmorProfile", json_text(k->process, "apparmorProfile", ""));
}

/* One that is relative is below the folder that a build's step has for its root. */
static const char *folder(const struct kept *k, struct arena *a, const char *key)
{
	const char *path = json_text(k->rootfs, key, ""), *base = json_text(k->rootfs, "base", "");

	return *path == '/' || !*base ? path : arena_printf(a, "%s/%s", base, path);
}

static void write_layers(const struct kept *k, const struct engine *en, struct json_writer *w)
{
	CLEANUP_STRBUF struct strbuf lower = STRBUF_INIT;

	json_each(layer, json_get(k->rootfs, "lower"))
		if (layer->type == JSON_STRING)
			sb_printf(&lower, "%s%s%s%s", lower.len ? ":" : "", layer->str[0] == '/' ? "" : en->root, layer->str[0] == '/' ? "" : "/", layer->str);
	jw_str(w, "LowerDir", sb_str(&lower));
}

static bool is_folder(const struct kept *k)
{
	return strcmp(json_text(k->rootfs, "kind", ""), "dir") == 0;
}

void kept_write_driver_name(const struct kept *k, struct json_writer *w)
{
	jw_str(w, "Driver", is_folder(k) ? "dir" : IMAGE_DRIVER);
}

void kept_write_driver(const struct kept *k, const struct engine *en, struct arena *a, const struct live *live, struct json_writer *w)
{
	jw_object(w, "GraphDriver");
	jw_object(w, "Data");
	if (is_folder(k)) {
		jw_str(w, "MergedDir", json_text(k->rootfs, "path", ""));
	} else if (k->rootfs) {
		write_layers(k, en, w);
		if (live->container)
			jw_str(w, "MergedDir", arena_printf(a, "/proc/%d/root", (int)live->pid));
		jw_str(w, "UpperDir", folder(k, a, "upper"));
		jw_str(w, "WorkDir", folder(k, a, "work"));
	}
	jw_end_object(w);
	jw_str(w, "Name", is_folder(k) ? "dir" : IMAGE_DRIVER);
	jw_end_object(w);
}

static void write_list(const struct kept *k, const char *key, const char *from, struct json_writer *w)
{
	const struct json *v = json_get(k->kernel, from);

	if (v)
		jw_value(w, key, v);
	else
		jw_null(w, key); /* Docker's null of a privileged one, which is kept from none */
}

void kept_write_paths(const struct kept *k, struct json_writer *w)
{
	write_list(k, "MaskedPaths", "maskedPaths", w);
	write_list(k, "ReadonlyPaths", "readonlyPaths", w);
}
