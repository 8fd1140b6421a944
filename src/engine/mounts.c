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
#include "engine/rootview.h"
#include "engine/volume.h"
#include "engine/volume_fs.h"
#include "engine/volume_use.h"

#define MOST_GONE 256U

/* One update on its way. */
struct change {
	const struct engine *en;
	struct arena *a;
	struct hold h;
	struct plan p;      /* what comes */
	struct strv gone;   /* places */
	const struct json *mounts; /* of the record, as it was */
	/* volumes that it has no more, and whether they were its own */
	const char *lost[MOST_GONE];
	bool own[MOST_GONE];
	size_t n_lost;
	struct err *e;
};

static void change_end(struct change *k)
{
	hold_end(&k->h);
}

/* ---- what the container is ---- */

static bool is_text(const struct json *value, const char *text)
{
	return value && value->type == JSON_STRING && strcmp(value->str, text) == 0;
}

static bool is_gone(const struct change *k, const struct json *place)
{
	for (size_t i = 0; i < k->gone.n; i++)
		if (is_text(place, k->gone.v[i]))
			return true;
	return false;
}

/* A plan as far as --mount looks at one: the places that are taken, and whose ids it has. */
static int plan_of(struct change *k, const struct ct_options *opt, size_t come, struct plan *p)
{
	const struct engine *en = k->en;
	const char *userns = "host";
	size_t most = (k->mounts ? k->mounts->len : 0) + come + 1;
	int r = json_get_str(json_get(k->h.config.doc, "HostConfig"), "HostConfig", "UsernsMode", &userns, k->e);

	*p = (struct plan){ .a = k->a, .opt = opt, .id = k->h.rec.id, .rootless = en->user.on ? &en->user : NULL, .userns = strcmp(userns, "host") != 0 };
	p->binds = arena_array(k->a, most, sizeof(*p->binds));
	p->tmpfs = arena_array(k->a, most, sizeof(*p->tmpfs));
	p->asked = arena_array(k->a, come + 1, sizeof(*p->asked));
	if (r == 0 && (!p->binds || !p->tmpfs || !p->asked))
		r = err_errno(k->e, -ENOMEM, "--mount-add");
	json_each(mount, r == 0 ? k->mounts : NULL) {
		const struct json *target = json_get(mount, "Destination");

		if (target && target->type == JSON_STRING && !is_gone(k, target))
			p->binds[p->n_binds++] = (struct plan_bind){ .target = target->str };
	}
	return r;
}

/* In p only what comes. */
static int plan_new(struct change *k, const struct ct_options *opt, struct strv come)
{
	struct plan all;
	size_t n;
	int r = plan_of(k, opt, come.n, &all);

	n = r < 0 ? 0 : all.n_binds;
	for (size_t i = 0; r == 0 && i < come.n; i++)
		r = plan_mount(&all, come.v[i], k->e);
	if (r < 0)
		return r;
	k->p = all;
	k->p.binds = all.binds + n;
	k->p.n_binds = all.n_binds - n;
	r = volumes_plan(k->en, &k->p, k->e);
	return r < 0 ? r : images_plan(k->en, &k->p, k->e);
}

static bool was_added(const struct change *k, const char *target)
{
	json_each(mount, json_get(json_get(k->h.config.doc, "MountChanges"), "Added"))
		if (is_text(json_get(mount, "destination"), target))
			return true;
	return false;
}

static bool has_mount(const struct change *k, const char *target)
{
	json_each(mount, k->mounts)
		if (is_text(json_get(mount, "Destination"), target))
			return true;
	return false;
}

/* What was put over a usual mount later can go; what stands in the place of one cannot. */
static int judge_gone(const struct change *k, const char *text, const char *target)
{
	bool has = target && has_mount(k, target);

	if (has && plan_is_usual(target) && !was_added(k, target))
		return err_set(k->e, ERR_DENIED, "--mount-rm %s: it stands in the place of a mount that each container has, and that this one would be "
						 "without: make the container anew", text);
	if (has)
		return 0;
	if (target && plan_is_usual(target))
		return err_set(k->e, ERR_DENIED, "--mount-rm %s: each container has that mount, and cannot be without it", text);
	return err_set(k->e, ERR_NOTFOUND, "--mount-rm %s: container %s has no such mount (tare inspect -f '{{json .Mounts}}' lists them)", text,
		       k->h.rec.name);
}

