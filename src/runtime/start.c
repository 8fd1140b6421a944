/* The barrier between create and start.
 *
 * Socket: the creator keeps its end of the sync socket; a START message opens the barrier, end of file afterwards
 * means that exec happened, RT_MSG_ERROR that it did not. If the creator dies the child reads end of file and ends.
 *
 * Fifo (runc's way, the creator is gone): the child opens the fifo for writing, which blocks until the starter opens
 * it for reading, and writes one byte. It keeps the fifo open until exec closes it; a struct err in it says that exec
 * failed. So start knows what became of the process in both. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/io.h"
#include "runtime/internal.h"
#include "runtime/sync.h"
#include "sys/proc.h"

static int wait_fifo(const struct rt_ctx *c, int *gate, struct err *e)
{
	char path[48];
	int fd;

	/* by our own procfs: the container's /proc, if any, is not to be trusted with our descriptors */
	snprintf(path, sizeof(path), "thread-self/fd/%d", c->create->fifo_fd);
	do
		fd = openat(c->proc, path, O_WRONLY | O_CLOEXEC);
	while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return err_errno(e, -errno, "exec fifo");
	*gate = fd;
	return io_write_full(fd, "0", 1) < 0 ? err_errno(e, -errno, "exec fifo") : 0;
}

int rt_barrier_wait(const struct rt_ctx *c, int *gate, struct err *e)
{
	*gate = -1;
	if (c->create->barrier == RT_BARRIER_FIFO)
		return wait_fifo(c, gate, e);
	return rt_expect(c->sock, RT_MSG_START, NULL, e);
}

int rt_start(struct rt_process *p, struct err *e)
{
	struct rt_received m;
	int r = rt_send(p->barrier, RT_MSG_START, 0, -1, e);

	if (r < 0)
		return r;
	r = rt_wait_unless_stuck(p->barrier, -1, p->watch, e);
	if (r == 0)
		r = rt_recv(p->barrier, &m, e);
	if (r < 0)
		return r;
	rt_received_close(&m);
	if (!m.eof)
		return err_set(e, ERR_INTERNAL, "start: unexpected message %d", (int)m.type);
	p->barrier = close_fd(p->barrier);
	return 0;
}

/* Waits for the child's byte; a dead container never sends it. */
static int fifo_open_barrier(int fd, int pidfd, const char *watch, struct err *e)
{
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN }, { .fd = pidfd, .events = POLLIN } };
	char byte;
	ssize_t n;

	if (rt_wait_unless_stuck(fd, pidfd, watch, e) < 0)
		return e->code;
	while (poll(p, 2, -1) < 0)
		if (errno != EINTR)
			return err_errno(e, -errno, "start");
	if (!(p[0].revents & POLLIN))
		return err_set(e, ERR_BUSY, "start: the container is not running any more");
	n = read(fd, &byte, 1);
	if (n != 1)
		return err_set(e, ERR_INTERNAL, "start: the container's process closed its barrier");
	return 0;
}

int rt_start_fifo(int dirfd, const char *name, pid_t pid, const char *watch, struct err *e)
{
	CLEANUP_FD int pidfd = proc_pidfd(pid), fd = -1;
	struct err failure;
	ssize_t n;
	int r;

	if (pidfd == -ESRCH)
		return err_set(e, ERR_BUSY, "start: the container is not running any more");
	if (pidfd < 0)
		return err_errno(e, pidfd, "start");
	fd = openat(dirfd, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_errno(e, -errno, "start: exec fifo");
	r = fifo_open_barrier(fd, pidfd, watch, e);
	if (r < 0)
		return r;
	r = rt_wait_unless_stuck(fd, -1, watch, e);
	if (r < 0)
		return r;
	r = io_set_nonblock(fd, false);
	n = r < 0 ? r : io_read_full(fd, &failure, sizeof(failure));
	if (n < 0)
		return err_errno(e, (int)n, "start: exec fifo");
	if ((size_t)n < sizeof(failure))
		return 0;
	*e = failure;
	e->msg[sizeof(e->msg) - 1] = '\0';
	return e->code < 0 ? e->code : -EIO;
}
