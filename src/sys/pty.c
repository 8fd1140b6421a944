#include "sys/pty.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "base/beneath.h"
#include "sys/kernel.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

static int check_ptmx(int fd)
{
	struct statfs fs;
	struct stat st;

	if (fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
		return -errno;
	return fs.f_type == K_DEVPTS_MAGIC && S_ISCHR(st.st_mode) && st.st_rdev == makedev(5, 2) ? 0 : -ENODEV;
}

/* Looked at by O_PATH first, because opening a wrong device may already do something; and looked at again, because a
 * process of the container may have mounted over it in between. */
static int open_ptmx(int root)
{
	CLEANUP_FD int seen = beneath_open(root, "/dev/pts/ptmx", BENEATH_IN_ROOT, O_PATH | O_NOFOLLOW, 0);
	CLEANUP_FD int fd = -1;
	int r = seen < 0 ? seen : check_ptmx(seen);

	if (r < 0)
		return r == -ENOENT ? -ENODEV : r;
	fd = beneath_open(root, "/dev/pts/ptmx", BENEATH_IN_ROOT, O_RDWR | O_NOCTTY | O_NOFOLLOW, 0);
	r = fd < 0 ? fd : check_ptmx(fd);
	return r < 0 ? r : take_fd(&fd);
}

int pty_resize(int master, uint16_t rows, uint16_t columns)
{
	struct winsize ws = { .ws_row = rows, .ws_col = columns };

	return ioctl(master, TIOCSWINSZ, &ws) < 0 ? -errno : 0;
}

int pty_open(int root, uint16_t rows, uint16_t columns, struct pty *out)
{
	CLEANUP_FD int master = open_ptmx(root), slave = -1;
	int unlock = 0;

	if (master < 0)
		return master;
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return -errno;
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return -errno;
	if (rows && columns && pty_resize(master, rows, columns) < 0)
		return -errno;
	out->master = take_fd(&master);
	out->slave = take_fd(&slave);
	return 0;
}
