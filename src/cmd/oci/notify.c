/* sd_notify(3) from inside: a service manager that started us waits at NOTIFY_SOCKET for READY=1, which only the
 * container's program can say, and the manager's socket must not be in the container (what else is said there, STATUS=,
 * FDSTORE=, MAINPID=, would be believed of us). So the container gets a socket of its own at /run/notify, by a read-only
 * mount of a folder of its state; create makes the folder, start (or run) listens in it and passes on READY=1, nothing
 * else. Where we do not stay, the container's init is named as the main process to the manager, and we wait until it has
 * heard (sd_notify_barrier(3)), or its sender would be gone when it looks who that was. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "cmd/oci/oci.h"
#include "runtime/notify.h"
#include "sys/proc.h"
#include "sys/sock.h"

#define BARRIER_MS 30000

static const char *manager(void)
{
	const char *s = getenv("NOTIFY_SOCKET");

	return s && *s ? s : NULL;
}

/* ---- create ---- */

int oci_notify_plan(struct arena *a, const struct rt_record_dir *d, const struct oci_spec **spec, int *folder, struct err *e)
{
	int r;

	if (!manager())
		return 0;
	r = *folder = rt_notify_folder(d->dir, e);
	if (r >= 0)
		r = rt_notify_variable(a, spec, NULL, e);
	return r < 0 ? r : rt_notify_mount(a, spec, *folder, e);
}

int oci_notify_mounted(struct arena *a, const struct rt_record_dir *d, const struct oci_spec **spec, struct err *e)
{
	CLEANUP_FD int folder = openat(d->dir, RT_NOTIFY_FOLDER, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (folder < 0)
		return errno == ENOENT ? 0 : err_errno(e, -errno, "NOTIFY_SOCKET: folder of the container's state");
	return rt_notify_mount(a, spec, folder, e);
}

/* ---- start ---- */

int oci_notify_listen(const struct rt_record_dir *d, int *sock, struct err *e)
{
	CLEANUP_FD int folder = -1;

	*sock = -1;
	if (!manager())
		return 0;
	folder = openat(d->dir, RT_NOTIFY_FOLDER, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder < 0 && errno == ENOENT) {
		log_warning("NOTIFY_SOCKET: it was not set at create, so the container cannot say that it is ready");
		return 0;
	}
	*sock = folder < 0 ? -errno : sock_datagrams(folder, RT_NOTIFY_SOCKET, 0777);
	if (*sock < 0) {
		int r = *sock;

		*sock = -1;
		return err_errno(e, r, "NOTIFY_SOCKET: the container's socket");
	}
	return 0;
}

static int tell_manager(pid_t main, struct err *e)
{
	const char *at = manager();
	CLEANUP_FD int to = rt_notify_connect(at ? at : "", e);
	char text[64];
	int n, r;

	if (to < 0)
		return to;
	/* in one message: a manager that acts on the first half must know the second */
	n = main ? snprintf(text, sizeof(text), "READY=1\nMAINPID=%d\n", (int)main) :
		   snprintf(text, sizeof(text), "READY=1\n");
	r = sock_send_fds(to, text, (size_t)n, NULL, 0);
	if (r < 0)
		return err_errno(e, r, "NOTIFY_SOCKET");
	return main ? rt_notify_barrier(to, BARRIER_MS, e) : 0;
}

static bool says_ready(const char *text)
{
	static const char ready[] = "READY=1";

	for (; *text; text += strspn(text, "\n")) {
		size_t len = strcspn(text, "\n");

		if (len == sizeof(ready) - 1 && memcmp(text, ready, len) == 0)
			return true;
		text += len;
	}
	return false;
}

int oci_notify_pass(int sock, pid_t main, struct err *e)
{
	char text[4096];
	ssize_t n = recv(sock, text, sizeof(text) - 1, MSG_DONTWAIT);
	int r;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : err_errno(e, -errno, "NOTIFY_SOCKET: the container's socket");
	text[n] = '\0';
	if (!says_ready(text))
		return 0;
	r = tell_manager(main, e);
	return r < 0 ? r : 1;
}

int oci_notify_wait(int sock, pid_t pid, struct err *e)
{
	CLEANUP_FD int pidfd = sock < 0 ? -1 : proc_pidfd(pid);
	struct pollfd p[2] = { { .fd = sock, .events = POLLIN }, { .fd = pidfd, .events = POLLIN } };
	int r = 0;

	if (sock < 0)
		return 0;
	/* what it said before it ended counts */
	while (r == 0 && !(p[1].revents && !p[0].revents) && pidfd != -ESRCH) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return err_errno(e, -errno, "NOTIFY_SOCKET");
		if (p[0].revents)
			r = oci_notify_pass(sock, pid, e);
	}
	return r < 0 ? r : 0;
}
