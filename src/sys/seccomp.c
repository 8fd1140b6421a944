#include "sys/seccomp.h"

#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/syscall.h>

int seccomp_install(const struct sock_filter *insns, size_t n, unsigned int flags)
{
	struct sock_fprog prog = { .len = (unsigned short)n, .filter = (struct sock_filter *)(uintptr_t)insns };
	long r;

	if (n == 0 || n > BPF_MAXINSNS)
		return -EINVAL;
	r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
	if (r < 0)
		return -errno;
	/* TSYNC without ESRCH gives the id of a thread that could not follow */
	if (r > 0 && !(flags & SECCOMP_FLAG_NEW_LISTENER))
		return -EBUSY;
	return (int)r;
}

bool seccomp_has_action(unsigned int action)
{
	uint32_t a = action;

	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &a) == 0;
}

/* A kernel looks at the flags before it looks at the program. */
bool seccomp_has_flags(unsigned int flags)
{
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, NULL) < 0 && errno == EFAULT;
}

int seccomp_allow_only(const int *calls, size_t n_calls, const struct sock_filter *first, size_t n_first)
{
	struct sock_filter code[4 + SECCOMP_FIRST + 2 * SECCOMP_CALLS + 1] = {
		BPF_LOAD(arch),
		BPF_JUMP_EQ(AUDIT_ARCH_NATIVE, 1, 0),
		BPF_RETURN(SECCOMP_RET_KILL_PROCESS),
		BPF_LOAD(nr),
	};
	size_t n = 4;

	if (n_calls > SECCOMP_CALLS || n_first > SECCOMP_FIRST)
		return -E2BIG;
	for (size_t i = 0; i < n_first; i++)
		code[n++] = first[i];
	for (size_t i = 0; i < n_calls; i++) {
		code[n++] = (struct sock_filter)BPF_JUMP_EQ((uint32_t)calls[i], 0, 1);
		code[n++] = (struct sock_filter)BPF_RETURN(SECCOMP_RET_ALLOW);
	}
	code[n++] = (struct sock_filter)BPF_RETURN(SECCOMP_RET_KILL_PROCESS);
	return seccomp_install(code, n, 0);
}
