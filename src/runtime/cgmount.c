/* The container's view of its control groups, mount type "cgroup" (or "cgroup2").
 *
 * On v2 that is one mount; on v1 and hybrid it is a tmpfs with one mount per hierarchy (and v2 as "unified"), as every
 * program that reads v1 expects it. What is at the root of these is the container's own cgroup:
 *
 *   with a cgroup namespace of its own the child mounts the hierarchies anew: what it then sees as "/" is its cgroup;
 *   without one the host side binds the container's folder of each hierarchy, by the descriptors it made them with, and
 *   the child attaches these to its tmpfs: before 6.15 nothing can be attached to a detached tree.
 *
 * v2 alone without a cgroup namespace of its own is the one case where the whole tree is shown, as everywhere: it is where
 * the paths of /proc/self/cgroup lead. It is a bind of the host's mount, for a new one would reset the options of all of
 * them (nsdelegate, memory_recursiveprot). Not with a user namespace: CVE-2023-25809.
 *
 * The binds are read-only where the specification says so, and always where the container has a user namespace: they
 * belong to the host. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/defence.h"
#include "base/io.h"
#include "base/text.h"
#include "runtime/internal.h"
#include "sys/kernel.h"
#include "sys/mnt.h"
#include "sys/newfs.h"

#define SAFE_ATTRS (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

int rt_cgmount_plan(struct rt_ctx *c, struct rt_mount_plan *p, struct err *e)
{
	if (p->o.idmap != OCI_IDMAP_NO || p->m->n_uid_map || p->m->n_gid_map)
		return err_set(e, ERR_UNSUPPORTED, "id maps are for bind mounts");
	p->by_host = !c->spec->linux_.ns[OCI_NS_CGROUP].wanted || !c->own[OCI_NS_CGROUP];
	if (p->by_host && !c->own[OCI_NS_CGROUP] && defence(cgroup_ro))
		p->read_only = true;
	p->hierarchies = cg_detect() != CG_V2 && strcmp(p->m->type, "cgroup2") != 0;
	if (!p->by_host)
		return 0;
	if (!p->hierarchies && cg_hierarchy_v2() < 0)
		return err_set(e, ERR_UNSUPPORTED, "cgroup v2 is not mounted here");
	if (p->hierarchies) {
		p->more = c->n_mount_fds;
		c->n_mount_fds += cg_hierarchies();
	}
	return 0;
}

/* ---- host side ---- */

/* dir of one hierarchy; nothing where that is none, since the cgroup is not in it. */
static int bind_dir(const struct rt_mount_plan *p, int dir, size_t hierarchy, int *fd, struct err *e)
{
	int r;

	if (dir < 0)
		return 0;
	r = *fd = mnt_clone_tree(dir, "", false);
	if (r < 0)
		return err_errno(e, r, "hierarchy %s", cg_hierarchy_name(hierarchy));
	r = rt_mount_finish(p, *fd, SAFE_ATTRS, e);
	return r < 0 ? err_ctx(e, "hierarchy %s", cg_hierarchy_name(hierarchy)) : 0;
}

static int bind_whole_v2(const struct rt_mount_plan *p, int *fd, struct err *e)
{
	size_t v2 = (size_t)cg_hierarchy_v2();
	CLEANUP_FD int dir = cg_hierarchy_open(v2);

	return dir < 0 ? err_errno(e, dir, "cgroup v2") : bind_dir(p, dir, v2, fd, e);
}

int rt_cgmount_host(const struct rt_ctx *c, size_t i, int *fds, struct err *e)
{
	const struct rt_mount_plan *p = &c->mounts[i];
	CLEANUP_CGROUP struct cgroup *opened = NULL;
	struct cgroup *cg = c->by_child ? NULL : c->cgroup;
	int r = 0;

	if (!p->hierarchies && c->own[OCI_NS_CGROUP])
		return bind_whole_v2(p, &fds[i], e);
	/* the child is in another mount namespace than what the host side has open */
	if (!cg)
		r = c->create->cgroup ? cg_open(c->create->cgroup, &opened, e) : cg_open_own(&opened, e);
	if (r < 0)
		return r;
	cg = cg ? cg : opened;
	if (!p->hierarchies) {
		r = bind_dir(p, cg_hierarchy_dir(cg, (size_t)cg_hierarchy_v2()), (size_t)cg_hierarchy_v2(), &fds[i], e);
		if (r == 0 && fds[i] < 0)
			r = err_set(e, ERR_UNSUPPORTED, "the container's cgroup is outside of what is mounted here");
	}
	for (size_t h = 0; r == 0 && p->hierarchies && h < cg_hierarchies(); h++)
		r = bind_dir(p, cg_hierarchy_dir(cg, h), h, &fds[p->more + h], e);
	return r;
}

/* ---- child ---- */

/* fd onto the new folder `name`. */
static int attach_hierarchy(int fd, int folder, const char *name, struct err *e)
{
	int r = mkdirat(folder, name, 0755) < 0 && errno != EEXIST ? -errno : mnt_attach_at(fd, folder, name);

	return r < 0 ? err_errno(e, r, "hierarchy %s", name) : 0;
}

