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
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "cmd/oci/oci.h"
#include "sys/proc.h"
#include "sys/sock.h"

#define FOLDER "notify"
#define SOCKET "notify.sock"
#define INSIDE "/run/notify"
#define BARRIER_MS 30000

static const char *manager(void)
{
	const char *s = getenv("NOTIFY_SOCKET");

	return s && *s ? s : NULL;
}

/* ---- create ---- */

static const struct oci_process *with_variable(struct arena *a, const struct oci_process *p)
{
	struct oci_process *changed = arena_new(a, struct oci_process);
	const char **env;
	size_t n = 0, k = 0;

	while (p->env && p->env[n])
		n++;
	env = arena_array(a, n + 2, sizeof(*env));
	if (!changed || !env)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (!text_starts(p->env[i], "NOTIFY_SOCKET="))
			env[k++] = p->env[i];
	env[k] = "NOTIFY_SOCKET=" INSIDE "/" SOCKET;
	*changed = *p;
	changed->env = env;
	return changed;
}

/* Source: where the folder is, whatever --root is relative to. Not its descriptor, which only one side has. */
static const struct oci_mount *with_mount(struct arena *a, const struct oci_spec *spec, int folder)
{
	static const char *const options[] = { "bind", "nosuid", "noexec", "nodev", "ro", NULL };
	struct oci_mount *mounts = arena_array(a, spec->n_mounts + 1, sizeof(*mounts));
	char source[PATH_MAX];

	if (!mounts || io_path_of(folder, source) < 0)
		return NULL;
	for (size_t i = 0; i < spec->n_mounts; i++)
		mounts[i] = spec->mounts[i];
	mounts[spec->n_mounts] = (struct oci_mount){ .destination = INSIDE, .source = arena_strdup(a, source), .options = options };
	return mounts;
}

int oci_notify_plan(struct arena *a, const struct rt_record_dir *d, const struct oci_spec **spec, int *folder, struct err *e)
{
	struct oci_spec *changed = arena_new(a, struct oci_spec);

	if (!manager())
		return 0;
	if (mkdirat(d->dir, FOLDER, 0755) < 0 && errno != EEXIST)
		return err_errno(e, -errno, "NOTIFY_SOCKET: folder of the container's state");
	*folder = openat(d->dir, FOLDER, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*folder < 0 || fchmodat(d->dir, FOLDER, 0755, 0) < 0)
		return err_errno(e, -errno, "NOTIFY_SOCKET: folder of the container's state");
	if (!changed)
		return err_errno(e, -ENOMEM, "NOTIFY_SOCKET");
	*changed = **spec;
	changed->process = with_variable(a, changed->process);
	changed->mounts = with_mount(a, changed, *folder);
	changed->n_mounts++;
	if (!changed->process || !changed->mounts)
		return err_errno(e, -ENOMEM, "NOTIFY_SOCKET");
	*spec = changed;
	return 0;
}

int oci_notify_mounted(struct arena *a, const struct rt_record_dir *d, const struct oci_spec **spec, struct err *e)
{
	struct oci_spec *changed = arena_new(a, struct oci_spec);
	CLEANUP_FD int folder = openat(d->dir, FOLDER, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (folder < 0)
		return errno == ENOENT ? 0 : err_errno(e, -errno, "NOTIFY_SOCKET: folder of the container's state");
	if (!changed)
		return err_errno(e, -ENOMEM, "NOTIFY_SOCKET");
	*changed = **spec;
	changed->mounts = with_mount(a, changed, folder);
	changed->n_mounts++;
	*spec = changed;
	return changed->mounts ? 0 : err_errno(e, -ENOMEM, "NOTIFY_SOCKET");
}

/* ---- start ---- */

int oci_notify_listen(const struct rt_record_dir *d, int *sock, struct err *e)
{
	CLEANUP_FD int folder = -1;

	*sock = -1;
	if (!manager())
		return 0;
	folder = openat(d->dir, FOLDER, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder < 0 && errno == ENOENT) {
		log_warning("NOTIFY_SOCKET: it was not set at create, so the container cannot say that it is ready");
		return 0;
	}
	*sock = folder < 0 ? -errno : sock_datagrams(folder, SOCKET, 0777);
	if (*sock < 0) {
		int r = *sock;

		*sock = -1;
		return err_errno(e, r, "NOTIFY_SOCKET: the container's socket");
	}
	return 0;
}

static int connect_manager(struct err *e)
{
	const char *at = manager();
	int fd;

	if (!at || (*at != '/' && *at != '@'))
		return err_set(e, ERR_UNSUPPORTED, "NOTIFY_SOCKET \"%s\": must be a path or begin with @", at ? at : "");
	if (*at == '/')
		return oci_connect(at, SOCK_DGRAM, e);
	fd = sock_connect_abstract(at + 1, SOCK_DGRAM);
	return fd < 0 ? err_errno(e, fd, "NOTIFY_SOCKET %s", at) : fd;
}

/* The manager closes the pipe when it has handled what came before. */
static int barrier(int to, struct err *e)
{
	int ends[2], r;
	struct pollfd p;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(e, -errno, "NOTIFY_SOCKET: barrier");
	r = sock_send_fds(to, "BARRIER=1", 9, &ends[1], 1);
	close_fd(ends[1]);
	p = (struct pollfd){ .fd = ends[0], .events = POLLIN };
	if (r == 0 && poll(&p, 1, BARRIER_MS) == 0)
		log_warning("NOTIFY_SOCKET: the manager did not confirm within %d s", BARRIER_MS / 1000);
	close_fd(ends[0]);
	return r < 0 ? err_errno(e, r, "NOTIFY_SOCKET: barrier") : 0;
}

static int tell_manager(pid_t main, struct err *e)
{
	CLEANUP_FD int to = connect_manager(e);
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
	return main ? barrier(to, e) : 0;
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
