/* An allow list. A call is in it when programs of a usual Linux distribution make it and the kernel checks by itself
 * all that the caller may do with it; it is left out, or bound to the capability without which the kernel refuses it
 * anyway, when its code has been a way out of containers and hardly any program misses it. Binding a call to its
 * capability takes nothing from the container, but its attack surface away from one that lacks the capability.
 *
 * What is left out fails with EPERM (programs take that as "not allowed here") or, where the usual callers fall back
 * when a kernel lacks the call, with ENOSYS:
 *
 *  - clone3: its flags are in memory, where a filter cannot see them, and would let a container make user namespaces.
 *    libc falls back to clone, whose flags are checked here.
 *  - io_uring: runs calls past any seccomp filter, and led the list of kernel exploits for years.
 *  - keyctl, add_key, request_key: keys are not separated by container unless a user namespace does it.
 *  - socketcall on x86: hides the socket's family in memory, so it would open all that the rule of socket keeps shut,
 *    to 64-bit programs too (int $0x80).
 *  - what newer kernels add, by the compiler's rule about numbers above the last one named.
 *
 * socket: families are listed because asking for another makes the kernel load its module; AF_ALG, AF_VSOCK (which
 * reaches the host of a virtual machine), AF_TIPC, AF_RDS, AF_CAN, AF_BLUETOOTH… stay shut. ioctl: TIOCSTI and TIOCLINUX
 * type into the terminal of whoever started the program; only their low 32 bits count to the kernel, so only those
 * are compared. New subvolumes of btrfs would be outside of the limit that a volume has, and anybody may make them. personality: the harmless ones, and no address randomization, which debuggers and sanitizers turn off.
 * x32 is left out as an ABI. */
#include "oci/seccomp_profile.h"

#include "sys/caps.h"

#define CALLS(...)                                                                                                     \
	.names = (const char *const[]){ __VA_ARGS__, NULL },                                                           \
	.n_names = sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *)
#define ARGS(...)                                                                                                      \
	.args = (const struct oci_seccomp_arg[]){ __VA_ARGS__ },                                                       \
	.n_args = sizeof((const struct oci_seccomp_arg[]){ __VA_ARGS__ }) / sizeof(struct oci_seccomp_arg)
#define EQUAL(arg, v) { (arg), (v), 0, OCI_SCMP_CMP_EQ }
#define MASKED(arg, mask, v) { (arg), (mask), (v), OCI_SCMP_CMP_MASKED_EQ }
#define ANY(arg) { (arg), 0, 0, OCI_SCMP_CMP_GE }

#define SYS_PTRACE CAP_BIT(19)
#define SYS_RAWIO CAP_BIT(17)
#define SYS_MODULE CAP_BIT(16)
#define SYS_PACCT CAP_BIT(20)
#define SYS_ADMIN CAP_BIT(21)
#define SYS_BOOT CAP_BIT(22)
#define SYS_NICE CAP_BIT(23)
#define SYS_TIME CAP_BIT(25)
#define SYS_TTY_CONFIG CAP_BIT(26)
#define DAC_READ_SEARCH CAP_BIT(2)
#define NET_RAW CAP_BIT(13)
#define SYSLOG CAP_BIT(34)
#define PERFMON CAP_BIT(38)
#define BPF CAP_BIT(39)

/* The CLONE_NEW* bits; unshare(2) also takes CLONE_NEWTIME, which is a signal number's bit to clone(2). */
#define CLONE_NAMESPACES 0x7e020000U
#define UNSHARE_NAMESPACES (CLONE_NAMESPACES | 0x80U)

#define TIOCSTI 0x5412
#define TIOCLINUX 0x541c
/* linux/btrfs.h; of 4096 bytes each on every machine */
#define BTRFS_SNAP_CREATE 0x50009401
#define BTRFS_SUBVOL_CREATE 0x5000940e
#define BTRFS_SNAP_CREATE_V2 0x50009417
#define BTRFS_SUBVOL_CREATE_V2 0x50009418
#define LOW_WORD 0xffffffffU

