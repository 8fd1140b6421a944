/* The container's view of its control groups, mount type "cgroup" (or "cgroup2").
 *
 * With a cgroup namespace of its own the child mounts the hierarchies anew: what it then sees as "/" is its own
 * cgroup. On v2 that is one mount; on v1 and hybrid it is a tmpfs with one mount per hierarchy (and v2 as "unified"),
 * as every program that reads v1 expects it. Without the namespace the host's tree would show: the host side gives a
 * copy of it, read-only where the specification says so and always where the container has a user namespace. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/text.h"
#include "runtime/internal.h"
#include "sys/kernel.h"
#include "sys/mnt.h"

#define SAFE_ATTRS (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

int rt_cgmount_host(const struct rt_mount_plan *p, int *fd, struct err *e)
{
	int r = mnt_clone_tree(AT_FDCWD, "/sys/fs/cgroup", true);

	if (r < 0)
		return err_errno(e, r, "/sys/fs/cgroup");
	*fd = r;
	r = mnt_setattr(r, true, p->read_only ? MOUNT_ATTR_RDONLY : 0, 0, 0);
	return r < 0 ? err_errno(e, r, "/sys/fs/cgroup: read-only") : 0;
}

static int attach_fs(const char *type, const char *const *data, uint64_t attr, int folder, const char *name,
		     struct err *e)
{
	CLEANUP_FD int fd = -1;
	int r;

	if (mkdirat(folder, name, 0755) < 0 && errno != EEXIST)
		return err_errno(e, -errno, "folder %s", name);
	fd = rt_mount_fs(type, "cgroup", data, attr, e);
	if (fd < 0)
		return err_ctx(e, "hierarchy %s", name);
	r = mnt_attach_at(fd, folder, name);
	return r < 0 ? err_errno(e, r, "hierarchy %s", name) : 0;
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

static int attach_v1(const struct rt_ctx *c, uint64_t attr, int target, struct err *e)
{
	static const char *const data[] = { "mode=755", "size=64k", NULL };
	CLEANUP_FD int fd = rt_mount_fs("tmpfs", "cgroup", data, SAFE_ATTRS, e);
	CLEANUP_FREE char *text = NULL;
	char *rest = NULL;
	int r;

	if (fd < 0)
		return fd;
	r = mnt_attach(fd, target);
	if (r < 0)
		return err_errno(e, r, "tmpfs");
	r = io_read_file(c->proc, "thread-self/cgroup", 65536, &text, NULL);
	if (r < 0)
		return err_errno(e, r, "/proc/self/cgroup");
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		r = attach_line(line, fd, attr, e);
		if (r < 0)
			return r;
	}
	r = mnt_setattr(fd, false, attr & MOUNT_ATTR_RDONLY, 0, 0);
	return r < 0 ? err_errno(e, r, "read-only") : 0;
}

int rt_cgmount_attach(const struct rt_ctx *c, const struct rt_mount_plan *p, int root, struct err *e)
{
	CLEANUP_FD int target = rt_mount_target(root, p->m->destination, -1, e), fd = -1;
	uint64_t attr = p->o.attr.set | SAFE_ATTRS | (p->read_only ? MOUNT_ATTR_RDONLY : 0);
	int r;

	if (target < 0)
		return target;
	if (cg_detect() != CG_V2 && strcmp(p->m->type, "cgroup2") != 0)
		return attach_v1(c, attr, target, e);
	fd = rt_mount_fs("cgroup2", "cgroup", NULL, attr, e);
	if (fd < 0)
		return fd;
	r = mnt_attach(fd, target);
	return r < 0 ? err_errno(e, r, "attaching") : 0;
}
