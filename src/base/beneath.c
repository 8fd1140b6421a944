#include "base/beneath.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* openat2 gives -EAGAIN when a rename raced with ".."; an attacker can make that last, so it is bounded. */
#define RACE_RETRIES 128

static unsigned long long resolve_of(enum beneath_mode how)
{
	switch (how) {
	case BENEATH_STRICT:
		return RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
	case BENEATH_NOLINKS:
		return RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
	case BENEATH_IN_ROOT:
	default:
		return RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
	}
}

int beneath_open(int root, const char *path, enum beneath_mode how, int flags, mode_t mode)
{
	struct open_how oh = {
		.flags = (unsigned long long)(unsigned int)(flags | O_CLOEXEC),
		.mode = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? mode & 07777 : 0,
		.resolve = resolve_of(how),
	};

	if (how != BENEATH_IN_ROOT)
		while (*path == '/')
			path++;
	if (!*path)
		path = ".";
	for (int i = 0; i < RACE_RETRIES; i++) {
		long fd = syscall(SYS_openat2, root, path, &oh, sizeof(oh));

		if (fd >= 0)
			return (int)fd;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
	}
	return -EAGAIN;
}

int beneath_mkdirs(int root, const char *path, enum beneath_mode how, mode_t mode)
{
	CLEANUP_FD int dir = beneath_open(root, path, how, O_PATH | O_DIRECTORY, 0);
	char prefix[PATH_MAX];
	size_t len = strlen(path);

	if (dir != -ENOENT)
		return take_fd(&dir);
	if (len >= sizeof(prefix))
		return -ENAMETOOLONG;
	dir = -1;
	for (size_t end = 0; end < len;) {
		char name[NAME_MAX + 1];
		CLEANUP_FD int parent = -1;

		while (path[end] == '/')
			end++;
		end += strcspn(path + end, "/");
		memcpy(prefix, path, end);
		prefix[end] = '\0';
		dir = close_fd(dir);
		dir = beneath_open(root, prefix, how, O_PATH | O_DIRECTORY, 0);
		if (dir == -ENOENT) {
			parent = beneath_parent(root, prefix, how, 0, name);
			if (parent < 0)
				return parent;
			/* EEXIST is a racing mkdir, or a dangling link: the next open tells which */
			if (mkdirat(parent, name, mode) < 0 && errno != EEXIST)
				return -errno;
			dir = beneath_open(root, prefix, how, O_PATH | O_DIRECTORY, 0);
		}
		if (dir < 0)
			return dir;
	}
	return take_fd(&dir);
}

int beneath_parent(int root, const char *path, enum beneath_mode how, mode_t dirmode, char name[NAME_MAX + 1])
{
	char parent[PATH_MAX];
	size_t end = strlen(path), start;

	while (end > 0 && path[end - 1] == '/')
		end--;
	for (start = end; start > 0 && path[start - 1] != '/'; start--)
		;
	if (end == start)
		return -EINVAL;
	if (end - start > NAME_MAX || start >= sizeof(parent))
		return -ENAMETOOLONG;
	memcpy(name, path + start, end - start);
	name[end - start] = '\0';
	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return -EINVAL;
	memcpy(parent, path, start);
	parent[start] = '\0';
	if (dirmode)
		return beneath_mkdirs(root, parent[0] ? parent : ".", how, dirmode);
	return beneath_open(root, parent, how, O_PATH | O_DIRECTORY, 0);
}

int beneath_mountpoint(int root, const char *path, int is_dir)
{
	CLEANUP_FD int fd = -1, parent = -1, made = -1;
	char name[NAME_MAX + 1];

	if (is_dir)
		return beneath_mkdirs(root, path, BENEATH_IN_ROOT, 0755);
	fd = beneath_open(root, path, BENEATH_IN_ROOT, O_PATH, 0);
	if (fd != -ENOENT)
		return take_fd(&fd);
	parent = beneath_parent(root, path, BENEATH_IN_ROOT, 0755, name);
	if (parent < 0)
		return parent;
	made = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (made < 0 && errno != EEXIST)
		return -errno;
	return beneath_open(root, path, BENEATH_IN_ROOT, O_PATH, 0);
}
