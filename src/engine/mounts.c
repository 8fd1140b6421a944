/* The specification that was written when the container was made stays as it is: what came and went since is in the record (config.h), by
 * which each start is described. So a change is one transaction, with the volume's use, and the kernel's part follows it. */
#include "engine/mounts.h"

#include <stdio.h>
#include <string.h>

#include "engine/events.h"
#include "engine/hold.h"
#include "engine/imageuse.h"
#include "engine/launch.h"
#include "engine/prepare.h"
#include "engine/volume.h"
#include "engine/volume_fill.h"
#include "engine/volume_use.h"

/* ---- what the container is ---- */

/* A plan as far as --mount looks at one: the places that are taken, and whose ids it has. */
static int plan_of(const struct engine *en, struct arena *a, const struct hold *h, const struct ct_options *opt, struct plan *p, struct err *e)
{
	const struct json *mounts = json_get(h->config.doc, "Mounts");
	const char *userns = "host";
	size_t most = (mounts ? mounts->len : 0) + 2;
	int r = json_get_str(json_get(h->config.doc, "HostConfig"), "HostConfig", "UsernsMode", &userns, e);

	*p = (struct plan){ .a = a, .opt = opt, .id = h->rec.id, .rootless = en->user.on ? &en->user : NULL, .userns = strcmp(userns, "host") != 0 };
	p->binds = arena_array(a, most, sizeof(*p->binds));
	p->tmpfs = arena_array(a, most, sizeof(*p->tmpfs));
	if (r == 0 && (!p->binds || !p->tmpfs))
		r = err_errno(e, -ENOMEM, "--mount-add");
	json_each(mount, r == 0 ? mounts : NULL) {
		const char *target = NULL;

		r = json_get_str(mount, "Mounts", "Destination", &target, e);
		if (r < 0)
			return r;
		if (target)
			p->binds[p->n_binds++] = (struct plan_bind){ .target = target };
	}
	return r;
}

/* ---- the kernel's part ---- */

static void write_live(const struct hold *h, const struct json *old, const char *bundle, struct json_writer *w)
{
	const struct json *path = json_get(json_get(old, "rootfs"), "path");

	jw_str(w, "id", h->rec.id);
	jw_i64(w, "pid", h->live.pid);
	jw_u64(w, "startTime", h->live.start_time);
	jw_str(w, "bundle", bundle);
	jw_str(w, "rootfs", path && path->type == JSON_STRING ? path->str : "/dev/null/none");
	jw_value(w, "spec", json_get(old, "spec"));
}

/* with: those come; NULL: the one at target goes. */
static int change_running(const struct engine *en, struct arena *a, const struct hold *h, const struct plan *with, const char *target, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT, old = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	const struct json *doc;
	int r = launch_read_description(en, h->rec.id, 0, &old, e);

	if (r < 0)
		return r == -ENOENT ? err_set(e, ERR_NOTFOUND, "container %s has no description", h->rec.name) : r;
	r = json_parse(a, old.s, old.len, NULL, &doc, e);
	if (r < 0)
		return r;
	jw_object(&w, NULL);
	write_live(h, doc, arena_printf(a, "%s/containers/%s", en->root, h->rec.id), &w);
	jw_bool(&w, "remove", !with);
	jw_array(&w, "mounts");
	if (with) {
		plan_write_users_mounts(with, &w);
	} else {
		jw_object(&w, NULL);
		jw_str(&w, "destination", target);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	jw_end_object(&w);
	return sb_error(&text) < 0 ? err_errno(e, -ENOMEM, "mounts") : launch_mounts(text.s, text.len, e);
}

/* ---- the record ---- */

static int write_record(const struct engine *en, const struct hold *h, const char *config, const struct plan *with, const char *no_more, struct err *e)
{
	CLEANUP_CATALOG_TXN struct catalog *c = en->catalog;
	int r = catalog_begin(c, CATALOG_DURABLE, e);

	if (r == 0)
		r = record_set_config(c, h->rec.id, config, e);
	if (r == 0 && with)
		r = volumes_take(c, with, e);
	if (r == 0 && with)
		r = images_take(c, with, e);
	if (r == 0 && no_more)
		r = volume_use_end(c, h->rec.id, no_more, e);
	return r < 0 ? r : catalog_commit(c, e);
}

static bool is_text(const struct json *value, const char *text)
{
	return value && value->type == JSON_STRING && strcmp(value->str, text) == 0;
}

static bool is_volume(const struct json *mount)
{
	return is_text(json_get(mount, "Type"), "volume");
}

/* But the one at target; NULL: none is passed over. */
static bool has_volume(const struct json *mounts, const char *name, const char *target)
{
	json_each(mount, mounts)
		if (is_volume(mount) && is_text(json_get(mount, "Name"), name) && !(target && is_text(json_get(mount, "Destination"), target)))
			return true;
	return false;
}

/* The volume that only the mount at target has; NULL. */
static const char *volume_at(const struct json *mounts, const char *target)
{
	json_each(mount, mounts) {
		const struct json *name = json_get(mount, "Name");

		if (is_volume(mount) && is_text(json_get(mount, "Destination"), target) && name && name->type == JSON_STRING)
			return has_volume(mounts, name->str, target) ? NULL : name->str;
	}
	return NULL;
}

/* What was written down is none: the container's record as it was, which has the volume no more unless another mount has it. */
static void take_back(const struct engine *en, const struct hold *h, const struct plan *p)
{
	const char *volume = p->n_binds ? p->binds[0].volume : p->n_tmpfs ? p->tmpfs[0].volume : NULL;
	bool made = p->n_binds && p->binds[0].anonymous;
	struct err ignored = { 0 };

	if (volume && has_volume(json_get(h->config.doc, "Mounts"), volume, NULL))
		volume = NULL;
	if (write_record(en, h, h->rec.config, NULL, volume, &ignored) == 0 && made)
		(void)!volume_remove(en, volume, &ignored);
}

static bool is_folder(const struct plan_bind *b)
{
	return b->volume && !b->of_host;
}

static int check_sources(const struct plan *p, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->n_binds; i++)
		r = is_folder(&p->binds[i]) || p->binds[i].image ? 0 : prepare_existing(p->binds[i].source, e);
	return r;
}

