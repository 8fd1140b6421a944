/* The cgroup in which an ordinary user's containers have theirs: limits and `pause` are a cgroup's, and on pure cgroup v2 his systemd delegates him one
 * (user@.service: memory, pids, and cpu where the machine has it so). */
#ifndef TARE_ENGINE_USERCGROUP_H
#define TARE_ENGINE_USERCGROUP_H

#include <limits.h>
#include <sys/types.h>

#include "base/err.h"

#define USERCGROUP_MONITORS "/monitor" /* in it, for those */

/* Its path for the user uid, whose id is the calling process's; "" where there is none: no cgroup v2 alone, no manager of his, no bus to it. It need
 * not be there yet. */
void usercgroup_find(uid_t uid, char out[PATH_MAX]);

/* Before a monitor is started: this process is in there from now on. Nothing with "". ERR_UNAVAILABLE: his systemd did not do it. */
int usercgroup_enter(const char *cgroup, struct err *e) MUST_CHECK;

#endif
