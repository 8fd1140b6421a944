#include "sys/overlay.h"

#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/io.h"
#include "sys/ns.h"

const char *overlay_opaque(void)
{
	static const char *name; /* asked for each folder of a layer */

	if (!name)
		name = ns_user_is_initial() ? "trusted.overlay.opaque" : "user.overlay.opaque";
	return name;
}

bool overlay_is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

bool overlay_is_opaque(int fd)
{
	char self[IO_FD_PATH_LEN], value = '\0';

	/* fgetxattr refuses an O_PATH descriptor */
	return getxattr(io_fd_path(fd, self), overlay_opaque(), &value, 1) == 1 && value == 'y';
}
