#include "base/beneath.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/defence.h"

/* openat2 gives -EAGAIN when a rename raced with ".."; an attacker can make that last, so it is bounded. */
#define RACE_RETRIES 128

/* Dangling links that are followed one after the other, as many as the kernel follows. */
#define MOST_LINKS 40

static unsigned long long resolve_of(enum beneath_mode how)
{
	switch (how) {
	case BENEATH_STRICT:
		return RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
	case BENEATH_NOLINKS:
		return RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
	case BENEATH_IN_ROOT:
	default:
		return defence(in_root) ? RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS : 0;
	}
}

int beneath_open(int root, const char *path, enum beneath_mode how, int flags, mode_t mode)
{
	struct open_how oh = {
		.flags = (unsigned long long)(unsigned int)(flags | O_CLOEXEC),
		.mode = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? mode & 07777 : 0,
		.resolve = resolve_of(how),
	};

	if (how != BENEATH_IN_ROOT || !defence(in_root))
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

static int split(const char *path, char parent[PATH_MAX], char name[NAME_MAX + 1])
{
	size_t end = strlen(path), start;

	while (end > 0 && path[end - 1] == '/')
		end--;
	for (start = end; start > 0 && path[start - 1] != '/'; start--)
		;
	if (end == start)
		return -EINVAL;
	if (end - start > NAME_MAX || start >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(name, path + start, end - start);
	name[end - start] = '\0';
	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return -EINVAL;
	memcpy(parent, path, start);
	parent[start] = '\0';
	return 0;
}

int beneath_parent(int root, const char *path, enum beneath_mode how, mode_t dirmode, char name[NAME_MAX + 1])
{
	char parent[PATH_MAX];
	int r = split(path, parent, name);

	if (r < 0)
		return r;
	if (dirmode)
		return beneath_mkdirs(root, parent[0] ? parent : ".", how, dirmode);
	return beneath_open(root, parent, how, O_PATH | O_DIRECTORY, 0);
}

/* The path with the dangling link called name replaced by what it says; path[from] to path[to] is that name. */
static int replace_link(int parent, const char *name, char path[PATH_MAX], size_t from, size_t to)
{
	char target[PATH_MAX], rest[PATH_MAX];
	ssize_t n = readlinkat(parent, name, target, sizeof(target) - 1);

	/* no link: what was missing a moment ago has been made by somebody, and the next look finds it */
	if (n < 0)
		return errno == EINVAL || errno == ENOENT ? 0 : -errno;
	target[n] = '\0';
	if (target[0] == '/')
		from = 0;
	snprintf(rest, sizeof(rest), "%s", path + to);
	if (snprintf(path + from, PATH_MAX - from, "%s%s", target, rest) >= (int)(PATH_MAX - from))
		return -ENAMETOOLONG;
	return 0;
}

int beneath_follow(int root, char path[PATH_MAX])
{
	char name[NAME_MAX + 1];

	for (int i = 0; i < 40; i++) { /* as the kernel (path_resolution(7)) */
		CLEANUP_FD int parent = beneath_parent(root, path, BENEATH_IN_ROOT, 0, name);
		size_t len = strlen(path);
		struct stat st;
		int r;

		if (parent < 0)
			return parent == -ENOENT ? 0 : parent;
		if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISLNK(st.st_mode))
			return 0;
		while (len > 0 && path[len - 1] == '/')
			path[--len] = '\0';
		r = replace_link(parent, name, path, len - strlen(name), len);
		if (r < 0)
			return r;
	}
	return -ELOOP;
}

/* Where path leads, past the first dangling link on it: a path below the same root, for another look. */
static int follow_dangling(int root, char path[PATH_MAX])
{
	char prefix[PATH_MAX], name[NAME_MAX + 1];

	for (size_t from = 0, to = 0; path[to]; from = to) {
		CLEANUP_FD int fd = -1, parent = -1;

		from += strspn(path + from, "/");
		to = from + strcspn(path + from, "/");
		memcpy(prefix, path, to);
		prefix[to] = '\0';
		fd = beneath_open(root, prefix, BENEATH_IN_ROOT, O_PATH, 0);
		if (fd >= 0)
			continue;
		parent = fd == -ENOENT ? beneath_parent(root, prefix, BENEATH_IN_ROOT, 0, name) : fd;
		return parent < 0 ? parent : replace_link(parent, name, path, from, to);
	}
	return 0;
}

/* 1: made, -EEXIST: something is there, a dangling link for example. */
static int make_point(int parent, const char *name, int is_dir)
{
	CLEANUP_FD int file = -1;

	if (is_dir)
		return mkdirat(parent, name, 0755) < 0 ? -errno : 1;
	file = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	return file < 0 ? -errno : 1;
}

int beneath_mountpoint(int root, const char *path, int is_dir)
{
	char at[PATH_MAX], name[NAME_MAX + 1];
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	if (len >= sizeof(at))
		return -ENAMETOOLONG;
	memcpy(at, path, len);
	at[len] = '\0';
	for (int links = 0; links <= MOST_LINKS; links++) {
		CLEANUP_FD int fd = beneath_open(root, at, BENEATH_IN_ROOT, O_PATH, 0), parent = -1;
		int r;

		if (fd != -ENOENT)
			return take_fd(&fd);
		parent = beneath_parent(root, at, BENEATH_IN_ROOT, 0755, name);
		r = parent < 0 ? parent : make_point(parent, name, is_dir);
		if (r == -EEXIST || r == -ENOENT)
			r = follow_dangling(root, at);
		if (r < 0)
			return r;
	}
	return -ELOOP;
}

int beneath_place(int root, const char *path, char name[NAME_MAX + 1])
{
	char parent[PATH_MAX];
	int r = split(path, parent, name);

	return r < 0 ? r : beneath_mountpoint(root, parent, 1);
}

int beneath_mountpoint_itself(int root, const char *path, int is_dir)
{
	char name[NAME_MAX + 1];
	CLEANUP_FD int parent = beneath_place(root, path, name);
	int fd = parent < 0 ? parent : beneath_open(parent, name, BENEATH_NOLINKS, O_PATH | O_NOFOLLOW, 0), r;

	if (parent < 0 || fd != -ENOENT)
		return fd;
	r = make_point(parent, name, is_dir);
	return r < 0 && r != -EEXIST ? r : beneath_open(parent, name, BENEATH_NOLINKS, O_PATH | O_NOFOLLOW, 0);
}
