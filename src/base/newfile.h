/* A file that people name as output and that appears whole or not at all: it is written without a name where the file system can do
 * that, else under a name of its own beside the final one, and gets its name when everything is in it. What was there before stays until
 * then. It is not synced: that is for state of ours. */
#ifndef TARE_BASE_NEWFILE_H
#define TARE_BASE_NEWFILE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/cleanup.h"

struct newfile {
	int fd;  /* to be written to; owned */
	int dir; /* of the final name; -1: path is a device, a FIFO… and written to as it is */
	char name[NAME_MAX + 1], tmp[NAME_MAX + 1];
	bool linked; /* it has the name tmp */
};
#define NEWFILE_INIT { .fd = -1, .dir = -1 }
#define CLEANUP_NEWFILE CLEANUP(newfile_end)

/* Negative errno: -EISDIR when path is a folder. */
int newfile_begin(const char *path, mode_t mode, struct newfile *out) MUST_CHECK;
/* Gives it its name, in the place of what had that. */
int newfile_commit(struct newfile *f) MUST_CHECK;
/* Without a commit nothing of it stays. */
void newfile_end(struct newfile *f);

#endif
