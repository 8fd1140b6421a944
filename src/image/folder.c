#include "image/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

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

int folder_each(int dir, struct strbuf *path, folder_fn fn, void *data, struct err *e)
{
	CLEANUP_FD int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_DIR DIR *d = fd < 0 ? NULL : fdopendir(fd);
	size_t len = path->len;
	struct dirent *de;
	char shown[200];

	if (!d)
		return err_errno(e, -errno, "list it");
	(void)take_fd(&fd);
	for (errno = 0; (de = readdir(d)); errno = 0) {
		int r;

		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		sb_printf(path, "%s%s", len ? "/" : "", de->d_name);
		r = sb_error(path) < 0 ? err_errno(e, -ENOMEM, "path") : fn(dir, de->d_name, data, e);
		if (r < 0)
			return len ? r : err_ctx(e, "'%s'", text_escape(sb_str(path), shown, sizeof(shown)));
		path->len = len;
		path->s[len] = '\0';
	}
	return errno ? err_errno(e, -errno, "list it") : 0;
}
