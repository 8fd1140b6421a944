/* leave-project PATH: what a hostile container does about a limit on what it may write. It asks for another project for PATH, and that what
 * is made in it no longer has its folder's, by each call there is for it. Prints each answer; exit code 0 when one of them was yes. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SYS_FILE_SETATTR 469 /* Linux 6.17 */

static int tell(const char *what, long r)
{
	printf("%s: %s\n", what, r < 0 ? strerror(errno) : "done");
	return r >= 0;
}

int main(int argc, char **argv)
{
	int fd = argc == 2 ? open(argv[1], O_RDONLY) : -1, flags = 0, won = 0;
	struct fsxattr x, old;

	if (fd < 0 || ioctl(fd, FS_IOC_FSGETXATTR, &old) < 0) {
		perror("leave-project PATH");
		return 2;
	}
	printf("project %u, inherited: %d\n", old.fsx_projid, (old.fsx_xflags & FS_XFLAG_PROJINHERIT) != 0);
	x = old;
	x.fsx_projid = 0;
	won |= tell("another number", ioctl(fd, FS_IOC_FSSETXATTR, &x));
	x = old;
	x.fsx_xflags &= ~(unsigned int)FS_XFLAG_PROJINHERIT;
	won |= tell("not inherited", ioctl(fd, FS_IOC_FSSETXATTR, &x));
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && flags & FS_PROJINHERIT_FL) {
		flags &= ~FS_PROJINHERIT_FL;
		won |= tell("not inherited, by flags", ioctl(fd, FS_IOC_SETFLAGS, &flags));
	}
	x.fsx_projid = 0;
	won |= tell("file_setattr", syscall(SYS_FILE_SETATTR, AT_FDCWD, argv[1], &x, sizeof(x), 0));
	return !won;
}
