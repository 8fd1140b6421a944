/* Numbers of projects are drawn from a range of ours and taken when the kernel counts nothing of them: other programs begin at 1 or ask
 * /etc/projid, and two stores on one file system need not know of each other. Between looking and taking another one could draw the same of
 * 64 million; nobody guards against that.
 *
 * A container cannot leave its project: only who is in the first user namespace may change a file's number or whether it is inherited
 * (fileattr_set_prepare() in the kernel). Of one with the host's ids that is not so, see docs/security.md. */
#include "sys/quota.h"

#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/dqblk_xfs.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/quota.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "sys/kernel.h"

#define PROJECT_FIRST UINT32_C(0x74000000)
#define PROJECT_COUNT UINT32_C(0x04000000)
#define DRAWS 100
#define BLOCK 1024U /* of limits in struct if_dqblk, whatever the file system's are */
#define SUBVOLUME_ROOT 256U /* the inode that each begins with: BTRFS_FIRST_FREE_OBJECTID */
#define NO_LIMIT UINT64_MAX /* btrfs: takes it away */

static int control(int fd, int command, uint32_t id, void *data)
{
	return syscall(K_SYS_quotactl_fd, fd, QCMD(command, PRJQUOTA), id, data) < 0 ? -errno : 0;
}

/* ---- what there is ---- */

/* Which of accounting and enforcing is on. */
static uint16_t project_state(int fd)
{
	struct fs_quota_statv state = { .qs_version = FS_QSTATV_VERSION1 };

	return control(fd, Q_XGETQSTATV, 0, &state) < 0 ? 0 : state.qs_flags;
}

/* They are on where the group of the folder's own subvolume can be told to stay as it is. */
static bool groups_are_on(int fd)
{
	struct btrfs_ioctl_qgroup_limit_args same = { .lim = { .flags = 0 } };

	return ioctl(fd, BTRFS_IOC_QGROUP_LIMIT, &same) == 0 || errno == EDQUOT; /* full, by the limit of one */
}

enum quota_kind quota_kind(int fd, const char *where, struct err *e)
{
	struct statfs st;

	if (fstatfs(fd, &st) < 0) {
		(void)err_errno(e, -errno, "%s: file system", where);
		return QUOTA_NONE;
	}
	if (st.f_type == BTRFS_SUPER_MAGIC && groups_are_on(fd))
		return QUOTA_SUBVOLUME;
	if (project_state(fd) & FS_QUOTA_PDQ_ENFD)
		return QUOTA_PROJECT;
	if (st.f_type == BTRFS_SUPER_MAGIC)
		(void)err_set(e, ERR_UNSUPPORTED, "%s lies on btrfs without quotas: \"btrfs quota enable %s\" turns them on", where, where);
	else if (st.f_type == EXT4_SUPER_MAGIC && project_state(fd) & FS_QUOTA_PDQ_ACCT)
		(void)err_set(e, ERR_UNSUPPORTED, "%s lies on ext4 that counts projects and does not limit them: mount it with prjquota", where);
	else if (st.f_type == EXT4_SUPER_MAGIC)
		(void)err_set(e, ERR_UNSUPPORTED, "%s lies on ext4 without project quotas: \"tune2fs -O project,quota -Q prjquota DEVICE\" while it is not mounted, "
						  "then mount it with prjquota (the kernel has to have them, too)", where);
	else if (st.f_type == XFS_SUPER_MAGIC)
		(void)err_set(e, ERR_UNSUPPORTED, "%s lies on xfs without project quotas: mount it with prjquota (for / the kernel's rootflags=prjquota)", where);
	else
		(void)err_set(e, ERR_UNSUPPORTED, "the file system of %s cannot limit a folder: xfs and ext4 can, mounted with prjquota, and btrfs", where);
	return QUOTA_NONE;
}

/* ---- projects ---- */

static int read_project(int fd, struct fsxattr *x)
{
	return ioctl(fd, FS_IOC_FSGETXATTR, x) < 0 ? -errno : 0;
}

static bool is_ours(uint32_t project)
{
	return project >= PROJECT_FIRST && project - PROJECT_FIRST < PROJECT_COUNT;
}

int quota_join(int fd, uint32_t project)
{
	struct fsxattr x;
	int r = read_project(fd, &x);

	if (r < 0)
		return r;
	x.fsx_projid = project;
	x.fsx_xflags |= FS_XFLAG_PROJINHERIT;
	return ioctl(fd, FS_IOC_FSSETXATTR, &x) < 0 ? -errno : 0;
}

