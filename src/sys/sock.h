/* Unix sockets: paths of any length, and descriptors sent along. All give an fd or 0, or -errno; fds are CLOEXEC. */
#ifndef TARE_SYS_SOCK_H
#define TARE_SYS_SOCK_H

#include <stddef.h>
#include <sys/types.h>

#include "base/cleanup.h"

/* Listens at dirfd/name (made anew, mode 0600) / connects to it. Goes through /proc/self/fd, so the 108 bytes of
 * sun_path never matter. type: SOCK_STREAM or SOCK_SEQPACKET. */
int sock_listen(int dirfd, const char *name, int type) MUST_CHECK;
int sock_connect(int dirfd, const char *name, int type) MUST_CHECK;
/* The same with a limit for this and for each message afterwards: -EAGAIN when the other side takes or says nothing for so long. */
int sock_connect_within(int dirfd, const char *name, int type, int seconds) MUST_CHECK;
/* A datagram socket at dirfd/name (made anew) that mode's users may send to. */
int sock_datagrams(int dirfd, const char *name, mode_t mode) MUST_CHECK;
/* Connects to an abstract address: name without its leading '@' or NUL. */
int sock_connect_abstract(const char *name, int type) MUST_CHECK;
/* The accepted socket is non-blocking. */
int sock_accept(int fd) MUST_CHECK;

int sock_pair(int type, int out[2]) MUST_CHECK;
/* Lets so many bytes wait to be read; without privileges up to net.core.wmem_max. */
int sock_set_send_buffer(int fd, int bytes) MUST_CHECK;

/* Sends all of data (waiting where fd is non-blocking and has taken a part) with up to SOCK_MAX_FDS fds, which need at least one
 * byte. Receives at most len bytes and at most *n_fds fds (*n_fds: how many came; surplus ones are closed); -EMSGSIZE
 * when a message was longer than len or its descriptors could not all be received: then none is kept. */
#define SOCK_MAX_FDS 16U
int sock_send_fds(int fd, const void *data, size_t len, const int *fds, size_t n_fds) MUST_CHECK;
ssize_t sock_recv_fds(int fd, void *data, size_t len, int *fds, size_t *n_fds) MUST_CHECK;

/* One datagram without waiting, with another process named as its sender (unix(7), SCM_CREDENTIALS), which takes CAP_SYS_ADMIN: -EPERM; or
 * that process must be there: -ESRCH. */
int sock_send_as(int fd, pid_t pid, const void *data, size_t len) MUST_CHECK;

#endif
