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

/* Whose the mark is, "" when there is none. */
static const char *owner_of(int dir, const char *name, char out[NAME_MAX + 1])
{
	ssize_t n = readlinkat(dir, name, out, NAME_MAX);

	out[n > 0 ? n : 0] = '\0';
	return out;
}

/* Those whose owner is one that `is_meant` says. */
static int forget_some(int state, bool (*is_meant)(const void *data, const char *id), const void *data)
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
		char path[PATH_LEN], owner[NAME_MAX + 1];
		struct ip ip;
		int r;

		if (ip_parse(entry->d_name, &ip) < 0 || !*owner_of(dirfd(d), entry->d_name, owner) || !is_meant(data, owner))
			continue;
		path_of(&ip, path);
		r = forget(state, &ip, path);
		result = r < 0 ? r : result;
	}
	return result;
}

static bool is_id(const void *data, const char *id)
{
	return strcmp(data, id) == 0;
}

int stale_forget_of(int state, const char *id)
{
	return forget_some(state, is_id, id);
}

struct living {
	bool (*lives)(const void *data, const char *id);
	const void *data;
};

static bool is_orphan(const void *data, const char *id)
{
	const struct living *l = data;

	return !l->lives(l->data, id);
}

int stale_forget_orphans(int state, bool (*lives)(const void *data, const char *id), const void *data)
{
	const struct living l = { lives, data };

	return forget_some(state, is_orphan, &l);
}
