/* What CRIU has to be told of a container: mounts that come from outside are not in the image but named in it
 * ("external"), by the destination the specification has for them, and given again by that name (stage.c).
 *
 * A place in the container is found by a handle that cannot leave its root, and named as the kernel names that handle:
 * links of the image never lead CRIU anywhere (base/beneath.h). */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/beneath.h"
#include "base/io.h"
#include "base/text.h"
#include "oci/mount_options.h"
#include "runtime/confine.h"
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

int criu_check_spec(const struct oci_spec *spec, struct err *e)
{
	static const enum oci_ns own_only[] = { OCI_NS_CGROUP, OCI_NS_TIME, OCI_NS_MOUNT };
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct oci_mount_options o;
	struct rt_confine landlock;

	if (!spec->linux_.ns[OCI_NS_MOUNT].wanted)
		return err_set(e, ERR_UNSUPPORTED,
			       "linux.namespaces: CRIU needs a \"mount\" namespace of the container's own");
	if (rt_confine_parse(&a, spec, &landlock, e) < 0)
		return e->code;
	if (landlock.any)
		return err_set(e, ERR_UNSUPPORTED, "annotations org.tare.landlock.*: CRIU does not restore Landlock's rules");
	for (size_t i = 0; i < spec->n_mounts; i++) {
		if (oci_mount_options_parse(&a, spec->mounts[i].options, &o, e) < 0)
			return e->code;
		if (o.links)
			return err_set(e, ERR_UNSUPPORTED,
				       "mount on %s: CRIU follows links: src-nofollow, dest-nofollow and copy-symlink cannot be restored",
				       spec->mounts[i].destination);
		if (o.remount)
			return err_set(e, ERR_UNSUPPORTED, "mount on %s: what \"remount\" changed cannot be restored",
				       spec->mounts[i].destination);
	}
	if (spec->linux_.ns[OCI_NS_USER].wanted)
		return err_set(e, ERR_UNSUPPORTED,
			       "linux.namespaces: checkpoint and restore of a container with a \"user\" namespace are not supported");
	for (size_t i = 0; i < ARRAY_LEN(own_only); i++)
		if (spec->linux_.ns[own_only[i]].path)
			return err_set(e, ERR_UNSUPPORTED,
				       "linux.namespaces: CRIU cannot restore into a \"%s\" namespace that is joined by path",
				       oci_ns_name(own_only[i]));
	return 0;
}

/* ---- cgroups ---- */

int criu_yard_make(struct arena *a, const char *state, const char **out, struct err *e)
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
	if (mkdir(yard, 0700) < 0 || symlink("/sys/fs/cgroup", v2) < 0)
		return err_errno(e, -errno, "%s", v2);
	*out = yard;
	return 0;
}

void criu_yard_remove(const char *yard)
{
	CLEANUP_FD int fd = yard ? openat(AT_FDCWD, yard, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd < 0)
		return;
	(void)unlinkat(fd, CRIU_YARD_V2, 0);
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
	char path[PATH_MAX];

	return io_path_of(fd, path) < 0 ? NULL : arena_strdup(a, path);
}

/* ---- mounts from outside ---- */

struct mounts {
	struct criu_list *list;
	const struct oci_spec *spec;
	int root; /* of the container */
};

/* One at `destination`: there it lies, so it is called in the image. */
static int add_mount(const struct mounts *m, const char *destination, struct err *e)
{
	const char *place = criu_resolve(m->list->arena, m->root, destination);

	return criu_add(m->list, place ? place : destination, destination, e);
}

/* Of each hierarchy the container's own folder, where it has no cgroup namespace (cgmount.c). */
static int add_hierarchies(const struct mounts *m, const struct oci_mount *mount, struct err *e)
{
	int r = 0;

	if (cg_detect() == CG_V2 || !strcmp(mount->type, "cgroup2"))
		return add_mount(m, mount->destination, e);
	for (size_t h = 0; r == 0 && h < cg_hierarchies(); h++)
		r = add_mount(m, arena_printf(m->list->arena, "%s/%s", mount->destination, cg_hierarchy_name(h)), e);
	return r;
}

static int add_spec_mount(const struct mounts *m, const struct oci_mount *mount, struct err *e)
{
	const struct oci_namespace *ns = m->spec->linux_.ns;
	struct oci_mount_options o;
	int r = oci_mount_options_parse(m->list->arena, mount->options, &o, e);

	if (r < 0)
		return r;
	if (o.bind || (mount->type && !strcmp(mount->type, "bind")))
		return add_mount(m, mount->destination, e);
	if (mount->type && text_starts(mount->type, "cgroup") && !ns[OCI_NS_CGROUP].wanted)
		return add_hierarchies(m, mount, e);
	return 0;
}

