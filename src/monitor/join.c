/* The kept specification (config.json) knows of new namespaces alone, with the id map they have: that is what the rest of a container's
 * life goes by, when nobody may live any more whose they were. Only the making of a container is told where they are.
 *
 * A pid may be somebody else's by now: the namespaces are opened between two looks at the process, and are those of the process that
 * both have seen. */
#include "monitor/join.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sys/proc.h"

/* As the engine writes it (docs/formats.md). */
#define JOINED_SHM "/dev/shm/.of-container"

_Static_assert(OCI_NS_COUNT == 8, "JOIN_INIT");

void join_close(struct join *j)
{
	for (int i = 0; i < OCI_NS_COUNT; i++)
		j->fds[i] = close_fd(j->fds[i]);
	free(j->mounts);
	j->mounts = NULL;
}

/* Who shares IPC shares /dev/shm, too. What the kept specification has there is no file. */
static int share_shm(struct join *j, const struct description_join *of, struct err *e)
{
	size_t n = j->spec.n_mounts;

	j->mounts = calloc(n + 1, sizeof(*j->mounts));
	if (!j->mounts)
		return err_errno(e, -ENOMEM, "/dev/shm of container %s", of->container);
	(void)snprintf(j->shm, sizeof(j->shm), "/proc/%d/root/dev/shm", (int)of->pid);
	if (n)
		memcpy(j->mounts, j->spec.mounts, n * sizeof(*j->mounts));
	for (size_t i = 0; i < n; i++)
		if (j->mounts[i].source && strcmp(j->mounts[i].source, JOINED_SHM) == 0)
			j->mounts[i].source = j->shm;
	j->spec.mounts = j->mounts;
	return 0;
}

static int open_namespace(const struct description_join *of, enum oci_ns ns)
{
	static const char *const files[OCI_NS_COUNT] = { [OCI_NS_USER] = "user", [OCI_NS_PID] = "pid", [OCI_NS_NETWORK] = "net", [OCI_NS_IPC] = "ipc",
							 [OCI_NS_UTS] = "uts" };
	char path[48];
	int fd;

	if (!files[ns])
		return -EINVAL;
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)of->pid, files[ns]);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static bool same_file(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* The user namespace may be named twice: it is the same one, or what the container joins is not its own. */
static int take(struct join *j, const struct description_join *of, enum oci_ns ns, struct err *e)
{
	CLEANUP_FD int fd = open_namespace(of, ns);

	if (fd < 0)
		return err_errno(e, fd, "the \"%s\" namespace of container %s", oci_ns_name(ns), of->container);
	if (j->fds[ns] >= 0)
		return same_file(fd, j->fds[ns]) ? 0 : err_set(e, ERR_INVALID, "container %s has another \"%s\" namespace than the one that is shared, too",
							      of->container, oci_ns_name(ns));
	j->fds[ns] = take_fd(&fd);
	(void)snprintf(j->paths[ns], sizeof(j->paths[ns]), "/proc/self/fd/%d", j->fds[ns]);
	j->spec.linux_.ns[ns] = (struct oci_namespace){ .wanted = true, .path = j->paths[ns] };
	return 0;
}

static int open_of(struct join *j, const struct description_join *of, struct err *e)
{
	int r = proc_check(of->pid, of->start_time);

	for (int i = 0; r == 0 && i < OCI_NS_COUNT; i++)
		if (of->ns[i])
			r = take(j, of, (enum oci_ns)i, e);
	if (r == 0 && of->ns[OCI_NS_IPC])
		r = share_shm(j, of, e);
	if (r == -ESRCH || r == -ENOENT || proc_check(of->pid, of->start_time) < 0)
		return err_set(e, ERR_BUSY, "container %s, whose namespaces this one shares, has ended", of->container);
	return r < 0 && !e->code ? err_errno(e, r, "container %s", of->container) : r;
}

int join_check(const struct description *d, struct err *e)
{
	for (size_t i = 0; i < d->n_joins; i++)
		if (proc_check(d->joins[i].pid, d->joins[i].start_time) < 0)
			return err_set(e, ERR_BUSY, "container %s, whose namespaces this one shares, has ended", d->joins[i].container);
	return 0;
}

int join_open(const struct description *d, struct join *j, const struct oci_spec **spec, struct err *e)
{
	*spec = d->spec;
	if (!d->n_joins)
		return 0;
	j->spec = *d->spec;
	for (size_t i = 0; i < d->n_joins; i++)
		if (open_of(j, &d->joins[i], e) < 0)
			return e->code;
	if (j->fds[OCI_NS_USER] >= 0) { /* its map is what it is */
		j->spec.linux_.uid_map = j->spec.linux_.gid_map = NULL;
		j->spec.linux_.n_uid_map = j->spec.linux_.n_gid_map = 0;
	}
	*spec = &j->spec;
	return 0;
}
