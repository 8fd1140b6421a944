#include "sys/kernelfs.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "base/cleanup.h"
#include "base/io.h"

#define MOUNTINFO_MAX (16U << 20)

#define MQUEUE_MAGIC 0x19800202 /* ipc/mqueue.c */

bool kernelfs(int fd)
{
	static const long magic[] = { PROC_SUPER_MAGIC,	  SYSFS_MAGIC,	  CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, DEVPTS_SUPER_MAGIC, DEBUGFS_MAGIC,
				      TRACEFS_MAGIC,	  SECURITYFS_MAGIC, BPF_FS_MAGIC,      SELINUX_MAGIC,	  SMACK_MAGIC,	      MQUEUE_MAGIC,
				      BINFMTFS_MAGIC,	  EFIVARFS_MAGIC, PSTOREFS_MAGIC };
	struct statfs st;

	if (fstatfs(fd, &st) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(magic); i++)
		if ((long)st.f_type == magic[i])
			return true;
	return false;
}

bool kernelfs_devices(int fd)
{
	CLEANUP_FREE char *info = NULL;
	char number[32], *rest = NULL;
	struct stat st;

	if (fstat(fd, &st) < 0 || io_read_file(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &info, NULL) < 0)
		return false;
	(void)snprintf(number, sizeof(number), " %u:%u ", major(st.st_dev), minor(st.st_dev));
	for (char *line = strtok_r(info, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (strstr(line, number) && strstr(line, " - devtmpfs "))
			return true;
	return false;
}
