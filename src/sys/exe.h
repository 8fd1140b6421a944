/* The file that this process runs from, changed without executing anything: what /proc/self/exe and the mappings of the
 * program show is another open file of the same bytes. */
#ifndef TARE_SYS_EXE_H
#define TARE_SYS_EXE_H

#include "base/cleanup.h"

/* fd: the same program file, opened for reading by way of another mount; stays the caller's. To be called while there is one thread.
 * -EPERM without CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE in our user namespace; -EINVAL: a kernel without CHECKPOINT_RESTORE or with
 * other pages than this knows, or fd is another program. After a failure the program runs on, from the old file in part or whole.
 * prctl(2), PR_SET_MM_MAP; elf(5). */
int exe_adopt(int fd) MUST_CHECK;

#endif
