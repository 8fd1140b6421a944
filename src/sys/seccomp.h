/* Loading of system call filters: seccomp(2). */
#ifndef TARE_SYS_SECCOMP_H
#define TARE_SYS_SECCOMP_H

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

/* Flags newer than some headers we are built with. */
#define SECCOMP_FLAG_TSYNC (1U << 0)
#define SECCOMP_FLAG_LOG (1U << 1)
#define SECCOMP_FLAG_SPEC_ALLOW (1U << 2)
#define SECCOMP_FLAG_NEW_LISTENER (1U << 3)
#define SECCOMP_FLAG_TSYNC_ESRCH (1U << 4)         /* Linux 5.7 */
#define SECCOMP_FLAG_WAIT_KILLABLE_RECV (1U << 5) /* Linux 5.19 */

/* Installs the filter in the calling thread, for good; needs no_new_privs or CAP_SYS_ADMIN (-EACCES). Gives 0, or with
 * SECCOMP_FLAG_NEW_LISTENER the listener (CLOEXEC). Calls nothing but the one system call: works after clone, and
 * what may be called afterwards is up to the filter. */
int seccomp_install(const struct sock_filter *insns, size_t n, unsigned int flags) MUST_CHECK;

/* Instructions of a filter that is written by hand. */
#if defined(__x86_64__)
#define AUDIT_ARCH_NATIVE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define AUDIT_ARCH_NATIVE AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define AUDIT_ARCH_NATIVE AUDIT_ARCH_RISCV64
#endif
#define BPF_LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, field))
#define BPF_RETURN(what) BPF_STMT(BPF_RET | BPF_K, (what))
#define BPF_JUMP_EQ(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), (yes), (no))
#define BPF_JUMP_SET(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (value), (yes), (no))

/* A program of ours that gives up every system call but these; another one ends it (at most SECCOMP_CALLS). first: instructions that come
 * before, with the number of the call loaded and at their end, for what arguments decide. For good, as seccomp_install(). */
#define SECCOMP_CALLS 128U
#define SECCOMP_FIRST 32U
int seccomp_allow_only(const int *calls, size_t n_calls, const struct sock_filter *first, size_t n_first) MUST_CHECK;

/* Does this kernel know the return action (SECCOMP_RET_…)? */
bool seccomp_has_action(unsigned int action);

/* Does this kernel know these filter flags? */
bool seccomp_has_flags(unsigned int flags);

#endif
