#include "sys/sock.h"

#include <limits.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#include "base/io.h"
#include "base/text.h"

#define MAX_FDS SOCK_MAX_FDS

static int address(int dirfd, const char *name, struct sockaddr_un *sa)
{
	char folder[IO_FD_PATH_LEN];

	*sa = (struct sockaddr_un){ .sun_family = AF_UNIX };
	return TEXT_JOIN(sa->sun_path, sizeof(sa->sun_path), io_fd_path(dirfd, folder), "/", name) < 0 ? -ENAMETOOLONG : 0;
}

/* A socket for, and the address of, the name. */
static int open_named(int dirfd, const char *name, int type, struct sockaddr_un *sa)
{
	int r = address(dirfd, name, sa), fd;

	if (r < 0)
		return r;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

int sock_listen(int dirfd, const char *name, int type)
{
	struct sockaddr_un sa;
	CLEANUP_FD int fd = open_named(dirfd, name, type, &sa);

	if (fd < 0)
		return fd;
	if (unlinkat(dirfd, name, 0) < 0 && errno != ENOENT)
		return -errno;
	/* the mode counts from bind on: nobody can slip in before a chmod */
	if (fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, 128) < 0)
		return -errno;
	return take_fd(&fd);
}

int sock_connect(int dirfd, const char *name, int type)
{
	return sock_connect_within(dirfd, name, type, 0);
}

int sock_connect_within(int dirfd, const char *name, int type, int seconds)
{
	const struct timeval limit = { .tv_sec = seconds };
	struct sockaddr_un sa;
	CLEANUP_FD int fd = open_named(dirfd, name, type, &sa);

	if (fd < 0)
		return fd;
	if (seconds && (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0))
		return -errno;
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return -errno;
	return take_fd(&fd);
}

int sock_datagrams(int dirfd, const char *name, mode_t mode)
{
	CLEANUP_FD int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un sa;
	int r = address(dirfd, name, &sa);

	if (fd < 0)
		return -errno;
	if (r < 0)
		return r;
	if (unlinkat(dirfd, name, 0) < 0 && errno != ENOENT)
		return -errno;
	/* the mode again: the umask took bits from it */
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || fchmodat(dirfd, name, mode, 0) < 0)
		return -errno;
	return take_fd(&fd);
}

int sock_connect_abstract(const char *name, int type)
{
	CLEANUP_FD int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	size_t len = strlen(name);

	if (fd < 0)
		return -errno;
	if (len >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	memcpy(sa.sun_path + 1, name, len);
	if (connect(fd, (struct sockaddr *)&sa, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len)) < 0)
		return -errno;
	return take_fd(&fd);
}

int sock_accept(int fd)
{
	int r;

	do
		r = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

int sock_pair(int type, int out[2])
{
	return socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, out) < 0 ? -errno : 0;
}

static int send_rest(int fd, const char *data, size_t len)
{
	while (len > 0) {
		struct pollfd p = { .fd = fd, .events = POLLOUT };
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n >= 0) {
			data += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN ? poll(&p, 1, -1) < 0 && errno != EINTR : errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

int sock_set_send_buffer(int fd, int bytes)
{
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) == 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)) == 0)
		return 0;
	return -errno;
}

int sock_send_fds(int fd, const void *data, size_t len, const int *fds, size_t n_fds)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int) * MAX_FDS)];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)(size_t)data, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (n_fds > MAX_FDS)
		return -E2BIG;
	/* descriptors travel with a byte */
	if (n_fds && len == 0)
		return -EINVAL;
	if (n_fds) {
		struct cmsghdr *c;

		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
	}
	do
		n = sendmsg(fd, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	/* a stream may take a part */
	return send_rest(fd, (const char *)data + n, len - (size_t)n);
}

ssize_t sock_recv_fds(int fd, void *data, size_t len, int *fds, size_t *n_fds)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int) * MAX_FDS)];
	} control = { 0 };
	struct iovec iov = { .iov_base = data, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf,
			      .msg_controllen = sizeof(control.buf) };
	size_t room = *n_fds;
	ssize_t n;

	*n_fds = 0;
	do
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			int got;

			memcpy(&got, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (*n_fds < room)
				fds[(*n_fds)++] = got;
			else
				close_fd(got);
		}
	}
	if (!(msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		return n;
	while (*n_fds > 0) {
		--*n_fds;
		fds[*n_fds] = close_fd(fds[*n_fds]);
	}
	return -EMSGSIZE;
}

int sock_send_as(int fd, pid_t pid, const void *data, size_t len)
{
	const struct ucred sender = { .pid = pid, .uid = getuid(), .gid = getgid() };
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(sender))];
	} control = { .align = { .cmsg_len = CMSG_LEN(sizeof(sender)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_CREDENTIALS } };
	struct iovec iov = { .iov_base = (void *)(size_t)data, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf, .msg_controllen = sizeof(control.buf) };
	ssize_t n;

	memcpy(CMSG_DATA(CMSG_FIRSTHDR(&msg)), &sender, sizeof(sender));
	do
		n = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}
