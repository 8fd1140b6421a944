/* What a device's file has done to the container that gets it: "containerEdits" of CDI (cdi.h) into the plan. Done once for each file and
 * device, in the order of the command line. What the specification has and we cannot do is refused, also what nobody knows: a device that
 * is there by half is worse than none. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/text.h"
#include "engine/cdi.h"
#include "engine/spec_plan.h"
#include "oci/mount_options.h"

static int no_memory(struct err *e)
{
	return err_errno(e, -ENOMEM, "devices");
}

static int grow_texts(struct plan *p, struct strv *list, const char *text, struct err *e)
{
	const char **v = arena_array(p->a, list->n + 2, sizeof(*v));

	if (!v || !text)
		return no_memory(e);
	for (size_t i = 0; i < list->n; i++)
		v[i] = list->v[i];
	v[list->n] = text;
	*list = (struct strv){ v, list->n + 1 };
	return 0;
}

static int texts(struct plan *p, const struct json *of, const char *where, const char *key, struct strv *out, struct err *e)
{
	const char **v = NULL;
	size_t n = 0;
	int r = json_get_strv(p->a, of, where, key, &v, &n, e);

	*out = (struct strv){ v, n };
	return r;
}

static int must_be_path(const char *where, const char *key, const char *path, struct err *e)
{
	return path[0] == '/' ? 0 : err_set(e, ERR_INVALID, "%s: %s \"%.80s\" is no absolute path", where, key, path);
}

/* ---- device nodes ---- */

/* Type and numbers are the host's node's, where the file does not say them. */
static int fill_node(const char *host, const char *type, int64_t major_nr, int64_t minor_nr, struct plan_device *d, struct err *e)
{
	struct stat st = { 0 };
	bool there = stat(host, &st) == 0 && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode));

	if (!there && (!type[0] || major_nr < 0 || minor_nr < 0))
		return err_set(e, ERR_NOTFOUND, "deviceNodes: %.200s is no device of this machine", host);
	if (type[0] && strcmp(type, "c") != 0 && strcmp(type, "b") != 0 && strcmp(type, "u") != 0)
		return err_set(e, ERR_UNSUPPORTED, "deviceNodes: type \"%.20s\" is not supported (b, c and u are)", type);
	d->type = type[0] ? type[0] == 'b' ? 'b' : 'c' : S_ISBLK(st.st_mode) ? 'b' : 'c';
	d->major = major_nr < 0 ? major(st.st_rdev) : (unsigned int)major_nr;
	d->minor = minor_nr < 0 ? minor(st.st_rdev) : (unsigned int)minor_nr;
	d->mode = there ? st.st_mode & 07777 : 0666;
	d->uid = st.st_uid;
	d->gid = st.st_gid;
	return 0;
}

static int node(struct plan *p, const struct json *of, struct err *e)
{
	static const char *const known[] = { "path", "hostPath", "type", "major", "minor", "fileMode", "permissions", "uid", "gid" };
	const char *path = "", *host = NULL, *type = "", *access = "rwm";
	int64_t major_nr = -1, minor_nr = -1;
	struct plan_device d = { 0 };
	uint32_t mode;
	int r = json_check_keys(of, known, ARRAY_LEN(known), "deviceNodes", "", e);

	if (r < 0 || (r = json_get_str(of, "deviceNodes", "path", &path, e)) < 0 || (r = must_be_path("deviceNodes", "path", path, e)) < 0 ||
	    (r = json_get_str(of, "deviceNodes", "hostPath", &host, e)) < 0 || (r = json_get_str(of, "deviceNodes", "type", &type, e)) < 0 ||
	    (r = json_get_i64(of, "deviceNodes", "major", &major_nr, e)) < 0 || (r = json_get_i64(of, "deviceNodes", "minor", &minor_nr, e)) < 0 ||
	    (r = json_get_str(of, "deviceNodes", "permissions", &access, e)) < 0 ||
	    (r = fill_node(host ? host : path, type, major_nr, minor_nr, &d, e)) < 0)
		return r;
	if (!access[0] || strspn(access, "rwm") != strlen(access))
		return err_set(e, ERR_INVALID, "deviceNodes: permissions \"%.20s\": want letters of rwm", access);
	mode = d.mode;
	if ((r = json_get_u32(of, "deviceNodes", "fileMode", &mode, e)) < 0 || (r = json_get_u32(of, "deviceNodes", "uid", &d.uid, e)) < 0 ||
	    (r = json_get_u32(of, "deviceNodes", "gid", &d.gid, e)) < 0)
		return r;
	d.mode = mode & 07777;
	d.path = plan_clean_path(p->a, path);
	d.host = host ? host : path;
	d.access = access;
	for (size_t i = 0; d.path && i < p->n_devices; i++) /* its number and its serial are names of one device */
		if (strcmp(p->devices[i].path, d.path) == 0)
			return 0;
	return d.path ? plan_add_device(p, &d, e) : no_memory(e);
}

