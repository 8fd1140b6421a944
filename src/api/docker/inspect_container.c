#include "api/docker/inspect_container.h"

#include <string.h>

#include "api/docker/inspect_kept.h"
#include "api/docker/inspect_settings.h"
#include "api/docker/times.h"
#include "engine/config.h"
#include "engine/container.h"
#include "engine/exec_left.h"
#include "engine/health.h"
#include "engine/images.h"
#include "engine/links.h"
#include "engine/settle.h"
#include "engine/usage.h"

/* Of one that is checked: only once it was started. */
static void write_health(const struct engine *en, struct arena *a, const struct record *rec, struct json_writer *w)
{
	const struct json *health = rec->started ? health_read(en, a, rec->id) : NULL;

	if (health) {
		jw_value(w, "Health", health);
	} else if (rec->status == RECORD_RUNNING) {
		jw_object(w, "Health");
		jw_str(w, "Status", "starting");
		jw_u64(w, "FailingStreak", 0);
		jw_array(w, "Log");
		jw_end_array(w);
		jw_end_object(w);
	}
}

static void write_state(const struct engine *en, struct arena *a, const struct record *rec, const struct live *live, bool checked,
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
	jw_bool(w, "Dead", false); /* Docker's word for one whose removal failed; here it is removed by whoever comes next */
	jw_i64(w, "Pid", running ? live->pid : 0);
	jw_i64(w, "ExitCode", running ? 0 : rec->exit_code);
	jw_bool(w, "ExitKnown", (rec->status != RECORD_EXITED && rec->status != RECORD_RESTARTING) || rec->exit_known);
	jw_str(w, "Error", rec->error ? rec->error : "");
	jw_str(w, "StartedAt", time_text(a, started ? started : TIME_NEVER));
	jw_str(w, "FinishedAt", time_text(a, running || !rec->finished ? TIME_NEVER : rec->finished));
	if (checked)
		write_health(en, a, rec, w);
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
	jw_object(w, "Config");
	json_each(member, json_get(doc, "Config"))
		jw_value(w, member->key, member);
	inspect_net_write_exposed(a, json_get(doc, "Exposed"), w);
	jw_end_object(w);
}

/* Docker's list is null where there is none. */
static void write_execs(const struct engine *en, struct arena *a, const struct record *rec, struct json_writer *w)
{
	const char *const *ids = rec->status == RECORD_RUNNING ? exec_running(en, a, rec->id) : NULL;

	if (ids)
		jw_strv(w, "ExecIDs", ids);
	else
		jw_null(w, "ExecIDs");
}

/* A container, all that is known of it. */
struct whole {
	const struct engine *en;
	struct arena *a;
	struct record rec;
	struct live live;
	struct ct_config config;
	struct kept kept;
	struct endpoints own;
	struct ports_cni cni;
	struct inspect_told told;
};

/* Docker's null of a list that is empty; its "" where nothing was said, which is kept as the word for it. */
static const char *const null_lists[] = { "Binds", "BlkioDeviceReadBps", "BlkioDeviceReadIOps", "BlkioDeviceWriteBps", "BlkioDeviceWriteIOps", "CapAdd", "CapDrop",
					  "DeviceCgroupRules", "DeviceRequests", "ExtraHosts", "GroupAdd", "SecurityOpt", "Ulimits", "VolumesFrom" };
static const char *const modes[] = { "PidMode", "UTSMode", "UsernsMode" };

