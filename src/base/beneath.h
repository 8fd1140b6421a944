/* Paths under a root that somebody else controls (a rootfs, a layer being unpacked).
 *
 * Every function takes a handle of the root and a path inside it and goes through openat2(2), so that symlinks,
 * "..", and races while we look can never lead outside (CVE-2019-14271, CVE-2021-30465 and their family). Nothing
 * here ever builds a host path string. All return an fd or 0, or negative errno. */
#ifndef TARE_BASE_BENEATH_H
#define TARE_BASE_BENEATH_H

#include <limits.h>
#include <sys/types.h>

#include "base/cleanup.h"

/* How symlinks are taken. */
enum beneath_mode {
	BENEATH_IN_ROOT, /* like chroot: absolute links and ".." end at the root (what a container sees) */
	BENEATH_STRICT,  /* -EXDEV when a link or ".." would leave the root */
	BENEATH_NOLINKS, /* -ELOOP at any symlink */
};

/* open(2) of path below root; flags as open(2), O_CLOEXEC is added; mode counts with O_CREAT. Never follows
 * magic links of /proc. Retries the -EAGAIN that openat2 gives when it raced with a rename. */
int beneath_open(int root, const char *path, enum beneath_mode how, int flags, mode_t mode) MUST_CHECK;

/* The folder path refers to, made (mode) with all its parents where missing; gives an O_PATH fd of it.
 * Symlinks on the way are resolved by `how`; a dangling one is an error (-ENOENT), not created through. */
int beneath_mkdirs(int root, const char *path, enum beneath_mode how, mode_t mode) MUST_CHECK;

/* Splits path into its parent folder, opened O_PATH (made with mkdirs semantics when dirmode is not 0), and its
 * last component, copied into name. -EINVAL for "", "/", or a last component "." or "..". */
int beneath_parent(int root, const char *path, enum beneath_mode how, mode_t dirmode, char name[NAME_MAX + 1]) MUST_CHECK;

/* The links that path ends with followed in the root: path becomes where a file would be written, there or not. -ELOOP. */
int beneath_follow(int root, char path[PATH_MAX]) MUST_CHECK;

/* A mount point for a bind or a file system: a folder when is_dir, else an empty regular file; existing ones are
 * taken as they are, of whatever kind (symlinks resolved in root). What a dangling link names inside the root is made,
 * with its parents, wherever on the path the link is; -ELOOP when links lead in a circle. Gives an O_PATH fd of it. */
int beneath_mountpoint(int root, const char *path, int is_dir) MUST_CHECK;

/* The same, but path's last component is not followed: when a link is there, that link. */
int beneath_mountpoint_itself(int root, const char *path, int is_dir) MUST_CHECK;
/* Where such a last component is, or is to be made: its folder, O_PATH, made like a mount point's parents, and name. Fails as
 * beneath_parent() does. */
int beneath_place(int root, const char *path, char name[NAME_MAX + 1]) MUST_CHECK;

#endif