/* ---- mounts ---- */

static int mount(struct plan *p, const struct json *of, struct err *e)
{
	static const char *const known[] = { "hostPath", "containerPath", "type", "options" };
	struct plan_mount m = { .type = "bind", .source = "", .target = "" }, *grown;
	struct oci_mount_options judged;
	struct strv options = { 0 };
	int r = json_check_keys(of, known, ARRAY_LEN(known), "mounts", "", e);

	if (r == 0)
		r = json_get_str(of, "mounts", "hostPath", &m.source, e);
	if (r == 0)
		r = json_get_str(of, "mounts", "containerPath", &m.target, e);
	if (r == 0)
		r = must_be_path("mounts", "containerPath", m.target, e);
	if (r == 0)
		r = json_get_str(of, "mounts", "type", &m.type, e);
	if (r == 0)
		r = texts(p, of, "mounts", "options", &options, e);
	if (r == 0)
		r = oci_mount_options_parse(p->a, options.v, &judged, e);
	if (r == 0 && (!m.type[0] || strcmp(m.type, "bind") == 0)) {
		m.type = "bind";
		r = must_be_path("mounts", "hostPath", m.source, e);
		if (r == 0 && !judged.bind)
			r = grow_texts(p, &options, "rbind", e);
	}
	if (r < 0)
		return r;
	m.options = options;
	m.target = plan_clean_path(p->a, m.target);
	for (size_t i = 0; m.target && i < p->n_mounts; i++)
		if (strcmp(p->mounts[i].target, m.target) == 0 && strcmp(p->mounts[i].source, m.source) == 0)
			return 0;
	r = m.target ? plan_target(p, "mounts:", m.source, m.target, e) : no_memory(e);
	grown = r == 0 ? arena_grow(p->a, p->mounts, p->n_mounts, &p->mounts_cap, sizeof(*grown)) : NULL;
	if (!grown)
		return r < 0 ? r : no_memory(e);
	p->mounts = grown;
	grown[p->n_mounts++] = m;
	return 0;
}

/* ---- the rest ---- */

static int hook(struct plan *p, const struct json *of, struct err *e)
{
	static const char *const known[] = { "hookName", "path", "args", "env", "timeout" };
	struct plan_hook h = { .point = "", .path = "" }, *grown;
	const char *word = NULL;
	int r = json_check_keys(of, known, ARRAY_LEN(known), "hooks", "", e);

	if (r < 0 || (r = json_get_str(of, "hooks", "hookName", &h.point, e)) < 0 || (r = json_get_str(of, "hooks", "path", &h.path, e)) < 0 ||
	    (r = must_be_path("hooks", "path", h.path, e)) < 0 || (r = texts(p, of, "hooks", "args", &h.args, e)) < 0 ||
	    (r = texts(p, of, "hooks", "env", &h.env, e)) < 0 || (r = json_get_u32(of, "hooks", "timeout", &h.timeout, e)) < 0)
		return r;
	for (size_t i = 0; (word = oci_word(OCI_WORDS_HOOKS, i)) && strcmp(word, h.point) != 0; i++)
		;
	if (!word)
		return err_set(e, ERR_INVALID, "hooks: there is no hookName \"%.40s\"", h.point);
	grown = arena_grow(p->a, p->hooks, p->n_hooks, &p->hooks_cap, sizeof(*grown));
	if (!grown)
		return no_memory(e);
	p->hooks = grown;
	grown[p->n_hooks++] = h;
	return 0;
}

static int variable(struct plan *p, const struct json *text, struct err *e)
{
	if (text->type != JSON_STRING || !strchr(text->str, '=') || text->str[0] == '=')
		return err_set(e, ERR_INVALID, "env: each is a text NAME=VALUE");
	return grow_texts(p, &p->device_env, text->str, e);
}

/* 0 is everybody's anyhow. */
static int group(struct plan *p, const struct json *id, struct err *e)
{
	uint32_t *grown;
	int64_t gid;

	if (json_as_i64(id, &gid) < 0 || gid < 0 || gid >= UINT32_MAX)
		return err_set(e, ERR_INVALID, "additionalGids: each is a number of a group");
	if (gid == 0)
		return 0;
	grown = arena_grow(p->a, p->device_groups, p->n_device_groups, &p->device_groups_cap, sizeof(*grown));
	if (!grown)
		return no_memory(e);
	p->device_groups = grown;
	grown[p->n_device_groups++] = (uint32_t)gid;
	return 0;
}