static int plan_gone(struct change *k, struct strv gone)
{
	const char **v = arena_array(k->a, gone.n + 1, sizeof(*v));
	int r = 0;

	if (!v)
		return err_errno(k->e, -ENOMEM, "--mount-rm");
	if (gone.n > MOST_GONE)
		return err_set(k->e, ERR_LIMIT, "--mount-rm: more than %u at once", MOST_GONE);
	for (size_t i = 0; r == 0 && i < gone.n; i++) {
		v[i] = plan_clean_path(k->a, gone.v[i]);
		r = judge_gone(k, gone.v[i], v[i]);
		for (size_t n = 0; r == 0 && n < i; n++)
			if (strcmp(v[n], v[i]) == 0)
				r = err_set(k->e, ERR_INVALID, "--mount-rm %s: named twice", gone.v[i]);
	}
	k->gone = (struct strv){ v, gone.n };
	return r;
}

/* ---- the kernel's part ---- */

static void write_live(const struct change *k, const struct json *old, struct json_writer *w)
{
	const struct json *path = json_get(json_get(old, "rootfs"), "path");

	jw_str(w, "id", k->h.rec.id);
	jw_i64(w, "pid", k->h.live.pid);
	jw_u64(w, "startTime", k->h.live.start_time);
	jw_str(w, "bundle", arena_printf(k->a, "%s/containers/%s", k->en->root, k->h.rec.id));
	jw_str(w, "rootfs", path && path->type == JSON_STRING ? path->str : "/dev/null/none");
	/* without those it has: what is looked up for them (the address of a server) is not needed, and may not be there any more */
	jw_object(w, "spec");
	json_each(member, json_get(old, "spec"))
		if (strcmp(member->key, "mounts") != 0)
			jw_value(w, member->key, member);
	jw_end_object(w);
}

static void write_places(const struct change *k, struct json_writer *w)
{
	for (size_t i = 0; i < k->gone.n; i++) {
		jw_object(w, NULL);
		jw_str(w, "destination", k->gone.v[i]);
		jw_end_object(w);
	}
}

/* It is below what comes, or what goes, with which all goes that is mounted in it. */
static bool is_touched(const struct change *k, const char *path)
{
	for (size_t i = 0; i < k->p.n_binds; i++)
		if (plan_is_below(path, k->p.binds[i].target))
			return true;
	for (size_t i = 0; i < k->p.n_tmpfs; i++)
		if (plan_is_below(path, k->p.tmpfs[i].target))
			return true;
	for (size_t i = 0; i < k->gone.n; i++)
		if (plan_is_below(path, k->gone.v[i]))
			return true;
	return false;
}

/* A mount below goes with the one above it, or is covered by it: in the container, and not in its record. */
static int check_nested(const struct change *k)
{
	if (!hold_runs(&k->h))
		return 0;
	json_each(mount, k->mounts) {
		const struct json *at = json_get(mount, "Destination");

		if (at && at->type == JSON_STRING && !is_gone(k, at) && is_touched(k, at->str))
			return err_set(k->e, ERR_CONFLICT, "container %s has a mount at %s, below that: while it runs that has to go first (--mount-rm %s)",
				       k->h.rec.name, at->str, at->str);
	}
	return 0;
}

/* The files that the engine makes are seen, whatever comes to lie over their places, as at a start (config_apply_mounts()). */
static void write_files_again(const struct change *k, const struct json *mounts, struct json_writer *w)
{
	json_each(mount, mounts) {
		const struct json *at = json_get(mount, "destination");

		if (at && at->type == JSON_STRING && plan_is_file(at->str) && !is_gone(k, at) && is_touched(k, at->str))
			jw_value(w, NULL, mount);
	}
}

enum step { STEP_GO, STEP_COME, STEP_BACK };

static void write_step(const struct change *k, enum step step, const struct json *mounts, struct json_writer *w)
{
	if (step == STEP_GO)
		write_places(k, w);
	if (step == STEP_COME) {
		plan_write_users_mounts(&k->p, w);
		write_files_again(k, mounts, w);
	}
	json_each(mount, step == STEP_BACK ? mounts : NULL)
		if (is_gone(k, json_get(mount, "destination")))
			jw_value(w, NULL, mount);
	if (step == STEP_BACK)
		write_files_again(k, mounts, w);
}

