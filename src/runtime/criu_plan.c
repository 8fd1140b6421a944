/* What CRIU has to be told of a container, the same for dump and restore: mounts that come from outside are not in the
 * image but named in it ("external"), by the destination the specification has for them, and given again by that name.
 *
 * A place in the container is found by a handle that cannot leave its root, and named as the kernel names that handle:
 * links of the image never lead CRIU anywhere (base/beneath.h). */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/beneath.h"
#include "base/text.h"
#include "oci/mount_options.h"
#include "runtime/criu.h"
#include "runtime/internal.h"

#define YARD "criu-cgroups"
#define CONFIG_ANNOTATION "org.criu.config"

int criu_config_file(const struct oci_kv *annotations, size_t n, const char **out, struct err *e)
{
	static const char *const defaults[] = { "/etc/criu/runc.conf", "/etc/criu/crun.conf" };

	*out = NULL;
	for (size_t i = 0; i < n; i++) {
		const char *file = annotations[i].value;

		if (strcmp(annotations[i].key, CONFIG_ANNOTATION) != 0)
			continue;
		/* CRIU itself would go on without a word */
		if (*file && access(file, R_OK) < 0)
			return err_errno(e, -errno, "annotation " CONFIG_ANNOTATION ": %s", file);
		*out = *file ? file : NULL;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(defaults) && !*out; i++)
		if (access(defaults[i], R_OK) == 0)
			*out = defaults[i];
	return 0;
}

/* ---- what cannot be ---- */

static int check_mount(const struct oci_mount *m, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct oci_mount_options o;
	int r = oci_mount_options_parse(&a, m->options, &o, e);

	if (r < 0)
		return err_ctx(e, "mount on %s", m->destination);
	if (o.idmap != OCI_IDMAP_NO || m->n_uid_map || m->n_gid_map)
		return err_set(e, ERR_UNSUPPORTED, "mount on %s: CRIU cannot restore an id-mapped mount", m->destination);
	return 0;
}

int criu_check_spec(const struct oci_spec *spec, struct err *e)
{
	const struct oci_namespace *ns = spec->linux_.ns;
	static const enum oci_ns own_only[] = { OCI_NS_CGROUP, OCI_NS_TIME, OCI_NS_MOUNT };

	for (size_t i = 0; i < ARRAY_LEN(own_only); i++)
		if (ns[own_only[i]].path)
			return err_set(e, ERR_UNSUPPORTED,
				       "linux.namespaces: CRIU cannot restore into a \"%s\" namespace that is joined by path",
				       oci_ns_name(own_only[i]));
	for (size_t i = 0; i < spec->n_mounts; i++)
		if (check_mount(&spec->mounts[i], e) < 0)
			return e->code;
	return 0;
}

/* ---- cgroups ---- */

int criu_yard_make(struct arena *a, const char *state, bool link, const char **out, struct err *e)
{
	char *yard, *v2;

	*out = NULL;
	if (!cg_is_unified())
		return 0;
	yard = arena_printf(a, "%s/" YARD, state);
	v2 = arena_printf(a, "%s/" CRIU_YARD_V2, yard);
	if (!yard || !v2)
		return err_errno(e, -ENOMEM, "cgroups for CRIU");
	/* of another try that was killed */
	criu_yard_remove(yard);
	if (mkdir(yard, 0700) < 0 || (link ? symlink("/sys/fs/cgroup", v2) : mkdir(v2, 0700)) < 0)
		return err_errno(e, -errno, "%s", v2);
	*out = yard;
	return 0;
}

void criu_yard_remove(const char *yard)
{
	CLEANUP_FD int fd = yard ? open(yard, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd < 0)
		return;
	if (unlinkat(fd, CRIU_YARD_V2, 0) < 0)
		(void)unlinkat(fd, CRIU_YARD_V2, AT_REMOVEDIR);
	(void)rmdir(yard);
}

/* ---- lists ---- */

int criu_add(struct criu_list *l, const char *key, const char *value, struct err *e)
{
	struct criu_pair *v = arena_grow(l->arena, l->v, l->n, &l->cap, sizeof(*v));

	if (!v || !key || !value)
		return err_errno(e, -ENOMEM, "request to CRIU");
	l->v = v;
	l->v[l->n++] = (struct criu_pair){ key, value };
	return 0;
}

const char *criu_resolve(struct arena *a, int root, const char *path)
{
	CLEANUP_FD int fd = beneath_open(root, path, BENEATH_IN_ROOT, O_PATH, 0);

	return fd < 0 ? NULL : criu_path_of(a, fd);
}

const char *criu_path_of(struct arena *a, int fd)
{
	char link[32], path[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path));
	return n <= 0 || (size_t)n == sizeof(path) ? NULL : arena_strndup(a, path, (size_t)n);
}

/* ---- mounts from outside ---- */

struct mounts {
	struct criu_list *list;
	const struct oci_spec *spec;
	const char *cgroup;
	bool dump;
	int root; /* of the container, in a dump */
};