/* Once they are in the catalog: a folder without a row is anybody's to sweep, and who fills an empty volume leaves its folder where it is
 * when somebody else has it. */
static int make_folders(const struct engine *en, const struct plan *p, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->n_binds; i++)
		r = is_folder(&p->binds[i]) ? volume_fill(en, p->binds[i].volume, VOLUME_FILL_NOTHING, NULL, 0, "", e) : 0;
	return r;
}

int container_mount_add(const struct engine *en, const char *what, const char *text, const char *here, struct err *e)
{
	const struct ct_options opt = { .here = here };
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP(hold_end) struct hold h = HOLD_INIT;
	CLEANUP_STRBUF struct strbuf config = STRBUF_INIT;
	struct plan all = { 0 }, p;
	int r = hold_container(en, &a, what, &h, e);

	if (r == 0)
		r = plan_of(en, &a, &h, &opt, &all, e);
	p = all;
	if (r == 0)
		r = plan_mount(&all, text, e);
	if (r < 0)
		return r;
	p.binds = all.binds + p.n_binds;
	p.n_binds = all.n_binds - p.n_binds;
	p.n_tmpfs = all.n_tmpfs;
	r = volumes_plan(en, &p, e);
	if (r == 0)
		r = images_plan(en, &p, e);
	if (r == 0)
		r = check_sources(&p, e);
	config_change_mounts(h.config.doc, NULL, &p, &config);
	if (r == 0 && (sb_error(&config) < 0 || arena_error(&a) < 0))
		r = err_errno(e, -ENOMEM, "--mount-add");
	if (r == 0)
		r = write_record(en, &h, config.s, &p, NULL, e);
	if (r < 0)
		return r;
	if (p.n_binds && p.binds[0].anonymous)
		events_volume(en, "create", p.binds[0].volume);
	r = make_folders(en, &p, e);
	if (r == 0 && hold_runs(&h))
		r = change_running(en, &a, &h, &p, NULL, e);
	if (r < 0)
		take_back(en, &h, &p);
	else
		events_container(en, &h.rec, "update", NULL);
	return r;
}

int container_mount_remove(const struct engine *en, const char *what, const char *text, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP(hold_end) struct hold h = HOLD_INIT;
	CLEANUP_STRBUF struct strbuf config = STRBUF_INIT;
	const char *target = plan_clean_path(&a, text);
	bool found = false;
	int r = hold_container(en, &a, what, &h, e);

	json_each(mount, r == 0 ? json_get(h.config.doc, "Mounts") : NULL)
		found |= target && is_text(json_get(mount, "Destination"), target);
	if (r == 0 && !found)
		r = err_set(e, ERR_NOTFOUND, "--mount-rm %s: container %s has no such mount (tare inspect -f '{{json .Mounts}}' lists them)", text, h.rec.name);
	if (r == 0 && hold_runs(&h))
		r = change_running(en, &a, &h, NULL, target, e);
	if (r < 0)
		return r;
	config_change_mounts(h.config.doc, target, NULL, &config);
	if (sb_error(&config) < 0)
		return err_errno(e, -ENOMEM, "--mount-rm");
	r = write_record(en, &h, config.s, NULL, volume_at(json_get(h.config.doc, "Mounts"), target), e);
	if (r == 0)
		events_container(en, &h.rec, "update", NULL);
	return r;
}
