#include "net/stale.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/conntrack.h"

#define PATH_LEN (sizeof(STALE_FOLDER) + IP_TEXT_LEN)

static void path_of(const struct ip *ip, char out[PATH_LEN])
{
	memcpy(out, STALE_FOLDER "/", sizeof(STALE_FOLDER));
	(void)ip_text(ip, out + sizeof(STALE_FOLDER));
}

/* Somebody may take the folder away when it is empty, just before we put something there. */
int stale_mark(int state, const struct ip *ip, const char *id)
{
	char path[PATH_LEN];

	path_of(ip, path);
	for (int i = 0; i < 100; i++) {
		if (symlinkat(id, state, path) == 0)
			return 0;
		if (errno == EEXIST && unlinkat(state, path, 0) < 0 && errno != ENOENT)
			return -errno;
		if (errno == ENOENT && mkdirat(state, STALE_FOLDER, 0700) < 0 && errno != EEXIST)
			return -errno;
		if (errno != ENOENT && errno != EEXIST)
			return -errno;
	}
	return -ENOENT;
}

static int forget(int state, const struct ip *ip, const char *path)
{
	int r = conntrack_forget_ip(ip);

	if (r < 0)
		return r;
	if (unlinkat(state, path, 0) < 0 && errno != ENOENT)
		return -errno;
	(void)unlinkat(state, STALE_FOLDER, AT_REMOVEDIR); /* the last one */
	return 0;
}

int stale_forget(int state, const struct ip *ip)
{
	char path[PATH_LEN];

	path_of(ip, path);
	return faccessat(state, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0 ? (errno == ENOENT ? 0 : -errno) : forget(state, ip, path);
}

static bool belongs_to(int dir, const char *name, const char *id)
{
	char owner[NAME_MAX + 1];
	ssize_t n = readlinkat(dir, name, owner, sizeof(owner) - 1);

	return n > 0 && (size_t)n == strlen(id) && memcmp(owner, id, (size_t)n) == 0;
}

int stale_forget_of(int state, const char *id)
{
	int fd = openat(state, STALE_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC), result = 0;
	CLEANUP_DIR DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!d) {
		result = errno == ENOENT ? 0 : -errno;
		close_fd(fd);
		return result;
	}
	while ((entry = readdir(d))) {
		char path[PATH_LEN];
		struct ip ip;
		int r;

		if (!belongs_to(dirfd(d), entry->d_name, id) || ip_parse(entry->d_name, &ip) < 0)
			continue;
		path_of(&ip, path);
		r = forget(state, &ip, path);
		result = r < 0 ? r : result;
	}
	return result;
}
