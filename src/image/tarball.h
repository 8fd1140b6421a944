/* Writes a tar of regular files whose bytes depend on nothing but the files' names and contents: owner 0, mode 0444, time 0 (POSIX ustar;
 * sizes above 8 GiB in GNU's base-256 form, which every reader of images knows). */
#ifndef TARE_IMAGE_TARBALL_H
#define TARE_IMAGE_TARBALL_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define TARBALL_NAME_MAX 99

/* One file of so many bytes, out of memory. out: a file, pipe or socket. */
int tarball_text(int out, const char *name, const void *data, size_t len, struct err *e) MUST_CHECK;
/* One file of exactly so many bytes from the beginning of fd, by the kernel's copying where it can. A shorter one is ERR_INVALID. */
int tarball_copy(int out, const char *name, int fd, uint64_t size, struct err *e) MUST_CHECK;
/* What ends the archive. */
int tarball_end(int out, struct err *e) MUST_CHECK;

#endif