static int limit_project(int fd, uint32_t project, const struct quota_limits *limits)
{
	struct if_dqblk d = {
		.dqb_bhardlimit = (limits->bytes + BLOCK - 1) / BLOCK,
		.dqb_ihardlimit = limits->files,
		.dqb_valid = QIF_LIMITS,
	};

	return control(fd, Q_SETQUOTA, project, &d);
}

/* 1: nothing is counted of it, and nobody limits it. */
static int is_free(int fd, uint32_t project)
{
	struct if_dqblk d = { 0 };
	int r = control(fd, Q_GETQUOTA, project, &d);

	if (r == -ENOENT || r == -ESRCH)
		return 1;
	return r < 0 ? r :
		       !d.dqb_bhardlimit && !d.dqb_bsoftlimit && !d.dqb_ihardlimit && !d.dqb_isoftlimit && !d.dqb_curspace && !d.dqb_curinodes;
}

static int draw(int fd, uint32_t *project)
{
	for (int i = 0; i < DRAWS; i++) {
		uint32_t n;
		int r;

		if (getrandom(&n, sizeof(n), 0) != (ssize_t)sizeof(n))
			return -EIO;
		*project = PROJECT_FIRST + n % PROJECT_COUNT;
		r = is_free(fd, *project);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	return -EDQUOT;
}

/* The folder first: a number with a limit and without a folder would be nobody's to free. */
int quota_take(int fd, const struct quota_limits *limits, uint32_t *project)
{
	int r = draw(fd, project);

	if (r == 0)
		r = quota_join(fd, *project);
	return r < 0 ? r : limit_project(fd, *project, limits);
}

/* ---- subvolumes ---- */

static bool is_subvolume(int fd)
{
	struct statfs fs;
	struct stat st;

	return fstatfs(fd, &fs) == 0 && fs.f_type == BTRFS_SUPER_MAGIC && fstat(fd, &st) == 0 && st.st_ino == SUBVOLUME_ROOT;
}

uint64_t quota_subvolume_id(int fd)
{
	struct btrfs_ioctl_ino_lookup_args a = { .objectid = SUBVOLUME_ROOT };

	return is_subvolume(fd) && ioctl(fd, BTRFS_IOC_INO_LOOKUP, &a) == 0 ? a.treeid : 0;
}

/* Newer kernels (6.11) do it by themselves, and may be faster. ENOTCONN, EINVAL: quotas are off, and with them all groups went. */
int quota_group_remove(int fd, uint64_t id)
{
	struct btrfs_ioctl_qgroup_create_args a = { .create = 0, .qgroupid = id };

	return ioctl(fd, BTRFS_IOC_QGROUP_CREATE, &a) == 0 || errno == ENOENT || errno == ENOTCONN || errno == EINVAL ? 0 : -errno;
}

/* Asked of the subvolume that it lies in: in a full one there is no room for the question. */
static int limit_subvolume(int fd, const struct quota_limits *limits)
{
	CLEANUP_FD int above = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct btrfs_ioctl_qgroup_limit_args a = {
		.qgroupid = quota_subvolume_id(fd),
		.lim = { .flags = BTRFS_QGROUP_LIMIT_MAX_RFER, .max_rfer = limits->bytes ? limits->bytes : NO_LIMIT },
	};

	if (limits->files)
		return -EOPNOTSUPP;
	if (!a.qgroupid) /* which would be the one above */
		return -EIO;
	return above < 0 || ioctl(above, BTRFS_IOC_QGROUP_LIMIT, &a) < 0 ? -errno : 0;
}

int quota_subvolume(int parent, const char *name, const struct quota_limits *limits)
{
	struct btrfs_ioctl_vol_args a = { 0 };
	CLEANUP_FD int fd = -1;
	int r;

	if (strlen(name) >= sizeof(a.name))
		return -ENAMETOOLONG;
	memcpy(a.name, name, strlen(name) + 1);
	if (ioctl(parent, BTRFS_IOC_SUBVOL_CREATE, &a) < 0)
		return -errno;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	r = fd < 0 || fchmod(fd, 0700) < 0 ? -errno : limit_subvolume(fd, limits);
	if (r < 0)
		(void)unlinkat(parent, name, AT_REMOVEDIR);
	return r;
}

/* ---- both ---- */

int quota_limit(int fd, const struct quota_limits *limits)
{
	struct fsxattr x;

	if (is_subvolume(fd))
		return limit_subvolume(fd, limits);
	if (read_project(fd, &x) < 0 || !is_ours(x.fsx_projid))
		return -ENODATA;
	return limit_project(fd, x.fsx_projid, limits);
}
