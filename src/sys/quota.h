/* What a folder, with all that is below it, may take of its file system. Of xfs and ext4 by a project: a number that each new file has from
 * its folder, and that the kernel counts and limits where the file system is mounted with prjquota. Of btrfs by the group that counts a
 * subvolume, where quotas are on. Source: quotactl(2), ioctl_fs*(2) as in linux/fs.h, linux/dqblk_xfs.h, linux/btrfs.h; kernel:
 * fs/quota/quota.c, fs/file_attr.c.
 *
 * The number is written nowhere but on the folder itself: whoever removes the folder finds it there, and takes the limit away before that,
 * so that whatever is killed in between no limit outlives its folder. */
#ifndef TARE_SYS_QUOTA_H
#define TARE_SYS_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct quota_limits {
	uint64_t bytes, files; /* 0: none */
};

enum quota_kind { QUOTA_NONE, QUOTA_PROJECT, QUOTA_SUBVOLUME };

/* How the file system of the folder fd limits others below it. QUOTA_NONE: not at all, and *e (ERR_UNSUPPORTED) says what is missing and
 * what to do; where: that folder, for people. */
enum quota_kind quota_kind(int fd, const char *where, struct err *e);

/* ---- projects ---- */

/* Gives the empty folder fd a project that nobody has, with these limits; *project is its number. */
int quota_take(int fd, const struct quota_limits *limits, uint32_t *project) MUST_CHECK;
/* Another empty folder of the same project. */
int quota_join(int fd, uint32_t project) MUST_CHECK;

/* ---- subvolumes ---- */

/* Makes the subvolume name, which looks like a new folder of ours, with these limits (there are none of files: -EOPNOTSUPP). */
int quota_subvolume(int parent, const char *name, const struct quota_limits *limits) MUST_CHECK;

/* ---- both ---- */

/* Other limits for a folder that has some. -ENODATA: it never had any of ours. No limits at all: nothing is limited any more, and its number
 * is free as soon as the folder is gone. */
int quota_limit(int fd, const struct quota_limits *limits) MUST_CHECK;
/* The number of the subvolume fd, and of the group that counts it; the kernel gives none of them out twice. 0: it is none. */
uint64_t quota_subvolume_id(int fd);
/* The group of a subvolume that was removed goes, too; fd: any folder of that file system. 0 also when it is gone already. -EBUSY: the kernel
 * has not freed all of the subvolume yet, which it does when it has time. */
int quota_group_remove(int fd, uint64_t id) MUST_CHECK;

#endif
