/* The first content of a volume is put together beside it, in ROOT/volumes/NAME/.new, and takes the place of the empty _data by rename, so
 * that it is whole or not there. A container that has the volume already may be running, and would keep the folder that was: then
 * what is in .new is moved, entry by entry: it is .full from then on, and who is killed at that leaves to the next one what is in there still.
 * Whoever does that holds the volume's lock. */
#include "engine/volume_fill.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/io.h"
#include "engine/copytree.h"
#include "sys/caps.h"

#define DATA "_data"
#define NEW ".new"
#define FULL ".full" /* whole, and on its way into _data */

/* 1: nothing in it. */
static int is_empty(int folder, const char *name)
{
	int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	CLEANUP_DIR DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int n = 0;

	if (!d) {
		n = -errno;
		close_fd(fd);
		return n;
	}
	while ((entry = readdir(d)))
		n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	return n == 0;
}

/* What is there already, by a container that runs, stays. */
static int move_entry(int from, const char *name, int to)
{
	if (renameat2(from, name, to, name, RENAME_NOREPLACE) == 0 || errno == EEXIST)
		return 0;
	return -errno;
}

static int move_entries(int from, int to)
{
	int copy = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	CLEANUP_DIR DIR *d = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;
	struct stat st;

	if (!d) {
		r = -errno;
		close_fd(copy);
		return r;
	}
	while (r == 0 && (entry = readdir(d)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = move_entry(from, entry->d_name, to);
	if (r == 0 && (fstat(from, &st) < 0 || fchown(to, st.st_uid, st.st_gid) < 0 || fchmod(to, st.st_mode & 07777) < 0))
		r = -errno;
	return r;
}

/* Moves what is in .full, if there is one. */
static int empty_full(int folder)
{
	CLEANUP_FD int from = openat(folder, FULL, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), to = -1;
	int r;

	if (from < 0)
		return errno == ENOENT ? 0 : -errno;
	to = openat(folder, DATA, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	r = to < 0 ? -errno : move_entries(from, to);
	return r < 0 ? r : io_remove_tree(folder, FULL);
}

static int put_in_place(int folder, bool shared)
{
	if (!shared)
		return renameat(folder, NEW, folder, DATA) < 0 ? -errno : 0;
	return renameat(folder, NEW, folder, FULL) < 0 ? -errno : empty_full(folder);
}

/* Somebody may have it mounted: any container that has it, but the one that is being made and fills it. */
static int is_shared(const struct engine *en, const char *name, enum volume_filling how, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(en->catalog, &s, e, "SELECT count(*) FROM volume_uses WHERE volume = ?1", "s", name);

	if (r == 0)
		r = cat_step(s, e);
	return r < 0 ? r : r > 0 && cat_int(s, 0) > (how == VOLUME_FILL_EMPTY);
}

static int lock(int folder)
{
	int r;

	do
		r = flock(folder, LOCK_EX) < 0 ? -errno : 0;
	while (r == -EINTR);
	return r;
}

/* Ids as they are. */
static struct copytree_ids ids_of(enum volume_filling how)
{
	return (struct copytree_ids){ .base = 0, .size = UINT32_MAX, .tar = how == VOLUME_FILL_OVER,
				      .whole = how == VOLUME_FILL_COPY || how == VOLUME_FILL_COPY_OVER };
}

/* What comes into its place looks like the empty folder that is there, until something says otherwise. */
static int make_new(int folder)
{
	struct stat st;

	if (fstatat(folder, DATA, &st, AT_SYMLINK_NOFOLLOW) < 0 || mkdirat(folder, NEW, 0700) < 0 ||
	    fchownat(folder, NEW, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0 || fchmodat(folder, NEW, st.st_mode & 07777, 0) < 0)
		return -errno;
	return 0;
}

/* Into an empty one, with the lock held. */
static int fill_empty(const struct engine *en, int folder, const char *name, enum volume_filling how, const int *lowers, size_t n,
		      const char *path, struct err *e)
{
	const struct copytree_ids ids = ids_of(how);
	int shared, r = make_new(folder);

	r = r < 0 ? err_errno(e, r, "volume %s", name) : copytree_from_layers(lowers, n, path, folder, NEW, &ids, e);
	r = shared = r < 0 ? r : is_shared(en, name, how, e); /* now, not before: that may have taken its time */
	if (r >= 0) {
		r = put_in_place(folder, shared);
		r = r < 0 ? err_errno(e, r, "volume %s", name) : 0;
	}
	if (r < 0)
		(void)!io_remove_tree(folder, NEW);
	return r;
}

/* With it ext4 lets us write above a volume's limit. */
static int above_limits(bool on, const char *name, struct err *e)
{
	int r = cap_in_effect(CAP_BIT(CAP_SYS_RESOURCE), on);

	return r < 0 ? err_errno(e, r, "volume %s: capabilities", name) : 0;
}

static int fill(const struct engine *en, int folder, const char *name, enum volume_filling how, bool empty, const int *lowers, size_t n,
		const char *path, struct err *e)
{
	const struct copytree_ids ids = ids_of(how);

	if (empty)
		return fill_empty(en, folder, name, how, lowers, n, path, e);
	return copytree_from_layers(lowers, n, path, folder, DATA, &ids, e);
}

int volume_fill(const struct engine *en, const char *name, enum volume_filling how, const int *lowers, size_t n, const char *path, struct err *e)
{
	CLEANUP_FD int folder = volume_open(en, name, e);
	struct err ignored;
	int r, empty = 0;

	if (folder < 0)
		return folder;
	r = lock(folder);
	if (r == 0)
		r = empty_full(folder);
	if (r == 0)
		r = io_remove_tree(folder, NEW);
	if (r == 0 && how != VOLUME_FILL_NOTHING)
		r = empty = is_empty(folder, DATA);
	if (r < 0)
		return err_errno(e, r, "volume %s", name);
	if (!empty && how != VOLUME_FILL_OVER && how != VOLUME_FILL_COPY_OVER)
		return 0;
	r = above_limits(false, name, e);
	if (r == 0)
		r = fill(en, folder, name, how, empty, lowers, n, path, e);
	(void)!above_limits(true, name, &ignored);
	return r < 0 ? err_ctx(e, "fill volume %s", name) : 0;
}

int volume_is_empty(const struct engine *en, const char *name, bool *empty, struct err *e)
{
	CLEANUP_FD int folder = volume_open(en, name, e);
	int r;

	if (folder < 0)
		return folder;
	r = lock(folder);
	if (r == 0)
		r = empty_full(folder);
	if (r == 0)
		r = is_empty(folder, DATA);
	*empty = r > 0;
	return r < 0 ? err_errno(e, r, "volume %s", name) : 0;
}
