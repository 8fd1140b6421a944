/* CRIU binds what a container has from outside, from a path and with the flags that the image tells. Neither is to be
 * relied on: CRIU 3.17 forgets the flags of the second bind from one file system (a read-only volume would come back
 * writable), and a path that leads through the container's own tree may have become a link. So every such mount is made
 * here as create would make it, by descriptors and with its attributes, and CRIU binds that mount, which keeps them.
 *
 * Everything is on a tmpfs in a mount namespace of CRIU's own, over an empty folder of the container's state:
 *
 *	root             the rootfs: CRIU wants a mount point that nothing is mounted over, and to write in it
 *	mounts/N         what the specification's N-th mount binds; with v1's hierarchies mounts/N-H
 *	dev/…            device nodes that do not lie on the container's own /dev
 *	null             what hides a masked file
 *	cgroups/unified  the host's cgroups (criu_plan.c)
 *
 * The host's mount table never shows it, and whatever kills us leaves no mount. Mount points that are missing in the rootfs
 * are made as at create, in a copy of this namespace that ends with the helper that makes it all: binds are attached there
 * too, because a later mount may lie inside one. */
#include "runtime/stage.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/beneath.h"
#include "base/io.h"
#include "base/text.h"
#include "sys/kernel.h"
#include "sys/mnt.h"
#include "sys/newfs.h"
#include "sys/ns.h"

#define FOLDER "criu"

struct work {
	struct stage *s;
	struct rt_ctx *c;
	int work_folder;
	int top; /* the tmpfs */
	int *fds; /* of rt_mounts_host() */
	struct err *e;
};

/* ---- places on the tmpfs ---- */

/* A detached tree onto a new file or folder of this name. */
static int put(const struct work *w, int tree, const char *name, struct err *e)
{
	struct stat st;
	int r;

	if (fstat(tree, &st) < 0)
		return err_errno(e, -errno, "%s for CRIU", name);
	if (S_ISDIR(st.st_mode))
		r = mkdirat(w->top, name, 0755) < 0 ? -errno : 0;
	else
		r = mknodat(w->top, name, S_IFREG | 0644, 0) < 0 ? -errno : 0;
	if (r == 0)
		r = mnt_attach_at(tree, w->top, name);
	return r < 0 ? err_errno(e, r, "%s for CRIU", name) : 0;
}

/* The same for CRIU to bind at `destination`. */
static int offer(const struct work *w, int tree, const char *name, const char *destination, struct err *e)
{
	int r = put(w, tree, name, e);

	return r < 0 ? r : criu_add(&w->s->mounts, destination, arena_printf(&w->c->arena, "%s/%s", w->s->folder, name), e);
}

static int put_root(const struct work *w, struct err *e)
{
	CLEANUP_FD int root = -1;
	pid_t helper = -1;
	int r = rt_rootfs_make(w->c, -1, &root, &helper, e);

	ns_reap(helper);
	return r < 0 ? r : put(w, root, "root", e);
}

static int put_cgroups(const struct work *w, struct err *e)
{
	CLEANUP_FD int v2 = -1;

	if (!w->s->yard)
		return 0;
	if (mkdirat(w->top, "cgroups", 0755) < 0)
		return err_errno(e, -errno, "cgroups for CRIU");
	v2 = mnt_clone_tree(AT_FDCWD, "/sys/fs/cgroup", false);
	return v2 < 0 ? err_errno(e, v2, "cgroups for CRIU") : put(w, v2, "cgroups/" CRIU_YARD_V2, e);
}

/* ---- the specification's mounts ---- */

static int put_hierarchies(const struct work *w, size_t i, struct err *e)
{
	const struct rt_mount_plan *p = &w->c->mounts[i];
	int r = 0;

	for (size_t h = 0; r == 0 && h < cg_hierarchies(); h++) {
		char name[64];

		if (w->fds[p->more + h] < 0)
			continue;
		snprintf(name, sizeof(name), "mounts/%zu-%zu", i, h);
		r = offer(w, w->fds[p->more + h], name,
			  arena_printf(&w->c->arena, "%s/%s", p->m->destination, cg_hierarchy_name(h)), e);
	}
	return r;
}

