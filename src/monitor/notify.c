/* The container's words are those of an attacker, and the manager would believe all of them of the service: so it speaks to a socket of its
 * own, and only what is about itself is passed on, line by line: not another main process (MAINPID=), not what the manager should keep or
 * watch for it (FDSTORE=, WATCHDOG_USEC=), not descriptors.
 *
 * systemd listens to a service's main process alone unless its NotifyAccess= says otherwise, so messages go out in the keeper's name, which
 * root may do; those of an ordinary user's worker are its own, and need NotifyAccess=all.
 *
 * A message is looked at, sent, and only then taken from the socket: a worker that is killed in between leaves it to the next, and while the
 * manager takes none it stays there, too. */
#include "monitor/notify.h"

#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "runtime/notify.h"
#include "sys/proc.h"
#include "sys/sock.h"
#include "sys/spawn.h"

/* systemd's own limit of a message. */
#define MESSAGE_MAX 4096U
/* How many in a row, so that a container that talks all the time does not keep its output waiting. */
#define AT_ONCE 16
#define BARRIER_MS 5000

/* ---- who makes the container ---- */

int notify_fork(struct err *e)
{
	CLEANUP_FD int parent = proc_pidfd(getpid());
	struct pollfd p = { .fd = parent, .events = POLLIN };
	pid_t pid;

	if (parent < 0)
		return err_errno(e, parent, "NOTIFY_SOCKET: a process of the manager's");
	pid = spawn_fork(NULL);
	if (pid < 0)
		return err_errno(e, (int)pid, "NOTIFY_SOCKET: a process of the manager's");
	if (pid > 0)
		_exit(0);
	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
	return 0;
}

static int open_container(struct crew *c, struct arena *a, struct description *d, struct err *e)
{
	CLEANUP_FD int folder = rt_notify_folder(CREW_STATE_DIR, e);
	const char *watchdog;
	int r = folder < 0 ? folder : sock_datagrams(folder, RT_NOTIFY_SOCKET, 0777);

	if (folder < 0)
		return r;
	if (r >= 0)
		r = crew_put(c, CREW_NOTIFY, r);
	if (r < 0)
		return err_errno(e, r, "NOTIFY_SOCKET: the container's socket");
	r = rt_notify_mount(a, &d->spec, folder, e);
	if (r == 0)
		r = rt_notify_variable(a, &d->spec, NULL, e);
	if (r < 0 || !d->notify.watchdog)
		return r;
	watchdog = arena_printf(a, "WATCHDOG_USEC=%s", d->notify.watchdog);
	return watchdog ? rt_notify_variable(a, &d->spec, watchdog, e) : err_errno(e, -ENOMEM, "WATCHDOG_USEC");
}

int notify_open(struct crew *c, struct arena *a, struct description *d, struct err *e)
{
	int fd, r;

	if (!d->notify.mode)
		return 0;
	fd = rt_notify_connect(d->notify.socket, e);
	if (fd < 0)
		return fd;
	r = crew_put(c, CREW_MANAGER, fd);
	if (r < 0)
		return err_errno(e, r, "NOTIFY_SOCKET");
	return d->notify.mode == NOTIFY_CONTAINER ? open_container(c, a, d, e) : 0;
}

/* In somebody's name where we may; -EAGAIN when there is no room now. */
static int say(pid_t as, const char *text, size_t len)
{
	int r = sock_send_as(CREW_MANAGER, as, text, len);

	return r == -EPERM || r == -ESRCH ? sock_send_as(CREW_MANAGER, getpid(), text, len) : r;
}

/* The manager's queue is short, and others may have filled it. */
static int insist(pid_t as, const char *text, struct err *e)
{
	struct pollfd p = { .fd = CREW_MANAGER, .events = POLLOUT };
	int r;

	while ((r = say(as, text, strlen(text))) == -EAGAIN && poll(&p, 1, BARRIER_MS) > 0)
		;
	return r < 0 ? err_errno(e, r, "NOTIFY_SOCKET") : rt_notify_barrier(CREW_MANAGER, BARRIER_MS, e);
}

/* A manager that ends the start does not hear who the main process is, and nobody would end the container with it: it ended who started us,
 * or that one got a signal to pass on, before it did not listen. */
static int still_wanted(const struct crew *c, struct err *e)
{
	struct pollfd p = { .fd = crew_get(c, CREW_CLIENT), .events = POLLRDHUP };

	if (poll(&p, 1, 0) > 0 && p.revents & (POLLRDHUP | POLLHUP | POLLERR))
		return err_set(e, ERR_UNAVAILABLE, "the start was given up by whoever asked for it");
	return 0;
}

int notify_starting(const struct crew *c, const struct description *d, struct err *e)
{
	char text[64];
	int r;

	if (d->notify.mode != NOTIFY_CONTAINER && d->notify.mode != NOTIFY_HEALTHY)
		return 0;
	(void)snprintf(text, sizeof(text), "MAINPID=%d", (int)getpid());
	r = insist(d->notify.sender, text, e);
	return r < 0 ? r : still_wanted(c, e);
}

