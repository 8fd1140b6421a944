/* The healer: the half of tare-netd that keeps root's rights, and so does nothing but wait and start a program. */
#ifndef TARE_CMD_NETD_HEALER_H
#define TARE_CMD_NETD_HEALER_H

#include "base/err.h"

/* tare-netd heal TARE ROOT STATE TABLE, with its listening socket on descriptor 3 and its lock on 4. Gives when nobody is in a network. */
int healer_main(const char *const argv[6], struct err *e) MUST_CHECK;

#endif
