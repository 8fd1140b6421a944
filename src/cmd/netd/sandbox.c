/* The attacker is a container's query or a name server's answer, having found a hole in us, and now runs its own code here. What is left
 * to it: to answer questions wrongly, and the sockets of IPv4 and IPv6 that the host's name servers are asked by. No user's id, no capability,
 * no file (Landlock), no program; any system call but those below ends the process, which is started again. */
#include "cmd/netd/sandbox.h"

#include <grp.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "sys/landlock.h"
#include "sys/seccomp.h"

#define NOBODY 65534

/* Their own calls are none of ours. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

#if defined(__x86_64__)
#define AUDIT_ARCH_NATIVE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define AUDIT_ARCH_NATIVE AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define AUDIT_ARCH_NATIVE AUDIT_ARCH_RISCV64
#else
#error "tare-netd: the seccomp filter has no entry for this architecture"
#endif

static const int allowed_calls[] = {
	/* asking and answering */
	SYS_recvfrom, SYS_sendto, SYS_recvmsg, SYS_sendmsg, SYS_accept4, SYS_connect, SYS_close, SYS_getrandom,
	/* waiting */
	SYS_epoll_pwait, SYS_epoll_ctl, SYS_timerfd_create, SYS_timerfd_settime, SYS_clock_gettime, SYS_restart_syscall,
#ifdef SYS_epoll_wait
	SYS_epoll_wait,
#endif
	/* the table */
	SYS_lseek, SYS_mmap, SYS_munmap, SYS_mprotect, SYS_brk, SYS_madvise, SYS_mremap,
	/* what goes to the log; the end, abort()'s too */
	SYS_write, SYS_writev, SYS_exit, SYS_exit_group, SYS_rt_sigprocmask, SYS_gettid, SYS_tkill, SYS_rt_sigaction, SYS_rt_sigreturn,
};

#define CALLS ARRAY_LEN(allowed_calls)
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, field))
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, (what))
#define JUMP_EQ(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (yes), (no))

static int allow_few_calls(void)
{
	const struct sock_filter head[] = {
		LOAD(arch),
		JUMP_EQ(AUDIT_ARCH_NATIVE, 1, 0),
		RETURN(SECCOMP_RET_KILL_PROCESS),
		LOAD(nr),
		/* only sockets of these two kinds */
		JUMP_EQ(SYS_socket, 0, 5),
		LOAD(args[0]),
		JUMP_EQ(AF_INET, 2, 0),
		JUMP_EQ(AF_INET6, 1, 0),
		RETURN(SECCOMP_RET_KILL_PROCESS),
		RETURN(SECCOMP_RET_ALLOW),
	};
	struct sock_filter code[ARRAY_LEN(head) + 2 * CALLS + 1];
	size_t n = 0;

	for (; n < ARRAY_LEN(head); n++)
		code[n] = head[n];
	for (size_t i = 0; i < CALLS; i++) {
		code[n++] = (struct sock_filter)JUMP_EQ((uint32_t)allowed_calls[i], 0, 1);
		code[n++] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
	}
	code[n++] = (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS);
	return seccomp_install(code, n, 0);
}

static int deny_files(void)
{
	const struct landlock_domain d = { .files = true };
	CLEANUP_LANDLOCK struct landlock_rules rules = LANDLOCK_RULES_INIT;
	int r = landlock_begin(&d, &rules);

	if (r == -EOPNOTSUPP)
		return 0; /* nobody's files are not many either */
	return r < 0 ? r : landlock_enforce(&rules);
}

int sandbox_enter(struct err *e)
{
	int r;

	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_errno(e, -errno, "give up rights");
	r = deny_files();
	if (r < 0)
		return err_errno(e, r, "give up files");
	r = SANITIZED ? 0 : allow_few_calls();
	return r < 0 ? err_errno(e, r, "give up system calls") : 0;
}