static int attach_fs(const char *type, const char *const *data, uint64_t attr, int folder, const char *name,
		     struct err *e)
{
	CLEANUP_FD int fd = newfs_mount(type, "cgroup", data, attr, e);

	return fd < 0 ? err_ctx(e, "hierarchy %s", name) : attach_hierarchy(fd, folder, name, e);
}

/* One name per controller where several share a hierarchy ("cpu" -> "cpu,cpuacct"). */
static int link_controllers(char *list, int folder, const char *name, struct err *e)
{
	char *rest = NULL;

	if (!strchr(list, ','))
		return 0;
	for (char *c = strtok_r(list, ",", &rest); c; c = strtok_r(NULL, ",", &rest))
		if (symlinkat(name, folder, c) < 0 && errno != EEXIST)
			return err_errno(e, -errno, "link %s", c);
	return 0;
}

/* A line of /proc/self/cgroup: "4:cpu,cpuacct:/a", "1:name=systemd:/a", "0::/a". */
static int attach_line(char *line, int folder, uint64_t attr, struct err *e)
{
	char *list = strchr(line, ':'), *end = list ? strchr(list + 1, ':') : NULL, name[128], copy[128];
	const char *data[16] = { NULL };
	char *rest = NULL;
	size_t n = 0;

	if (!end || end - list > 120)
		return 0;
	*end = '\0';
	list++;
	if (!*list)
		return attach_fs("cgroup2", NULL, attr, folder, "unified", e);
	snprintf(name, sizeof(name), "%s", text_starts(list, "name=") ? list + 5 : list);
	snprintf(copy, sizeof(copy), "%s", list);
	for (char *c = strtok_r(list, ",", &rest); c && n + 1 < ARRAY_LEN(data); c = strtok_r(NULL, ",", &rest))
		data[n++] = c;
	if (attach_fs("cgroup", data, attr, folder, name, e) < 0)
		return e->code;
	return link_controllers(copy, folder, name, e);
}

/* Each of the hierarchies that we are in, anew. */
static int make_hierarchies(const struct rt_ctx *c, uint64_t attr, int folder, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	char *rest = NULL;
	int r = io_read_file(c->proc, "thread-self/cgroup", 65536, &text, NULL);

	if (r < 0)
		return err_errno(e, r, "/proc/self/cgroup");
	for (char *line = strtok_r(text, "\n", &rest); line && r == 0; line = strtok_r(NULL, "\n", &rest))
		r = attach_line(line, folder, attr, e);
	return r;
}

/* Those of the host side. */
static int attach_binds(const struct rt_mount_plan *p, int folder, int *fds, struct err *e)
{
	int r = 0;

	for (size_t h = 0; r == 0 && h < cg_hierarchies(); h++) {
		CLEANUP_FD int fd = take_fd(&fds[p->more + h]);
		CLEANUP_FREE char *list = strdup(cg_hierarchy_controllers(h));

		if (!list)
			return err_errno(e, -ENOMEM, "hierarchies");
		if (fd < 0)
			continue;
		r = attach_hierarchy(fd, folder, cg_hierarchy_name(h), e);
		if (r == 0)
			r = link_controllers(list, folder, cg_hierarchy_name(h), e);
	}
	return r;
}

static int attach_hierarchies(const struct rt_ctx *c, const struct rt_mount_plan *p, int target, int *fds,
			      struct err *e)
{
	static const char *const data[] = { "mode=755", "size=64k", NULL };
	CLEANUP_FD int fd = newfs_mount("tmpfs", "cgroup", data, SAFE_ATTRS, e);
	uint64_t read_only = p->read_only ? MOUNT_ATTR_RDONLY : 0;
	int r;

	if (fd < 0)
		return fd;
	r = mnt_attach(fd, target);
	if (r < 0)
		return err_errno(e, r, "tmpfs");
	r = p->by_host ? attach_binds(p, fd, fds, e)
		       : make_hierarchies(c, p->o.attr.set | SAFE_ATTRS | read_only, fd, e);
	if (r < 0)
		return r;
	r = mnt_setattr(fd, false, read_only, 0, 0);
	return r < 0 ? err_errno(e, r, "read-only") : 0;
}

int rt_cgmount_attach(const struct rt_ctx *c, size_t i, int root, int *fds, struct err *e)
{
	const struct rt_mount_plan *p = &c->mounts[i];
	CLEANUP_FD int target = rt_mount_target(root, p->m->destination, -1, false, e), fd = -1;
	uint64_t attr = p->o.attr.set | SAFE_ATTRS | (p->read_only ? MOUNT_ATTR_RDONLY : 0);
	int r;

	if (target < 0)
		return target;
	if (p->hierarchies)
		return attach_hierarchies(c, p, target, fds, e);
	fd = p->by_host ? take_fd(&fds[i]) : newfs_mount("cgroup2", "cgroup", NULL, attr, e);
	if (fd < 0)
		return fd;
	r = mnt_attach(fd, target);
	return r < 0 ? err_errno(e, r, "attaching") : 0;
}
