#include "engine/volume_use.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "engine/config.h"
#include "engine/record.h"
#include "engine/rootfile.h"
#include "engine/volume.h"
#include "engine/volume_fill.h"

/* ---- --volumes-from ---- */

static int read_mount(const struct json *mount, struct plan_bind *b, struct err *e)
{
	const char *type = NULL, *mode = "", *name = NULL;
	bool rw = true, recursive = true;
	int r = json_get_str(mount, "Mounts", "Type", &type, e);

	*b = (struct plan_bind){ .propagation = "rprivate" };
	if (r == 0)
		r = json_get_str(mount, "Mounts", "Source", &b->source, e);
	if (r == 0)
		r = json_get_str(mount, "Mounts", "Destination", &b->target, e);
	if (r == 0)
		r = json_get_str(mount, "Mounts", "Name", &name, e);
	if (r == 0)
		r = json_get_str(mount, "Mounts", "ImageID", &b->image_id, e);
	if (r == 0)
		r = json_get_str(mount, "Mounts", "Subpath", &b->subpath, e);
	if (r == 0)
		r = json_get_str(mount, "Mounts", "Propagation", &b->propagation, e);
	if (r == 0)
		r = json_get_str(mount, "Mounts", "Mode", &mode, e);
	if (r == 0)
		r = json_get_bool(mount, "Mounts", "RW", &rw, e);
	if (r == 0)
		r = json_get_bool(mount, "Mounts", "IdMapped", &b->idmap, e);
	if (r == 0)
		r = json_get_bool(mount, "Mounts", "Recursive", &recursive, e);
	if (r < 0)
		return r;
	if (!b->propagation || !b->propagation[0])
		b->propagation = "rprivate";
	if (b->image_id)
		b->image = name;
	else
		b->volume = name;
	b->ro = !rw;
	b->recursive = recursive;
	b->mode = mode;
	return b->target && (b->volume || b->image || (type && strcmp(type, "bind") == 0 && b->source)) ? 1 : 0;
}

static int add_mounts(struct plan *p, const struct record *rec, const char *mode, struct plan_bind *v, size_t most, size_t *n, struct err *e)
{
	struct ct_config config;
	int r = config_parse(p->a, rec->config, &config, e);

	if (r < 0)
		return r;
	json_each(mount, json_get(config.doc, "Mounts")) {
		if (*n == most)
			return err_set(e, ERR_LIMIT, "--volumes-from: more than %zu mounts", most);
		r = read_mount(mount, &v[*n], e);
		if (r < 0)
			return err_ctx(e, "container %s", rec->name);
		if (r == 0)
			continue;
		v[*n].ro |= strcmp(mode, "ro") == 0;
		v[*n].idmap = v[*n].idmap || v[*n].volume; /* as this container needs it, see volumes_plan() */
		v[*n].nocopy = true;
		(*n)++;
	}
	return 0;
}

/* Of volumes that another container has: those that are its own are this one's, too. */
static int share_own(struct catalog *c, const char *container, struct plan_bind *v, size_t n, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < n; i++) {
		r = v[i].volume ? volume_is_own(c, container, v[i].volume, e) : 0;
		v[i].own = r > 0;
	}
	return r < 0 ? r : 0;
}

/* CONTAINER[:MODE]. */
static int from_one(const struct engine *en, struct plan *p, const char *text, struct plan_bind *v, size_t most, size_t *n, struct err *e)
{
	const char *colon = strchr(text, ':'), *mode = colon ? colon + 1 : "rw";
	const char *name = arena_strndup(p->a, text, colon ? (size_t)(colon - text) : strlen(text));
	const size_t before = *n;
	struct record rec;
	int r;

	if (strcmp(mode, "z") == 0 || strcmp(mode, "Z") == 0)
		mode = "rw";
	if (strcmp(mode, "ro") != 0 && strcmp(mode, "rw") != 0)
		return err_set(e, ERR_INVALID, "--volumes-from %s: ro or rw behind the colon", text);
	r = name ? record_find(en->catalog, p->a, name, &rec, e) : err_errno(e, -ENOMEM, "--volumes-from");
	if (r == 0)
		r = add_mounts(p, &rec, mode, v, most, n, e);
	if (r == 0)
		r = share_own(en->catalog, rec.id, v + before, *n - before, e);
	return r < 0 ? err_ctx(e, "--volumes-from %s", text) : 0;
}

#define MOST_FROM 256U

int volumes_from(const struct engine *en, struct plan *p, struct err *e)
{
	struct plan_bind *v;
	size_t n = 0, kept = 0;
	int r = 0;

	if (!p->opt->volumes_from.n)
		return 0;
	v = arena_array(p->a, MOST_FROM, sizeof(*v));
	if (!v)
		return err_errno(e, -ENOMEM, "--volumes-from");
	for (size_t i = 0; r == 0 && i < p->opt->volumes_from.n; i++)
		r = from_one(en, p, p->opt->volumes_from.v[i], v, MOST_FROM, &n, e);
	for (size_t i = 0; i < n; i++) { /* the last one of a place counts */
		bool again = false;

		for (size_t k = i + 1; k < n; k++)
			again |= strcmp(v[k].target, v[i].target) == 0;
		if (!again)
			v[kept++] = v[i];
	}
	p->from = v;
	p->n_from = kept;
	return r;
}

/* ---- names and sources ---- */

