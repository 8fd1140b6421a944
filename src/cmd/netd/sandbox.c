/* The attacker is a container's query or a name server's answer, having found a hole in us, and now runs its own code here. What is left
 * to it: to answer questions wrongly, and the sockets of IPv4 and IPv6 that the host's name servers are asked by. No user's id, no capability,
 * no file (Landlock), no program; any system call but those below ends the process, which is started again. */
#include "cmd/netd/sandbox.h"

#include <grp.h>
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

static const int allowed_calls[] = {
	/* asking and answering; musl's accept4() tries accept() where a socket does not listen any more */
	SYS_recvfrom, SYS_sendto, SYS_recvmsg, SYS_sendmsg, SYS_accept4, SYS_accept, SYS_connect, SYS_close, SYS_getrandom,
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

static int allow_few_calls(void)
{
	/* only sockets of these two kinds */
	const struct sock_filter sockets[] = {
		BPF_JUMP_EQ(SYS_socket, 0, 5),		      BPF_LOAD(args[0]),    BPF_JUMP_EQ(AF_INET, 2, 0), BPF_JUMP_EQ(AF_INET6, 1, 0),
		BPF_RETURN(SECCOMP_RET_KILL_PROCESS), BPF_RETURN(SECCOMP_RET_ALLOW),
	};

	return seccomp_allow_only(allowed_calls, ARRAY_LEN(allowed_calls), sockets, ARRAY_LEN(sockets));
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
