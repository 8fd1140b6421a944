/* Resource limits by name. getrlimit(2). */
#ifndef TARE_SYS_RLIMIT_H
#define TARE_SYS_RLIMIT_H

#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"

/* RLIMIT_* number of "RLIMIT_NOFILE"; -EINVAL for a name that is none. */
int rlimit_number(const char *name) MUST_CHECK;
/* Reads (set NULL) or replaces a limit of pid (0 = ourselves) by prlimit(2); UINT64_MAX = unlimited. Raising the hard
 * limit needs CAP_SYS_RESOURCE in the initial user namespace, whatever namespace pid is in: -EPERM. */
int rlimit_get(pid_t pid, int number, uint64_t *soft, uint64_t *hard) MUST_CHECK;
int rlimit_set(pid_t pid, int number, uint64_t soft, uint64_t hard) MUST_CHECK;

#endif
