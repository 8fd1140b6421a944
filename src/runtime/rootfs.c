/* The container's root, as one detached mount that never shows in the host's mount table: layers (sys/overlay_mount.h),
 * or a folder. A folder that the caller of tare-oci made is the caller's: nobody asked for nodev, and debootstrap refuses
 * such a root. */
#include <stdlib.h>

#include "runtime/internal.h"
#include "sys/idmap.h"
#include "sys/kernel.h"
#include "sys/mnt.h"
#include "sys/overlay_mount.h"

/* A folder, with whatever is mounted in it. */
static int folder(const struct rt_rootfs *rootfs, int userns, struct err *e)
{
	CLEANUP_FD int fd = mnt_clone_tree(AT_FDCWD, rootfs->path, true);
	int r;

	if (fd < 0)
		return err_errno(e, fd, "rootfs %s", rootfs->path);
	if (rootfs->idmap && userns >= 0) {
		r = rt_mount_idmap(fd, rootfs->path, true, userns, false, e);
		if (r < 0)
			return err_ctx(e, "rootfs");
	}
	return take_fd(&fd);
}

/* The container's ids, and one more place for our own root, as whom overlayfs makes what lies in work until it gets its
 * owner: without a place the kernel would refuse that. No file of an image has the id. */
#define MAKERS_PLACE 0xfffffffdU

static int map_with_maker(const struct oci_id_map *from, size_t n, struct idmap_range **out)
{
	struct idmap_range *v = calloc(n + 1, sizeof(*v));

	for (size_t i = 0; v && i < n; i++)
		v[i] = (struct idmap_range){ from[i].container_id, from[i].host_id, from[i].size };
	if (v)
		v[n] = (struct idmap_range){ MAKERS_PLACE, 0, 1 };
	*out = v;
	return v ? 0 : -ENOMEM;
}

static int layer_userns(const struct rt_ctx *c, struct err *e)
{
	const struct oci_linux *s = &c->create->spec->linux_;
	CLEANUP_FREE struct idmap_range *uid = NULL, *gid = NULL;
	int r = map_with_maker(s->uid_map, s->n_uid_map, &uid);

	if (r == 0)
		r = map_with_maker(s->gid_map, s->n_gid_map, &gid);
	if (r == 0)
		r = idmap_userns(c->proc, uid, s->n_uid_map + 1, gid, s->n_gid_map + 1);
	return r < 0 ? err_errno(e, r, "the map of the layer's ids") : r;
}

static int overlay(const struct rt_ctx *c, int userns, pid_t *helper, struct err *e)
{
	const struct rt_rootfs *rootfs = &c->create->rootfs;
	CLEANUP_FD int base = -1;
	struct overlay_args args = {
		.lower = rootfs->lower, .n_lower = rootfs->n_lower, .userns = userns, .upper = rootfs->upper, .work = rootfs->work,
		.base = rootfs->base, .base_userns = -1, .of_user = rootfs->of_user, .is_volatile = rootfs->is_volatile,
	};

	if (rootfs->base && userns >= 0) {
		base = args.base_userns = layer_userns(c, e);
		if (base < 0)
			return base;
	}
	return overlay_mount(&args, helper, e);
}

int rt_rootfs_make(const struct rt_ctx *c, int userns, int *fd, pid_t *helper, struct err *e)
{
	const struct rt_rootfs *rootfs = &c->create->rootfs;
	CLEANUP_FD int root = -1;
	/* that of a folder which is mounted so itself stays */
	uint64_t set = rootfs->nodes ? 0 : MOUNT_ATTR_NODEV, clear = rootfs->nodes && rootfs->kind == RT_ROOTFS_OVERLAY ? MOUNT_ATTR_NODEV : 0;
	int r;

	if (rootfs->of_user)
		userns = -1;
	root = rootfs->kind == RT_ROOTFS_DIR ? folder(rootfs, userns, e) : overlay(c, userns, helper, e);
	if (root < 0)
		return root;
	if (rootfs->kind == RT_ROOTFS_OVERLAY && !rootfs->upper)
		set |= MOUNT_ATTR_RDONLY;
	r = mnt_setattr(root, true, 0, 0, MS_PRIVATE);
	if (r == 0)
		r = mnt_setattr(root, false, set, clear, 0);
	if (r < 0)
		return err_errno(e, r, "rootfs: mount attributes");
	*fd = take_fd(&root);
	return 0;
}
