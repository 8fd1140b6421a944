#include "sys/landlock.h"

#include <stddef.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* The kernel's interface (include/uapi/linux/landlock.h), written out: rights newer than Debian 12's headers are used
 * where the kernel has them. */
#define CREATE_RULESET 444
#define ADD_RULE 445
#define RESTRICT_SELF 446
#define CREATE_RULESET_VERSION 1U
#define RULE_PATH_BENEATH 1

#define EXECUTE (UINT64_C(1) << 0)
#define WRITE_FILE (UINT64_C(1) << 1)
#define READ_FILE (UINT64_C(1) << 2)
#define READ_DIR (UINT64_C(1) << 3)
#define REMOVE_DIR (UINT64_C(1) << 4)
#define REMOVE_FILE (UINT64_C(1) << 5)
#define MAKE_ALL (UINT64_C(0x7f) << 6) /* char, dir, regular, socket, fifo, block, symlink */
#define REFER (UINT64_C(1) << 13)      /* ABI 2: link and rename between folders */
#define TRUNCATE (UINT64_C(1) << 14)   /* ABI 3 */
#define IOCTL_DEV (UINT64_C(1) << 15)  /* ABI 5 */

struct ruleset_attr {
	uint64_t handled_access_fs, handled_access_net, scoped;
};

struct path_beneath_attr {
	uint64_t allowed_access;
	int32_t parent_fd;
} __attribute__((packed));

int landlock_begin(struct landlock_rules *out)
{
	struct ruleset_attr attr = { .handled_access_fs = (UINT64_C(1) << 13) - 1 };
	size_t size = sizeof(uint64_t);
	long abi = syscall(CREATE_RULESET, NULL, 0, CREATE_RULESET_VERSION), fd;

	if (abi < 0)
		return errno == ENOSYS || errno == EOPNOTSUPP ? -EOPNOTSUPP : -errno;
	if (abi >= 2)
		attr.handled_access_fs |= REFER;
	if (abi >= 3)
		attr.handled_access_fs |= TRUNCATE;
	if (abi >= 4) {
		attr.handled_access_net = 3; /* bind and connect of TCP: nothing is allowed */
		size = 2 * sizeof(uint64_t);
	}
	if (abi >= 5)
		attr.handled_access_fs |= IOCTL_DEV;
	if (abi >= 6) {
		attr.scoped = 3; /* abstract unix sockets and signals of others */
		size = sizeof(attr);
	}
	fd = syscall(CREATE_RULESET, &attr, size, 0U);
	if (fd < 0)
		return -errno;
	*out = (struct landlock_rules){ .fd = (int)fd, .handled = attr.handled_access_fs };
	return 0;
}

int landlock_allow(struct landlock_rules *r, int fd, enum landlock_grant grant)
{
	struct path_beneath_attr attr = { .allowed_access = READ_FILE | READ_DIR, .parent_fd = fd };
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (grant == LANDLOCK_WRITE_TREE)
		attr.allowed_access |= WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_ALL | REFER | TRUNCATE;
	attr.allowed_access &= r->handled;
	if (!S_ISDIR(st.st_mode))
		attr.allowed_access &= WRITE_FILE | READ_FILE | TRUNCATE;
	return syscall(ADD_RULE, r->fd, RULE_PATH_BENEATH, &attr, 0U) < 0 ? -errno : 0;
}

int landlock_enforce(struct landlock_rules *r)
{
	return syscall(RESTRICT_SELF, r->fd, 0U) < 0 ? -errno : 0;
}

void landlock_end(struct landlock_rules *r)
{
	r->fd = close_fd(r->fd);
}
