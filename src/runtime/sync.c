#include "runtime/sync.h"

#include <string.h>

#include "sys/sock.h"

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
	struct wire w = { .type = type, .arg = arg };
	int r = sock_send_fds(sock, &w, SHORT_LEN, &fd, fd >= 0 ? 1 : 0);

	/* EPIPE: the other side is gone; its error, if it left one, is still to be read */
	if (r == -EPIPE || r == -ECONNRESET)
		return rt_gone(e, "the container's process");
	return r < 0 ? err_errno(e, r, "talking to the container's process") : 0;
}

void rt_send_error(int sock, const struct err *failure)
{
	struct wire w = { .type = RT_MSG_ERROR, .err = *failure };

	(void)!sock_send_fds(sock, &w, sizeof(w), NULL, 0);
}

int rt_recv(int sock, struct rt_received *out, struct err *e)
{
	struct wire w = { 0 };
	size_t n_fds = 1;
	ssize_t n;

	*out = (struct rt_received){ .fd = -1 };
	n = sock_recv_fds(sock, &w, sizeof(w), &out->fd, &n_fds);
	if (n == 0 || n == -ECONNRESET) {
		out->eof = true;
		return 0;
	}
	if (n < 0)
		return err_errno(e, (int)n, "talking to the container's process");
	if (!n_fds)
		out->fd = -1;
	if ((size_t)n == sizeof(w) && w.type == RT_MSG_ERROR) {
		out->fd = close_fd(out->fd);
		*e = w.err;
		e->msg[sizeof(e->msg) - 1] = '\0';
		return e->code < 0 ? e->code : -EIO;
	}
	if ((size_t)n != SHORT_LEN)
		return err_set(e, ERR_INTERNAL, "a malformed message from the container's process");
	out->type = w.type;
	out->arg = w.arg;
	return 0;
}

int rt_expect(int sock, enum rt_msg type, int *fd, struct err *e)
{
	struct rt_received m;
	int r = rt_recv(sock, &m, e);

	if (r < 0)
		return r;
	if (m.eof)
		return rt_gone(e, "the other side");
	if (m.type != type || (m.fd >= 0) != (fd != NULL)) {
		close_fd(m.fd);
		return err_set(e, ERR_INTERNAL, "set-up out of step: got message %d, expected %d", (int)m.type,
			       (int)type);
	}
	if (fd)
		*fd = m.fd;
	return 0;
}
