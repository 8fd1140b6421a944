/* A small file of a container's root file system (/etc/passwd, /etc/group), read without mounting anything: from the
 * layers of an image as an overlay would show them, or from one folder. */
#ifndef TARE_ENGINE_ROOTFILE_H
#define TARE_ENGINE_ROOTFILE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "base/err.h"

/* lowers: O_PATH fds, topmost first. path is relative ("etc/passwd"). *out is NULL when there is no such file, else
 * NUL-terminated text to be free()d; a file over 1 MiB is ERR_LIMIT. Symbolic links are followed inside the tree. */
int rootfile_read(const int *lowers, size_t n, const char *path, char **out, struct err *e) MUST_CHECK;

/* Where path leads, in out, the links on it and at its end followed: itself, where nothing is or links lead in a circle or to the root. */
void rootfile_where(const int *lowers, size_t n, const char *path, char out[PATH_MAX]);

/* Is `folder` ("etc", one component) a real folder of these layers, without anything called name? *st: the folder as
 * the overlay shows it, *fd: an O_PATH handle of that one. */
bool rootfile_lacks(const int *lowers, size_t n, const char *folder, const char *name, struct stat *st, int *fd);

#endif
