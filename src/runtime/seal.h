/* Protection of our own program file against the containers it makes (CVE-2019-5736). */
#ifndef TARE_RUNTIME_SEAL_H
#define TARE_RUNTIME_SEAL_H

#include <stdbool.h>

#include "base/err.h"
#include "oci/spec.h"

/* Whether a process of this container could write to our program file if it got hold of it: not when its user namespace
 * does not map the file's owner, and nobody else may. */
bool rt_seal_needed(const struct oci_spec *spec);

/* Makes this process run from a read-only copy of its program's mount, or where we may not mount from one in memory. Gives 0 when it
 * does. Where the kernel does not let us exchange the file under the running program, it is executed again (argv, the same
 * environment, open descriptors without O_CLOEXEC stay) and this does not return: to be called before anything is read. */
int rt_seal_self(char *const argv[], struct err *e) MUST_CHECK;

#endif
