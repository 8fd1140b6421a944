/* The row says "running" before the monitor is started, so a crash in between is a row that settle.c looks into; the
 * operation lock is held until the monitor has said that the command runs, so nobody else meets a half-made start. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "engine/capacity.h"
#include "engine/cni.h"
#include "engine/config.h"
#include "engine/container.h"
#include "engine/endpoint.h"
#include "engine/events.h"
#include "engine/folder.h"
#include "engine/join.h"
#include "engine/launch.h"
#include "engine/links.h"
#include "engine/prepare.h"
#include "engine/settle.h"
#include "engine/spec_log.h"
#include "engine/usernet.h"
#include "engine/volume.h"
#include "engine/volume_fill.h"
#include "engine/volume_fs.h"

/* The way back; what failed stays in e. */
static void undo(const struct engine *en, const char *id, bool remove, const struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct err ignored = { 0 };
	struct record rec;

	if (record_get(en->catalog, &a, id, &rec, &ignored) < 0)
		return;
	rec.exit_code = err_info(e->cls)->exit_code;
	(void)settle_failed_start(en, &rec, e->msg, remove, &ignored);
}

/* Its networks, as far as they are the host's matter; the monitor makes the links. */
static int connect(const struct engine *en, const char *id, struct strbuf *description, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct ct_config config;
	struct endpoints own;
	struct record rec;
	int r = cni_describe(en, id, description, e);

	if (r == 0)
		r = endpoint_read(en, &a, id, &own, e);
	if (r < 0 || (!own.n && !en->user.on))
		return r;
	r = record_get(en->catalog, &a, id, &rec, e);
	if (r == 0)
		r = config_parse(&a, rec.config, &config, e);
	if (r == 0 && en->user.on)
		return usernet_connect(en, &a, id, config.doc, description, e);
	if (r == 0)
		r = links_ready(en, rec.name, config.doc, e);
	if (r == 0)
		r = links_describe(en, rec.name, config.doc, description, e);
	if (r == 0)
		r = endpoint_prepare(en, &a, id, config.doc, &own, e);
	if (r == 0)
		links_moved(en, id);
	endpoint_describe(en, &own, description);
	return r;
}

static void tell(const struct engine *en, const char *id, bool attached)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct err ignored;
	struct record rec;

	if (record_get(en->catalog, &a, id, &rec, &ignored) < 0)
		return; /* it has ended, and was removed with its end */
	if (attached)
		events_container(en, &rec, "attach", NULL);
	events_networks(en, "connect", &rec, 0);
	events_volumes(en, "mount", &rec, 0, NULL);
	events_container(en, &rec, "start", NULL);
}

/* What was written takes the description's place. */
static int replace_description(struct strbuf *description, struct strbuf *by, struct err *e)
{
	struct strbuf was = *description;

	if (sb_error(by) < 0)
		return err_errno(e, -ENOMEM, "write the container's description");
	*description = *by;
	*by = was;
	return 0;
}

/* Another cgroup in a description. */
static int move_description(const char *top, const char *cgroup, struct strbuf *description, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&out);
	const struct json *old;
	int r = json_parse(&a, description->s, description->len, NULL, &old, e);

	if (r < 0)
		return r;
	jw_object(&w, NULL);
	json_each(member, old)
		if (strcmp(member->key, "cgroup") != 0 && strcmp(member->key, "monitorCgroup") != 0 && strcmp(member->key, "service") != 0)
			jw_value(&w, member->key, member);
	jw_str(&w, "cgroup", cgroup);
	jw_str(&w, "monitorCgroup", arena_printf(&a, "%s/" SERVICE_MONITOR, top));
	jw_bool(&w, "service", true);
	jw_end_object(&w);
	return arena_error(&a) < 0 ? err_errno(e, -ENOMEM, "write the container's description") : replace_description(description, &out, e);
}

/* The one that is kept, for whoever adopts the container or runs another process in it. */
static int move_kept(const struct engine *en, const char *id, const char *top, const char *cgroup, struct err *e)
{
	CLEANUP_STRBUF struct strbuf kept = STRBUF_INIT;
	CLEANUP_FD int dir = folder_open(en, id, e);
	int r = dir < 0 ? dir : launch_read_description(en, id, 0, &kept, e);

	if (r == 0)
		r = move_description(top, cgroup, &kept, e);
	if (r < 0)
		return r;
	r = io_replace_file(dir, "config.json", kept.s, kept.len, 0600, true);
	return r < 0 ? err_errno(e, r, "write the container's config.json") : 0;
}

/* Of an ordinary user's container, whose cgroup is in a scope of its own. */
static int check_user(const struct engine *en, const struct ct_config *config, const struct service *service, struct err *e)
{
	bool ignored = config->sdnotify && strcmp(config->sdnotify, "ignore") == 0;

	if (!en->user.on || !config->cgroup)
		return 0;
	if (!en->user.cgroup[0])
		return err_set(e, ERR_UNAVAILABLE, "its cgroup is your systemd's to give, and there is no bus to that: XDG_RUNTIME_DIR is not set (a login session has "
						   "it; su and cron do not)");
	if (service && service->notify && !ignored)
		return err_set(e, ERR_UNSUPPORTED, "NOTIFY_SOCKET: your containers are in a scope of their own, and systemd hears a unit's own processes alone: make it "
						   "with --cgroups=disabled, or with --sdnotify=ignore");
	return 0;
}

