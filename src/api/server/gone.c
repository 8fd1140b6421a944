/* The kernel tells by a signal that something has happened to the connection (fcntl(2), O_ASYNC): neither a thread nor another process is
 * needed, and nothing is asked again and again. The engine's calls are those of commands, which may be killed at any instant: who ends here
 * leaves what an interrupted `tare pull` or `tare build` leaves, and the processes that work for it end with it.
 *
 * The flag is the open connection's, which the front has, too: it must be off again before another request is read from it. */
#include "api/server/gone.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

static volatile sig_atomic_t watched = -1;

static void look(int signal_number)
{
	struct pollfd p = { .fd = (int)watched, .events = POLLRDHUP };

	(void)signal_number;
	if (p.fd >= 0 && poll(&p, 1, 0) > 0 && p.revents & (POLLRDHUP | POLLHUP | POLLERR))
		_exit(1);
}

int gone_watch(struct exchange *ex, struct gone_watch *out, struct err *e)
{
	const struct sigaction act = { .sa_handler = look, .sa_flags = SA_RESTART };
	int fd = ex_gone_fd(ex), flags = fcntl(fd, F_GETFL);

	if (flags < 0 || sigaction(SIGIO, &act, NULL) < 0 || fcntl(fd, F_SETOWN, getpid()) < 0)
		return err_errno(e, -errno, "watch the connection");
	watched = fd;
	*out = (struct gone_watch){ .fd = fd, .flags = flags };
	if (fcntl(fd, F_SETFL, flags | O_ASYNC) < 0)
		return err_errno(e, -errno, "watch the connection");
	look(SIGIO); /* it may have gone before */
	return 0;
}

void gone_unwatch(struct gone_watch *w)
{
	if (w->fd < 0)
		return;
	(void)fcntl(w->fd, F_SETFL, w->flags & ~O_ASYNC);
	watched = -1;
	w->fd = -1;
}