/* ---- what is mounted in the source of a recursive bind ---- */

static bool is_recursive(struct arena *a, const struct oci_mount *m)
{
	struct oci_mount_options o;
	struct err ignored;

	return oci_mount_options_parse(a, m->options, &o, &ignored) == 0 && o.recursive_bind;
}

static bool lies_in(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return strncmp(path, folder, len) == 0 && (path[len] == '/' || !path[len]);
}

/* A mount point that config.json does not name belongs to the mount it lies in, the nearest and latest. CRIU would take it
 * for the container's own, and restore a copy of the host's. */
static int add_if_inside(const struct mounts *m, const char *const *places, const char *point, struct err *e)
{
	struct arena *a = m->list->arena;
	const struct oci_mount *in = NULL;
	size_t len = 0;

	for (size_t i = 0; i < m->spec->n_mounts; i++) {
		if (!lies_in(point, places[i]) || strlen(places[i]) < len)
			continue;
		in = &m->spec->mounts[i];
		len = strlen(places[i]);
	}
	if (!in || !point[len] || !is_recursive(a, in))
		return 0;
	return criu_add(m->list, arena_strdup(a, point), arena_printf(a, "%s%s", in->destination, point + len), e);
}

static int add_submounts(const struct mounts *m, pid_t pid, struct err *e)
{
	CLEANUP_FREE char *info = NULL;
	const char **places = arena_array(m->list->arena, m->spec->n_mounts + 1, sizeof(*places));
	char path[32], *line, *rest = NULL;
	int r;

	if (!places)
		return err_errno(e, -ENOMEM, "mounts");
	for (size_t i = 0; i < m->spec->n_mounts; i++) {
		const char *destination = m->spec->mounts[i].destination;

		places[i] = criu_resolve(m->list->arena, m->root, destination);
		if (!places[i])
			places[i] = destination;
	}
	snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)pid);
	r = io_read_file(AT_FDCWD, path, MOUNTINFO_MAX, &info, NULL);
	if (r < 0)
		return err_errno(e, r, "%s", path);
	for (line = strtok_r(info, "\n", &rest); line && r == 0; line = strtok_r(NULL, "\n", &rest)) {
		const char *point = rt_mount_point(line);

		if (point)
			r = add_if_inside(m, places, point, e);
	}
	return r;
}

/* ---- what hides, and nodes ---- */

/* A folder is masked by a tmpfs, which CRIU makes again itself. */
static int add_mask(const struct mounts *m, const char *path, struct err *e)
{
	CLEANUP_FD int fd = beneath_open(m->root, path, BENEATH_IN_ROOT, O_PATH, 0);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || S_ISDIR(st.st_mode))
		return 0;
	return criu_add(m->list, criu_path_of(m->list->arena, fd), "/dev/null", e);
}

/* Nodes that are bound: those the tmpfs on /dev does not hold. */
static int add_devices(const struct mounts *m, struct err *e)
{
	const char *dev = NULL;
	const struct oci_device *d;
	int r = 0;

	for (size_t i = 0; i < m->spec->n_mounts && !dev; i++)
		if (!strcmp(m->spec->mounts[i].destination, "/dev"))
			dev = m->spec->mounts[i].type ? m->spec->mounts[i].type : "bind";
	if (dev && !strcmp(dev, "bind"))
		return 0;
	for (size_t i = 0; r == 0 && (d = rt_device_at(&m->spec->linux_, i)); i++)
		if (!dev || !text_starts(d->path, "/dev/"))
			r = add_mount(m, d->path, e);
	return r;
}

int criu_mounts(struct criu_list *l, const struct oci_spec *spec, pid_t pid, int root, struct err *e)
{
	const struct mounts m = { .list = l, .spec = spec, .root = root };

	for (size_t i = 0; i < spec->n_mounts; i++)
		if (add_spec_mount(&m, &spec->mounts[i], e) < 0)
			return err_ctx(e, "mount on %s", spec->mounts[i].destination);
	if (add_submounts(&m, pid, e) < 0)
		return e->code;
	for (const char *const *masked = spec->linux_.masked_paths; masked && *masked; masked++)
		if (add_mask(&m, *masked, e) < 0)
			return e->code;
	return add_devices(&m, e);
}
