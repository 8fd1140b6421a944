/* Why FIFOs with names and not pipes: when both halves of a monitor were killed, a new one opens them again.
 *
 * They lie in a folder only root enters, but the container reaches its own through /proc/self/fd, so that
 * /dev/stdout can be opened: for this they belong to the user its process runs as, mapped to the host. */
#include "monitor/stdio.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/io.h"

static const char *const names[] = { "stdin", "stdout", "stderr" };

void stdio_close_container(struct stdio *s)
{
	for (size_t i = 0; i < 3; i++)
		s->container[i] = close_fd(s->container[i]);
}

void stdio_close(struct stdio *s)
{
	stdio_close_container(s);
	s->in = close_fd(s->in);
	s->out = close_fd(s->out);
	s->err = close_fd(s->err);
	s->feed = close_fd(s->feed);
	for (size_t i = 0; i < 2; i++)
		s->stage[i] = close_fd(s->stage[i]);
}

static uint32_t mapped(const struct oci_id_map *map, size_t n, uint32_t id)
{
	for (size_t i = 0; i < n; i++)
		if (id >= map[i].container_id && id - map[i].container_id < map[i].size)
			return map[i].host_id + (id - map[i].container_id);
	return id;
}

void stdio_owner(const struct oci_spec *spec, const struct oci_process *process, uid_t *uid, gid_t *gid)
{
	const struct oci_linux *l = &spec->linux_;

	*uid = mapped(l->uid_map, l->n_uid_map, process->user.uid);
	*gid = mapped(l->gid_map, l->n_gid_map, process->user.gid);
}

/* flags without O_NONBLOCK are the container's: the flag is only for the opening, which must not wait. */
static int open_end(int state_dir, const char *name, int flags, int *out)
{
	CLEANUP_FD int fd = openat(state_dir, name, flags | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode))
		return -ENXIO;
	if (!(flags & O_NONBLOCK)) {
		int r = io_set_nonblock(fd, false);

		if (r < 0)
			return r;
	}
	*out = take_fd(&fd);
	return 0;
}

static int make_fifo(int state_dir, const char *name, uid_t uid, gid_t gid)
{
	if (unlinkat(state_dir, name, 0) < 0 && errno != ENOENT)
		return -errno;
	if (mkfifoat(state_dir, name, 0600) < 0)
		return -errno;
	return fchownat(state_dir, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

/* Our end is opened while the container's is open: a write end needs a reader. */
static int open_both(int state_dir, size_t i, struct stdio *s)
{
	int *ours[] = { &s->in, &s->out, &s->err };
	int r = open_end(state_dir, names[i], i == 0 ? O_RDONLY : O_RDWR, &s->container[i]);

	if (r < 0)
		return r;
	return open_end(state_dir, names[i], (i == 0 ? O_WRONLY : O_RDONLY) | O_NONBLOCK, ours[i]);
}

int stdio_make_fifos(int state_dir, bool want_stdin, uid_t uid, gid_t gid, struct stdio *s, struct err *e)
{
	for (size_t i = want_stdin ? 0 : 1; i < 3; i++) {
		int r = make_fifo(state_dir, names[i], uid, gid);

		if (r == 0)
			r = open_both(state_dir, i, s);
		if (r < 0)
			return err_errno(e, r, "make the FIFO for %s", names[i]);
	}
	return 0;
}

int stdio_open_fifos(int state_dir, bool want_stdin, struct stdio *s, struct err *e)
{
	int *ours[] = { &s->in, &s->out, &s->err };

	for (size_t i = want_stdin ? 0 : 1; i < 3; i++) {
		int r = open_end(state_dir, names[i], (i == 0 ? O_WRONLY : O_RDONLY) | O_NONBLOCK, ours[i]);

		/* nobody reads stdin any more: it has its end */
		if (r < 0 && !(i == 0 && r == -ENXIO))
			return err_errno(e, r, "open the FIFO for %s", names[i]);
	}
	return 0;
}

void stdio_remove_fifos(int state_dir)
{
	for (size_t i = 0; i < 3; i++)
		(void)unlinkat(state_dir, names[i], 0);
}

static int make_pipe(size_t i, uid_t uid, gid_t gid, struct stdio *s)
{
	int *ours[] = { &s->in, &s->out, &s->err };
	int ends[2], own = i == 0 ? 1 : 0;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	*ours[i] = ends[own];
	s->container[i] = ends[1 - own];
	if (fchown(s->container[i], uid, gid) < 0)
		return -errno;
	return io_set_nonblock(*ours[i], true);
}

int stdio_make_pipes(bool want_stdin, uid_t uid, gid_t gid, struct stdio *s, struct err *e)
{
	for (size_t i = want_stdin ? 0 : 1; i < 3; i++) {
		int r = make_pipe(i, uid, gid, s);

		if (r < 0)
			return err_errno(e, r, "make the pipe for %s", names[i]);
	}
	return 0;
}

int stdio_take_console(int console, struct stdio *s, struct err *e)
{
	int ends[2], r = io_set_nonblock(console, true);

	if (r == 0 && pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		r = -errno;
	if (r < 0)
		return err_errno(e, r, "make the pipe behind the terminal");
	s->out = ends[0];
	s->feed = ends[1];
	if (pipe2(s->stage, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_errno(e, -errno, "make the pipe behind the terminal");
	s->in = fcntl(console, F_DUPFD_CLOEXEC, 0);
	return s->in < 0 ? err_errno(e, -errno, "duplicate the terminal") : 0;
}
