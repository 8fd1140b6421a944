/* What tare-transfer takes from itself before it speaks with anybody. */
#ifndef TARE_TRANSFER_SANDBOX_H
#define TARE_TRANSFER_SANDBOX_H

#include <stdbool.h>

#include "base/err.h"

/* Reading of what name resolution and TLS read is left, and sockets; of files nothing can be written. Root becomes nobody,
 * without a capability; files_of_root: but still opens files as root (a registry's unix socket may be root's alone). Threads can still be
 * started. */
int transfer_sandbox(bool files_of_root, struct err *e) MUST_CHECK;

#endif
