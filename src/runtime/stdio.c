/* Descriptors 0-2 of the container's process, and its terminal. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/defence.h"
#include "base/log.h"
#include "runtime/internal.h"
#include "sys/kernel.h"
#include "sys/mnt.h"
#include "sys/pty.h"

static int place(int fd, int to)
{
	return dup2(fd, to) < 0 ? -errno : 0;
}

/* /dev/console is the terminal: its very descriptor is bound, not the name /dev/pts/N (CVE-2025-52565). */
static int bind_console(int root, int slave, struct err *e)
{
	CLEANUP_FD int tree = mnt_clone_tree(slave, "", false), target = -1;
	int r;

	if (tree < 0)
		return err_errno(e, tree, "/dev/console: copy of the terminal");
	target = beneath_mountpoint(root, "/dev/console", 0);
	if (target < 0)
		return err_errno(e, target, "/dev/console");
	r = mnt_attach(tree, target);
	return r < 0 ? err_errno(e, r, "/dev/console") : 0;
}

int rt_console(const struct rt_ctx *c, int root, bool console_bind, int *master, struct err *e)
{
	const struct oci_process *p = c->process;
	CLEANUP_FD int m = -1, s = -1;
	struct termios t;
	struct pty pty;
	int r = pty_open(root, (uint16_t)p->console_height, (uint16_t)p->console_width, &pty);

	if (r == -ENODEV)
		return err_set(e, ERR_INVALID, "terminal: the container has no devpts on /dev/pts");
	if (r < 0)
		return err_errno(e, r, "terminal");
	m = pty.master;
	s = pty.slave;
	/* the user must be able to open its own terminal again */
	if (fchown(s, p->user.uid, (gid_t)-1) < 0)
		return err_errno(e, -errno, "terminal: owner %u", p->user.uid);
	if (console_bind) {
		r = bind_console(root, s, e);
		if (r < 0)
			return r;
	}
	if (c->plain_newlines && (tcgetattr(s, &t) < 0 || (t.c_oflag &= ~(tcflag_t)ONLCR, tcsetattr(s, TCSANOW, &t)) < 0))
		return err_errno(e, -errno, "terminal: settings");
	if (ioctl(s, TIOCSCTTY, 0) < 0)
		return err_errno(e, -errno, "controlling terminal");
	for (int i = 0; i <= 2; i++) {
		r = place(s, i);
		if (r < 0)
			return err_errno(e, r, "terminal");
	}
	*master = take_fd(&m);
	return 0;
}

static bool is_null(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
}

/* The container's null device, when it is one. */
static int open_null(void)
{
	CLEANUP_FD int fd = openat(AT_FDCWD, "/dev/null", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return is_null(fd) ? take_fd(&fd) : -ENODEV;
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Upwards: a number that one is moved to is at most that of one that was moved already. What lay there is the caller's. */
static int place_passed(const struct rt_ctx *c, struct err *e)
{
	for (unsigned int i = 0; c->pass && i < c->pass->n; i++) {
		int from = c->pass->from + (int)i, to = 3 + (int)i;

		if (from != to && dup3(from, to, O_CLOEXEC) < 0)
			return err_errno(e, -errno, "descriptor %d, which was to become %d", from, to);
	}
	return 0;
}

int rt_close_others(const struct rt_ctx *c, struct err *e)
{
	int keep[] = { c->stdio[0], c->stdio[1], c->stdio[2], c->sock, c->proc, c->agent, log_fd(), c->hook_out[0], c->hook_out[1],
		       c->create && c->create->barrier == RT_BARRIER_FIFO ? c->create->fifo_fd : -1 };
	int first = 3 + (int)c->keep_fds, r = place_passed(c, e);

	if (r < 0 || !defence(close))
		return r;
	qsort(keep, ARRAY_LEN(keep), sizeof(*keep), by_number);
	for (size_t i = 0; i < ARRAY_LEN(keep); i++) {
		if (keep[i] > first && syscall(SYS_close_range, (unsigned int)first, (unsigned int)keep[i] - 1, 0U) < 0)
			return err_errno(e, -errno, "closing descriptors");
		if (keep[i] >= first)
			first = keep[i] + 1;
	}
	return syscall(SYS_close_range, (unsigned int)first, ~0U, 0U) < 0 ? err_errno(e, -errno, "closing descriptors") : 0;
}

/* A pipe, a terminal, or a file that is written to: what a process may want to open anew. Not a device, which is
 * everybody's, and no file that is only read: whoever says `<secret` does not give it away. */
static bool is_own(int fd)
{
	struct stat st;
	int flags;

	if (fd < 0 || fstat(fd, &st) < 0)
		return false;
	flags = fcntl(fd, F_GETFL);
	return S_ISFIFO(st.st_mode) || (S_ISREG(st.st_mode) && flags >= 0 && (flags & O_ACCMODE) != O_RDONLY) ||
	       (S_ISCHR(st.st_mode) && isatty(fd));
}

void rt_give_stdio(const struct rt_ctx *c, uid_t uid)
{
	for (int i = 0; i <= 2 && !c->process->terminal; i++)
		/* not ours to give, or on a file system that keeps no owners: it may do as it is */
		if (is_own(c->stdio[i]) && fchown(c->stdio[i], uid, (gid_t)-1) < 0)
			log_debug("%s: descriptor %d stays whose it is: %s", c->id, i, strerror(errno));
}

int rt_place_stdio(const struct rt_ctx *c, struct err *e)
{
	int lifted[3], r;

	if (c->process && c->process->terminal)
		return 0;
	/* who has rights only in his own user namespace gives in there */
	if (c->by_child)
		rt_give_stdio(c, c->process->user.uid);
	/* lifted first: what shall be 1 may be 0 now; and above what the process gets beside them */
	for (int i = 0; i <= 2; i++) {
		/* the host's own null device is a file of a mount that is not the container's: CRIU could not dump it */
		CLEANUP_FD int null = c->stdio[i] < 0 || is_null(c->stdio[i]) ? open_null() : -1;
		int from = null >= 0 || c->stdio[i] < 0 ? null : c->stdio[i];

		lifted[i] = from < 0 ? from : fcntl(from, F_DUPFD_CLOEXEC, 3 + (int)c->keep_fds);
		if (lifted[i] < 0)
			return err_errno(e, from < 0 ? from : -errno, from < 0 ? "/dev/null" : "descriptor %d", i);
	}
	for (int i = 0; i <= 2; i++) {
		r = place(lifted[i], i);
		close_fd(lifted[i]);
		if (r < 0)
			return err_errno(e, r, "descriptor %d", i);
	}
	return 0;
}
