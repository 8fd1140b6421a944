/* See inmemory.h. A store that is there already, in an image that was made with one in it, is not hidden: it is one to look at.
 *
 * Two commands may be the first at the same time: the folder that is under the tmpfs is locked while one looks and mounts, and who had to wait
 * for that looks again by the path. */
#include "engine/inmemory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "sys/mnt.h"
#include "sys/overlay_mount.h"

/* With the format's number every store begins; one of the time before that has its catalog alone. */
static bool has_store(int root_fd)
{
	return faccessat(root_fd, "format", F_OK, AT_SYMLINK_NOFOLLOW) == 0 || faccessat(root_fd, "catalog.db", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Devices and set-user-id files of images are to be what they are in the containers, whose own mounts say what of that counts. */
static int mount_over(int folder)
{
	CLEANUP_FD int fs = mnt_fsopen("tmpfs"), fd = -1;
	int r = fs < 0 ? fs : mnt_fsconfig(fs, "mode", "0700");

	if (r == 0)
		(void)!mnt_fsconfig(fs, "source", "tare");
	fd = r < 0 ? r : mnt_fsmount(fs, 0);
	return fd < 0 ? fd : mnt_attach(fd, folder);
}

static int open_again(int *root_fd, const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_errno(e, -errno, "open %s", path);
	close_fd(*root_fd);
	*root_fd = fd;
	return 0;
}

int inmemory_instead(int *root_fd, const char *path, struct err *e)
{
	CLEANUP_FD int under = -1;
	int r;

	if (!overlay_at(*root_fd) || has_store(*root_fd))
		return 0;
	under = fcntl(*root_fd, F_DUPFD_CLOEXEC, 0);
	if (under < 0 || flock(under, LOCK_EX) < 0)
		return err_errno(e, -errno, "lock %s", path);
	r = open_again(root_fd, path, e);
	if (r < 0 || !overlay_at(*root_fd) || has_store(*root_fd))
		return r;
	if (mount_over(*root_fd) < 0)
		return 0;
	log_warning("%s is on an overlay, on which no container can be laid: the store is in memory, and ends with this container; a volume there keeps it, "
		    "on the disk", path);
	return open_again(root_fd, path, e);
}
