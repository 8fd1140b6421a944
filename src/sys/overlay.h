/* What an overlay's layers say with files. kernel: Documentation/filesystems/overlayfs.rst, "whiteouts and opaque
 * directories" */
#ifndef TARE_SYS_OVERLAY_H
#define TARE_SYS_OVERLAY_H

#include <stdbool.h>
#include <sys/stat.h>

/* What says that a folder is opaque: a trusted.* attribute, which takes the machine's root; in any other user namespace a user.* one
 * (overlayfs' option userxattr). */
const char *overlay_opaque(void);

/* A name that hides what is below it: a character device 0:0. */
bool overlay_is_whiteout(const struct stat *st);

/* A folder that hides the one below it. fd may be O_PATH. */
bool overlay_is_opaque(int fd);

#endif
