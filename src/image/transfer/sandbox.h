/* What tare-transfer takes from itself before it speaks with anybody. */
#ifndef TARE_TRANSFER_SANDBOX_H
#define TARE_TRANSFER_SANDBOX_H

#include <stdbool.h>

#include "base/err.h"

/* Reading of what name resolution and TLS read is left, and sockets; of files nothing can be written. Root becomes nobody,
 * without a capability. by_socket: a registry is on a unix socket, to which others connect (image/broker.h): none can be made here. Threads
 * can still be started. */
int transfer_sandbox(bool by_socket, struct err *e) MUST_CHECK;

#endif
