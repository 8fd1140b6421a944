/* Pseudo-terminals of a devpts instance that somebody else controls. pts(4), ioctl_tty(2). */
#ifndef TARE_SYS_PTY_H
#define TARE_SYS_PTY_H

#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"

struct pty {
	int master, slave; /* owned, CLOEXEC, no controlling terminal of ours */
};

/* A new pair of the devpts below root at /dev/pts. Nothing is trusted by its name (CVE-2025-52565): the ptmx that was
 * opened must be the character device 5:2 of a devpts, and the slave is the master's own (TIOCGPTPEER), not whatever
 * lies at /dev/pts/N. -ENODEV when there is no such device. rows and columns 0 = leave the size. */
int pty_open(int root, uint16_t rows, uint16_t columns, struct pty *out) MUST_CHECK;

int pty_resize(int master, uint16_t rows, uint16_t columns) MUST_CHECK;

#endif
