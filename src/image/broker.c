/* A question is the endpoint's number, the answer an errno and, with 0, the connection (SCM_RIGHTS). The process has no other handle, so that it
 * keeps no pipe open that somebody waits for the end of; it ends when nobody is there to ask. */
#include "image/broker.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "sys/spawn.h"

union rights {
	struct cmsghdr head;
	char room[CMSG_SPACE(sizeof(int))];
};

static int connect_to(const char *path)
{
	CLEANUP_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	if (fd < 0)
		return -errno;
	if (strlen(path) >= sizeof(to.sun_path))
		return -ENAMETOOLONG;
	memcpy(to.sun_path, path, strlen(path) + 1);
	return connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0 ? -errno : take_fd(&fd);
}

static int answer(int to, int fd)
{
	int32_t error = fd < 0 ? -fd : 0;
	struct iovec io = { .iov_base = &error, .iov_len = sizeof(error) };
	union rights rights = { .head = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)) } };
	struct msghdr msg = { .msg_iov = &io, .msg_iovlen = 1 };
	ssize_t n;

	if (fd >= 0) {
		memcpy(CMSG_DATA(&rights.head), &fd, sizeof(fd));
		msg.msg_control = rights.room;
		msg.msg_controllen = sizeof(rights.room);
	}
	do
		n = sendmsg(to, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

static _Noreturn void serve(int fd, const char *const *paths, size_t n)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)syscall(SYS_close_range, 0U, (unsigned int)fd - 1, 0U);
	(void)syscall(SYS_close_range, (unsigned int)fd + 1, ~0U, 0U);
	for (;;) {
		CLEANUP_FD int got = -1;
		uint32_t number;
		ssize_t len = recv(fd, &number, sizeof(number), 0);

		if (len < 0 && errno == EINTR)
			continue;
		if (len != sizeof(number))
			_exit(0);
		got = number < n && paths[number] ? connect_to(paths[number]) : -EACCES;
		if (answer(fd, got) < 0)
			_exit(0);
	}
}

int broker_start(const char *const *paths, size_t n, struct broker *out, int *theirs, struct err *e)
{
	CLEANUP_FD int ours = -1, other = -1;
	int ends[2];

	*out = (struct broker)BROKER_INIT;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return err_errno(e, -errno, "socketpair");
	ours = ends[0];
	other = ends[1];
	out->pid = spawn_fork(&out->pidfd);
	if (out->pid < 0)
		return err_errno(e, out->pid, "start a process");
	if (out->pid == 0)
		serve(ours, paths, n);
	*theirs = take_fd(&other);
	return 0;
}

void broker_end(struct broker *b)
{
	int status;

	if (b->pidfd >= 0) {
		(void)kill(b->pid, SIGKILL);
		(void)!spawn_wait(b->pidfd, -1, &status);
	}
	b->pidfd = close_fd(b->pidfd);
}

int broker_dial(int broker, uint32_t number)
{
	int32_t error = EIO;
	struct iovec io = { .iov_base = &error, .iov_len = sizeof(error) };
	union rights rights = { .head = { 0 } };
	struct msghdr msg = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = rights.room, .msg_controllen = sizeof(rights.room) };
	int fd = -1;
	ssize_t n;

	if (send(broker, &number, sizeof(number), MSG_NOSIGNAL) < 0)
		return -errno;
	do
		n = recvmsg(broker, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n != sizeof(error))
		return n < 0 ? -errno : -EIO;
	if (error)
		return -error;
	if (msg.msg_controllen < CMSG_LEN(sizeof(int)) || rights.head.cmsg_type != SCM_RIGHTS)
		return -EIO;
	memcpy(&fd, CMSG_DATA(&rights.head), sizeof(fd));
	return fd;
}