static int put_mount(const struct work *w, size_t i, struct err *e)
{
	const struct rt_mount_plan *p = &w->c->mounts[i];
	CLEANUP_FD int root = -1;
	char name[32];

	if (p->kind == RT_MOUNT_CGROUP && p->by_host && p->hierarchies)
		return put_hierarchies(w, i, e);
	if (p->kind != RT_MOUNT_BIND && !(p->kind == RT_MOUNT_CGROUP && p->by_host))
		return 0;
	if (p->on_root) {
		root = openat(w->top, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
		w->fds[i] = root < 0 ? err_errno(e, -errno, "root") : rt_mount_on_root(w->c, p, root, e);
		if (w->fds[i] < 0)
			return w->fds[i];
	}
	snprintf(name, sizeof(name), "mounts/%zu", i);
	return offer(w, w->fds[i], name, p->m->destination, e);
}

static int put_mounts(const struct work *w, struct err *e)
{
	int r = 0;

	if (mkdirat(w->top, "mounts", 0755) < 0)
		return err_errno(e, -errno, "mounts for CRIU");
	for (size_t i = 0; r == 0 && i < w->c->n_mounts; i++) {
		r = put_mount(w, i, e);
		if (r < 0)
			return err_ctx(e, "mount on %s", w->c->mounts[i].m->destination);
	}
	return r;
}

/* What is mounted in a recursive bind's source is named in the image, too (criu_plan.c). */
static int offer_submount(const struct work *w, const char *point, struct err *e)
{
	const char *mounts = arena_printf(&w->c->arena, "%s/mounts/", w->s->folder), *rest, *slash;
	struct arena *a = &w->c->arena;
	char *end;
	size_t i;

	if (!mounts)
		return err_errno(e, -ENOMEM, "mounts for CRIU");
	if (!text_starts(point, mounts))
		return 0;
	rest = point + strlen(mounts);
	slash = strchr(rest, '/');
	if (!slash)
		return 0;
	i = strtoul(rest, &end, 10);
	if (end != slash || i >= w->c->n_mounts)
		return 0;
	return criu_add(&w->s->mounts, arena_printf(a, "%s%s", w->c->mounts[i].m->destination, slash), arena_strdup(a, point), e);
}

static int offer_submounts(const struct work *w, struct err *e)
{
	CLEANUP_FREE char *info = NULL;
	char *line, *rest = NULL;
	int r = io_read_file(AT_FDCWD, "/proc/thread-self/mountinfo", MOUNTINFO_MAX, &info, NULL);

	if (r < 0)
		return err_errno(e, r, "mountinfo");
	for (line = strtok_r(info, "\n", &rest); line && r == 0; line = strtok_r(NULL, "\n", &rest)) {
		const char *point = rt_mount_point(line);

		if (point)
			r = offer_submount(w, point, e);
	}
	return r;
}

static int put_null(const struct work *w, struct err *e)
{
	CLEANUP_FD int tree = -1;
	int r;

	if (!w->c->spec->linux_.masked_paths)
		return 0;
	tree = mnt_clone_tree(AT_FDCWD, "/dev/null", false);
	r = tree < 0 ? tree : mnt_setattr(tree, false, MOUNT_ATTR_RDONLY, 0, MS_PRIVATE);
	return r < 0 ? err_errno(e, r, "/dev/null") : offer(w, tree, "null", "/dev/null", e);
}

static int put_devices(const struct work *w, struct err *e)
{
	const struct oci_device *d;
	CLEANUP_FD int dev = -1;
	int r;

	if (!rt_dev_elsewhere(w->c))
		return 0;
	r = rt_dev_make(w->c, false, &dev, e);
	if (r == 0)
		r = put(w, dev, "dev", e);
	for (size_t i = 0; r == 0 && (d = rt_device_at(&w->c->spec->linux_, i)); i++)
		if (!w->c->dev_is_tmpfs || !text_starts(d->path, "/dev/"))
			r = criu_add(&w->s->mounts, d->path,
				     arena_printf(&w->c->arena, "%s/dev/%s", w->s->folder, rt_dev_place(d->path)), e);
	return r;
}

/* ---- mount points, in the copy ---- */

/* On a file system that is made anew: its folders are in the image, or the kernel's. */
static bool on_another(const struct rt_ctx *c, size_t i)
{
	const char *path = c->mounts[i].m->destination;

	for (size_t j = 0; j < i; j++) {
		const char *folder = c->mounts[j].m->destination;
		size_t len = strlen(folder);

		if (c->mounts[j].kind != RT_MOUNT_BIND && !strncmp(folder, path, len) && path[len] == '/')
			return true;
	}
	return false;
}

static int make_mount_point(const struct work *w, size_t i, int root, struct err *e)
{
	const struct rt_mount_plan *p = &w->c->mounts[i];
	CLEANUP_FD int tree = -1, target = -1;
	char name[32];
	int r;

	if (p->kind == RT_MOUNT_BIND) {
		snprintf(name, sizeof(name), "mounts/%zu", i);
		tree = mnt_clone_tree(w->top, name, true);
		if (tree < 0)
			return err_errno(e, tree, "its source");
	}
	target = rt_mount_target(root, p->m->destination, tree, false, e);
	if (target < 0)
		return target;
	r = tree < 0 ? 0 : mnt_attach(tree, target);
	return r < 0 ? err_errno(e, r, "attaching") : 0;
}

static int make_mount_points(struct work *w, struct err *e)
{
	CLEANUP_FD int root = -1, dev = -1;

	/* the tmpfs as it is in the copy */
	w->top = close_fd(w->top);
	w->top = openat(AT_FDCWD, w->s->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	root = openat(w->top, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_errno(e, -errno, "%s", w->s->root);
	for (size_t i = 0; i < w->c->n_mounts; i++)
		if (!on_another(w->c, i) && make_mount_point(w, i, root, e) < 0)
			return err_ctx(e, "mount on %s", w->c->mounts[i].m->destination);
	if (!rt_dev_elsewhere(w->c))
		return 0;
	dev = openat(w->top, "dev", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return dev < 0 ? err_errno(e, -errno, "devices for CRIU") : rt_dev_bind(w->c, root, dev, e);
}

/* ---- the helper (sys/ns.h) ---- */

static int set_up(struct work *w, struct err *e)
{
	CLEANUP_FD int tmpfs = -1;
	int r = mnt_propagation("/", true, MS_PRIVATE);

	if (r < 0)
		return err_errno(e, r, "mount namespace for CRIU");
	tmpfs = newfs_mount("tmpfs", "criu", NULL, 0, e);
	if (tmpfs < 0)
		return tmpfs;
	r = mnt_attach_at(tmpfs, AT_FDCWD, w->s->folder);
	w->top = r < 0 ? -1 : openat(AT_FDCWD, w->s->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (w->top < 0)
		return err_errno(e, r < 0 ? r : -errno, "%s", w->s->folder);
	if (put_root(w, e) < 0 || put_cgroups(w, e) < 0 || put_mounts(w, e) < 0 || offer_submounts(w, e) < 0 || put_null(w, e) < 0 ||
	    put_devices(w, e) < 0)
		return e->code;
	return 0;
}

static int open_here(struct work *w, struct err *e)
{
	const char *path = criu_path_of(&w->c->arena, w->work_folder);

	w->s->ns = openat(AT_FDCWD, "/proc/thread-self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (w->s->ns < 0)
		return err_errno(e, -errno, "mount namespace for CRIU");
	w->s->work = path ? openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	return w->s->work < 0 ? err_errno(e, -errno, "work folder") : 0;
}

static int helper_main(void *arg)
{
	struct work *w = arg;
	int r = set_up(w, w->e);

	if (r == 0)
		r = open_here(w, w->e);
	if (r == 0) {
		r = ns_unshare(CLONE_NEWNS);
		if (r < 0)
			return err_errno(w->e, r, "mount namespace for mount points");
		r = make_mount_points(w, w->e);
	}
	return r;
}

static int plan_names(struct stage *s, struct arena *a, const char *state, struct err *e)
{
	s->folder = arena_printf(a, "%s/" FOLDER, state);
	s->root = arena_printf(a, "%s/root", s->folder);
	s->yard = cg_is_unified() ? arena_printf(a, "%s/cgroups", s->folder) : NULL;
	s->mounts.arena = a;
	if (arena_error(a) < 0)
		return err_errno(e, -ENOMEM, "mount namespace for CRIU");
	if (mkdir(s->folder, 0700) < 0 && errno != EEXIST)
		return err_errno(e, -errno, "%s", s->folder);
	return 0;
}

int stage_make(struct stage *s, struct rt_ctx *c, const char *state, int work, struct err *e)
{
	struct work w = { .s = s, .c = c, .work_folder = work, .top = -1, .e = e };
	int r = plan_names(s, &c->arena, state, e);

	if (r < 0)
		return r;
	w.fds = arena_array(&c->arena, c->n_mount_fds + 1, sizeof(*w.fds));
	if (!w.fds)
		return err_errno(e, -ENOMEM, "mounts");
	for (size_t i = 0; i < c->n_mount_fds; i++)
		w.fds[i] = -1;
	/* not by the helper: handles of cgroups are of our mount namespace, and only here they can be copied */
	r = rt_mounts_host(c, -1, w.fds, e);
	if (r == 0)
		r = ns_run_scratch(helper_main, &w, &s->helper);
	for (size_t i = 0; i < c->n_mount_fds; i++)
		close_fd(w.fds[i]);
	close_fd(w.top);
	return r < 0 && !e->code ? err_errno(e, r, "mount namespace for CRIU") : r;
}

void stage_close(struct stage *s)
{
	ns_reap(s->helper);
	close_fd(s->ns);
	close_fd(s->work);
	if (s->folder)
		(void)rmdir(s->folder);
}
