/* The attacker is whoever answers: a registry, its token endpoint, a host that it sends us to. What runs here has the passwords for this
 * one repository and the network, and must not have more:
 *
 * - Files. Landlock: libraries and what the resolver and OpenSSL are told by can be read (of /etc so much and no more), nothing can be
 *   written, made or executed. What goes to disk goes through pipes to
 *   the unpacker, which writes only where it must.
 * - Other processes. Another user than root (rootless: the caller's id, outside); no capability; not dumpable; signals and abstract sockets
 *   stay inside (Linux 6.12). Sockets that have a path and that anybody, or rootless the caller, may connect to can be reached.
 * - The user's terminal, which may be our standard error: no ioctl, so nothing can be typed there in the user's name (TIOCSTI).
 * - The kernel's less used doors. The seccomp filter lists what libcurl, OpenSSL and the resolver call; no exec, no fork, no ptrace, no
 *   mount, no bpf; of sockets only internet, unix (for resolvers; where a registry is on one, none at all: image/broker.h) and the
 *   resolver's routing netlink.
 * - Memory: no more than MAX_DATA, whatever is sent. */
#include "image/transfer/sandbox.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/netlink.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "sys/caps.h"
#include "sys/landlock.h"
#include "sys/seccomp.h"

#define NOBODY 65534
#define MAX_DATA (512U << 20) /* stacks, buffers and parsed documents are some tens of MiB */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

static int enforce_landlock(struct err *e)
{
	static const char *const readable[] = { "/usr", "/lib", "/lib64", "/dev/null", NULL };
	const struct landlock_domain domain = { .files = true, .sockets = true, .signals = true };
	CLEANUP_LANDLOCK struct landlock_rules rules = LANDLOCK_RULES_INIT;
	int r = landlock_begin(&domain, &rules);

	if (r == -EOPNOTSUPP) /* a kernel built without it: the other walls stand */
		return 0;
	if (r == 0)
		r = landlock_allow_paths(&rules, readable, LANDLOCK_READ_TREE);
	if (r == 0)
		r = landlock_allow_resolving(&rules);
	if (r == 0)
		r = landlock_enforce(&rules);
	return r < 0 ? err_errno(e, r, "landlock") : 0;
}

static int become_nobody(void)
{
	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0)
		/* a user namespace without that id: root of it, who is the caller outside, without a capability */
		return errno == EINVAL || errno == EPERM ? 0 : -errno;
	return 0;
}

static int drop_rights(struct err *e)
{
	const struct cap_sets none = { 0 };
	int r = cap_before_uid(&none);

	if (r == 0 && geteuid() == 0)
		r = become_nobody();
	if (r == 0)
		r = cap_after_uid(&none);
	return r < 0 ? err_errno(e, r, "drop rights") : 0;
}

/* ---- system calls ---- */

static const int allowed_calls[] = {
	/* files, for reading; pipes and sockets */
	SYS_read, SYS_pread64, SYS_readv, SYS_write, SYS_writev, SYS_close, SYS_openat, SYS_lseek, SYS_fstat, SYS_newfstatat, SYS_statx,
	SYS_getdents64, SYS_fcntl, SYS_faccessat, SYS_faccessat2, SYS_readlinkat, SYS_getcwd, SYS_pipe2, SYS_eventfd2, SYS_uname,
	/* the network */
	SYS_connect, SYS_getsockname, SYS_getpeername, SYS_socketpair, SYS_setsockopt, SYS_getsockopt, SYS_sendto, SYS_recvfrom, SYS_sendmsg,
	SYS_recvmsg, SYS_sendmmsg, SYS_recvmmsg, SYS_shutdown, SYS_bind, SYS_ppoll, SYS_pselect6, SYS_epoll_create1, SYS_epoll_ctl,
	SYS_epoll_pwait,
	/* memory */
	SYS_brk, SYS_mmap, SYS_munmap, SYS_mremap, SYS_madvise, SYS_mprotect, SYS_sysinfo,
	/* threads, time, chance */
	SYS_futex, SYS_set_robust_list, SYS_rseq, SYS_rt_sigprocmask, SYS_rt_sigaction, SYS_rt_sigreturn, SYS_sched_yield, SYS_sched_getaffinity,
	SYS_exit, SYS_exit_group, SYS_gettid, SYS_getpid, SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_tgkill, SYS_clock_gettime,
	SYS_clock_nanosleep, SYS_nanosleep, SYS_getrandom, SYS_prlimit64, SYS_prctl,
	/* what only older architectures have, and their libc still uses */
#ifdef SYS_poll
	SYS_poll,
#endif
#ifdef SYS_open
	SYS_open, SYS_stat, SYS_access, SYS_readlink, SYS_select, SYS_epoll_wait, SYS_time,
#endif
};

static int enforce_seccomp(bool by_socket, struct err *e)
{
	const struct sock_filter first[] = {
		/* threads only, no processes */
		BPF_JUMP_EQ(SYS_clone3, 0, 1),	     BPF_RETURN(SECCOMP_RET_ERRNO | ENOSYS), BPF_JUMP_EQ(SYS_clone, 0, 4), BPF_LOAD(args[0]),
		BPF_JUMP_SET(CLONE_THREAD, 0, 1),    BPF_RETURN(SECCOMP_RET_ALLOW),	     BPF_RETURN(SECCOMP_RET_KILL_PROCESS),
		BPF_JUMP_EQ(SYS_ioctl, 0, 1),	     BPF_RETURN(SECCOMP_RET_ERRNO | ENOTTY),
		BPF_JUMP_EQ(SYS_socket, 0, 9),	     BPF_LOAD(args[0]),			     BPF_JUMP_EQ(AF_INET, 6, 0),
		BPF_JUMP_EQ(AF_INET6, 5, 0),	     BPF_JUMP_EQ(AF_UNIX, by_socket ? 3 : 4, 0),	     BPF_JUMP_EQ(AF_NETLINK, 0, 2),
		BPF_LOAD(args[2]),		     BPF_JUMP_EQ(NETLINK_ROUTE, 1, 0),	     BPF_RETURN(SECCOMP_RET_ERRNO | EAFNOSUPPORT),
		BPF_RETURN(SECCOMP_RET_ALLOW),
	};
	int r = seccomp_allow_only(allowed_calls, ARRAY_LEN(allowed_calls), first, ARRAY_LEN(first));

	return r < 0 ? err_errno(e, r, "load the system call filter") : 0;
}

int transfer_sandbox(bool by_socket, struct err *e)
{
	const struct rlimit none = { 0, 0 }, data = { MAX_DATA, MAX_DATA };
	int r;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
		return err_errno(e, -errno, "sandbox");
	r = enforce_landlock(e);
	if (r == 0)
		r = drop_rights(e);
	/* both are lost by another user's id */
	if (r == 0 && (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_DUMPABLE, 0UL) < 0))
		r = err_errno(e, -errno, "sandbox");
	if (r == 0 && !SANITIZED && setrlimit(RLIMIT_DATA, &data) < 0)
		r = err_errno(e, -errno, "limit memory");
	if (r == 0 && !SANITIZED)
		r = enforce_seccomp(by_socket, e);
	return r < 0 ? err_ctx(e, "sandbox of tare-transfer") : 0;
}
