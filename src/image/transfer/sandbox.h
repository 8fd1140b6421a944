/* What tare-transfer takes from itself before it speaks with anybody. */
#ifndef TARE_TRANSFER_SANDBOX_H
#define TARE_TRANSFER_SANDBOX_H

#include <stdbool.h>

#include "base/err.h"

/* Reading of what name resolution and TLS read is left, and sockets; of files nothing can be written. keep_user: root stays
 * root without a capability (a registry's unix socket may be root's alone), else becomes nobody. Threads can still be started. */
int transfer_sandbox(bool keep_user, struct err *e) MUST_CHECK;

#endif