/* One at `destination`, which at restore shows `source`. */
static int add_mount(const struct mounts *m, const char *destination, const char *source, struct err *e)
{
	const char *place;

	if (!m->dump)
		return criu_add(m->list, destination, source, e);
	place = criu_resolve(m->list->arena, m->root, destination);
	return criu_add(m->list, place ? place : destination, destination, e);
}

/* Of each hierarchy the container's own folder, where it has no cgroup namespace (cgmount.c). */
static int add_hierarchies(const struct mounts *m, const struct oci_mount *mount, struct err *e)
{
	bool all = cg_detect() != CG_V2 && strcmp(mount->type, "cgroup2") != 0;
	struct arena *a = m->list->arena;
	CLEANUP_CGROUP struct cgroup *cg = NULL;
	int r = m->cgroup ? cg_open(m->cgroup, &cg, e) : cg_open_own(&cg, e);

	for (size_t h = 0; r == 0 && h < cg_hierarchies(); h++) {
		int dir = cg_hierarchy_dir(cg, h);

		if (dir < 0 || (!all && (int)h != cg_hierarchy_v2()))
			continue;
		r = add_mount(m, all ? arena_printf(a, "%s/%s", mount->destination, cg_hierarchy_name(h)) : mount->destination,
			      criu_path_of(a, dir), e);
	}
	return r;
}

static int add_spec_mount(const struct mounts *m, const struct oci_mount *mount, struct err *e)
{
	struct oci_mount_options o;
	int r = oci_mount_options_parse(m->list->arena, mount->options, &o, e);

	if (r < 0)
		return r;
	if (o.bind || (mount->type && !strcmp(mount->type, "bind")))
		return add_mount(m, mount->destination, mount->source ? mount->source : "", e);
	if (mount->type && text_starts(mount->type, "cgroup") && !m->spec->linux_.ns[OCI_NS_CGROUP].wanted)
		return add_hierarchies(m, mount, e);
	return 0;
}

/* A folder is masked by a tmpfs, which CRIU makes again itself. */
static int add_mask(const struct mounts *m, const char *path, struct err *e)
{
	CLEANUP_FD int fd = beneath_open(m->root, path, BENEATH_IN_ROOT, O_PATH, 0);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || S_ISDIR(st.st_mode))
		return 0;
	return criu_add(m->list, criu_path_of(m->list->arena, fd), "/dev/null", e);
}

static int add_masks(const struct mounts *m, struct err *e)
{
	const char *const *masked = m->spec->linux_.masked_paths;
	int r = 0;

	if (!masked || !*masked)
		return 0;
	if (!m->dump)
		return criu_add(m->list, "/dev/null", "/dev/null", e);
	for (; r == 0 && *masked; masked++)
		r = add_mask(m, *masked, e);
	return r;
}

/* Does a tmpfs on /dev hold this node? */
static bool on_dev(const struct oci_spec *spec, const struct oci_device *d)
{
	for (size_t i = 0; i < spec->n_mounts; i++)
		if (!strcmp(spec->mounts[i].destination, "/dev") && spec->mounts[i].type)
			return !strcmp(spec->mounts[i].type, "tmpfs") && text_starts(d->path, "/dev/");
	return false;
}

/* A node that is bound is restored from the host's of that name, as its first one is gone. */
static int add_device(const struct mounts *m, const struct oci_device *d, struct err *e)
{
	struct stat st;

	if (!m->dump && (stat(d->path, &st) < 0 || st.st_rdev != makedev((unsigned int)d->major, (unsigned int)d->minor)))
		return err_set(e, ERR_NOTFOUND, "device %s: the host has no such node to restore it from", d->path);
	return add_mount(m, d->path, d->path, e);
}

static bool binds_dev(const struct oci_spec *spec)
{
	for (size_t i = 0; i < spec->n_mounts; i++)
		if (!strcmp(spec->mounts[i].destination, "/dev"))
			return !spec->mounts[i].type || !strcmp(spec->mounts[i].type, "bind");
	return false;
}

static int add_devices(const struct mounts *m, struct err *e)
{
	const struct oci_device *d;
	int r = 0;

	if (binds_dev(m->spec))
		return 0;
	for (size_t i = 0; r == 0 && (d = rt_device_at(&m->spec->linux_, i)); i++)
		if (!on_dev(m->spec, d) && d->type != 'p')
			r = add_device(m, d, e);
	return r;
}

int criu_mounts(struct criu_list *l, const struct oci_spec *spec, const char *cgroup, bool dump, int root, struct err *e)
{
	const struct mounts m = { l, spec, cgroup, dump, root };

	for (size_t i = 0; i < spec->n_mounts; i++)
		if (add_spec_mount(&m, &spec->mounts[i], e) < 0)
			return err_ctx(e, "mount on %s", spec->mounts[i].destination);
	if (add_masks(&m, e) < 0 || add_devices(&m, e) < 0)
		return e->code;
	return 0;
}
