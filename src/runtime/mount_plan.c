/* Who makes a mount follows from who may. A file system that shows a namespace (proc: pid, sysfs: net, mqueue: ipc,
 * cgroup: cgroup) must be made by a process whose user namespace owns that namespace; devpts and tmpfs belong to the
 * container so that its root may use them. A bind source is opened by who has the host's names and rights: the host side, or
 * (in_place) the child as long as it is in the host's tree.
 * A namespace shared with the host is not the container's: its file system is then made by the host side and is
 * read-only, because the kernel objects behind it belong to the host. */
#include "runtime/mount_plan.h"

#include <string.h>

#include "base/defence.h"
#include "base/log.h"
#include "base/text.h"
#include "oci/mount_idmap.h"
#include "runtime/internal.h"
#include "sys/kernel.h"

/* crun's */
#define LABEL_ANNOTATION "run.oci.mount_context_type"
#define V1_SYSTEMD "run.oci.systemd.force_cgroup_v1"

/* Those that have one label for the whole mount (mount(8), "context="); the others label each file by rules of their own. */
static bool takes_context(const char *type)
{
	static const char *const own[] = { "proc", "sysfs", "mqueue" };

	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		if (!strcmp(own[i], type))
			return false;
	return true;
}

/* The option that gives a file system linux.mountLabel: mount(8), "context=". */
static int find_label_option(const struct oci_spec *spec, const char **out, struct err *e)
{
	static const char *const options[] = { "context", "fscontext", "defcontext", "rootcontext" };
	const char *wanted = oci_annotation(spec, LABEL_ANNOTATION);

	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		*out = options[i];
		if (!wanted || !strcmp(wanted, options[i]))
			return 0;
	}
	return err_set(e, ERR_INVALID, "annotation " LABEL_ANNOTATION ": \"%.80s\" is none of context, fscontext, defcontext, rootcontext",
		       wanted);
}

/* linux.mountLabel, for a file system made anew. fsconfig(2) takes the label as it is: quotes would be part of it. */
static int add_label(struct rt_ctx *c, struct rt_mount_plan *p, struct err *e)
{
	const char *label = c->spec->linux_.mount_label, *option;
	size_t n = 0;
	int r;

	if (!label || !*label || p->kind != RT_MOUNT_FS || !p->m->type || !takes_context(p->m->type))
		return 0;
	r = find_label_option(c->spec, &option, e);
	if (r < 0)
		return r;
	while (p->data[n])
		n++;
	p->data[n] = arena_printf(&c->arena, "%s=%s", option, label);
	return p->data[n] ? 0 : err_errno(e, -ENOMEM, "mounts");
}

/* What the file system is to be told: its own options and the superblock flags, which fsconfig(2) takes by name. */
static int fs_options(struct arena *a, struct rt_mount_plan *p, struct err *e)
{
	const unsigned int bits = sizeof(p->o.sb_set) * 8;
	size_t n = p->o.n_data;

	p->data = arena_array(a, n + bits + 3, sizeof(*p->data)); /* more for a label, and "ro" */
	if (!p->data)
		return err_errno(e, -ENOMEM, "mounts");
	for (size_t i = 0; i < n; i++)
		p->data[i] = p->o.data[i];
	for (unsigned int bit = 0; bit < bits; bit++) {
		unsigned long flag = 1UL << bit;
		bool set = p->o.sb_set & flag;

		if (!set && !(p->o.sb_clear & flag))
			continue;
		p->data[n] = oci_mount_sb_option(flag, set);
		if (p->data[n])
			n++;
		else if (set && flag != MS_SILENT)
			return err_set(e, ERR_UNSUPPORTED, "mount flag %#lx is not supported", flag);
	}
	return 0;
}

static int read_options(struct arena *a, struct rt_mount_plan *p, struct err *e)
{
	int r = oci_mount_options_parse(a, p->m->options, &p->o, e);

	if (r < 0)
		return r;
	if (p->o.bind)
		p->kind = RT_MOUNT_BIND;
	if (p->o.remount)
		p->kind = RT_MOUNT_CHANGE;
	p->read_only = p->o.attr.set & MOUNT_ATTR_RDONLY;
	r = fs_options(a, p, e);
	if (r == 0 && p->o.remount && p->o.bind && p->data[0])
		return err_set(e, ERR_INVALID, "option \"%s\" means nothing to a bind mount", p->data[0]);
	/* the kernel and the peers overlook them */
	for (const char *const *o = p->data; r == 0 && p->o.bind && *o; o++)
		log_warning("mount on %s: option \"%s\" has no effect on a bind mount", p->m->destination, *o);
	return r;
}

