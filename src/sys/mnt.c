#include "sys/mnt.h"

#include <linux/stat.h>
#include <stdio.h>
#include <string.h>

#include "sys/kernel.h"

#define PIVOT_LAYERS_MAX 16

static int result(long r)
{
	return r < 0 ? -errno : (int)r;
}

int mnt_fsopen(const char *type)
{
	return result(syscall(SYS_fsopen, type, FSOPEN_CLOEXEC));
}

int mnt_fsconfig(int fs, const char *key, const char *value)
{
	return result(syscall(SYS_fsconfig, fs, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, key, value, 0));
}

int mnt_fsconfig_fd(int fs, const char *key, int fd)
{
	return result(syscall(SYS_fsconfig, fs, FSCONFIG_SET_FD, key, NULL, fd));
}

int mnt_fsmount(int fs, uint64_t attr)
{
	int r = result(syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));

	if (r < 0)
		return r;
	return result(syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, (unsigned int)attr));
}

int mnt_fspick(int fd)
{
	return result(syscall(SYS_fspick, fd, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH));
}

int mnt_reconfigure(int fs)
{
	return result(syscall(SYS_fsconfig, fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0));
}

void mnt_fs_message(int fs, char *out, size_t len)
{
	/* one read gives one message, "e text": keep the last error */
	char line[256];
	ssize_t n;

	out[0] = '\0';
	while ((n = read(fs, line, sizeof(line) - 1)) > 0) {
		line[n] = '\0';
		line[strcspn(line, "\n")] = '\0';
		if (line[0] != 'e' || line[1] != ' ')
			continue;
		n = (ssize_t)strnlen(line + 2, len - 1);
		memcpy(out, line + 2, (size_t)n);
		out[n] = '\0';
	}
}

int mnt_clone_tree(int dirfd, const char *path, bool recursive)
{
	unsigned int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_NO_AUTOMOUNT;

	if (!*path)
		flags |= AT_EMPTY_PATH;
	if (recursive)
		flags |= AT_RECURSIVE;
	return result(syscall(SYS_open_tree, dirfd, path, flags));
}

static int setattr(int fd, bool recursive, struct mount_attr *attr)
{
	unsigned int flags = AT_EMPTY_PATH | (recursive ? (unsigned int)AT_RECURSIVE : 0U);

	return result(syscall(SYS_mount_setattr, fd, "", flags, attr, sizeof(*attr)));
}

int mnt_setattr(int fd, bool recursive, uint64_t set, uint64_t clear, uint64_t propagation)
{
	struct mount_attr attr = { .attr_set = set, .attr_clr = clear, .propagation = propagation };

	if (!set && !clear && !propagation)
		return 0;
	return setattr(fd, recursive, &attr);
}

int mnt_idmap(int fd, bool recursive, int userns)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (unsigned int)userns };

	return setattr(fd, recursive, &attr);
}

int mnt_attach(int fd, int target)
{
	return result(syscall(SYS_move_mount, fd, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
}

int mnt_attach_at(int fd, int dirfd, const char *path)
{
	return result(syscall(SYS_move_mount, fd, "", dirfd, path, MOVE_MOUNT_F_EMPTY_PATH));
}

int mnt_propagation(const char *path, bool recursive, uint64_t propagation)
{
	unsigned long flags = (unsigned long)propagation | (recursive ? (unsigned long)MS_REC : 0UL);

	return result(syscall(SYS_mount, NULL, path, NULL, flags, NULL));
}

int mnt_detach(const char *path)
{
	return result(syscall(SYS_umount2, path, K_MNT_DETACH));
}

static int mount_at(const char *path, uint64_t *id)
{
	struct statx st;

	if (syscall(SYS_statx, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_MNT_ID, &st) < 0)
		return -errno;
	*id = st.stx_mnt_id;
	return 0;
}

/* pivot_root(".", "."): the old root ends up mounted over the new one at "/" and "." still names the place, so the
 * old one can be detached without any folder to put it (pivot_root(2), NOTES). What detaches is the topmost mount there,
 * which is another one if something lay over the old root: ".." of "/" comes to what is on top, as setns(2) does. */
int mnt_pivot_to_cwd(void)
{
	int r = result(syscall(SYS_pivot_root, ".", "."));
	uint64_t root = 0, top = 1;

	for (int n = 0; r == 0 && root != top && n < PIVOT_LAYERS_MAX; n++) {
		r = mnt_detach(".");
		if (r == 0 && chdir("/") < 0)
			r = -errno;
		if (r == 0)
			r = mount_at(".", &root);
		if (r == 0)
			r = mount_at("..", &top);
	}
	return r == 0 && root != top ? -EBUSY : r;
}

/* umount2() takes names only, and what a name means may change: the handle's own name in proc means the handle. */
int mnt_detach_fd(int proc, int fd)
{
	CLEANUP_FD int fds = openat(proc, "thread-self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char name[16];

	if (fds < 0 || fchdir(fds) < 0)
		return -errno;
	snprintf(name, sizeof(name), "%d", fd);
	return mnt_detach(name);
}

int mnt_id(int fd, uint64_t *id, bool *root)
{
	struct statx st;

	if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) < 0)
		return -errno;
	*id = st.stx_mnt_id;
	*root = st.stx_attributes & STATX_ATTR_MOUNT_ROOT;
	return 0;
}