/* STEP_BACK: what went is mounted again, as it would be at a start. */
static int change_running(const struct change *k, enum step step, struct err *e)
{
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT, old = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&text);
	const struct json *doc;
	int r = launch_read_description(k->en, k->h.rec.id, 0, &old, e);

	if (r < 0)
		return r == -ENOENT ? err_set(e, ERR_NOTFOUND, "container %s has no description", k->h.rec.name) : r;
	r = config_apply_mounts(k->h.config.doc, &old, e);
	if (r == 0)
		r = json_parse(k->a, old.s, old.len, NULL, &doc, e);
	if (r < 0)
		return r;
	jw_object(&w, NULL);
	write_live(k, doc, &w);
	jw_bool(&w, "remove", step == STEP_GO);
	jw_array(&w, "mounts");
	write_step(k, step, json_get(json_get(doc, "spec"), "mounts"), &w);
	jw_end_array(&w);
	jw_end_object(&w);
	r = sb_error(&text) < 0 ? err_errno(e, -ENOMEM, "mounts") : volume_fs_resolve(&text, e);
	return r < 0 ? r : launch_mounts(text.s, text.len, e);
}

/* ---- the record ---- */

static bool is_volume(const struct json *mount)
{
	return is_text(json_get(mount, "Type"), "volume");
}

/* A mount that stays has the volume. */
static bool stays(const struct change *k, const char *name)
{
	json_each(mount, k->mounts)
		if (is_volume(mount) && is_text(json_get(mount, "Name"), name) && !is_gone(k, json_get(mount, "Destination")))
			return true;
	return false;
}

static int find_lost(struct change *k)
{
	json_each(mount, k->mounts) {
		const struct json *name = json_get(mount, "Name");
		int r;

		if (!is_volume(mount) || !name || name->type != JSON_STRING || !is_gone(k, json_get(mount, "Destination")) || stays(k, name->str))
			continue;
		r = volume_is_own(k->en->catalog, k->h.rec.id, name->str, k->e);
		if (r < 0)
			return r;
		k->own[k->n_lost] = r > 0;
		k->lost[k->n_lost++] = name->str;
	}
	return 0;
}

static int write_record(const struct change *k)
{
	CLEANUP_STRBUF struct strbuf config = STRBUF_INIT;
	CLEANUP_CATALOG_TXN struct catalog *c = k->en->catalog;
	struct err *e = k->e;
	int r;

	config_change_mounts(k->h.config.doc, k->gone, &k->p, &config);
	if (sb_error(&config) < 0 || arena_error(k->a) < 0)
		return err_errno(e, -ENOMEM, "the container's configuration");
	r = catalog_begin(c, CATALOG_DURABLE, e);
	if (r == 0)
		r = record_set_config(c, k->h.rec.id, config.s, e);
	for (size_t i = 0; r == 0 && i < k->n_lost; i++)
		r = volume_use_end(c, k->h.rec.id, k->lost[i], e);
	if (r == 0)
		r = volumes_take(c, &k->p, e);
	if (r == 0)
		r = images_take(c, &k->p, e);
	return r < 0 ? r : catalog_commit(c, e);
}

static bool had(const struct change *k, const char *volume)
{
	json_each(mount, k->mounts)
		if (is_volume(mount) && is_text(json_get(mount, "Name"), volume))
			return true;
	return false;
}

static int unuse_new(const struct change *k, struct catalog *c, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < k->p.n_binds; i++)
		if (k->p.binds[i].volume && !had(k, k->p.binds[i].volume))
			r = volume_use_end(c, k->h.rec.id, k->p.binds[i].volume, e);
	for (size_t i = 0; r == 0 && i < k->p.n_tmpfs; i++)
		if (k->p.tmpfs[i].volume && !had(k, k->p.tmpfs[i].volume))
			r = volume_use_end(c, k->h.rec.id, k->p.tmpfs[i].volume, e);
	return r;
}

static int write_old_record(const struct change *k, struct err *e)
{
	CLEANUP_CATALOG_TXN struct catalog *c = k->en->catalog;
	int r = catalog_begin(c, CATALOG_DURABLE, e);

	if (r == 0)
		r = record_set_config(c, k->h.rec.id, k->h.rec.config, e);
	if (r == 0)
		r = unuse_new(k, c, e);
	for (size_t i = 0; r == 0 && i < k->n_lost; i++)
		r = volume_use(c, k->h.rec.id, k->lost[i], k->own[i], e);
	return r < 0 ? r : catalog_commit(c, e);
}