static const struct {
	const char *key;
	int (*apply)(struct plan *p, const struct json *of, struct err *e); /* NULL: refused */
	bool objects;
} rows[] = {
	{ "env", variable, false }, { "deviceNodes", node, true }, { "mounts", mount, true },	   { "hooks", hook, true },
	{ "additionalGids", group, false }, { "netDevices", NULL, true }, { "intelRdt", NULL, true },
};

static int apply(struct plan *p, const struct json *edits, struct err *e)
{
	const char *known[ARRAY_LEN(rows)];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		known[i] = rows[i].key;
	if (json_check_keys(edits, known, ARRAY_LEN(known), "containerEdits", "", e) < 0)
		return e->code;
	for (size_t i = 0; edits && i < ARRAY_LEN(rows); i++) {
		const struct json *list = json_get(edits, rows[i].key);

		if (list && list->type != JSON_NULL && !rows[i].apply)
			return err_set(e, ERR_UNSUPPORTED, "%s of a device is not supported by tare", rows[i].key);
		if (list && list->type != JSON_NULL && list->type != JSON_ARRAY)
			return err_set(e, ERR_INVALID, "%s: want a list", rows[i].key);
		json_each(it, list) {
			if (rows[i].objects && it->type != JSON_OBJECT)
				return err_set(e, ERR_INVALID, "%s: each is an object", rows[i].key);
			if (rows[i].apply(p, it, e) < 0)
				return e->code;
		}
	}
	return 0;
}

static int give(struct plan *p, const struct cdi *c, const char *name, struct strv *files, struct err *e)
{
	const struct cdi_device *d;
	bool seen = false;

	if (cdi_device_find(c, name, &d, e) < 0)
		return err_ctx(e, "--device %s", name);
	for (size_t i = 0; i < files->n; i++)
		seen |= strcmp(files->v[i], d->file) == 0;
	if ((!seen && (apply(p, d->of_all, e) < 0 || grow_texts(p, files, d->file, e) < 0)) || apply(p, d->edits, e) < 0)
		return err_ctx(e, "--device %s: %s", name, d->file);
	return grow_texts(p, &p->device_names, name, e);
}

/* Once, whatever the number of times it is asked for: by its name and by --gpus. */
static int give_once(struct plan *p, const struct cdi *c, const char *name, struct strv *files, struct err *e)
{
	for (size_t i = 0; i < p->device_names.n; i++)
		if (strcmp(p->device_names.v[i], name) == 0)
			return 0;
	return give(p, c, name, files, e);
}

int plan_named_devices(struct plan *p, struct err *e)
{
	static const char *const usual[] = { "/etc/cdi", "/var/run/cdi" };
	const struct ct_options *o = p->opt;
	struct strv files = { 0 }, folders = o->device_folders.n ? o->device_folders : (struct strv){ usual, ARRAY_LEN(usual) };
	bool any = o->gpus.n > 0;
	struct cdi c;
	int r;

	for (size_t i = 0; i < o->devices.n; i++)
		any |= cdi_is_name(o->devices.v[i]);
	r = any ? cdi_read(p->a, folders, &c, e) : 0;
	for (size_t i = 0; any && r == 0 && i < o->devices.n; i++)
		if (cdi_is_name(o->devices.v[i]))
			r = give_once(p, &c, o->devices.v[i], &files, e);
	for (size_t i = 0; r == 0 && i < o->gpus.n; i++) {
		struct strv names;

		r = cdi_gpus(&c, o->gpus.v[i], &names, e);
		for (size_t k = 0; r == 0 && k < names.n; k++)
			r = give_once(p, &c, names.v[k], &files, e);
	}
	return r;
}

/* ---- writing ---- */

static void write_hook(const struct plan_hook *h, struct json_writer *w)
{
	jw_object(w, NULL);
	jw_str(w, "path", h->path);
	if (h->args.n)
		jw_strv(w, "args", h->args.v);
	if (h->env.n)
		jw_strv(w, "env", h->env.v);
	if (h->timeout)
		jw_u64(w, "timeout", h->timeout);
	jw_end_object(w);
}

void plan_write_hooks(const struct plan *p, struct json_writer *w)
{
	const char *point;

	if (!p->n_hooks)
		return;
	jw_object(w, "hooks");
	for (size_t i = 0; (point = oci_word(OCI_WORDS_HOOKS, i)); i++) {
		bool any = false;

		for (size_t k = 0; k < p->n_hooks; k++) {
			if (strcmp(p->hooks[k].point, point) != 0)
				continue;
			if (!any)
				jw_array(w, point);
			any = true;
			write_hook(&p->hooks[k], w);
		}
		if (any)
			jw_end_array(w);
	}
	jw_end_object(w);
}
