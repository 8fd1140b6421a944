/* File systems made anew, by fsopen(2) and fsconfig(2), with what the kernel says when it makes none. */
#ifndef TARE_SYS_NEWFS_H
#define TARE_SYS_NEWFS_H

#include <stdint.h>

#include "base/err.h"

/* A detached mount of it: an fd. data: "key=value" and "flag" strings, NULL-terminated, NULL = none; attr: MOUNT_ATTR_*. ERR_UNSUPPORTED: the
 * kernel has no such type. */
int newfs_mount(const char *type, const char *source, const char *const *data, uint64_t attr, struct err *e) MUST_CHECK;
/* One such string, into a context of mnt_fsopen() or mnt_fspick(). */
int newfs_option(int fs, const char *option, struct err *e) MUST_CHECK;

#endif
