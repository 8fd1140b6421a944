#include "base/io.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* Deepest tree io_remove_tree() walks with one open folder per level. */
#define REMOVE_MAX_DEPTH 256

void cleanup_dir(void *dirp)
{
	DIR **d = dirp;

	if (*d)
		closedir(*d);
	*d = NULL;
}

ssize_t io_read_full(int fd, void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = read(fd, (char *)buf + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int io_write_full(int fd, const void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = write(fd, (const char *)buf + done, len - done);

		if (n >= 0) {
			done += (size_t)n;
		} else if (errno == EAGAIN) {
			struct pollfd p = { .fd = fd, .events = POLLOUT };

			if (poll(&p, 1, -1) < 0 && errno != EINTR)
				return -errno;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

int io_read_fd(int fd, size_t max, char **out, size_t *len)
{
	CLEANUP_FREE char *buf = NULL;
	size_t used = 0, cap = 4096;
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 && (size_t)st.st_size < max)
		cap = (size_t)st.st_size + 2;
	for (;;) {
		char *bigger = realloc(buf, cap);
		ssize_t n;

		if (!bigger)
			return -ENOMEM;
		buf = bigger;
		n = io_read_full(fd, buf + used, cap - 1 - used);
		if (n < 0)
			return (int)n;
		used += (size_t)n;
		if (used > max)
			return -EFBIG;
		if (used < cap - 1)
			break;
		cap *= 2;
	}
	buf[used] = '\0';
	*out = take_ptr(buf);
	if (len)
		*len = used;
	return 0;
}

int io_read_file(int dirfd, const char *path, size_t max, char **out, size_t *len)
{
	CLEANUP_FD int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return io_read_fd(fd, max, out, len);
}

int io_write_value(int dirfd, const char *path, const char *value)
{
	CLEANUP_FD int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	do
		n = write(fd, value, strlen(value));
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

static int write_and_rename(int dirfd, const char *tmp, const char *name, int fd, const void *data, size_t len,
			    bool sync)
{
	int r = io_write_full(fd, data, len);

	if (r < 0)
		return r;
	if (sync && fsync(fd) < 0)
		return -errno;
	if (renameat(dirfd, tmp, dirfd, name) < 0)
		return -errno;
	if (sync) {
		CLEANUP_FD int dir = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (dir < 0 || fsync(dir) < 0)
			return -errno;
	}
	return 0;
}

int io_replace_file(int dirfd, const char *name, const void *data, size_t len, mode_t mode, bool sync)
{
	CLEANUP_FD int fd = -1;
	char tmp[NAME_MAX + 1];
	int r;

	r = snprintf(tmp, sizeof(tmp), ".%s.%d.tmp", name, (int)getpid());
	if (r < 0 || (size_t)r >= sizeof(tmp))
		return -ENAMETOOLONG;
	fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	r = write_and_rename(dirfd, tmp, name, fd, data, len, sync);
	if (r < 0)
		(void)unlinkat(dirfd, tmp, 0);
	return r;
}

int io_mkdirs(int dirfd, const char *path, mode_t mode)
{
	char copy[PATH_MAX];
	size_t len = strlen(path);

	if (len >= sizeof(copy))
		return -ENAMETOOLONG;
	memcpy(copy, path, len + 1);
	for (char *p = copy + 1; len > 0; p++) {
		bool last = *p == '\0';

		if (*p != '/' && !last)
			continue;
		*p = '\0';
		if (mkdirat(dirfd, copy, mode) < 0 && errno != EEXIST)
			return -errno;
		if (last)
			break;
		*p = '/';
	}
	return 0;
}

static int remove_below(int dirfd, unsigned int depth);

static int remove_entry(int dirfd, const char *name, unsigned int depth)
{
	CLEANUP_FD int fd = -1;
	int r;

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (errno != ENOTEMPTY && errno != EEXIST)
		return -errno;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = remove_below(fd, depth + 1);
	if (r < 0)
		return r;
	return unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

static bool other_mount(int a, int b)
{
	struct stat sa, sb;

	return fstat(a, &sa) < 0 || fstat(b, &sb) < 0 || sa.st_dev != sb.st_dev;
}

/* Empties the folder dirfd refers to. */
static int remove_below(int dirfd, unsigned int depth)
{
	CLEANUP_DIR DIR *d = NULL;
	CLEANUP_FD int fd = -1;
	struct dirent *de;

	if (depth > REMOVE_MAX_DEPTH)
		return -ELOOP;
	fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (other_mount(fd, dirfd))
		return -EBUSY;
	d = fdopendir(fd);
	if (!d)
		return -errno;
	(void)take_fd(&fd);
	for (errno = 0; (de = readdir(d)); errno = 0) {
		int r;

		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		r = remove_entry(dirfd, de->d_name, depth);
		if (r < 0)
			return r;
	}
	return -errno;
}

int io_remove_tree(int dirfd, const char *name)
{
	return remove_entry(dirfd, name, 0);
}

int io_set_cloexec(int fd, bool on)
{
	return fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0) < 0 ? -errno : 0;
}

int io_set_nonblock(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	return fcntl(fd, F_SETFL, flags) < 0 ? -errno : 0;
}

int io_memfd(const char *name, const void *data, size_t len, bool sealed)
{
	CLEANUP_FD int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r;

	if (fd < 0)
		return -errno;
	r = io_write_full(fd, data, len);
	if (r < 0)
		return r;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	if (sealed && fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return -errno;
	return take_fd(&fd);
}
