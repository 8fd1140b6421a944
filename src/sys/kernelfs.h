/* File systems whose files are the kernel's words, not data: proc, sysfs, cgroup… Who copies a whole tree leaves out what is in them. */
#ifndef TARE_SYS_KERNELFS_H
#define TARE_SYS_KERNELFS_H

#include <stdbool.h>

/* Whether fd lies on one. What cannot be told does not. Source: statfs(2), linux/magic.h. */
bool kernelfs(int fd);
/* Whether it lies on a devtmpfs, which statfs(2) calls a tmpfs: found by its number among /proc/self/mountinfo. */
bool kernelfs_devices(int fd);

#endif
