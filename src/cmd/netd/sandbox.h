/* What tare-netd gives up before it answers anybody. */
#ifndef TARE_CMD_NETD_SANDBOX_H
#define TARE_CMD_NETD_SANDBOX_H

#include "base/err.h"

/* The rights of root, files, other programs, and every system call that answering does not need. */
int sandbox_enter(struct err *e) MUST_CHECK;

#endif
