#include "cmd/tare/tare.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cmd/tare/ports.h"
#include "cmd/tare/table.h"
#include "engine/config.h"
#include "engine/images.h"
#include "engine/settle.h"
#include "image/ref.h"

const struct cli_option inspect_options[] = {
	{ "type", 0, "container|image", CLI_STR, "look only among these", offsetof(struct inspect_opts, type),
	  .choices = "container|image" },
	{ "format", 'f', "json", CLI_STR, "how it is written", offsetof(struct inspect_opts, format), .choices = "json" },
	{ "size", 's', NULL, CLI_UNSUPPORTED },
	{ 0 }
};

/* ---- containers ---- */

static void write_state(struct arena *a, const struct record *rec, const struct live *live, struct json_writer *w)
{
	bool running = rec->status == RECORD_RUNNING, paused = running && container_paused(rec);
	int64_t started = running && live->started ? live->started : rec->started;

	jw_object(w, "State");
	jw_str(w, "Status", paused ? "paused" : record_status_name(rec->status));
	jw_bool(w, "Running", running);
	jw_bool(w, "Paused", paused);
	jw_bool(w, "OOMKilled", rec->oom);
	jw_i64(w, "Pid", running ? live->pid : 0);
	jw_i64(w, "ExitCode", running ? 0 : rec->exit_code);
	jw_bool(w, "ExitKnown", rec->status != RECORD_EXITED || rec->exit_known);
	jw_str(w, "Error", rec->error ? rec->error : "");
	jw_str(w, "StartedAt", table_time(a, started ? started : TABLE_NEVER));
	jw_str(w, "FinishedAt", table_time(a, running || !rec->finished ? TABLE_NEVER : rec->finished));
	jw_end_object(w);
}

static void write_files(const struct engine *en, struct arena *a, const struct record *rec, struct json_writer *w)
{
	static const char *const rows[][2] = { { "ResolvConfPath", "resolv.conf" }, { "HostnamePath", "hostname" }, { "HostsPath", "hosts" } };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		jw_str(w, rows[i][0], arena_printf(a, "%s/containers/%s/%s", en->root, rec->id, rows[i][1]));
}

static void write_ids(const struct record *rec, struct json_writer *w)
{
	jw_object(w, "IdMap");
	jw_u64(w, "HostId", rec->id_base);
	jw_u64(w, "Size", rec->id_size);
	jw_end_object(w);
}

static int inspect_container(const struct engine *en, struct arena *a, const char *what, struct json_writer *w, struct err *e)
{
	CLEANUP_LIVE struct live live = LIVE_INIT;
	struct ct_config config;
	struct ports_cni cni;
	struct endpoints own;
	struct record rec;
	int r = settle_find(en, a, what, SETTLE_LOOK, &rec, &live, e);

	if (r == 0)
		r = config_parse(a, rec.config, &config, e);
	if (r == 0)
		r = ports_read(en, a, rec.id, &own, e);
	if (r == 0)
		r = ports_read_cni(en, a, rec.id, &cni, e);
	if (r < 0)
		return r;
	jw_object(w, NULL);
	jw_str(w, "Id", rec.id);
	jw_str(w, "Created", table_time(a, rec.created));
	jw_value(w, "Path", json_get(config.doc, "Path"));
	jw_value(w, "Args", json_get(config.doc, "Args"));
	write_state(a, &rec, &live, w);
	jw_str(w, "Image", rec.image ? rec.image : "");
	if (json_get(config.doc, "Rootfs"))
		jw_value(w, "Rootfs", json_get(config.doc, "Rootfs"));
	write_files(en, a, &rec, w);
	jw_value(w, "LogPath", json_get(config.doc, "LogPath"));
	jw_str(w, "Name", arena_printf(a, "/%s", rec.name));
	jw_str(w, "Platform", "linux");
	jw_value(w, "Cgroup", json_get(config.doc, "Cgroup"));
	if (rec.id_size)
		write_ids(&rec, w);
	jw_value(w, "HostConfig", json_get(config.doc, "HostConfig"));
	jw_value(w, "Mounts", json_get(config.doc, "Mounts"));
	ports_write_settings(a, &own, &cni, w);
	jw_value(w, "Config", json_get(config.doc, "Config"));
	jw_end_object(w);
	return 0;
}

/* ---- images ---- */

static void write_tags(struct arena *a, const struct image *img, struct json_writer *w)
{
	jw_array(w, "RepoTags");
	for (size_t i = 0; i < img->n_tags; i++) {
		struct image_ref ref;
		struct err ignored;

		if (image_ref_parse(a, img->tags[i], &ref, &ignored) == 0)
			jw_str(w, NULL, image_ref_familiar(a, &ref));
	}
	jw_end_array(w);
}

static int inspect_image(const struct engine *en, struct arena *a, const char *what, struct json_writer *w, struct err *e)
{
	const struct image_config *config;
	struct image img;
	int r = image_find(en->catalog, a, what, &img, e);

	if (r == 0)
		r = image_config_read(en, a, img.id, &config, e);
	if (r < 0)
		return r;
	jw_object(w, NULL);
	jw_str(w, "Id", img.id);
	write_tags(a, &img, w);
	jw_str(w, "Manifest", img.manifest);
	jw_str(w, "Created", config->created ? config->created : "");
	jw_str(w, "Author", config->author ? config->author : "");
	jw_str(w, "Architecture", config->architecture);
	if (config->variant)
		jw_str(w, "Variant", config->variant);
	jw_str(w, "Os", config->os);
	jw_u64(w, "Size", img.size);
	if (json_get(config->json, "config"))
		jw_value(w, "Config", json_get(config->json, "config"));
	jw_object(w, "RootFS");
	jw_str(w, "Type", "layers");
	jw_strv(w, "Layers", config->diff_ids);
	jw_end_object(w);
	jw_u64(w, "HighestId", img.max_id);
	jw_str(w, "LoadedAt", table_time(a, img.loaded));
	jw_end_object(w);
	return 0;
}

static int inspect_one(const struct engine *en, const struct cli_call *call, const char *what, struct json_writer *w,
		       struct err *e)
{
	const struct inspect_opts *o = call->opts;
	bool image_first = o->type && strcmp(o->type, "image") == 0;
	struct err why;
	int r;

	if (strcmp(call->name, "tare image inspect") == 0 || image_first)
		return inspect_image(en, call->arena, what, w, e);
	r = inspect_container(en, call->arena, what, w, e);
	if (r == 0 || e->cls != ERR_NOTFOUND || o->type || strcmp(call->name, "tare container inspect") == 0)
		return r;
	r = inspect_image(en, call->arena, what, w, &why);
	if (r == 0)
		return 0;
	if (why.cls != ERR_NOTFOUND)
		return err_set(e, why.cls, "%s", why.msg);
	return err_set(e, ERR_NOTFOUND, "no container or image is called %s (tare ps -a, tare images list them)", what);
}

int cmd_inspect(const struct cli_call *call, struct err *e)
{
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct json_writer w = { .out = &out, .pretty = true };
	int r = tare_engine(call, &en, e), failed = 0;

	if (r < 0)
		return r;
	jw_array(&w, NULL);
	for (size_t i = 0; i < call->n_args; i++) {
		struct err why = { 0 };

		if (inspect_one(&en, call, call->args[i], &w, &why) < 0) {
			log_error("%s", why.msg);
			failed = 1;
		}
	}
	jw_end_array(&w);
	sb_putc(&out, '\n');
	if (sb_error(&out) < 0)
		return err_errno(e, -ENOMEM, "inspect");
	r = tare_print(&out, e);
	return r < 0 ? r : failed;
}