/* --cgroups=split: where its cgroup is, is for each start to say. */
static int enter_unit(const struct engine *en, const struct record *rec, const struct ct_config *config, struct strbuf *description, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_CATALOG_TXN struct catalog *c = en->catalog;
	CLEANUP_STRBUF struct strbuf doc = STRBUF_INIT;
	const char *top, *cgroup;
	int r = service_cgroup(&a, &top, e);

	if (r < 0)
		return r;
	cgroup = arena_printf(&a, "%s/%s", top, rec->id);
	if (!cgroup)
		return err_errno(e, -ENOMEM, "--cgroups=split");
	config_change_cgroup(config->doc, cgroup, &doc);
	r = sb_error(&doc) < 0 ? err_errno(e, -ENOMEM, "--cgroups=split") : catalog_begin(c, CATALOG_LAZY, e);
	if (r == 0)
		r = record_set_config(c, rec->id, doc.s, e);
	if (r == 0)
		r = catalog_commit(c, e);
	if (r == 0)
		r = move_kept(en, rec->id, top, cgroup, e);
	return r < 0 ? r : move_description(top, cgroup, description, e);
}

/* What it has of a service manager, and whether its monitor stays where we are. */
static int serve(const struct engine *en, const struct record *rec, const struct ct_config *config, const struct service *service,
		 struct strbuf *description, bool *stay, struct err *e)
{
	int r = check_user(en, config, service, e);

	if (r == 0 && config->cgroups && strcmp(config->cgroups, "split") == 0)
		r = enter_unit(en, rec, config, description, e);
	if (r < 0)
		return r;
	*stay = config->cgroups && strcmp(config->cgroups, "enabled") != 0;
	return service_describe(service, config->sdnotify, description, e);
}

static int launch(const struct engine *en, const struct record *rec, const struct ct_config *config, struct strbuf *description,
		  const struct service *service, bool attached, bool remove_on_failure, struct client *out, struct err *e)
{
	struct launch how = { .service = service };
	int r = log_driver_ready(config->log_driver, e);

	if (r == 0)
		r = serve(en, rec, config, service, description, &how.stay, e);

	if (r == 0)
		r = volume_fs_resolve(description, e);
	if (r == 0)
		r = join_describe(en, rec->id, description, e);
	if (r == 0)
		r = connect(en, rec->id, description, e);
	if (r == 0)
		r = launch_monitor("run", description->s, description->len, &how, out, e);
	if (r == 0)
		r = client_started(out, e);
	if (r < 0) {
		client_close(out);
		undo(en, rec->id, remove_on_failure, e);
		return r;
	}
	tell(en, rec->id, attached);
	return 0;
}

int container_launch(const struct engine *en, struct container_new *n, bool remove_on_failure, struct client *out,
		     struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct ct_config config;
	struct record rec;
	int r = record_get(en->catalog, &a, n->id, &rec, e);

	if (r == 0)
		r = config_parse(&a, rec.config, &config, e);
	if (r < 0)
		undo(en, n->id, remove_on_failure, e);
	else
		r = launch(en, &rec, &config, &n->description, n->service, n->attached, remove_on_failure, out, e);
	n->lock = close_fd(n->lock);
	return r;
}

/* It keeps its addresses over a restart; the devices are others. */
static int take_again(const struct engine *en, struct arena *a, const struct record *rec, const struct json *config, bool kept, struct err *e)
{
	int r = kept ? endpoint_keep(en, rec->id, e) : 0;

	return r != 0 ? (r < 0 ? r : 0) : endpoint_take(en, a, rec->id, config, NULL, e);
}

/* again: it goes on to be what its restart policy makes of it. */
static int record_start(const struct engine *en, struct record *rec, const struct ct_config *config, bool again, struct err *e)
{
	bool kept = rec->status == RECORD_RESTARTING;
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_CATALOG_TXN struct catalog *c = en->catalog;
	int r = catalog_begin(c, CATALOG_LAZY, e);

	rec->status = RECORD_RUNNING;
	rec->boot_id = en->boot_id;
	rec->started = clock_now_ns();
	rec->exit_code = 0; /* finished stays: it tells one that ran before, should this start fail */
	rec->exit_known = rec->oom = false;
	rec->error = NULL;
	if (!again) {
		rec->restarts = 0;
		rec->restart_wait = 0;
	}
	rec->restart_due = 0;
	if (r == 0)
		r = record_update(c, rec, e);
	if (r == 0 && rec->stopped != STOPPED_NOT)
		r = record_set_stopped(c, rec->id, STOPPED_NOT, e);
	if (r == 0)
		r = take_again(en, &a, rec, config->doc, kept, e);
	return r < 0 ? r : catalog_commit(c, e);
}