static int name_it(const struct plan *p, struct plan_bind *b, struct err *e)
{
	char name[ID_LEN + 1];
	int r = text_random_hex(ID_LEN / 2, name);

	b->volume = r < 0 ? NULL : arena_strdup(p->a, name);
	b->own = true;
	return b->volume ? 0 : err_errno(e, r < 0 ? r : -ENOMEM, "make up a volume's name");
}

static struct volume_wish wish_of(const struct plan_bind *b)
{
	return (struct volume_wish){ .name = b->volume, .driver = b->driver, .anonymous = b->anonymous, .labels = b->labels, .options = b->opts };
}

/* tmpfs: another kind of mount. */
static int become_tmpfs(struct plan *p, const struct plan_bind *b, const struct volume *v, struct err *e)
{
	struct plan_tmpfs t = { .target = b->target, .volume = v->name, .listed = true, .ro = b->ro };
	const char *o = arena_printf(p->a, "%s%s%s", v->o, *v->o && b->ro ? "," : "", b->ro ? "ro" : "");

	if (b->subpath)
		return err_set(e, ERR_INVALID, "volume %s is in memory, and empty at each start: there is no %s in it", v->name, b->subpath);
	if (o && *o)
		t.options = plan_split(p->a, o, ',');
	p->tmpfs[p->n_tmpfs++] = t;
	return o ? 0 : err_errno(e, -ENOMEM, "volumes");
}

static bool says(const char *o, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = strstr(o, word); at; at = strstr(at + 1, word))
		if ((at == o || at[-1] == ',') && (!at[len] || at[len] == ','))
			return true;
	return false;
}

/* 1: it became a tmpfs. */
static int find_source(const struct engine *en, struct plan *p, struct plan_bind *b, struct err *e)
{
	struct volume_wish wish = wish_of(b);
	struct volume v = { .kind = VOLUME_FOLDER, .name = b->volume, .o = "" };
	const char *name;
	int r = b->anonymous ? volume_check(p->a, &wish, e) : volume_create(en, p->a, &wish, &name, e);

	if (r == 0 && !b->anonymous)
		r = volume_find(en->catalog, p->a, b->volume, &v, e);
	else if (r == 0 && b->opts.n)
		r = err_set(e, ERR_UNSUPPORTED, "--mount to %s: volume-opt is of a volume with a name: source=NAME is missing", b->target);
	if (r < 0)
		return r;
	b->idmap = b->idmap && p->userns && !p->rootless;
	if (v.kind == VOLUME_TMPFS) {
		r = become_tmpfs(p, b, &v, e);
		return r < 0 ? r : 1;
	}
	r = b->anonymous ? 0 : volume_has_limits(en, &v, e);
	if (r < 0)
		return r;
	if (v.kind == VOLUME_FS && p->rootless)
		return err_set(e, ERR_DENIED, "volume %s: only root may mount %s: root mounts it on the host, and a volume is made of that folder (-o o=bind)",
			       v.name, v.type);
	if (v.kind == VOLUME_FS && b->propagation && *b->propagation && !strstr(b->propagation, "private"))
		return err_set(e, ERR_UNSUPPORTED, "volume %s: %s is for folders of the host; this is a file system that each container mounts for itself", v.name,
			       b->propagation);
	if (v.kind == VOLUME_FS) {
		b->fs_type = v.type;
		b->fs_device = v.device;
		b->fs_options = *v.o ? plan_split(p->a, v.o, ',') : (struct strv){ NULL, 0 };
	}
	b->source = v.kind == VOLUME_BIND ? v.device : volume_path(en, p->a, b->volume);
	b->of_host = v.kind == VOLUME_BIND;
	b->ro |= v.kind != VOLUME_FOLDER && says(v.o, "ro");
	if (b->of_host && !says(v.o, "rbind"))
		b->recursive = false;
	return b->source ? 0 : err_errno(e, -ENOMEM, "volumes");
}

int volumes_plan(const struct engine *en, struct plan *p, struct err *e)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->n_binds; i++) {
		struct plan_bind *b = &p->binds[i];
		int r = b->anonymous ? name_it(p, b, e) : 0;

		if (r == 0 && b->volume)
			r = find_source(en, p, b, e);
		else if (r == 0 && !p->userns)
			b->idmap = false; /* another container's bind */
		if (r < 0)
			return r;
		if (r == 0)
			p->binds[kept++] = *b;
	}
	p->n_binds = kept;
	return 0;
}

int volumes_take(struct catalog *c, const struct plan *p, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->n_binds; i++) {
		const struct plan_bind *b = &p->binds[i];
		struct volume_wish wish = wish_of(b);

		if (!b->volume)
			continue;
		if (b->anonymous)
			r = volume_insert(c, &wish, e);
		if (r == 0)
			r = volume_use(c, p->id, b->volume, b->own, e);
	}
	for (size_t i = 0; r == 0 && i < p->n_tmpfs; i++)
		if (p->tmpfs[i].volume)
			r = volume_use(c, p->id, p->tmpfs[i].volume, false, e);
	return r;
}

/* ---- first content ---- */

int volumes_fill(const struct engine *en, const struct plan *p, const int *lowers, size_t n, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->n_binds; i++) {
		const struct plan_bind *b = &p->binds[i];
		bool as_it_is = b->nocopy || b->subpath; /* a part of it is there, or is not */
		char at[PATH_MAX] = "";

		if (!b->volume || b->of_host || b->fs_type)
			continue;
		if (!as_it_is)
			rootfile_where(lowers, n, b->target + 1, at);
		r = volume_fill(en, b->volume, as_it_is ? VOLUME_FILL_NOTHING : VOLUME_FILL_EMPTY, lowers, n, at, e);
	}
	return r;
}
