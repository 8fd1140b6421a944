#include "sys/overlay.h"

#include <stdio.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

bool overlay_is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

bool overlay_is_opaque(int fd)
{
	char self[64], value = '\0';

	/* fgetxattr refuses an O_PATH descriptor */
	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	return getxattr(self, OVERLAY_OPAQUE, &value, 1) == 1 && value == 'y';
}