static enum rt_mount_kind kind_of(const struct oci_mount *m)
{
	if (m->type && !strcmp(m->type, "bind"))
		return RT_MOUNT_BIND;
	if (m->type && (!strcmp(m->type, "cgroup") || !strcmp(m->type, "cgroup2")))
		return RT_MOUNT_CGROUP;
	return RT_MOUNT_FS;
}

/* The namespace a file system shows, or OCI_NS_COUNT. */
static enum oci_ns shows(const char *type)
{
	static const struct {
		const char *type;
		enum oci_ns ns;
	} table[] = {
		{ "proc", OCI_NS_PID },      { "sysfs", OCI_NS_NETWORK },  { "mqueue", OCI_NS_IPC },
		{ "cgroup", OCI_NS_CGROUP }, { "cgroup2", OCI_NS_CGROUP },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (!strcmp(table[i].type, type))
			return table[i].ns;
	return OCI_NS_COUNT;
}

static bool is_dev(const char *destination)
{
	return !strcmp(destination, "/dev") || !strcmp(destination, "/dev/");
}

static bool is_anchor(const char *destination)
{
	return !strcmp(destination, "/proc") || !strcmp(destination, "/sys");
}

static bool below(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return len > 1 && !strncmp(path, folder, len) && path[len] == '/';
}

static bool is_shared(const struct rt_mount_plan *p)
{
	for (size_t i = 0; i < p->o.n_propagation; i++)
		if (p->o.propagation[i] & MS_SHARED)
			return true;
	return false;
}

/* What is mounted in it in the container shall be the host's, too: that takes a root that is shared as well. Of a root that is not
 * the mounts are slaves of the host's, as the specification's default has it and as the child's copies of them are. */
static bool leads_back(const struct rt_ctx *c, const struct rt_mount_plan *p)
{
	const char *root = c->spec->linux_.rootfs_propagation;

	return is_shared(p) && root && oci_propagation(root) & MS_SHARED;
}

/* A map in the option is as good as the one in uidMappings and gidMappings. */
static int take_idmap_ranges(struct rt_ctx *c, struct rt_mount_plan *p, struct err *e)
{
	struct oci_mount *copy;

	if (p->m->n_uid_map || p->m->n_gid_map)
		return err_set(e, ERR_INVALID, "it has id maps twice, in uidMappings and in the option \"idmap=\": leave one of them out");
	copy = arena_new(&c->arena, struct oci_mount);
	if (!copy)
		return err_errno(e, -ENOMEM, "mounts");
	*copy = *p->m;
	p->m = copy;
	return oci_mount_idmap_parse(&c->arena, p->o.idmap_ranges, &c->spec->linux_, copy, e);
}

static int plan_bind(struct rt_ctx *c, struct rt_mount_plan *p, struct err *e)
{
	const struct rt_rootfs *rootfs = &c->create->rootfs;
	bool back;

	if (!p->m->source)
		return err_set(e, ERR_INVALID, "a bind mount needs a source");
	if (p->o.tmpcopyup)
		return err_set(e, ERR_INVALID, "tmpcopyup is for tmpfs");
	if (p->o.idmap_ranges && take_idmap_ranges(c, p, e) < 0)
		return e->code;
	/* it may be, or be on, one of the mounts made before it: only the child sees those */
	p->on_root = !p->o.subpath && !p->o.n_lower && rootfs->kind == RT_ROOTFS_DIR && below(p->m->source, rootfs->path);
	back = leads_back(c, p);
	p->by_host = !p->on_root && (!c->in_place || back);
	p->slave = p->by_host && is_shared(p) && !back;
	if ((p->m->n_uid_map || p->m->n_gid_map) && p->o.idmap == OCI_IDMAP_NO)
		p->o.idmap = OCI_IDMAP_MOUNT;
	/* the container's own map is the default; without a user namespace there is nothing to map */
	if (!p->m->n_uid_map && !c->spec->linux_.ns[OCI_NS_USER].wanted)
		p->o.idmap = OCI_IDMAP_NO;
	if (p->o.idmap != OCI_IDMAP_NO && p->on_root && !c->in_place)
		return err_set(e, ERR_UNSUPPORTED,
			       "a source inside the rootfs cannot be id-mapped in a user namespace: who sees it is not the host's root");
	if (p->o.idmap != OCI_IDMAP_NO && c->by_child)
		return err_set(e, ERR_UNSUPPORTED, "id-mapped mounts need root: the host's file systems are not this user's");
	if (is_dev(p->m->destination))
		c->dev_is_bind = true;
	return 0;
}

/* Nodes and mount points are still to be made on it: read-only comes last. */
static void plan_dev(struct rt_ctx *c, struct rt_mount_plan *p)
{
	p->kind = RT_MOUNT_DEV;
	p->by_host = !c->by_child && !c->in_place;
	c->dev_is_tmpfs = true;
	c->dev_read_only = (p->o.attr.set | p->o.recursive.set) & MOUNT_ATTR_RDONLY;
	p->o.attr.set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	p->o.recursive.set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	p->read_only = false;
}

/* Its superblock is the machine's: of the same device all containers have the same one. What the volume's own options say about reading alone
 * ("ro") is the superblock's, too; that the container may only read is the mount's ("rro"). */
static int plan_volume(struct rt_ctx *c, struct rt_mount_plan *p, struct err *e)
{
	size_t n = 0;

	if (p->m->n_uid_map || p->m->n_gid_map || p->o.tmpcopyup)
		return err_set(e, ERR_UNSUPPORTED, "x-tare.volume has no id maps of its own, and no tmpcopyup");
	if (c->by_child)
		return err_set(e, ERR_DENIED, "volume %s: only root may mount %s", p->o.volume, p->m->type);
	p->shows = OCI_NS_COUNT;
	p->by_host = true;
	if (!c->spec->linux_.ns[OCI_NS_USER].wanted)
		p->o.idmap = OCI_IDMAP_NO;
	while (p->data[n])
		n++;
	if (p->o.attr.set & MOUNT_ATTR_RDONLY)
		p->data[n++] = "ro";
	p->data[n] = NULL;
	return 0;
}

static int plan_fs(struct rt_ctx *c, struct rt_mount_plan *p, struct err *e)
{
	const char *type = p->m->type;
	enum oci_ns ns;

	if (!type)
		return err_set(e, ERR_INVALID, "it has neither a type nor the option \"bind\"");
	if (p->o.volume)
		return plan_volume(c, p, e);
	if (p->o.idmap != OCI_IDMAP_NO || p->m->n_uid_map || p->m->n_gid_map)
		return err_set(e, ERR_UNSUPPORTED, "id maps are for bind mounts");
	if (p->o.tmpcopyup && strcmp(type, "tmpfs") != 0)
		return err_set(e, ERR_INVALID, "tmpcopyup is for tmpfs");
	if (is_dev(p->m->destination) && !strcmp(type, "tmpfs") && !p->o.tmpcopyup) {
		plan_dev(c, p);
		return 0;
	}
	p->shows = ns = shows(type);
	if (ns != OCI_NS_COUNT && !c->own[ns]) {
		p->by_host = true;
		p->read_only = true;
	}
	return 0;
}

/* type and source say nothing new about what is there. */
static int plan_change(const struct rt_mount_plan *p, struct err *e)
{
	if (p->o.idmap != OCI_IDMAP_NO || p->m->n_uid_map || p->m->n_gid_map || p->o.tmpcopyup)
		return err_set(e, ERR_INVALID, "\"remount\" with id maps or tmpcopyup: those are for new mounts");
	return 0;
}

/* But for slashes at their ends. */
static bool same_place(const char *a, const char *b)
{
	size_t n = text_path_len(a);

	return n == text_path_len(b) && !strncmp(a, b, n);
}

static bool any_late(const struct rt_ctx *c)
{
	for (size_t i = 0; i < c->n_mounts; i++)
		if (c->mounts[i].late)
			return true;
	return false;
}

/* Where an old systemd in the container looks for the one v1 hierarchy that it knows (crun's annotation). */
static int plan_v1_systemd(struct rt_ctx *c, struct rt_mount_plan *p, struct err *e)
{
	static const char *const data[] = { "none", "name=systemd", "xattr", NULL };
	struct oci_mount *m = arena_new(&c->arena, struct oci_mount);

	if (!m)
		return err_errno(e, -ENOMEM, "mounts");
	/* the host's whole hierarchy would be there, writable */
	if (!c->spec->linux_.ns[OCI_NS_CGROUP].wanted || !c->own[OCI_NS_CGROUP])
		return err_set(e, ERR_INVALID, "annotations." V1_SYSTEMD " needs a cgroup namespace in linux.namespaces");
	*m = *p->m;
	m->type = m->source = "cgroup";
	p->m = m;
	p->kind = RT_MOUNT_FS;
	p->data = (const char **)(uintptr_t)data;
	p->late = true;
	return 0;
}

static int check_links(const struct rt_mount_plan *p, struct err *e)
{
	if (p->o.links && p->kind != RT_MOUNT_BIND)
		return err_set(e, ERR_INVALID, "src-nofollow, dest-nofollow and copy-symlink are for bind mounts");
	if (p->o.volume && p->kind != RT_MOUNT_FS)
		return err_set(e, ERR_INVALID, "x-tare.volume is for a file system that is made anew");
	if (p->o.subpath && ((p->kind != RT_MOUNT_BIND && !p->o.volume) || p->o.links))
		return err_set(e, ERR_INVALID, "x-tare.subpath is for bind mounts, without src-nofollow, dest-nofollow and copy-symlink");
	if (p->o.n_lower && (p->kind != RT_MOUNT_BIND || p->o.links || p->m->n_uid_map || p->m->n_gid_map || p->o.idmap_ranges))
		return err_set(e, ERR_INVALID, "x-tare.lower is for bind mounts, without links' options and id maps of their own");
	if (p->o.n_lower == 1) /* that would be the folder itself, and whoever may remount could write into it */
		return err_set(e, ERR_INVALID, "x-tare.lower: two of them at least");
	if ((p->o.links & OCI_LINK_COPY) && p->o.links != OCI_LINK_COPY)
		return err_set(e, ERR_INVALID, "copy-symlink does not go with src-nofollow or dest-nofollow: leave one out");
	return 0;
}

static int plan_one(struct rt_ctx *c, struct rt_mount_plan *p, struct err *e)
{
	const char *v1_systemd = oci_annotation(c->spec, V1_SYSTEMD);
	int r;

	p->kind = kind_of(p->m);
	p->anchor = defence(anchor) && is_anchor(p->m->destination);
	r = read_options(&c->arena, p, e);
	if (r == 0)
		r = check_links(p, e);
	if (r == 0)
		r = add_label(c, p, e);
	if (r < 0)
		return r;
	if (!strcmp(p->m->destination, "/"))
		return err_set(e, ERR_INVALID, "that is the root file system's place");
	if (v1_systemd && same_place(p->m->destination, v1_systemd))
		return plan_v1_systemd(c, p, e);
	if (p->kind == RT_MOUNT_CHANGE)
		return plan_change(p, e);
	if (p->kind == RT_MOUNT_BIND)
		return plan_bind(c, p, e);
	if (p->kind == RT_MOUNT_CGROUP)
		return rt_cgmount_plan(c, p, e);
	return plan_fs(c, p, e);
}

/* A destination that begins with the rootfs's own path on the host means the place below it. The specification would
 * have it below that path once more; but runc does so, and nobody wants the other. */
static const struct oci_mount *inside_root(struct rt_ctx *c, const struct oci_mount *m)
{
	const struct rt_rootfs *rootfs = &c->create->rootfs;
	struct oci_mount *copy;

	if (rootfs->kind != RT_ROOTFS_DIR || !below(m->destination, rootfs->path))
		return m;
	copy = arena_new(&c->arena, struct oci_mount);
	if (copy) {
		*copy = *m;
		copy->destination += strlen(rootfs->path);
	}
	return copy;
}

int rt_plan_mounts(struct rt_ctx *c, struct err *e)
{
	const char *option;

	/* a wrong one is said also where nothing would have that label */
	if (find_label_option(c->spec, &option, e) < 0)
		return e->code;
	c->n_mounts = c->n_mount_fds = c->spec->n_mounts;
	c->mounts = arena_array(&c->arena, c->n_mounts + 1, sizeof(*c->mounts));
	if (!c->mounts)
		return err_errno(e, -ENOMEM, "mounts");
	for (size_t i = 0; i < c->n_mounts; i++) {
		int r;

		c->mounts[i].m = inside_root(c, &c->spec->mounts[i]);
		if (!c->mounts[i].m)
			return err_errno(e, -ENOMEM, "mounts");
		r = plan_one(c, &c->mounts[i], e);
		if (r < 0)
			return err_ctx(e, "mount on %s", c->mounts[i].m->destination);
	}
	if (oci_annotation(c->spec, V1_SYSTEMD) && !any_late(c))
		return err_set(e, ERR_INVALID, "annotations." V1_SYSTEMD ": no mount has the destination \"%.80s\"",
			       oci_annotation(c->spec, V1_SYSTEMD));
	return 0;
}
