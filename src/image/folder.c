#include "image/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int folder_list(struct arena *a, int dir, const char ***out, size_t *n, struct err *e)
{
	CLEANUP_FD int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_DIR DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const char **v = NULL;
	size_t cap = 0;
	struct dirent *de;

	*n = 0;
	if (!d)
		return err_errno(e, -errno, "list it");
	(void)take_fd(&fd);
	for (errno = 0; (de = readdir(d)); errno = 0) {
		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		v = arena_grow(a, v, *n, &cap, sizeof(*v));
		if (!v)
			return err_errno(e, -ENOMEM, "list it");
		v[(*n)++] = arena_strdup(a, de->d_name);
	}
	if (errno)
		return err_errno(e, -errno, "list it");
	if (arena_error(a) < 0)
		return err_errno(e, -ENOMEM, "list it");
	if (*n)
		qsort(v, *n, sizeof(*v), by_name);
	*out = v;
	return 0;
}