enum { FAMILY_UNIX = 1, FAMILY_INET = 2, FAMILY_INET6 = 10, FAMILY_NETLINK = 16, FAMILY_PACKET = 17 };

enum condition {
	ALWAYS,
	WITH,	     /* any of the capabilities is in the bounding set */
	WITH_ON_HOST, /* the same, and it counts on the host: the kernel asks for it in the initial user namespace */
	WITHOUT,     /* none of them is */
	NO_SOCKETCALL
};

struct row {
	enum condition when;
	uint64_t caps;
	struct oci_seccomp_rule rule;
};

#define ALLOW .action = OCI_SCMP_ALLOW
#define REFUSE(number) .action = OCI_SCMP_ERRNO, .has_errno = true, .errno_ret = (number)

static const struct row rows[] = {
	/* files */
	{ ALWAYS, 0,
	  { ALLOW,
	    CALLS("_llseek", "access", "chdir", "chmod", "chown", "chown32", "close", "close_range", "copy_file_range",
		  "creat", "dup", "dup2", "dup3", "faccessat", "faccessat2", "fadvise64", "fadvise64_64",
		  "arm_fadvise64_64", "fallocate", "fchdir", "fchmod", "fchmodat", "fchmodat2", "fchown", "fchown32",
		  "fchownat", "fcntl", "fcntl64", "fdatasync", "fgetxattr", "file_getattr", "file_setattr",
		  "flistxattr", "flock", "fremovexattr", "fsetxattr", "fstat", "fstat64", "fstatat64", "fstatfs",
		  "fstatfs64", "fsync", "ftruncate", "ftruncate64", "futimesat", "getcwd", "getdents", "getdents64",
		  "getxattr", "getxattrat", "lchown", "lchown32", "lgetxattr", "link", "linkat", "listxattr",
		  "listxattrat", "llistxattr", "lremovexattr", "lseek", "lsetxattr", "lstat", "lstat64", "mkdir",
		  "mkdirat", "mknod", "mknodat", "name_to_handle_at", "newfstatat", "open", "openat", "openat2", "pipe",
		  "pipe2", "pread64", "preadv", "preadv2", "pwrite64", "pwritev", "pwritev2", "read", "readahead",
		  "readlink", "readlinkat", "readv", "removexattr", "removexattrat", "rename", "renameat", "renameat2",
		  "rmdir", "sendfile", "sendfile64", "setxattr", "setxattrat", "splice", "stat", "stat64", "statfs",
		  "statfs64", "statx", "symlink", "symlinkat", "sync", "sync_file_range", "arm_sync_file_range",
		  "syncfs", "tee", "truncate", "truncate64", "umask", "unlink", "unlinkat",
		  "utime", "utimensat", "utimensat_time64", "utimes", "vmsplice", "write", "writev") } },
	/* waiting for files, and their events */
	{ ALWAYS, 0,
	  { ALLOW,
	    CALLS("_newselect", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_ctl_old", "epoll_pwait",
		  "epoll_pwait2", "epoll_wait", "epoll_wait_old", "eventfd", "eventfd2", "inotify_add_watch",
		  "inotify_init", "inotify_init1", "inotify_rm_watch", "io_cancel", "io_destroy", "io_getevents",
		  "io_pgetevents", "io_pgetevents_time64", "io_setup", "io_submit", "poll", "ppoll", "ppoll_time64",
		  "pselect6", "pselect6_time64", "select", "signalfd", "signalfd4") } },
	/* memory */
	{ ALWAYS, 0,
	  { ALLOW,
	    CALLS("brk", "get_mempolicy", "madvise", "map_shadow_stack", "mbind", "membarrier", "memfd_create",
		  "memfd_secret", "mincore", "mlock", "mlock2", "mlockall", "mmap", "mmap2", "mprotect", "mremap", "mseal",
		  "msync", "munlock", "munlockall", "munmap", "pkey_alloc", "pkey_free", "pkey_mprotect",
		  "remap_file_pages", "set_mempolicy", "set_mempolicy_home_node") } },
	/* processes, threads and signals */
	{ ALWAYS, 0,
	  { ALLOW,
	    CALLS("arch_prctl", "breakpoint", "cacheflush", "get_tls", "set_tls", "capget", "capset", "chroot", "execve", "execveat",
		  "exit", "exit_group", "fork", "futex", "futex_requeue", "futex_time64", "futex_wait", "futex_waitv",
		  "futex_wake", "get_robust_list", "get_thread_area", "getcpu", "getegid", "getegid32", "geteuid",
		  "geteuid32", "getgid", "getgid32", "getgroups", "getgroups32", "getpgid", "getpgrp", "getpid", "getppid",
		  "getpriority", "getresgid", "getresgid32", "getresuid", "getresuid32", "getrlimit", "getrusage", "getsid",
		  "gettid", "getuid", "getuid32", "ioprio_get", "ioprio_set", "kill", "landlock_add_rule",
		  "landlock_create_ruleset", "landlock_restrict_self", "lsm_get_self_attr", "lsm_list_modules", "nice",
		  "pause", "pidfd_getfd", "pidfd_open", "pidfd_send_signal", "prctl", "prlimit64", "process_madvise",
		  "process_mrelease", "process_vm_readv", "process_vm_writev", "ptrace", "restart_syscall", "rseq",
		  "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn", "rt_sigsuspend",
		  "rt_sigtimedwait", "rt_sigtimedwait_time64", "rt_tgsigqueueinfo", "sched_get_priority_max",
		  "sched_get_priority_min", "sched_getaffinity", "sched_getattr", "sched_getparam", "sched_getscheduler",
		  "sched_rr_get_interval", "sched_rr_get_interval_time64", "sched_setaffinity", "sched_setattr",
		  "sched_setparam", "sched_setscheduler", "sched_yield", "seccomp", "set_robust_list", "set_thread_area",
		  "set_tid_address", "setfsgid", "setfsgid32", "setfsuid", "setfsuid32", "setgid", "setgid32", "setgroups",
		  "setgroups32", "setpgid", "setpriority", "setregid", "setregid32", "setresgid", "setresgid32", "setresuid",
		  "setresuid32", "setreuid", "setreuid32", "setrlimit", "setsid", "setuid", "setuid32", "sgetmask",
		  "sigaction", "sigaltstack", "signal", "sigpending", "sigprocmask", "sigreturn", "sigsuspend", "ssetmask",
		  "tgkill", "tkill", "ugetrlimit", "uprobe", "uretprobe", "vfork", "wait4", "waitid", "waitpid") } },
	/* time, randomness, the system's state */
	{ ALWAYS, 0,
	  { ALLOW,
	    CALLS("adjtimex", "alarm", "clock_adjtime", "clock_adjtime64", "clock_getres", "clock_getres_time64",
		  "clock_gettime", "clock_gettime64", "clock_nanosleep", "clock_nanosleep_time64", "getitimer", "getrandom",
		  "gettimeofday", "listmount", "nanosleep", "setitimer", "statmount", "sysinfo", "time", "timer_create",
		  "timer_delete", "timer_getoverrun", "timer_gettime", "timer_gettime64", "timer_settime", "timer_settime64",
		  "timerfd_create", "timerfd_gettime", "timerfd_gettime64", "timerfd_settime", "timerfd_settime64", "times",
		  "uname", "olduname", "oldolduname") } },
	/* sockets, once open, and System V and POSIX IPC */
	{ ALWAYS, 0,
	  { ALLOW,
	    CALLS("accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "ipc", "listen",
		  "mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive", "mq_timedreceive_time64", "mq_timedsend",
		  "mq_timedsend_time64", "mq_unlink", "msgctl", "msgget", "msgrcv", "msgsnd", "recv", "recvfrom", "recvmmsg",
		  "recvmmsg_time64", "recvmsg", "semctl", "semget", "semop", "semtimedop", "semtimedop_time64", "send",
		  "sendmmsg", "sendmsg", "sendto", "setsockopt", "shmat", "shmctl", "shmdt", "shmget", "shutdown") } },
	{ ALWAYS, 0, { ALLOW, CALLS("socket"), ARGS(EQUAL(0, FAMILY_UNIX)) } },
	{ ALWAYS, 0, { ALLOW, CALLS("socket"), ARGS(EQUAL(0, FAMILY_INET)) } },
	{ ALWAYS, 0, { ALLOW, CALLS("socket"), ARGS(EQUAL(0, FAMILY_INET6)) } },
	{ ALWAYS, 0, { ALLOW, CALLS("socket"), ARGS(EQUAL(0, FAMILY_NETLINK)) } },
	{ WITH, NET_RAW, { ALLOW, CALLS("socket"), ARGS(EQUAL(0, FAMILY_PACKET)) } },
	{ ALWAYS, 0, { ALLOW, CALLS("socketpair"), ARGS(EQUAL(0, FAMILY_UNIX)) } },
	{ NO_SOCKETCALL, 0, { REFUSE(ENOSYS), CALLS("socketcall") } },
	/* terminals: no typing for others */
	{ ALWAYS, 0, { REFUSE(EIO), CALLS("ioctl"), ARGS(MASKED(1, LOW_WORD, TIOCSTI)) } },
	{ ALWAYS, 0, { REFUSE(EIO), CALLS("ioctl"), ARGS(MASKED(1, LOW_WORD, TIOCLINUX)) } },
	/* disks: nothing that a volume's limit would not count */
	{ ALWAYS, 0, { REFUSE(EPERM), CALLS("ioctl"), ARGS(MASKED(1, LOW_WORD, BTRFS_SNAP_CREATE)) } },
	{ ALWAYS, 0, { REFUSE(EPERM), CALLS("ioctl"), ARGS(MASKED(1, LOW_WORD, BTRFS_SUBVOL_CREATE)) } },
	{ ALWAYS, 0, { REFUSE(EPERM), CALLS("ioctl"), ARGS(MASKED(1, LOW_WORD, BTRFS_SNAP_CREATE_V2)) } },
	{ ALWAYS, 0, { REFUSE(EPERM), CALLS("ioctl"), ARGS(MASKED(1, LOW_WORD, BTRFS_SUBVOL_CREATE_V2)) } },
	{ ALWAYS, 0, { ALLOW, CALLS("ioctl"), ARGS(ANY(1)) } },
	/* execution domains: Linux, 32 bits, version 2.6, no randomization, and asking */
	{ ALWAYS, 0, { ALLOW, CALLS("personality"), ARGS(EQUAL(0, 0)) } },
	{ ALWAYS, 0, { ALLOW, CALLS("personality"), ARGS(EQUAL(0, 0x8)) } },
	{ ALWAYS, 0, { ALLOW, CALLS("personality"), ARGS(EQUAL(0, 0x20000)) } },
	{ ALWAYS, 0, { ALLOW, CALLS("personality"), ARGS(EQUAL(0, 0x20008)) } },
	{ ALWAYS, 0, { ALLOW, CALLS("personality"), ARGS(EQUAL(0, 0x40000)) } },
	{ ALWAYS, 0, { ALLOW, CALLS("personality"), ARGS(EQUAL(0, 0xffffffff)) } },
	/* namespaces and mounts */
	{ WITHOUT, SYS_ADMIN, { ALLOW, CALLS("clone"), ARGS(MASKED(0, CLONE_NAMESPACES, 0)) } },
	{ WITHOUT, SYS_ADMIN, { ALLOW, CALLS("unshare"), ARGS(MASKED(0, UNSHARE_NAMESPACES, 0)) } },
	{ WITHOUT, SYS_ADMIN, { REFUSE(ENOSYS), CALLS("clone3") } },
	{ WITH, SYS_ADMIN,
	  { ALLOW,
	    CALLS("clone", "clone3", "fanotify_init", "fanotify_mark", "fsconfig", "fsmount", "fsopen", "fspick", "mount",
		  "mount_setattr", "move_mount", "open_tree", "open_tree_attr", "pivot_root", "quotactl", "quotactl_fd",
		  "setdomainname", "sethostname", "setns", "umount", "umount2", "unshare") } },
	/* with the capability that is needed for them */
	{ WITH, DAC_READ_SEARCH, { ALLOW, CALLS("open_by_handle_at") } },
	{ WITH, SYS_BOOT, { ALLOW, CALLS("reboot") } },
	{ WITH, SYS_NICE, { ALLOW, CALLS("migrate_pages", "move_pages") } },
	{ WITH, SYS_PTRACE, { ALLOW, CALLS("kcmp", "userfaultfd") } },
	{ WITH_ON_HOST, BPF | SYS_ADMIN, { ALLOW, CALLS("bpf") } },
	{ WITH_ON_HOST, PERFMON | SYS_ADMIN, { ALLOW, CALLS("perf_event_open") } },
	{ WITH_ON_HOST, SYSLOG, { ALLOW, CALLS("syslog") } },
	{ WITH_ON_HOST, SYS_ADMIN, { ALLOW, CALLS("swapoff", "swapon") } },
	{ WITH_ON_HOST, SYS_MODULE, { ALLOW, CALLS("delete_module", "finit_module", "init_module") } },
	{ WITH_ON_HOST, SYS_PACCT, { ALLOW, CALLS("acct") } },
	{ WITH_ON_HOST, SYS_RAWIO, { ALLOW, CALLS("ioperm", "iopl") } },
	{ WITH_ON_HOST, SYS_TIME, { ALLOW, CALLS("clock_settime", "clock_settime64", "settimeofday", "stime") } },
	{ WITH_ON_HOST, SYS_TTY_CONFIG, { ALLOW, CALLS("vhangup") } },
	/* as if the kernel had none */
	{ ALWAYS, 0,
	  { REFUSE(ENOSYS),
	    CALLS("add_key", "cachestat", "io_uring_enter", "io_uring_register", "io_uring_setup", "keyctl",
		  "lsm_set_self_attr", "request_key") } },
};

