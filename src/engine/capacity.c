#include "engine/capacity.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"

static int open_folder(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int capacity_option(const char *option, const char *text, struct quota_limits *out, struct err *e)
{
	if (text_starts(text, "size=")) {
		if (text_size(text + strlen("size="), &out->bytes) < 0)
			return err_set(e, ERR_INVALID, "%s %s: want a size such as size=10g", option, text);
		if (out->bytes < CAPACITY_LEAST)
			return err_set(e, ERR_INVALID, "%s %s: at least 1m, for the folders alone need some of it", option, text);
		return 1;
	}
	if (text_starts(text, "inodes=")) {
		if (text_u64(text + strlen("inodes="), &out->files) < 0 || out->files < 16)
			return err_set(e, ERR_INVALID, "%s %s: want how many files and folders there may be, such as inodes=100000 (at least 16)", option, text);
		return 1;
	}
	return 0;
}

int capacity_check(const struct engine *en, const char *option, const struct quota_limits *limits, enum quota_kind *kind, struct err *e)
{
	*kind = QUOTA_NONE;
	if (!capacity_any(limits))
		return 0;
	if (en->user.on)
		return err_set(e, ERR_UNSUPPORTED, "%s: only root may limit what files take on a disk; volumes in memory (-o type=tmpfs) have a limit for you, too", option);
	*kind = quota_kind(en->root_fd, en->root, e);
	if (*kind == QUOTA_NONE)
		return err_ctx(e, "%s", option);
	if (*kind == QUOTA_SUBVOLUME && limits->files)
		return err_set(e, ERR_UNSUPPORTED, "%s: %s lies on btrfs, which limits bytes and no number of files: leave inodes= out", option, en->root);
	return 0;
}

int capacity_limit_folders(int dir, const char *const *names, size_t n, const struct quota_limits *limits, struct err *e)
{
	uint32_t project = 0;
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		CLEANUP_FD int fd = open_folder(dir, names[i]);

		r = fd < 0 ? fd : i == 0 ? quota_take(fd, limits, &project) : quota_join(fd, project);
		if (r < 0)
			(void)err_errno(e, r, "limit what \"%s\" may take on the disk", names[i]);
	}
	return r;
}

