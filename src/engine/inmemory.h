/* A store in memory, for want of a place on the disk: tare within a container, whose root is an overlay. On one the kernel lays no other, and
 * maps no ids of its files, so nothing could run. */
#ifndef TARE_ENGINE_INMEMORY_H
#define TARE_ENGINE_INMEMORY_H

#include "base/err.h"

/* Where the folder root_fd (path: absolute) is on an overlay and empty, a tmpfs is mounted over it, which every tare of this
 * mount namespace then finds there; a warning says so once. Where that is not permitted nothing is done: images can be fetched and looked at
 * there all the same, and what cannot run says why. */
int inmemory_instead(int *root_fd, const char *path, struct err *e) MUST_CHECK;

#endif