/* What was written down is none: the container's record as it was, and no volume that was made for what did not come. */
static int take_back(const struct change *k)
{
	struct err ignored = { 0 };
	int r = write_old_record(k, &ignored);

	if (r < 0)
		return r;
	for (size_t i = 0; i < k->p.n_binds; i++)
		if (k->p.binds[i].anonymous)
			(void)!volume_remove(k->en, k->p.binds[i].volume, &ignored);
	return 0;
}

/* ---- sources ---- */

static bool is_folder(const struct plan_bind *b)
{
	return b->volume && !b->of_host;
}

static int check_sources(const struct plan *p, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->n_binds; i++)
		r = is_folder(&p->binds[i]) || p->binds[i].image ? 0 : prepare_bind(&p->binds[i], e);
	return r;
}

/* Once they are in the catalog: a folder without a row is anybody's to sweep, and who fills an empty volume leaves its folder where it is
 * when somebody else has it. One that this container has elsewhere already stays as it is: it may be at work in there. */
static int fill_volumes(struct change *k)
{
	CLEANUP_ROOTVIEW struct rootview v = ROOTVIEW_INIT;
	bool any = false;
	int r;

	for (size_t i = 0; i < k->p.n_binds; i++) {
		any |= is_folder(&k->p.binds[i]);
		if (k->p.binds[i].volume && had(k, k->p.binds[i].volume))
			k->p.binds[i].nocopy = true;
	}
	if (!any)
		return 0;
	r = rootview_layers(k->en, k->a, &k->h.rec, &v, k->e);
	return r < 0 ? r : volumes_fill(k->en, &k->p, v.lowers, v.n_lowers, k->e);
}

/* ---- all of it ---- */

static int come(struct change *k)
{
	int r = fill_volumes(k);

	return r == 0 && hold_runs(&k->h) && (k->p.n_binds || k->p.n_tmpfs || is_touched(k, "/etc/hosts")) ? change_running(k, STEP_COME, k->e) : r;
}

/* What went is in the record as it was, what came in the one that was written. */
static void tell_volumes(const struct change *k)
{
	struct err ignored = { 0 };
	struct record now;

	for (size_t i = 0; i < k->gone.n; i++)
		events_volumes(k->en, "unmount", &k->h.rec, 0, k->gone.v[i]);
	if (record_get(k->en->catalog, k->a, k->h.rec.id, &now, &ignored) < 0)
		return;
	for (size_t i = 0; i < k->p.n_binds; i++)
		events_volumes(k->en, "mount", &now, 0, k->p.binds[i].target);
}

static void tell(const struct change *k)
{
	for (size_t i = 0; i < k->p.n_binds; i++)
		if (k->p.binds[i].anonymous)
			events_volume(k->en, "create", k->p.binds[i].volume);
	if (hold_runs(&k->h))
		tell_volumes(k);
	events_container(k->en, &k->h.rec, "update", NULL);
}

static int apply(struct change *k)
{
	bool went = k->gone.n && hold_runs(&k->h);
	struct err ignored = { 0 };
	int r = went ? change_running(k, STEP_GO, k->e) : 0;

	if (r < 0)
		return r;
	r = write_record(k);
	if (r == 0) {
		r = come(k);
		if (r < 0 && take_back(k) < 0)
			r = err_ctx(k->e, "(and what was to come stays in its record: --mount-rm it)");
	}
	if (r < 0 && went && change_running(k, STEP_BACK, &ignored) < 0)
		return err_ctx(k->e, "(and what went stays away until the next start)");
	if (r == 0)
		tell(k);
	return r;
}

int container_mounts_change(const struct engine *en, const char *what, struct strv gone, struct strv come, const char *here, struct err *e)
{
	const struct ct_options opt = { .here = here };
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP(change_end) struct change k = { .en = en, .a = &a, .h = HOLD_INIT, .e = e };
	int r = hold_container(en, &a, what, &k.h, e);

	k.mounts = r < 0 ? NULL : json_get(k.h.config.doc, "Mounts");
	if (r == 0)
		r = plan_gone(&k, gone);
	if (r == 0)
		r = plan_new(&k, &opt, come);
	if (r == 0)
		r = check_sources(&k.p, e);
	if (r == 0)
		r = check_nested(&k);
	if (r == 0)
		r = find_lost(&k);
	return r < 0 ? r : apply(&k);
}
