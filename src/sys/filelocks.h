/* Files that somebody holds a lock of fcntl(2) on, as /proc/locks (proc_locks(5)) tells of all at once: of many files it is cheaper than to open each. */
#ifndef TARE_SYS_FILELOCKS_H
#define TARE_SYS_FILELOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"

struct filelocks {
	struct filelock *v;
	size_t n;
};
#define FILELOCKS_INIT { NULL, 0 }
#define CLEANUP_FILELOCKS CLEANUP(filelocks_free)
void filelocks_free(struct filelocks *l);

/* Reads them. Negative errno, -EFBIG when they take more than a megabyte; then out is empty. Locks of processes that our pid namespace does not have are not told. */
int filelocks_read(struct filelocks *out) MUST_CHECK;
/* The same of such lines as the kernel writes them; what is no line of a lock is left out. */
int filelocks_parse(const char *text, struct filelocks *out) MUST_CHECK;
/* Somebody held a lock on that file (stat(2)'s numbers) then. False says nothing. */
bool filelocks_held(const struct filelocks *l, dev_t dev, ino_t ino);

#endif
