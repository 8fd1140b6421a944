/* The manager's socket must not be in the container: what is said there would be believed of us (FDSTORE=, MAINPID=). So the container has
 * one of its own, by a mount of its folder and not of the socket itself, which may not be there yet, and is another one after a restart. */
#include "runtime/notify.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "sys/sock.h"

#define INSIDE "/run/notify"

int rt_notify_folder(int dir, struct err *e)
{
	CLEANUP_FD int folder = -1;

	if (mkdirat(dir, RT_NOTIFY_FOLDER, 0755) < 0 && errno != EEXIST)
		return err_errno(e, -errno, "NOTIFY_SOCKET: folder of the container's state");
	folder = openat(dir, RT_NOTIFY_FOLDER, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder < 0 || fchmodat(dir, RT_NOTIFY_FOLDER, 0755, 0) < 0) /* the umask took bits */
		return err_errno(e, -errno, "NOTIFY_SOCKET: folder of the container's state");
	return take_fd(&folder);
}

/* Source: where the folder is, whatever a state folder's name is relative to. Not its descriptor, which only one side has. */
int rt_notify_mount(struct arena *a, const struct oci_spec **spec, int folder, struct err *e)
{
	static const char *const options[] = { "bind", "nosuid", "noexec", "nodev", "ro", NULL };
	const struct oci_spec *old = *spec;
	struct oci_spec *changed = arena_new(a, struct oci_spec);
	struct oci_mount *mounts = arena_array(a, old->n_mounts + 1, sizeof(*mounts));
	char source[PATH_MAX];

	if (!changed || !mounts || io_path_of(folder, source) < 0)
		return err_errno(e, -ENOMEM, "NOTIFY_SOCKET");
	for (size_t i = 0; i < old->n_mounts; i++)
		mounts[i] = old->mounts[i];
	mounts[old->n_mounts] = (struct oci_mount){ .destination = INSIDE, .source = arena_strdup(a, source), .options = options };
	*changed = *old;
	changed->mounts = mounts;
	changed->n_mounts++;
	*spec = changed;
	return arena_error(a) < 0 ? err_errno(e, -ENOMEM, "NOTIFY_SOCKET") : 0;
}

int rt_notify_variable(struct arena *a, const struct oci_spec **spec, const char *variable, struct err *e)
{
	const char *set = variable ? variable : "NOTIFY_SOCKET=" INSIDE "/" RT_NOTIFY_SOCKET;
	const struct oci_process *old = (*spec)->process;
	struct oci_spec *changed = arena_new(a, struct oci_spec);
	struct oci_process *process = arena_new(a, struct oci_process);
	size_t n = 0, k = 0, name = strcspn(set, "=") + 1;
	const char **env;

	if (!old)
		return 0;
	while (old->env && old->env[n])
		n++;
	env = arena_array(a, n + 2, sizeof(*env));
	if (!changed || !process || !env)
		return err_errno(e, -ENOMEM, "%.*s", (int)name - 1, set);
	for (size_t i = 0; i < n; i++)
		if (strncmp(old->env[i], set, name) != 0)
			env[k++] = old->env[i];
	env[k] = set;
	*process = *old;
	process->env = env;
	*changed = **spec;
	changed->process = process;
	*spec = changed;
	return 0;
}

/* The folder first: the path may be longer than an address takes. */
static int connect_path(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];
	CLEANUP_FD int dir = -1;

	if ((size_t)snprintf(folder, sizeof(folder), "%.*s/", (int)(slash - path), path) >= sizeof(folder))
		return -ENAMETOOLONG;
	dir = openat(AT_FDCWD, folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? -errno : sock_connect(dir, slash + 1, SOCK_DGRAM);
}

int rt_notify_connect(const char *address, struct err *e)
{
	int fd;

	if (*address != '/' && *address != '@')
		return err_set(e, ERR_UNSUPPORTED, "NOTIFY_SOCKET \"%s\": must be a path or begin with @", address);
	fd = *address == '/' ? connect_path(address) : sock_connect_abstract(address + 1, SOCK_DGRAM);
	return fd < 0 ? err_errno(e, fd, "NOTIFY_SOCKET %s", address) : fd;
}

/* The manager closes the pipe when it has handled what came before. */
int rt_notify_barrier(int to, int ms, struct err *e)
{
	int ends[2], r;
	struct pollfd p;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(e, -errno, "NOTIFY_SOCKET: barrier");
	r = sock_send_fds(to, "BARRIER=1", 9, &ends[1], 1);
	close_fd(ends[1]);
	p = (struct pollfd){ .fd = ends[0], .events = POLLIN };
	if (r == 0 && poll(&p, 1, ms) == 0)
		log_warning("NOTIFY_SOCKET: the manager did not confirm within %d s", ms / 1000);
	close_fd(ends[0]);
	return r < 0 ? err_errno(e, r, "NOTIFY_SOCKET: barrier") : 0;
}
