/* Numbers and shapes of kernel interfaces that libc's headers lack (musl 1.2.3) or that are newer than the 6.1
 * headers we build with. Only <linux/...> is used: glibc's <sys/mount.h> contradicts <linux/mount.h>. */
#ifndef TARE_SYS_KERNEL_H
#define TARE_SYS_KERNEL_H

#include <fcntl.h>
#include <linux/mount.h>
#include <stdint.h>
#include <sys/syscall.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif
#define K_CLONE_INTO_CGROUP UINT64_C(0x200000000)
#define K_CLONE_PIDFD UINT64_C(0x1000)
#define K_CLONE_PARENT UINT64_C(0x8000)
#define K_CLONE_VFORK UINT64_C(0x4000)

/* struct clone_args of linux/sched.h, whose constants collide with <sched.h> */
struct k_clone_args {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size,
		cgroup;
};

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif
#ifndef AT_NO_AUTOMOUNT
#define AT_NO_AUTOMOUNT 0x800
#endif

#define K_MNT_DETACH 2

#define K_SYS_quotactl_fd 443 /* on every machine; Linux 5.14 */

/* linux/magic.h has these; named here because it is one include less */
#define K_DEVPTS_MAGIC 0x1cd1
#define K_PROC_MAGIC 0x9fa0

#endif
