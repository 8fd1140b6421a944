#include "sys/kernelfs.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#include "base/cleanup.h"

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
