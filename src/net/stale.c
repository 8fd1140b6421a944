#include "net/stale.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "sys/conntrack.h"

#define PAUSE_NS 300000000 /* between two walks, where many end */
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

static int unmark(int state, const char *path)
{
	if (unlinkat(state, path, 0) < 0 && errno != ENOENT)
		return -errno;
	(void)unlinkat(state, STALE_FOLDER, AT_REMOVEDIR); /* the last one */
	return 0;
}

int stale_forget(int state, const struct ip *ip)
{
	char path[PATH_LEN];
	int r;

	path_of(ip, path);
	if (faccessat(state, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	r = conntrack_forget_ips(ip, 1);
	return r < 0 ? r : unmark(state, path);
}

struct marks {
	struct arena a;
	struct ip *v;
	const char **owners;
	size_t n, cap, cap_owners;
};

static void marks_free(struct marks *m)
{
	arena_free(&m->a);
}

/* Whose the mark is, "" when there is none. */
static const char *owner_of(int dir, const char *name, char out[NAME_MAX + 1])
{
	ssize_t n = readlinkat(dir, name, out, NAME_MAX);

	out[n > 0 ? n : 0] = '\0';
	return out;
}

static void add(struct marks *m, const struct ip *ip, const char *owner)
{
	m->v = arena_grow(&m->a, m->v, m->n, &m->cap, sizeof(*m->v));
	m->owners = arena_grow(&m->a, m->owners, m->n, &m->cap_owners, sizeof(*m->owners));
	if (!m->v || !m->owners)
		return;
	m->v[m->n] = *ip;
	m->owners[m->n++] = arena_strdup(&m->a, owner);
}

/* Those whose owner is one that `is_meant` says; NULL: all. */
static int read_marks(int state, bool (*is_meant)(const void *data, const char *id), const void *data, struct marks *out)
{
	int fd = openat(state, STALE_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = -errno;
	CLEANUP_DIR DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!d) {
		r = fd < 0 ? r : -errno;
		close_fd(fd);
		return r == -ENOENT ? 0 : r;
	}
	while ((entry = readdir(d))) {
		char owner[NAME_MAX + 1];
		struct ip ip;

		if (ip_parse(entry->d_name, &ip) == 0 && *owner_of(dirfd(d), entry->d_name, owner) && (!is_meant || is_meant(data, owner)))
			add(out, &ip, owner);
	}
	return arena_error(&out->a);
}

/* One walk for all of them. An address may have been another's meanwhile, and that one gone, too: its mark stays. */
static int forget(int state, const struct marks *m)
{
	int r = conntrack_forget_ips(m->v, m->n), result = r < 0 ? r : 0;

	for (size_t i = 0; r >= 0 && i < m->n; i++) {
		char path[PATH_LEN], owner[NAME_MAX + 1];

		path_of(&m->v[i], path);
		if (strcmp(owner_of(state, path, owner), m->owners[i]) == 0 && (r = unmark(state, path)) < 0)
			result = r;
	}
	return result;
}

static int forget_some(int state, bool (*is_meant)(const void *data, const char *id), const void *data)
{
	CLEANUP(marks_free) struct marks m = { .a = ARENA_INIT };
	int r = read_marks(state, is_meant, data, &m);

	return r < 0 ? r : forget(state, &m);
}

static bool is_id(const void *data, const char *id)
{
	return strcmp(data, id) == 0;
}

int stale_forget_of(int state, const char *id)
{
	return forget_some(state, is_id, id);
}

/* The time of the last walk is the file's. A clock that was set back makes nobody wait longer. */
static void pause_after(int lock)
{
	struct stat st;
	int64_t past = fstat(lock, &st) < 0 ? PAUSE_NS : clock_now_ns() - ((int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec);
	const struct timespec left = { .tv_nsec = past < 0 || past >= PAUSE_NS ? 0 : PAUSE_NS - past };

	(void)nanosleep(&left, NULL);
}

static int any(int state)
{
	CLEANUP(marks_free) struct marks m = { .a = ARENA_INIT };
	int r = read_marks(state, NULL, NULL, &m);

	return r < 0 ? r : m.n > 0;
}

int stale_turn(int state)
{
	CLEANUP_FD int lock = openat(state, STALE_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (lock < 0)
		return -errno;
	if (flock(lock, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	return take_fd(&lock);
}

/* Who finds the lock taken has left his mark before, and who has it looks once more when it is free again. */
int stale_forget_all(int state, int lock)
{
	int r;

	while ((r = any(state)) > 0) {
		pause_after(lock);
		r = forget_some(state, NULL, NULL);
		(void)futimens(lock, NULL);
		(void)flock(lock, LOCK_UN);
		if (r < 0 || (r = any(state)) <= 0 || flock(lock, LOCK_EX | LOCK_NB) < 0)
			break;
	}
	return r < 0 ? r : 0;
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
