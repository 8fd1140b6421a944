#include "engine/capacity.h"

#include <fcntl.h>
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

int capacity_check(const struct engine *en, const char *option, const struct quota_limits *limits, bool root, struct err *e)
{
	enum quota_kind kind;

	if (!capacity_any(limits))
		return 0;
	if (en->user.on)
		return err_set(e, ERR_UNSUPPORTED, "%s: only root may limit what files take on a disk; volumes in memory (-o type=tmpfs) have a limit for you, too", option);
	kind = quota_kind(en->root_fd, en->root, e);
	if (kind == QUOTA_NONE)
		return err_ctx(e, "%s", option);
	if (kind == QUOTA_SUBVOLUME && root)
		return err_set(e, ERR_UNSUPPORTED, "%s: %s lies on btrfs, which limits volumes, and of a container's own files cannot: put them into a volume with "
						   "-o size=, or the store on xfs or ext4", option, en->root);
	if (kind == QUOTA_SUBVOLUME && limits->files)
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

int capacity_start(const struct engine *en, const char *id, const struct json *config, bool before, struct err *e)
{
	struct quota_limits limits;
	char name[NAME_MAX + 1];
	CLEANUP_FD int fd = -1;
	int r = of_config(config, &limits, e);

	if (r < 0 || !capacity_any(&limits))
		return r;
	if (before && limits.bytes)
		limits.bytes += CAPACITY_TO_START;
	if (before && limits.files)
		limits.files += 16;
	(void)snprintf(name, sizeof(name), "containers/%s/upper", id);
	fd = open_folder(en->root_fd, name);
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

static const struct quota_limits none;

/* Where there was never a limit that costs a look at the folder. */
void capacity_forget(int parent, const char *name)
{
	CLEANUP_FD int fd = open_folder(parent, name);
	int r = fd < 0 ? -ENODATA : quota_limit(fd, &none);

	if (r < 0 && r != -ENODATA)
		log_warning("the limit of a folder that is removed (%s) stays with the file system: %s", name, strerror(-r));
}

int capacity_remove_tree(int parent, const char *name)
{
	CLEANUP_FD int fd = open_folder(parent, name);
	uint64_t id = fd < 0 ? 0 : quota_subvolume_id(fd);
	int r;

	capacity_forget(parent, name);
	fd = close_fd(fd);
	r = io_remove_tree(parent, name);
	if (r == 0)
		quota_subvolume_gone(parent, id);
	return r;
}
