#include "cmd/tare/tare.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "cmd/tare/documents.h"
#include "cmd/tare/inspect_image.h"
#include "cmd/tare/ports.h"
#include "cmd/tare/table.h"
#include "engine/config.h"
#include "engine/health.h"
#include "engine/images.h"
#include "engine/nearest.h"
#include "engine/settle.h"
#include "engine/usage.h"
#include "net/port.h"

const struct cli_option inspect_options[] = {
	{ "type", 0, "container|image|network|volume", CLI_STR, "look only among these", offsetof(struct inspect_opts, type),
	  .choices = "container|image|network|volume" },
	{ "format", 'f', "json|TEMPLATE", CLI_STR, "how it is written: a document, or as a template of Go's says of each",
	  offsetof(struct inspect_opts, format) },
	{ "size", 's', NULL, CLI_FLAG, "of containers, how much each wrote, and how much that is with its image", offsetof(struct inspect_opts, size) },
	{ "platform", 0, "OS/ARCH", CLI_STR, "of images, only those that are for that: an image here is for one",
	  offsetof(struct inspect_opts, platform) },
	{ 0 }
};

/* ---- containers ---- */

/* Only of one that is checked, and was started. */
static void write_health(const struct engine *en, struct arena *a, const struct record *rec, const struct ct_config *config, struct json_writer *w)
{
	const struct json *health = rec->started && health_is_checked(config) ? health_read(en, a, rec->id) : NULL;

	if (health) {
		jw_value(w, "Health", health);
	} else if (rec->status == RECORD_RUNNING && health_is_checked(config)) {
		jw_object(w, "Health");
		jw_str(w, "Status", "starting");
		jw_u64(w, "FailingStreak", 0);
		jw_array(w, "Log");
		jw_end_array(w);
		jw_end_object(w);
	}
}

static void write_state(const struct engine *en, struct arena *a, const struct record *rec, const struct live *live, const struct ct_config *config,
			struct json_writer *w)
{
	bool running = rec->status == RECORD_RUNNING, paused = running && container_paused(rec);
	int64_t started = running && live->started ? live->started : rec->started;

	jw_object(w, "State");
	jw_str(w, "Status", paused ? "paused" : record_status_name(rec->status));
	jw_bool(w, "Running", record_is_active(rec)); /* as Docker has it */
	jw_bool(w, "Paused", paused);
	jw_bool(w, "Restarting", rec->status == RECORD_RESTARTING);
	jw_bool(w, "OOMKilled", rec->oom);
	jw_i64(w, "Pid", running ? live->pid : 0);
	jw_i64(w, "ExitCode", running ? 0 : rec->exit_code);
	jw_bool(w, "ExitKnown", (rec->status != RECORD_EXITED && rec->status != RECORD_RESTARTING) || rec->exit_known);
	jw_str(w, "Error", rec->error ? rec->error : "");
	jw_str(w, "StartedAt", table_time(a, started ? started : TABLE_NEVER));
	jw_str(w, "FinishedAt", table_time(a, running || !rec->finished ? TABLE_NEVER : rec->finished));
	write_health(en, a, rec, config, w);
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

/* As it is kept, and the ports one by one. */
static void write_config(struct arena *a, const struct json *doc, struct json_writer *w)
{
	const struct json *exposed = json_get(doc, "Exposed");
	uint8_t *seen = exposed && exposed->len ? arena_array(a, UINT16_MAX + 1, sizeof(*seen)) : NULL;
	struct net_port port;
	struct err ignored;

	jw_object(w, "Config");
	json_each(member, json_get(doc, "Config"))
		jw_value(w, member->key, member);
	if (seen)
		jw_object(w, "ExposedPorts");
	json_each(text, seen ? exposed : NULL) {
		if (text->type != JSON_STRING || net_port_parse(text->str, &port, &ignored) < 0)
			continue;
		for (uint32_t i = port.target; i < (uint32_t)port.target + port.count; i++) {
			uint8_t bit = port.proto == IPPROTO_TCP ? 1 : port.proto == IPPROTO_UDP ? 2 : 4;

			if (seen[i & UINT16_MAX] & bit)
				continue;
			seen[i & UINT16_MAX] |= bit;
			jw_object(w, arena_printf(a, "%u/%s", i, net_proto_name(port.proto)));
			jw_end_object(w);
		}
	}
	if (seen)
		jw_end_object(w);
	jw_end_object(w);
}

/* It takes a walk over the container's files. */
static void write_size(const struct engine *en, struct arena *a, const struct record *rec, struct json_writer *w)
{
	uint64_t own = usage_of_root(en, rec->id);
	struct err ignored;
	struct image img;

	if (!rec->image || image_get(en->catalog, a, rec->image, &img, &ignored) < 0)
		img.size = 0;
	jw_u64(w, "SizeRw", own);
	jw_u64(w, "SizeRootFs", own + img.size);
}

static int inspect_container(const struct engine *en, struct arena *a, const char *what, bool size, struct json_writer *w, struct err *e)
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
	write_state(en, a, &rec, &live, &config, w);
	jw_str(w, "Image", rec.image ? rec.image : "");
	if (json_get(config.doc, "Rootfs"))
		jw_value(w, "Rootfs", json_get(config.doc, "Rootfs"));
	write_files(en, a, &rec, w);
	jw_value(w, "LogPath", json_get(config.doc, "LogPath"));
	jw_str(w, "Name", arena_printf(a, "/%s", rec.name));
	jw_u64(w, "RestartCount", rec.restarts);
	jw_str(w, "Platform", "linux");
	jw_value(w, "Cgroup", json_get(config.doc, "Cgroup"));
	if (rec.id_size)
		write_ids(&rec, w);
	if (size)
		write_size(en, a, &rec, w);
	jw_value(w, "HostConfig", json_get(config.doc, "HostConfig"));
	jw_value(w, "Mounts", json_get(config.doc, "Mounts"));
	ports_write_settings(a, &own, &cni, w);
	write_config(a, config.doc, w);
	jw_end_object(w);
	return 0;
}

