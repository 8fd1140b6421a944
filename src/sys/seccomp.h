/* Loading of system call filters: seccomp(2). */
#ifndef TARE_SYS_SECCOMP_H
#define TARE_SYS_SECCOMP_H

#include <linux/filter.h>
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

/* Does this kernel know the return action (SECCOMP_RET_…)? */
bool seccomp_has_action(unsigned int action);

/* Does this kernel know these filter flags? */
bool seccomp_has_flags(unsigned int flags);

#endif
