/* Mounts by descriptor: the new mount API (fsopen, fsmount, open_tree, mount_setattr, move_mount; Linux 5.2 and
 * 5.12) and the two old calls that are still needed (pivot_root, umount2). Every mount is made detached, gets its
 * attributes while nobody can see it, and is attached onto an O_PATH handle: no path string of a container is ever
 * resolved twice. (The header is not called mount.h because <sys/mount.h> must stay libc's.)
 *
 * All functions give an fd or 0, or negative errno; fds are CLOEXEC. */
#ifndef TARE_SYS_MNT_H
#define TARE_SYS_MNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"

/* Values of `attr` below: MOUNT_ATTR_* of linux/mount.h (by sys/kernel.h); of `propagation`: MS_PRIVATE, MS_SLAVE,
 * MS_SHARED, MS_UNBINDABLE. */

/* ---- file systems ---- */

/* A file-system context for type; -ENODEV when the kernel has no such type. */
int mnt_fsopen(const char *type) MUST_CHECK;
/* One option: value NULL = a flag ("ro"). */
int mnt_fsconfig(int fs, const char *key, const char *value) MUST_CHECK;
/* An option whose value is an open file (overlay's lowerdir+, 6.13). */
int mnt_fsconfig_fd(int fs, const char *key, int fd) MUST_CHECK;
/* Makes the superblock and a detached mount of it with these attributes. */
int mnt_fsmount(int fs, uint64_t attr) MUST_CHECK;
/* A context for changing the superblock behind the mount fd lies on; options by mnt_fsconfig(), then mnt_reconfigure(). */
int mnt_fspick(int fd) MUST_CHECK;
int mnt_reconfigure(int fs) MUST_CHECK;
/* What the kernel said about fs's last failure ("overlay: Unknown parameter 'x'"); "" when nothing. */
void mnt_fs_message(int fs, char *out, size_t len);

/* ---- trees ---- */

/* A detached copy of the mount at dirfd/path ("" = dirfd itself), with everything below it when recursive. */
int mnt_clone_tree(int dirfd, const char *path, bool recursive) MUST_CHECK;
/* Sets and clears attributes of the mount fd is the root of, with those below it when recursive; propagation 0 =
 * leave it. Setting one of the atime values needs MOUNT_ATTR__ATIME in clear. */
int mnt_setattr(int fd, bool recursive, uint64_t set, uint64_t clear, uint64_t propagation) MUST_CHECK;
/* Maps the ids of a detached mount by user namespace userns. -EINVAL: the file system cannot be id-mapped, or the
 * mount is already; -EPERM: not ours to map. All or nothing when recursive. */
int mnt_idmap(int fd, bool recursive, int userns) MUST_CHECK;
/* Attaches the detached mount (or moves the attached one) fd onto the place target refers to. */
int mnt_attach(int fd, int target) MUST_CHECK;
/* The same onto a path of our own. */
int mnt_attach_at(int fd, int dirfd, const char *path) MUST_CHECK;

/* ---- the namespace's own tree ---- */

/* Propagation of the mount at path. */
int mnt_propagation(const char *path, bool recursive, uint64_t propagation) MUST_CHECK;
/* Makes the mount that the current folder is the root of the root, and detaches the old root with all that lay over it;
 * -EBUSY if something does still. */
int mnt_pivot_to_cwd(void) MUST_CHECK;
int mnt_detach(const char *path) MUST_CHECK;
/* Detaches the attached mount that fd is the root of, by way of proc, a procfs that shows us. Changes the current folder. */
int mnt_detach_fd(int proc, int fd) MUST_CHECK;
/* The id of the mount fd lies on; *root tells whether fd is that mount's root. */
int mnt_id(int fd, uint64_t *id, bool *root) MUST_CHECK;

#endif
