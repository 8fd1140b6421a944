/* The attacker is whoever can reach the port, before he has shown any certificate, having found a hole in OpenSSL. What runs here has the server's key, one
 * connection, and a socket on which he could be any client: that is what TLS is about. It has no file, no network, no process, no user's id, no
 * capability; any system call but those below ends it. */
#include <fcntl.h>
#include <grp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "cmd/tls/tls.h"
#include "sys/caps.h"
#include "sys/landlock.h"
#include "sys/seccomp.h"

#define NOBODY 65534
#define MAX_DATA (64U << 20)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

static const int allowed_calls[] = {
	SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_sendto, SYS_recvfrom, SYS_shutdown, SYS_close, SYS_ppoll, SYS_fcntl,
	/* memory */
	SYS_brk, SYS_mmap, SYS_munmap, SYS_mremap, SYS_madvise, SYS_mprotect,
	/* time, chance, the end */
	SYS_clock_gettime, SYS_getrandom, SYS_getpid, SYS_gettid, SYS_futex, SYS_setitimer, SYS_rt_sigprocmask, SYS_rt_sigaction, SYS_rt_sigreturn, SYS_restart_syscall,
	SYS_exit, SYS_exit_group, SYS_tgkill,
#ifdef SYS_poll
	SYS_poll, SYS_time, SYS_alarm,
#endif
};

static int deny_files(void)
{
	const struct landlock_domain d = { .files = true, .tcp_bind = true, .tcp_connect = true, .sockets = true, .signals = true };
	CLEANUP_LANDLOCK struct landlock_rules rules = LANDLOCK_RULES_INIT;
	int r = landlock_begin(&d, &rules);

	if (r == -EOPNOTSUPP)
		return 0; /* the other walls stand */
	return r < 0 ? r : landlock_enforce(&rules);
}

static int drop_rights(void)
{
	const struct cap_sets none = { 0 };
	int r = cap_before_uid(&none);

	if (r == 0 && geteuid() == 0 && (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0))
		r = errno == EINVAL ? 0 : -errno; /* a user namespace without that id */
	return r < 0 ? r : cap_after_uid(&none);
}

/* Who asks for a file all the same (of time zones, of OpenSSL's settings) is told that there is none. */
static int allow_few_calls(void)
{
	const struct sock_filter files[] = {
		BPF_JUMP_EQ(SYS_openat, 0, 1),
		BPF_RETURN(SECCOMP_RET_ERRNO | EACCES),
		BPF_JUMP_EQ(SYS_newfstatat, 0, 1),
		BPF_RETURN(SECCOMP_RET_ERRNO | EACCES),
	};

	return seccomp_allow_only(allowed_calls, ARRAY_LEN(allowed_calls), files, ARRAY_LEN(files));
}

int tls_sandbox(struct err *e)
{
	const struct rlimit none = { 0, 0 }, data = { MAX_DATA, MAX_DATA };
	int r = prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) < 0 || setrlimit(RLIMIT_CORE, &none) < 0 ? -errno : 0;

	if (r == 0)
		r = deny_files();
	if (r == 0)
		r = drop_rights();
	if (r == 0 && (prctl(PR_SET_DUMPABLE, 0UL, 0UL, 0UL, 0UL) < 0 || (!SANITIZED && setrlimit(RLIMIT_DATA, &data) < 0)))
		r = -errno;
	if (r == 0 && !SANITIZED)
		r = allow_few_calls();
	return r < 0 ? err_errno(e, r, "sandbox of tare-tls") : 0;
}