/* In one message: a manager that acts on the first half must know the second. */
int notify_started(const struct crew *c, const struct description *d, struct err *e)
{
	char text[64];
	int r;

	if (d->notify.mode != NOTIFY_CONMON)
		return 0;
	(void)snprintf(text, sizeof(text), "MAINPID=%d\nREADY=1", (int)getpid());
	r = insist(d->notify.sender, text, e);
	return r < 0 ? r : still_wanted(c, e);
}

/* ---- what may be said ---- */

static bool may_say(const char *line, size_t len)
{
	static const char *const whole[] = { "READY=1", "RELOADING=1", "STOPPING=1", "WATCHDOG=1", "WATCHDOG=trigger" };
	static const char *const begin[] = { "STATUS=", "ERRNO=", "EXTEND_TIMEOUT_USEC=", "MONOTONIC_USEC=" };
	size_t i;

	for (i = 0; i < ARRAY_LEN(whole); i++)
		if (len == strlen(whole[i]) && memcmp(line, whole[i], len) == 0)
			return true;
	for (i = 0; i < ARRAY_LEN(begin); i++)
		if (len >= strlen(begin[i]) && memcmp(line, begin[i], strlen(begin[i])) == 0)
			return true;
	return false;
}

size_t notify_filter(const char *message, size_t len, char *out)
{
	size_t n = 0;

	if (memchr(message, '\0', len)) /* the manager reads no further than that */
		return 0;
	while (len > 0) {
		const char *end = memchr(message, '\n', len);
		size_t line = end ? (size_t)(end - message) : len;

		if (may_say(message, line)) {
			if (n)
				out[n++] = '\n';
			memcpy(out + n, message, line);
			n += line;
		}
		line += end ? 1 : 0;
		message += line;
		len -= line;
	}
	return n;
}

/* ---- the worker ---- */

static void has_room(struct loop *l, int fd, uint32_t events, void *data);

/* Until the manager has room again. */
static void hold(struct notify *n)
{
	if (loop_add(n->loop, CREW_MANAGER, EPOLLOUT, has_room, n, &n->to) < 0)
		return; /* it is tried again with whatever comes next */
	loop_remove(n->loop, n->from);
	n->from = NULL;
}

/* One message of the container's: 1, or 0 when there is none, or none that can be passed on now. */
static int pass_one(struct notify *n)
{
	char text[MESSAGE_MAX + 1], out[MESSAGE_MAX + 1];
	ssize_t len = recv(CREW_NOTIFY, text, sizeof(text), MSG_DONTWAIT | MSG_PEEK);
	size_t may = len > 0 && len <= (ssize_t)MESSAGE_MAX ? notify_filter(text, (size_t)len, out) : 0;
	int r = len < 0 ? 0 : may ? say(n->keeper, out, may) : 0;

	if (r == -EAGAIN)
		hold(n);
	if (len < 0 || r == -EAGAIN)
		return 0;
	if (r < 0)
		log_warning("%.12s: the service manager does not hear the container: %s", n->d->id, strerror(-r));
	/* descriptors that came with it are closed by that, which is what sd_notify_barrier(3) waits for */
	return recv(CREW_NOTIFY, text, 1, MSG_DONTWAIT) >= 0;
}

static void heard(struct loop *l, int fd, uint32_t events, void *data)
{
	struct notify *n = data;

	(void)l;
	(void)fd;
	(void)events;
	for (int i = 0; i < AT_ONCE && pass_one(n); i++)
		;
}

static void has_room(struct loop *l, int fd, uint32_t events, void *data)
{
	struct notify *n = data;

	(void)fd;
	(void)events;
	loop_remove(l, n->to);
	n->to = NULL;
	if (loop_add(l, CREW_NOTIFY, EPOLLIN, heard, n, &n->from) < 0)
		log_error("%.12s: the service manager hears no more of the container", n->d->id);
}

void notify_begin(struct notify *n, struct loop *l, const struct crew *c, const struct description *d, pid_t keeper)
{
	*n = (struct notify){ .loop = l, .keeper = keeper };
	if (!crew_has(c, CREW_MANAGER))
		return;
	n->d = d;
	if (crew_has(c, CREW_NOTIFY) && loop_add(l, CREW_NOTIFY, EPOLLIN, heard, n, &n->from) < 0)
		log_error("%.12s: the service manager does not hear the container", d->id);
}

void notify_stop(struct notify *n)
{
	loop_remove(n->loop, n->from);
	loop_remove(n->loop, n->to);
	n->from = n->to = NULL;
	n->d = NULL;
}

/* Its last words may be there still. */
void notify_end(struct notify *n)
{
	if (n->from)
		for (int i = 0; i < AT_ONCE && pass_one(n); i++)
			;
	notify_stop(n);
}

void notify_healthy(struct notify *n)
{
	static const char ready[] = "READY=1";
	struct pollfd p = { .fd = CREW_MANAGER, .events = POLLOUT };
	int r;

	if (!n->d || n->d->notify.mode != NOTIFY_HEALTHY)
		return;
	while ((r = say(n->keeper, ready, sizeof(ready) - 1)) == -EAGAIN && poll(&p, 1, BARRIER_MS) > 0)
		;
	if (r < 0)
		log_warning("%.12s: the service manager does not hear that it is healthy: %s", n->d->id, strerror(-r));
}
