/* The seccomp compiler: linux.seccomp of the runtime-spec to a BPF program, without libseccomp but with its verdicts.
 *
 * What a profile means is what runc with libseccomp makes of it:
 *  - A rule whose action (with its errno) is the default's is skipped. Of a call's unconditional rules the first wins
 *    over every other rule of that call. Conditions of one rule are ANDed, rules of one call ORed; a rule that tests
 *    one argument twice is taken as one rule per condition. Where rules of one call overlap with different actions,
 *    the one on the higher argument wins, then the more special comparison (equality; the smaller range), then the
 *    earlier; two that test exactly the same with different actions are an error.
 *  - Arguments are compared as 64 bits on x86_64 and aarch64, as their low 32 bits on x86, x32 and arm.
 *  - The machine's own ABI is always in. A call by an ABI the profile does not list kills the thread (x32 on x86_64
 *    included); names of other machines' architectures are skipped.
 *  - On x86 a rule of a socket or System V IPC call holds for the direct call and for socketcall(2) or ipc(2) with
 *    that number as first argument (whose other arguments point to memory and cannot be tested).
 *  - Names no ABI of ours has are skipped and told.
 *  - runc's habit: unless the default action lets calls through (ALLOW, LOG, TRACE), a call number above the highest
 *    one the profile names for that ABI gives ENOSYS, so that a libc newer than the profile falls back instead of
 *    failing with EPERM. (On x86 socket and IPC names do not count as named; that is runc's, too.)
 *  - No "flags" at all means SECCOMP_FILTER_FLAG_SPEC_ALLOW; an empty list means none. */
#ifndef TARE_RUNTIME_SECCOMP_H
#define TARE_RUNTIME_SECCOMP_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "oci/spec.h"
#include "sys/syscalls.h"

struct rt_seccomp {
	const struct sock_filter *insns; /* in the arena; to be given to seccomp_install() */
	size_t n;
	unsigned int flags;         /* SECCOMP_FLAG_*, NEW_LISTENER when notify */
	bool notify;                /* seccomp_install() gives a listener, to be sent to s->listener_path */
	const char *const *unknown; /* names that were skipped */
	size_t n_unknown;
};

/* Compiles for this machine. Fails with ERR_INVALID (a contradiction, a bad argument index or errno, NOTIFY
 * where it would lock the runtime up: as default or on write), ERR_UNSUPPORTED (a flag we do not know),
 * ERR_LIMIT (more than the kernel's 4096 instructions). No system call is made. */
int rt_seccomp_compile(struct arena *a, const struct oci_seccomp *s, struct rt_seccomp *out, struct err *e) MUST_CHECK;

/* The same for a machine whose own ABI is `native` (SC_X86_64 or SC_AARCH64). */
int rt_seccomp_compile_for(struct arena *a, enum sc_abi native, const struct oci_seccomp *s, struct rt_seccomp *out,
			   struct err *e) MUST_CHECK;

#endif
