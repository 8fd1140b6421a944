/* Volumes that are file systems of their own (VOLUME_FS), where it is we who look into one; in containers their monitors mount them. */
#ifndef TARE_ENGINE_VOLUME_FS_H
#define TARE_ENGINE_VOLUME_FS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/strbuf.h"

/* A detached mount: an fd, closed by the caller, with which it goes. options: as mount(8) has them, x-tare.* among them passed over, a server's
 * name behind addr= looked up. */
int volume_fs_mount(struct arena *a, const char *type, const char *device, const char *const *options, struct err *e) MUST_CHECK;

/* In a description (docs/formats.md), or another object with "mounts": a server's name behind addr= of such volumes becomes its address, which
 * the kernel wants. At each start anew. ERR_NOTFOUND: nobody knows the name. */
int volume_fs_resolve(struct strbuf *description, struct err *e) MUST_CHECK;

#endif
