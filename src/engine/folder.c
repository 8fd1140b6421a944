#include "engine/folder.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "engine/capacity.h"
#include "engine/waiting.h"
#include "sys/mnt.h"

#define REMOVE_TRIES 3

const char *folder_path(const struct engine *en, struct arena *a, const char *id)
{
	return arena_printf(a, "%s/containers/%s", en->root, id);
}

const char *folder_state(const struct engine *en, struct arena *a, const char *id)
{
	return arena_printf(a, "%s/%s", en->state, id);
}

const char *folder_upper(const struct engine *en, struct arena *a, const char *id)
{
	const char *apart = arena_printf(a, "%s/containers/%s/" CAPACITY_SUBVOLUME "/upper", en->root, id);

	return apart && access(apart, F_OK) == 0 ? apart : arena_printf(a, "%s/containers/%s/upper", en->root, id);
}

static const char *relative(const char *id, const char *file, char out[NAME_MAX + 1])
{
	(void)snprintf(out, NAME_MAX + 1, "containers/%s%s%s", id, file[0] ? "/" : "", file);
	return out;
}

int folder_open(const struct engine *en, const char *id, struct err *e)
{
	char name[NAME_MAX + 1];
	int fd = openat(en->root_fd, relative(id, "", name), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? err_errno(e, -errno, "open %s/%s", en->root, name) : fd;
}

/* The lock of the folder of all of them: shared while one is made, exclusive for who asks if any is being made. */
static int lock_makers(const struct engine *en, int how)
{
	CLEANUP_FD int fd = openat(en->root_fd, "containers", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int r = 0;

	if (fd < 0)
		return -errno;
	do {
		r = flock(fd, how) < 0 ? -errno : 0;
	} while (r == -EINTR);
	return r < 0 ? r : take_fd(&fd);
}

int folder_bar_makers(const struct engine *en)
{
	return lock_makers(en, LOCK_EX | LOCK_NB);
}

int folder_make(const struct engine *en, const char *id, int *lock, struct err *e)
{
	CLEANUP_FD int makers = lock_makers(en, LOCK_SH);
	char name[NAME_MAX + 1];

	*lock = -1;
	if (makers < 0)
		return err_errno(e, makers, "lock %s/containers", en->root);
	if (mkdirat(en->root_fd, relative(id, "", name), 0700) < 0)
		return err_errno(e, -errno, "make %s/%s", en->root, name);
	*lock = openat(en->root_fd, relative(id, "lock", name), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*lock < 0 || flock(*lock, LOCK_EX | LOCK_NB) < 0)
		return err_errno(e, -errno, "make %s/%s", en->root, name);
	return folder_open(en, id, e);
}

int folder_state_remove(const struct engine *en, const char *id, struct err *e)
{
	char netns[PATH_MAX];
	int r = snprintf(netns, sizeof(netns), "%s/%s/netns", en->state, id);

	/* a network of CNI whose end failed: its plugins will do without */
	if (r > 0 && r < PATH_MAX)
		(void)!mnt_detach(netns);
	waiting_dismiss(en->state_fd, id);
	r = io_remove_tree(en->state_fd, id);

	return r < 0 ? err_errno(e, r, "remove %s/%s", en->state, id) : 0;
}

int folder_remove(const struct engine *en, const char *id, struct err *e)
{
	char name[NAME_MAX + 1];
	int r = folder_state_remove(en, id, e);
	bool left;

	if (r < 0)
		return r;
	left = capacity_forget_root(en, id);
	/* who packs a file of its log may have put one more there */
	for (int i = 0; (r = io_remove_tree(en->root_fd, relative(id, "", name))) == -ENOTEMPTY && i < REMOVE_TRIES; i++)
		;
	if (left)
		capacity_sweep(en);
	return r < 0 ? err_errno(e, r, "remove %s/%s", en->root, name) : 0;
}

int folder_state_make(const struct engine *en, const char *id, struct err *e)
{
	static const char *const stale[] = { "state.json", "exec", "ports", "rest", "health.json", "notify" };
	char name[NAME_MAX + 1];
	CLEANUP_FD int dir = -1, lock = -1;

	if (mkdirat(en->state_fd, id, 0700) < 0 && errno != EEXIST)
		return err_errno(e, -errno, "make %s/%s", en->state, id);
	dir = openat(en->state_fd, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (dir < 0)
		return err_errno(e, -errno, "open %s/%s", en->state, id);
	for (size_t i = 0; i < ARRAY_LEN(stale); i++) {
		int r = io_remove_tree(dir, stale[i]);

		if (r < 0)
			return err_errno(e, r, "remove %s/%s/%s", en->state, id, stale[i]);
	}
	lock = openat(dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600); /* the monitor makes none */
	if (lock < 0)
		return err_errno(e, -errno, "make %s/%s/lock", en->state, id);
	(void)snprintf(name, sizeof(name), "%s/exec", id);
	if (mkdirat(en->state_fd, name, 0700) < 0)
		return err_errno(e, -errno, "make %s/%s", en->state, name);
	return 0;
}

int folder_lock(const struct engine *en, const char *id, bool wait, struct err *e)
{
	char name[NAME_MAX + 1];

	(void)relative(id, "lock", name);
	for (;;) {
		CLEANUP_FD int fd = openat(en->root_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
		struct stat st;

		if (fd < 0 && errno == ENOENT)
			return err_set(e, ERR_NOTFOUND, "no such container: %.12s (it was removed)", id);
		if (fd < 0)
			return err_errno(e, -errno, "open %s/%s", en->root, name);
		if (flock(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB) < 0) {
			if (errno == EINTR)
				continue;
			if (errno == EWOULDBLOCK)
				return err_set(e, ERR_BUSY, "another command is at work on container %.12s", id);
			return err_errno(e, -errno, "lock %s/%s", en->root, name);
		}
		/* the holder before us may have removed it */
		if (fstat(fd, &st) == 0 && st.st_nlink > 0)
			return take_fd(&fd);
	}
}

int folder_bar_monitor(const struct engine *en, const char *id, bool *none)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char name[NAME_MAX + 1];
	CLEANUP_FD int fd = -1;

	(void)snprintf(name, sizeof(name), "%s/lock", id);
	fd = openat(en->state_fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	*none = fd < 0;
	if (fd < 0 || fcntl(fd, F_SETLK, &lock) < 0)
		return -1;
	return take_fd(&fd);
}