static bool applies(const struct row *row, const struct oci_profile_args *args)
{
	switch (row->when) {
	case ALWAYS:
		return true;
	case WITH:
		return args->caps & row->caps;
	case WITH_ON_HOST:
		return !args->user_ns && args->caps & row->caps;
	case WITHOUT:
		return !(args->caps & row->caps);
	case NO_SOCKETCALL:
		break;
	}
	return !args->socketcall;
}

static const char *const no_flags[] = { NULL };
static const char *const architectures[] = {
#if defined(__x86_64__)
	"SCMP_ARCH_X86_64", "SCMP_ARCH_X86",
#elif defined(__aarch64__)
	"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM",
#endif
	NULL,
};

int oci_seccomp_default(struct arena *a, const struct oci_profile_args *args, const struct oci_seccomp **out,
			struct err *e)
{
	struct oci_seccomp *s = arena_new(a, struct oci_seccomp);
	struct oci_seccomp_rule *rules = arena_array(a, ARRAY_LEN(rows), sizeof(*rules));
	size_t n = 0;

	if (!s || !rules)
		return err_set(e, ERR_INTERNAL, "out of memory");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (applies(&rows[i], args))
			rules[n++] = rows[i].rule;
	*s = (struct oci_seccomp){ .default_action = OCI_SCMP_ERRNO,
				   .has_default_errno = true,
				   .default_errno_ret = EPERM,
				   .architectures = architectures,
				   .flags = no_flags,
				   .rules = rules,
				   .n_rules = n };
	*out = s;
	return 0;
}