/* ---- all ---- */

struct kind {
	const char *name;
	const char *commands; /* that take it alone */
	document_fn fn;
};

static int container_document(const struct engine *en, const struct cli_call *call, const char *what, struct json_writer *w, struct err *e)
{
	const struct inspect_opts *o = call->opts;

	return inspect_container(en, call->arena, what, o->size, w, e);
}

static int image_document(const struct engine *en, const struct cli_call *call, const char *what, struct json_writer *w, struct err *e)
{
	const struct inspect_opts *o = call->opts;
	int r = tare_check_platform(call, en, what, o->platform, e);

	return r < 0 ? r : inspect_image(en, call->arena, what, w, e);
}

/* In Docker's order: the first that is called so. */
static const struct kind kinds[] = {
	{ "container", "tare container inspect", container_document },
	{ "image", "tare image inspect", image_document },
	{ "network", "", network_document },
	{ "volume", "", volume_document },
};

static int inspect_any(const struct engine *en, const struct cli_call *call, const char *what, struct json_writer *w, struct err *e)
{
	const struct inspect_opts *o = call->opts;
	char near[NEAREST_LEN];
	int r = -ENOENT;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(call->name, kinds[i].commands) == 0 || (o->type && strcmp(o->type, kinds[i].name) == 0))
			return kinds[i].fn(en, call, what, w, e);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (en->user.on && kinds[i].fn == network_document)
			continue; /* networks take root */
		r = kinds[i].fn(en, call, what, w, e);
		if (r == 0 || e->cls != ERR_NOTFOUND)
			return r;
	}
	if (nearest_thing(en->catalog, what, near))
		return err_set(e, ERR_NOTFOUND, "no container, image, network or volume is called %.200s; did you mean %s?", what, near);
	return err_set(e, ERR_NOTFOUND, "no container, image, network or volume is called %s (tare ps -a, images, network ls, volume ls list them)", what);
}

int cmd_inspect(const struct cli_call *call, struct err *e)
{
	const struct inspect_opts *o = call->opts;
	CLEANUP_ENGINE struct engine en = ENGINE_INIT;
	int r = tare_engine(call, &en, e);

	return r < 0 ? r : documents_print(&en, call, o->format, inspect_any, e);
}