static int volume_ready(const struct engine *en, struct arena *a, const char *name, struct err *e)
{
	struct volume v;
	int r = volume_find(en->catalog, a, name, &v, e);

	if (r == 0)
		r = volume_has_limits(en, &v, e);
	return r < 0 ? r : volume_fill(en, name, VOLUME_FILL_NOTHING, NULL, 0, "", e);
}

/* A -v source, or a volume's folder, that went since the container was made. */
static int make_sources(const struct engine *en, const struct ct_config *config, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;

	json_each(mount, json_get(config->doc, "Mounts")) {
		const char *type = NULL, *source = NULL, *volume = NULL;
		bool must_exist = false;
		int r = json_get_str(mount, "Mounts", "Type", &type, e);

		if (r == 0)
			r = json_get_str(mount, "Mounts", "Source", &source, e);
		if (r == 0)
			r = json_get_str(mount, "Mounts", "Name", &volume, e);
		if (r == 0)
			r = json_get_bool(mount, "Mounts", "MustExist", &must_exist, e);
		if (r == 0 && source && must_exist)
			r = prepare_existing(source, volume, e);
		else if (r == 0 && volume && source && *source && type && strcmp(type, "volume") == 0)
			r = volume_ready(en, &a, volume, e);
		else if (r == 0 && type && source && strcmp(type, "bind") == 0)
			r = prepare_source(source, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The journal's entries say its name, which may be another one since. */
static int apply_name(const struct record *rec, struct strbuf *description, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&out);
	const struct json *old;
	int r = json_parse(&a, description->s, description->len, NULL, &old, e);

	if (r < 0)
		return r;
	jw_object(&w, NULL);
	json_each(member, old) {
		if (strcmp(member->key, "log") == 0)
			plan_rename_log(member, rec->name, &w);
		else
			jw_value(&w, member->key, member);
	}
	jw_end_object(&w);
	return replace_description(description, &out, e);
}

/* Mounts that came and went since it was made. */
static int apply_changes(const struct record *rec, const struct ct_config *config, struct strbuf *description, struct err *e)
{
	int r = config_apply_mounts(config->doc, description, e);

	return r < 0 || strcmp(config->log_driver, "journald") != 0 ? r : apply_name(rec, description, e);
}

/* With the lock held. */
static int start_again(const struct engine *en, struct record *rec, bool again, unsigned int attach, const struct service *service,
		       struct client *out, struct err *e)
{
	CLEANUP_STRBUF struct strbuf description = STRBUF_INIT;
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct ct_config config;
	struct err why = { 0 };
	int r = launch_read_description(en, rec->id, attach, &description, e);

	if (r == -ENOENT) {
		struct err ignored;

		(void)settle_remove(en, rec->id, true, &ignored);
		return err_set(e, ERR_NOTFOUND, "the making of container %s was interrupted; it has been removed", rec->name);
	}
	if (r == 0)
		r = config_parse(&a, rec->config, &config, e);
	if (r == 0)
		r = apply_changes(rec, &config, &description, e);
	if (r == 0)
		r = make_sources(en, &config, e);
	if (r == 0) /* of a life before, whose end failed */
		r = cni_leave(en, rec->id, NULL, CNI_LOST_FORGET, e);
	if (r == 0) /* before the row: what state.json says of the last life is not to be taken for the end of this one, should we be killed */
		r = folder_state_make(en, rec->id, e);
	if (r == 0)
		r = capacity_start(en, rec->id, config.doc, true, e);
	if (r < 0)
		return r;
	r = record_start(en, rec, &config, again, e);
	if (r == 0)
		r = launch(en, rec, &config, &description, service, attach & FRAME_WANT_STREAMS, false, out, e);
	/* its root was removed already when the start failed and it had --rm */
	if (capacity_start(en, rec->id, config.doc, false, &why) < 0)
		log_warning("container %s: %s", rec->name, why.msg);
	return r;
}

int container_start_locked(const struct engine *en, struct record *rec, struct err *e)
{
	CLEANUP_CLIENT struct client c = CLIENT_INIT;

	return start_again(en, rec, true, 0, NULL, &c, e);
}

int container_start(const struct engine *en, const char *what, unsigned int attach, const struct service *service, struct client *out,
		    struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;

	*out = (struct client)CLIENT_INIT;
	for (;;) {
		CLEANUP_LIVE struct live live = LIVE_INIT;
		CLEANUP_FD int lock = -1;
		struct record rec;
		int r = settle_find(en, &a, what, SETTLE_WAIT, &rec, &live, e);

		if (r < 0 || rec.status == RECORD_RUNNING)
			return r;
		lock = folder_lock(en, rec.id, true, e);
		if (lock < 0)
			return lock;
		r = record_get(en->catalog, &a, rec.id, &rec, e);
		if (r < 0)
			return r;
		if (rec.status != RECORD_RUNNING)
			return start_again(en, &rec, false, attach, service, out, e);
	}
}
