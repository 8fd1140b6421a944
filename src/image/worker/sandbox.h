/* What the worker takes from itself before it looks at the first foreign byte. */
#ifndef TARE_WORKER_SANDBOX_H
#define TARE_WORKER_SANDBOX_H

#include "image/worker/task.h"

/* Replaces t's folder handles by restricted views of them and closes every other way. From here on only threads can be
 * started. Needs root with CAP_SYS_ADMIN, CAP_SYS_CHROOT and CAP_SETPCAP. */
int sandbox_enter(struct task *t, struct err *e) MUST_CHECK;

#endif
