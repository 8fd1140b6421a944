/* Two commands may be the first at the same time: the folder that is under the tmpfs is locked while one looks and mounts, and who had to wait
 * for that looks again by the path. */
#include "engine/inmemory.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "sys/mnt.h"
#include "sys/overlay_mount.h"

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

/* What somebody keeps there is not hidden; whoever meant that folder is told by format.c what it is. */
static bool is_empty(int root_fd)
{
	int fd = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_DIR DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry = NULL;

	if (!d)
		close_fd(fd);
	while (d && (entry = readdir(d)) && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0))
		;
	return d && !entry;
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

	if (!overlay_at(*root_fd) || !is_empty(*root_fd))
		return 0;
	under = fcntl(*root_fd, F_DUPFD_CLOEXEC, 0);
	if (under < 0 || flock(under, LOCK_EX) < 0)
		return err_errno(e, -errno, "lock %s", path);
	r = open_again(root_fd, path, e);
	if (r < 0 || !overlay_at(*root_fd) || !is_empty(*root_fd))
		return r;
	if (mount_over(*root_fd) < 0)
		return 0;
	log_warning("%s is on an overlay, on which no container can be laid: the store is in memory, and ends with this container; a volume there keeps it, "
		    "on the disk", path);
	return open_again(root_fd, path, e);
}
