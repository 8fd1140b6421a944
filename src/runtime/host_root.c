/* A container without a mount namespace of its own. Its root and all that is mounted on that lie in the host's mount table,
 * at the root's own path, and are the container's only by chroot: no protection against its root user, as with the peers.
 *
 * Nothing there ends by itself. So before anything is mounted it is noted which mount the path lies on; whatever lies over
 * that later is the container's, also when the creator was killed in between. What is attached becomes private at once:
 * mounts made on it stay out of other namespaces. */
#include <fcntl.h>
#include <stdio.h>

#include "runtime/internal.h"
#include "runtime/sync.h"
#include "sys/kernel.h"
#include "sys/mnt.h"

#define MOST_LAYERS 64

static int look(const char *path, uint64_t *id, bool *is_root)
{
	CLEANUP_FD int fd = openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : mnt_id(fd, id, is_root);
}

int rt_host_root_below(const struct oci_spec *spec, const char *path, uint64_t *id, struct err *e)
{
	bool is_root;
	int r = 0;

	*id = 0;
	if (!spec->linux_.ns[OCI_NS_MOUNT].wanted)
		r = look(path, id, &is_root);
	return r < 0 ? err_errno(e, r, "rootfs %s", path) : 0;
}

int rt_host_root_clear(const char *path, uint64_t below, struct err *e)
{
	for (int i = 0; below && i < MOST_LAYERS; i++) {
		bool is_root = false;
		uint64_t id;
		int r = look(path, &id, &is_root);

		if (r == -ENOENT || (r == 0 && (id == below || !is_root)))
			return 0;
		if (r == 0)
			r = mnt_detach(path);
		if (r < 0)
			return err_errno(e, r, "unmounting %s", path);
	}
	return 0;
}

/* dev, a mount that nodes are bound from, may be -1. It comes first, and is covered by the root. */
int rt_host_root_attach(const char *path, int root, int dev, struct err *e)
{
	int r = dev < 0 ? 0 : mnt_attach_at(dev, AT_FDCWD, path);

	if (r == 0 && dev >= 0)
		r = mnt_setattr(dev, true, 0, 0, MS_PRIVATE);
	if (r == 0)
		r = mnt_attach_at(root, AT_FDCWD, path);
	if (r == 0)
		r = mnt_setattr(root, true, 0, 0, MS_PRIVATE);
	return r < 0 ? err_errno(e, r, "attaching the root file system at %s", path) : 0;
}

int rt_host_root_enter(const struct rt_ctx *c, pid_t init, struct err *e)
{
	CLEANUP_FD int root = -1;
	char path[32];

	if (c->spec->linux_.ns[OCI_NS_MOUNT].wanted)
		return 0;
	snprintf(path, sizeof(path), "%d/root", (int)init);
	root = openat(c->proc, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 || fchdir(root) < 0 || chroot(".") < 0)
		return err_errno(e, -errno, "the container's root");
	return rt_send(c->sock, RT_MSG_READY, 0, -1, e);
}