static bool is_one_of(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* What Docker's profile has unasked. */
static bool is_usual(const struct json *host, const struct json *mode)
{
	return strcmp(mode->str, "private") == 0 ||
	       (strcmp(mode->key, "UsernsMode") == 0 && strcmp(mode->str, "host") == 0 && strcmp(json_text(host, "Profile", ""), "docker") == 0);
}

static void write_host_member(const struct json *host, const struct json *member, struct json_writer *w)
{
	if (member->type == JSON_ARRAY && !member->len && is_one_of(null_lists, ARRAY_LEN(null_lists), member->key))
		jw_null(w, member->key);
	else if (strcmp(member->key, "PidsLimit") == 0 && member->type == JSON_NUMBER && member->str[0] == '-')
		jw_null(w, member->key);
	else if (member->type == JSON_STRING && is_one_of(modes, ARRAY_LEN(modes), member->key) && is_usual(host, member))
		jw_str(w, member->key, "");
	else
		jw_value(w, member->key, member);
}

/* As it is kept, with what follows from the rest. */
static int write_host_config(const struct whole *c, struct json_writer *w, struct err *e)
{
	const struct json *doc = c->config.doc;
	int r;

	jw_object(w, "HostConfig");
	json_each(member, json_get(doc, "HostConfig"))
		write_host_member(json_get(doc, "HostConfig"), member, w);
	inspect_net_write_bindings(c->a, json_get(doc, "Publish"), w);
	kept_write_paths(&c->kept, w);
	r = links_show(c->en, c->a, c->rec.name, doc, w, e);
	jw_end_object(w);
	return r;
}

void container_write_size(const struct engine *en, struct arena *a, const struct record *rec, struct json_writer *w)
{
	uint64_t own = usage_of_root(en, rec->id);
	struct err ignored;
	struct image img;

	if (!rec->image || image_get(en->catalog, a, rec->image, &img, &ignored) < 0)
		img.size = 0;
	jw_u64(w, "SizeRw", own);
	jw_u64(w, "SizeRootFs", own + img.size);
}

static int read_whole(struct whole *c, const char *what, struct err *e)
{
	int r = settle_find(c->en, c->a, what, SETTLE_LOOK, &c->rec, &c->live, e);

	if (r == 0)
		r = config_parse(c->a, c->rec.config, &c->config, e);
	if (r == 0)
		r = ports_read(c->en, c->a, c->rec.id, &c->own, e);
	if (r == 0)
		r = ports_read_cni(c->en, c->a, c->rec.id, &c->cni, e);
	if (r < 0)
		return r;
	c->told.of_catalog = kept_stat(c->en, c->rec.id, &c->told.kept);
	kept_read(c->en, c->a, c->rec.id, &c->kept);
	c->told.checked = health_is_checked(&c->config);
	return 0;
}

static void write_origin(struct whole *c, struct json_writer *w)
{
	const struct json *doc = c->config.doc;

	jw_str(w, "Id", c->rec.id);
	jw_str(w, "Created", time_text(c->a, c->rec.created));
	jw_value(w, "Path", json_get(doc, "Path"));
	jw_value(w, "Args", json_get(doc, "Args"));
	c->told.state.begin = w->out->len;
	write_state(c->en, c->a, &c->rec, &c->live, c->told.checked, w);
	c->told.state.end = w->out->len;
	jw_str(w, "Image", c->rec.image ? c->rec.image : "");
	if (json_get(doc, "Rootfs"))
		jw_value(w, "Rootfs", json_get(doc, "Rootfs"));
}

static int write_whole(struct whole *c, bool size, struct json_writer *w, struct err *e)
{
	const struct inspect_net net = { c->en, c->a, &c->rec, &c->live, c->config.doc, &c->own, &c->cni };
	const struct json *doc = c->config.doc;
	int r;

	jw_object(w, NULL);
	write_origin(c, w);
	write_files(c->en, c->a, &c->rec, w);
	jw_value(w, "LogPath", json_get(doc, "LogPath"));
	jw_str(w, "Name", arena_printf(c->a, "/%s", c->rec.name));
	jw_u64(w, "RestartCount", c->rec.restarts);
	kept_write_driver_name(&c->kept, w);
	jw_str(w, "Platform", "linux");
	kept_write_labels(&c->kept, w);
	c->told.execs.begin = w->out->len;
	write_execs(c->en, c->a, &c->rec, w);
	c->told.execs.end = w->out->len;
	jw_value(w, "Cgroup", json_get(doc, "Cgroup"));
	if (c->rec.id_size)
		write_ids(&c->rec, w);
	if (size)
		container_write_size(c->en, c->a, &c->rec, w);
	r = write_host_config(c, w, e);
	kept_write_driver(&c->kept, c->en, c->a, &c->live, w);
	jw_value(w, "Mounts", json_get(doc, "Mounts"));
	inspect_net_write(&net, w);
	c->told.of_catalog = c->told.of_catalog && inspect_net_of_catalog(&net);
	write_config(c->a, doc, w);
	jw_end_object(w);
	return r;
}

static int inspect(struct whole *c, const char *what, bool size, struct json_writer *w, struct err *e)
{
	int r = read_whole(c, what, e);

	return r < 0 ? r : write_whole(c, size, w, e);
}

int inspect_container(const struct engine *en, struct arena *a, const char *what, bool size, struct json_writer *w, struct err *e)
{
	struct whole c = { .en = en, .a = a, .live = LIVE_INIT };
	int r = inspect(&c, what, size, w, e);

	live_close(&c.live);
	return r;
}

int inspect_container_told(const struct engine *en, struct arena *a, const char *what, struct json_writer *w, struct inspect_told *told, struct err *e)
{
	struct whole c = { .en = en, .a = a, .live = LIVE_INIT };
	int r = inspect(&c, what, false, w, e);

	*told = c.told;
	told->rec = c.rec;
	told->pid = c.live.pid;
	told->start_time = c.live.start_time;
	live_close(&c.live);
	return r;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

int inspect_container_again(const struct engine *en, struct arena *a, const struct inspect_told *told, struct json_writer *w, struct err *e)
{
	CLEANUP_LIVE struct live live = LIVE_INIT;
	struct record rec = told->rec;
	struct stat kept;
	int r = settle(en, a, &rec, &live, SETTLE_LOOK, e);

	if (r < 0)
		return r;
	/* a row that was read anew is another text elsewhere */
	if (rec.config != told->rec.config || rec.status != told->rec.status || live.pid != told->pid || live.start_time != told->start_time ||
	    !kept_stat(en, rec.id, &kept) || !same_file(&kept, &told->kept))
		return 0;
	jw_piece(w, told->text, told->state.begin);
	w->depth++;
	write_state(en, a, &rec, &live, told->checked, w);
	sb_add(w->out, told->text + told->state.end, told->execs.begin - told->state.end);
	write_execs(en, a, &rec, w);
	w->depth--;
	sb_add(w->out, told->text + told->execs.end, told->len - told->execs.end);
	return 1;
}
