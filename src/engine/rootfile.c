/* The image's author controls every byte of these trees, so all opening goes through beneath.h, layer by layer: the
 * topmost layer that has the path, or hides it (a whiteout, or an opaque folder on the way), decides. A symbolic link
 * may lead into a lower layer, so links are followed here, by their text, and each target is looked up from the top. */
#include "engine/rootfile.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/beneath.h"
#include "base/io.h"
#include "sys/overlay.h"

#define FILE_MAX (1 << 20)
#define MOST_LINKS 8

enum look { LOOK_NOT_HERE, LOOK_HIDDEN, LOOK_FILE, LOOK_LINK };

/* One component at dir. */
static enum look look(int dir, const char *name, int *fd, bool last)
{
	struct stat st;

	*fd = beneath_open(dir, name, BENEATH_STRICT, O_PATH | O_NOFOLLOW, 0);
	if (*fd < 0 || fstat(*fd, &st) < 0)
		return LOOK_NOT_HERE;
	if (S_ISLNK(st.st_mode))
		return LOOK_LINK;
	if (overlay_is_whiteout(&st))
		return LOOK_HIDDEN;
	return S_ISDIR(st.st_mode) == !last ? LOOK_FILE : LOOK_HIDDEN;
}

/* `path` (the rest of it) behind a link that stands in folder `done` of the tree: what to look for instead. */
static int follow(int link, const char *done, size_t done_len, const char *rest, char out[PATH_MAX])
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(link, "", target, sizeof(target) - 1);
	int len;

	if (n < 0)
		return -errno;
	target[n] = '\0';
	if (target[0] == '/')
		len = snprintf(out, PATH_MAX, "%s%s%s", target + strspn(target, "/"), rest[0] ? "/" : "", rest);
	else
		len = snprintf(out, PATH_MAX, "%.*s%s%s%s", (int)done_len, done, target, rest[0] ? "/" : "", rest);
	return len < 0 || len >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/* Takes "." and ".." out of path in place; what climbs over the root stays there. */
static void flatten(char *path)
{
	char *in = path, *out = path;

	while (*in) {
		size_t n = strcspn(in, "/");
		bool more = in[n] == '/'; /* our own '/' may take the place of the end */

		if (n == 2 && in[0] == '.' && in[1] == '.') {
			if (out > path)
				out--;
			while (out > path && out[-1] != '/')
				out--;
		} else if (n > 0 && !(n == 1 && in[0] == '.')) {
			memmove(out, in, n);
			out += n;
			*out++ = '/';
		}
		in += n;
		if (!more)
			break;
		in++;
	}
	if (out > path)
		out--;
	*out = '\0';
}

/* Walks path in one layer. LOOK_FILE: *fd is the file. LOOK_LINK: next is the path to go on with. */
static enum look walk(int layer, const char *path, int *fd, bool *opaque, char next[PATH_MAX])
{
	CLEANUP_FD int dir = -1;
	const char *at = path;

	*opaque = false;
	for (;;) {
		size_t n = strcspn(at, "/");
		char name[NAME_MAX + 1];
		CLEANUP_FD int found = -1;
		enum look what;

		if (n == 0 || n > NAME_MAX)
			return LOOK_HIDDEN;
		memcpy(name, at, n);
		name[n] = '\0';
		what = look(dir < 0 ? layer : dir, name, &found, !at[n]);
		if (what == LOOK_LINK)
			return follow(found, path, (size_t)(at - path), at[n] ? at + n + 1 : "", next) < 0 ? LOOK_HIDDEN : what;
		if (what != LOOK_FILE)
			return what;
		if (!at[n]) {
			*fd = take_fd(&found);
			return LOOK_FILE;
		}
		*opaque |= overlay_is_opaque(found);
		close_fd(dir);
		dir = take_fd(&found);
		at += n + 1;
	}
}

static enum look search(const int *lowers, size_t n, const char *path, int *fd, char next[PATH_MAX])
{
	for (size_t i = 0; i < n; i++) {
		bool opaque;
		enum look what = walk(lowers[i], path, fd, &opaque, next);

		if (what != LOOK_NOT_HERE)
			return what;
		if (opaque)
			return LOOK_HIDDEN;
	}
	return LOOK_HIDDEN;
}

static int read_found(int fd, char **out)
{
	char self[IO_FD_PATH_LEN];
	struct stat st;
	CLEANUP_FD int file = -1;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	file = open(io_fd_path(fd, self), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return file < 0 ? -errno : io_read_fd(file, FILE_MAX, out, NULL);
}

int rootfile_read(const int *lowers, size_t n, const char *path, char **out, struct err *e)
{
	char now[PATH_MAX], next[PATH_MAX];

	*out = NULL;
	(void)snprintf(now, sizeof(now), "%s", path);
	for (int links = 0; links <= MOST_LINKS; links++) {
		CLEANUP_FD int fd = -1;
		enum look what = search(lowers, n, now, &fd, next);

		if (what == LOOK_FILE) {
			int r = read_found(fd, out);

			return r == -EFBIG ? err_set(e, ERR_LIMIT, "/%s in the image is larger than 1 MiB", path) :
			       r < 0      ? err_errno(e, r, "read /%s in the image", path) :
					    0;
		}
		if (what != LOOK_LINK)
			return 0;
		memcpy(now, next, sizeof(now));
		flatten(now);
	}
	return 0;
}

void rootfile_where(const int *lowers, size_t n, const char *path, char out[PATH_MAX])
{
	char now[PATH_MAX], next[PATH_MAX];

	(void)snprintf(out, PATH_MAX, "%s", path);
	memcpy(now, out, sizeof(now));
	for (int links = 0; links <= MOST_LINKS; links++) {
		CLEANUP_FD int fd = -1;

		if (search(lowers, n, now, &fd, next) != LOOK_LINK) {
			if (now[0])
				memcpy(out, now, sizeof(now));
			return;
		}
		memcpy(now, next, sizeof(now));
		flatten(now);
	}
}

bool rootfile_lacks(const int *lowers, size_t n, const char *folder, const char *name, struct stat *st, int *fd)
{
	*fd = -1;
	for (size_t i = 0; i < n; i++) {
		CLEANUP_FD int at = beneath_open(lowers[i], folder, BENEATH_STRICT, O_PATH | O_NOFOLLOW, 0);
		struct stat own, found;
		bool last;

		if (at < 0 || fstat(at, &own) < 0)
			continue;
		if (!S_ISDIR(own.st_mode))
			break; /* hides what is below it */
		last = overlay_is_opaque(at);
		if (fstatat(at, name, &found, AT_SYMLINK_NOFOLLOW) == 0) {
			last = overlay_is_whiteout(&found);
			if (!last) {
				*fd = close_fd(*fd);
				return false;
			}
		}
		if (*fd < 0) {
			*st = own;
			*fd = take_fd(&at);
		}
		if (last)
			break;
	}
	return *fd >= 0;
}
