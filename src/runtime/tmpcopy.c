/* tmpcopyup: a tmpfs that starts with what the image has in its place. Runs in the child as the container's root;
 * both ends are handles, names are single components, links are copied and never followed. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "runtime/internal.h"

#define MAX_DEPTH 64U

static int copy_folder(int from, int to, unsigned int depth, struct err *e);

static int copy_file(int from, int to, const char *name, const struct stat *st, struct err *e)
{
	CLEANUP_FD int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	CLEANUP_FD int out = -1;
	ssize_t n;

	if (in < 0)
		return err_errno(e, -errno, "reading %s", name);
	out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (out < 0)
		return err_errno(e, -errno, "writing %s", name);
	while ((n = sendfile(out, in, NULL, 1U << 20)) > 0)
		;
	if (n < 0 || fchown(out, st->st_uid, st->st_gid) < 0 || fchmod(out, st->st_mode & 07777) < 0)
		return err_errno(e, -errno, "writing %s", name);
	return 0;
}

static int copy_link(int from, int to, const char *name, const struct stat *st, struct err *e)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(from, name, target, sizeof(target) - 1);

	if (n < 0)
		return err_errno(e, -errno, "link %s", name);
	target[n] = '\0';
	if (symlinkat(target, to, name) < 0 || fchownat(to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(e, -errno, "link %s", name);
	return 0;
}

static int copy_subfolder(int from, int to, const char *name, const struct stat *st, unsigned int depth, struct err *e)
{
	CLEANUP_FD int in = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), out = -1;
	int r;

	if (in < 0)
		return err_errno(e, -errno, "folder %s", name);
	if (mkdirat(to, name, 0700) < 0)
		return err_errno(e, -errno, "folder %s", name);
	out = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (out < 0)
		return err_errno(e, -errno, "folder %s", name);
	r = copy_folder(in, out, depth + 1, e);
	if (r < 0)
		return r;
	if (fchown(out, st->st_uid, st->st_gid) < 0 || fchmod(out, st->st_mode & 07777) < 0)
		return err_errno(e, -errno, "folder %s", name);
	return 0;
}

static int copy_entry(int from, int to, const char *name, unsigned int depth, struct err *e)
{
	struct stat st;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(e, -errno, "%s", name);
	if (S_ISREG(st.st_mode))
		return copy_file(from, to, name, &st, e);
	if (S_ISLNK(st.st_mode))
		return copy_link(from, to, name, &st, e);
	if (S_ISDIR(st.st_mode))
		return copy_subfolder(from, to, name, &st, depth, e);
	if (S_ISFIFO(st.st_mode))
		return mknodat(to, name, st.st_mode, 0) < 0 ? err_errno(e, -errno, "fifo %s", name) : 0;
	return err_set(e, ERR_UNSUPPORTED, "%s is a device or socket, which tmpcopyup does not copy", name);
}

static int copy_folder(int from, int to, unsigned int depth, struct err *e)
{
	CLEANUP_DIR DIR *d = NULL;
	int fd = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *de;
	int r = 0;

	if (depth > MAX_DEPTH) {
		close_fd(fd);
		return err_set(e, ERR_LIMIT, "folders more than %u deep", MAX_DEPTH);
	}
	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		r = -errno;
		close_fd(fd);
		return err_errno(e, r, "reading a folder");
	}
	while (r == 0 && (de = readdir(d)))
		if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
			r = copy_entry(from, to, de->d_name, depth, e);
	return r;
}

int rt_copy_up(int from, int to, struct err *e)
{
	struct stat st;
	int r = copy_folder(from, to, 0, e);

	if (r < 0)
		return err_ctx(e, "tmpcopyup");
	/* the folder's own mode and owner, as the specification's mode= would be for an empty one */
	if (fstat(from, &st) < 0 || fchown(to, st.st_uid, st.st_gid) < 0 || fchmod(to, st.st_mode & 07777) < 0)
		return err_errno(e, -errno, "tmpcopyup");
	return 0;
}
