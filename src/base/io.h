/* Whole-file and whole-buffer I/O. All functions return 0 or a count, or negative errno; all fds are CLOEXEC. */
#ifndef TARE_BASE_IO_H
#define TARE_BASE_IO_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/cleanup.h"

/* Reads until len bytes or end of file; gives the count. Retries EINTR. */
ssize_t io_read_full(int fd, void *buf, size_t len) MUST_CHECK;

/* The text of a small file of the kernel's (/proc, /sys, cgroups), which gives a page at most and all of it at once: NUL-terminated in
 * buf, cut to size - 1 bytes; the count. */
ssize_t io_read_text(int fd, char *buf, size_t size) MUST_CHECK;

/* Writes all of it. Retries EINTR; on a non-blocking fd waits with poll(). */
int io_write_full(int fd, const void *buf, size_t len) MUST_CHECK;
/* Into a socket; -EPIPE without a signal when nobody reads it any more. */
int io_send_full(int sock, const void *buf, size_t len) MUST_CHECK;
/* Of a negative errno of sending or receiving: the other end of the socket is gone. -ECONNRESET is it, where it went with something
 * unread. */
bool io_peer_gone(int code);
/* At an offset. */
int io_pwrite_full(int fd, const void *buf, size_t len, off_t at) MUST_CHECK;

/* The rest of one into the other. */
int io_copy(int from, int to) MUST_CHECK;

/* The rest of fd, NUL-terminated, to be free()d. -EFBIG when there are more than max bytes. */
int io_read_fd(int fd, size_t max, char **out, size_t *len) MUST_CHECK;

/* The file at path relative to dirfd (AT_FDCWD allowed). len may be NULL. */
int io_read_file(int dirfd, const char *path, size_t max, char **out, size_t *len) MUST_CHECK;

/* Writes one short value into an existing kernel file (/proc, /sys, cgroupfs) in a single write(2). */
int io_write_value(int dirfd, const char *path, const char *value) MUST_CHECK;

/* Replaces dirfd/name by data through a temporary file and rename(2): readers see the old or the new, never half.
 * sync: fsync file and folder before returning. */
int io_replace_file(int dirfd, const char *name, const void *data, size_t len, mode_t mode, bool sync) MUST_CHECK;

/* mkdir -p below dirfd, without following symlinks in what it creates; an existing folder is fine.
 * Only for paths of our own (state, store), never for paths under a rootfs: those go through base/beneath.h. */
int io_mkdirs(int dirfd, const char *path, mode_t mode) MUST_CHECK;

/* Removes dirfd/name and everything below it, however deep. Never follows symlinks, never crosses into another mount
 * (-EBUSY there). Absent is success. */
int io_remove_tree(int dirfd, const char *name) MUST_CHECK;

/* First thing in a program: opens /dev/null where the caller left one of the descriptors 0-2 closed, so that no file or
 * socket of ours gets that number and is then read or written as a standard stream. Not CLOEXEC: children inherit it. */
void io_reserve_stdio(void);

/* "/proc/self/fd/N": the open file by name, for calls that take no descriptor. Gives out. */
#define IO_FD_PATH_LEN 40
const char *io_fd_path(int fd, char out[IO_FD_PATH_LEN]);
/* Where it is, by readlink(2) of that; -ENAMETOOLONG. */
int io_path_of(int fd, char out[PATH_MAX]) MUST_CHECK;

/* A copy of fd, CLOEXEC at birth as every descriptor. */
int io_dup(int fd) MUST_CHECK;

/* fcntl helpers. */
int io_set_cloexec(int fd, bool on) MUST_CHECK;
int io_set_nonblock(int fd, bool on) MUST_CHECK;

/* A memfd holding data, at offset 0. sealed: nobody can write, grow or shrink it any more. */
int io_memfd(const char *name, const void *data, size_t len, bool sealed) MUST_CHECK;

#endif