static int of_config(const struct json *config, struct quota_limits *out, struct err *e)
{
	char text[64];
	int r = 0;

	*out = (struct quota_limits){ 0 };
	json_each(opt, json_get(json_get(config, "HostConfig"), "StorageOpt")) {
		if (opt->type != JSON_STRING || snprintf(text, sizeof(text), "%s=%s", opt->key, opt->str) >= (int)sizeof(text))
			return err_set(e, ERR_INTERNAL, "StorageOpt in the container's record is damaged");
		r = capacity_option("StorageOpt", text, out, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* What a limit of a container's root is of: upper, or the subvolume that it lies in. */
static int open_limited(const struct engine *en, const char *id)
{
	static const char *const names[] = { "upper", CAPACITY_SUBVOLUME };
	int fd = -ENOENT;

	for (size_t i = 0; fd == -ENOENT && i < ARRAY_LEN(names); i++) {
		char name[NAME_MAX + 1];

		(void)snprintf(name, sizeof(name), "containers/%s/%s", id, names[i]);
		fd = open_folder(en->root_fd, name);
	}
	return fd;
}

int capacity_start(const struct engine *en, const char *id, const struct json *config, bool before, struct err *e)
{
	struct quota_limits limits;
	CLEANUP_FD int fd = -1;
	int r = of_config(config, &limits, e);

	if (r < 0 || !capacity_any(&limits))
		return r;
	if (before && limits.bytes)
		limits.bytes += CAPACITY_TO_START;
	if (before && limits.files)
		limits.files += 16;
	fd = open_limited(en, id);
	if (fd == -ENOENT && !before)
		return 0;
	r = fd < 0 ? fd : quota_limit(fd, &limits);
	if (r == -ENODATA)
		return err_set(e, ERR_CONFLICT, "the container's files have no limit on %s, though it was made with --storage-opt (was the store copied here?): tare commit it, "
						"and make a new one of the image", en->root);
	if (fd >= 0 && quota_kind(fd, en->root, e) == QUOTA_NONE)
		return err_ctx(e, "--storage-opt does not hold any more");
	return r < 0 ? err_errno(e, r, "limit what the container may write") : 0;
}

int capacity_make_folder(int parent, const char *name, const struct quota_limits *limits, struct err *e)
{
	enum quota_kind kind = quota_kind(parent, "the store", e);
	CLEANUP_FD int fd = -1;
	int r;

	if (kind == QUOTA_NONE)
		return e->code;
	if (kind == QUOTA_SUBVOLUME) {
		r = quota_subvolume(parent, name, limits);
		if (r < 0)
			return err_errno(e, r, "make a limited subvolume");
	} else if (mkdirat(parent, name, 0700) < 0) {
		return err_errno(e, -errno, "make a limited folder");
	} else {
		r = capacity_limit_folders(parent, &name, 1, limits, e);
		if (r < 0) {
			(void)unlinkat(parent, name, AT_REMOVEDIR);
			return r;
		}
	}
	fd = open_folder(parent, name);
	return fd < 0 ? err_errno(e, fd, "make a limited folder") : take_fd(&fd);
}

int capacity_change_folder(int parent, const char *name, const struct quota_limits *limits, struct err *e)
{
	CLEANUP_FD int fd = open_folder(parent, name);
	int r = fd == -ENOENT ? 0 : fd < 0 ? fd : quota_limit(fd, limits);

	if (fd == -ENOENT || (r == -ENODATA && !capacity_any(limits)))
		return 0;
	/* the kernel keeps numbers that it does not enforce: the file system may be mounted otherwise now */
	if (fd >= 0 && r != -ENODATA && capacity_any(limits) && quota_kind(fd, "the store", e) == QUOTA_NONE)
		return err_ctx(e, "the limit of \"%s\" does not hold any more", name);
	return r == -ENODATA ? r : r < 0 ? err_errno(e, r, "change what \"%s\" may take on the disk", name) : 0;
}

/* ---- removing ---- */

/* Of a subvolume the group is left, and no older kernel removes it before the subvolume is freed, seconds after it was removed. So its number
 * is written down before that, as a file's name, and whoever removes a limited folder or collects garbage later looks for them. */
#define GROUPS ".groups"
#define GROUPS_OF_ROOTS "containers/" GROUPS

static const struct quota_limits none;

static int note_group(int dir, const char *groups, uint64_t id)
{
	char name[NAME_MAX + 1];
	CLEANUP_FD int fd = -1;

	(void)snprintf(name, sizeof(name), "%s/%" PRIu64, groups, id);
	do {
		if (mkdirat(dir, groups, 0700) < 0 && errno != EEXIST)
			return -errno;
		fd = openat(dir, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	} while (fd < 0 && errno == ENOENT); /* somebody has just removed the folder, being empty */
	return fd < 0 ? -errno : 0;
}

static void sweep_groups(int dir, const char *groups)
{
	int fd = open_folder(dir, groups);
	CLEANUP_DIR DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	uint64_t id;

	if (!d && fd >= 0)
		(void)close_fd(fd);
	while (d && (entry = readdir(d)))
		if (text_u64(entry->d_name, &id) == 0 && quota_group_remove(fd, id) == 0)
			(void)unlinkat(fd, entry->d_name, 0);
	if (d)
		(void)unlinkat(dir, groups, AT_REMOVEDIR);
}

void capacity_sweep(const struct engine *en)
{
	sweep_groups(en->root_fd, GROUPS_OF_ROOTS);
	sweep_groups(en->root_fd, "volumes/" GROUPS);
}

/* Where there was never a limit that costs a look at the folder, which fd may be (or an error). True: there is a group, and it is noted. */
static bool forget(int fd, const char *name, int dir, const char *groups)
{
	uint64_t id = fd < 0 ? 0 : quota_subvolume_id(fd);
	int r = fd < 0 ? -ENODATA : quota_limit(fd, &none);

	if (r < 0 && r != -ENODATA)
		log_warning("the limit of a folder that is removed (%s) stays with the file system: %s", name, strerror(-r));
	r = id ? note_group(dir, groups, id) : 0;
	if (r < 0)
		log_warning("the group 0/%" PRIu64 ", which counts a subvolume that is removed (%s), stays with the file system: %s", id, name, strerror(-r));
	return id;
}

bool capacity_forget_root(const struct engine *en, const char *id)
{
	CLEANUP_FD int fd = open_limited(en, id);

	return forget(fd, id, en->root_fd, GROUPS_OF_ROOTS);
}

int capacity_remove_tree(int parent, const char *name)
{
	CLEANUP_FD int fd = open_folder(parent, name);
	bool left = forget(fd, name, parent, GROUPS);
	int r;

	fd = close_fd(fd);
	r = io_remove_tree(parent, name);
	if (left)
		sweep_groups(parent, GROUPS);
	return r;
}
