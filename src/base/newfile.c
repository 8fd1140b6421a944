#include "base/newfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"

#define RANDOM_BYTES 8

static int open_folder(const char *path, struct newfile *f)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	char folder[PATH_MAX];
	int n = snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");

	if (n >= (int)sizeof(folder) || strlen(name) > NAME_MAX - 2 * RANDOM_BYTES - 2)
		return -ENAMETOOLONG;
	if (!name[0] || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return -EISDIR;
	(void)snprintf(f->name, sizeof(f->name), "%s", name);
	f->dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return f->dir < 0 ? -errno : 0;
}

static int make_name(struct newfile *f)
{
	char random[2 * RANDOM_BYTES + 1];
	int r = text_random_hex(RANDOM_BYTES, random);

	if (r == 0)
		(void)snprintf(f->tmp, sizeof(f->tmp), ".%.*s.%s", (int)strlen(f->name), f->name, random);
	return r;
}

static int open_file(struct newfile *f, mode_t mode)
{
	int r;

	f->fd = openat(f->dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, mode);
	if (f->fd >= 0)
		return 0;
	if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL && errno != ENOENT)
		return -errno;
	r = make_name(f);
	if (r < 0)
		return r;
	f->fd = openat(f->dir, f->tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	f->linked = f->fd >= 0;
	return f->fd < 0 ? -errno : 0;
}

int newfile_begin(const char *path, mode_t mode, struct newfile *out)
{
	CLEANUP_NEWFILE struct newfile f = NEWFILE_INIT;
	struct stat st;
	int r = 0;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return -EISDIR;
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		f.fd = open(path, O_WRONLY | O_CLOEXEC);
		r = f.fd < 0 ? -errno : 0;
	} else {
		r = open_folder(path, &f);
		if (r == 0)
			r = open_file(&f, mode);
	}
	if (r < 0)
		return r;
	*out = f;
	f = (struct newfile)NEWFILE_INIT;
	return 0;
}

int newfile_commit(struct newfile *f)
{
	char path[IO_FD_PATH_LEN];
	int r;

	if (f->dir < 0)
		return 0;
	if (!f->linked) { /* a link cannot take another file's place, a rename can */
		r = make_name(f);
		if (r < 0)
			return r;
		if (linkat(AT_FDCWD, io_fd_path(f->fd, path), f->dir, f->tmp, AT_SYMLINK_FOLLOW) < 0)
			return -errno;
		f->linked = true;
	}
	if (renameat(f->dir, f->tmp, f->dir, f->name) < 0)
		return -errno;
	f->linked = false;
	return 0;
}

void newfile_end(struct newfile *f)
{
	if (f->linked)
		(void)unlinkat(f->dir, f->tmp, 0);
	f->linked = false;
	f->fd = close_fd(f->fd);
	f->dir = close_fd(f->dir);
}
