#include "runtime/sync.h"

#include <poll.h>
#include <string.h>

#include "base/io.h"
#include "sys/sock.h"

#define HANG_UP_MS 50

struct wire {
	uint32_t type, arg;
	struct err err; /* sent with RT_MSG_ERROR only */
};
#define SHORT_LEN offsetof(struct wire, err)

int rt_gone(struct err *e, const char *who)
{
	(void)err_set(e, ERR_INTERNAL, "%s went away during set-up", who);
	return e->code = -EPIPE;
}

bool rt_is_gone(const struct err *e)
{
	return e->cls == ERR_INTERNAL && e->code == -EPIPE;
}

int rt_send(int sock, enum rt_msg type, uint32_t arg, int fd, struct err *e)
{
	return rt_send_fds(sock, type, arg, &fd, fd >= 0 ? 1 : 0, e);
}

int rt_send_fds(int sock, enum rt_msg type, uint32_t arg, const int *fds, size_t n_fds, struct err *e)
{
	struct wire w = { .type = type, .arg = arg };
	int r = sock_send_fds(sock, &w, SHORT_LEN, fds, n_fds);

	/* EPIPE: the other side is gone; its error, if it left one, is still to be read */
	if (io_peer_gone(r))
		return rt_gone(e, "the container's process");
	return r < 0 ? err_errno(e, r, "talking to the container's process") : 0;
}

void rt_send_error(int sock, const struct err *failure)
{
	struct wire w = { .type = RT_MSG_ERROR, .err = *failure };

	(void)!sock_send_fds(sock, &w, sizeof(w), NULL, 0);
}

void rt_received_close(struct rt_received *m)
{
	m->fd = close_fd(m->fd);
	while (m->n_more > 0)
		close_fd(m->more[--m->n_more]);
}

int rt_recv(int sock, struct rt_received *out, struct err *e)
{
	struct wire w = { 0 };
	int fds[RT_MAX_FDS];
	size_t n_fds = ARRAY_LEN(fds);
	ssize_t n;

	*out = (struct rt_received){ .fd = -1 };
	n = sock_recv_fds(sock, &w, sizeof(w), fds, &n_fds);
	/* once, ahead of all that it has said: it ended with a message of ours unread */
	if (n == -ECONNRESET) {
		n_fds = ARRAY_LEN(fds);
		n = sock_recv_fds(sock, &w, sizeof(w), fds, &n_fds);
	}
	if (n == 0 || n == -ECONNRESET) {
		out->eof = true;
		return 0;
	}
	if (n < 0)
		return err_errno(e, (int)n, "talking to the container's process");
	if (n_fds) {
		out->fd = fds[0];
		out->n_more = n_fds - 1;
		memcpy(out->more, fds + 1, out->n_more * sizeof(*fds));
	}
	if ((size_t)n == sizeof(w) && w.type == RT_MSG_ERROR) {
		rt_received_close(out);
		*e = w.err;
		e->msg[sizeof(e->msg) - 1] = '\0';
		return e->code < 0 ? e->code : -EIO;
	}
	if ((size_t)n != SHORT_LEN) {
		rt_received_close(out);
		return err_set(e, ERR_INTERNAL, "a malformed message from the container's process");
	}
	out->type = w.type;
	out->arg = w.arg;
	return 0;
}

/* What else failed may have failed because of that: namespaces and files in /proc go with a process, and the kernel hangs up a little later
 * (exit_task_namespaces() is before exit_task_work(), which closes sockets). */
static bool has_hung_up(int sock)
{
	struct pollfd p = { .fd = sock };

	return poll(&p, 1, HANG_UP_MS) == 1 && p.revents & POLLHUP;
}

void rt_last_word(int sock, struct err *e)
{
	struct err why = { 0 };
	struct rt_received m = { .fd = -1 };

	if (!rt_is_gone(e) && !has_hung_up(sock))
		return;
	while (rt_recv(sock, &m, &why) == 0 && !m.eof)
		rt_received_close(&m);
	if (why.code)
		*e = why;
}

int rt_expect(int sock, enum rt_msg type, int *fd, struct err *e)
{
	struct rt_received m;
	int r = rt_recv(sock, &m, e);

	if (r < 0)
		return r;
	if (m.eof)
		return rt_gone(e, "the other side");
	if (m.type != type || m.n_more || (m.fd >= 0) != (fd != NULL)) {
		rt_received_close(&m);
		return err_set(e, ERR_INTERNAL, "set-up out of step: got message %d, expected %d", (int)m.type,
			       (int)type);
	}
	if (fd)
		*fd = m.fd;
	return 0;
}
