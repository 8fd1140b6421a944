/* wait: the exit code of a container that is nobody's child here. The kernel tells it to whoever held a pidfd while the
 * process ended (PIDFD_GET_INFO, 6.15), or as long as its parent has not reaped it (proc(5), field 52 of stat). */
#include <poll.h>
#include <stdio.h>

#include "base/io.h"
#include "cmd/oci/oci.h"
#include "sys/proc.h"

/* It may be reaped between the two questions; then the next round has the answer. */
#define ROUNDS 3

static int status_of_ended(const struct rt_record *rec, int pidfd, int *status)
{
	int r = -EAGAIN;

	for (int i = 0; i < ROUNDS && r == -EAGAIN; i++) {
		if (proc_zombie_status(rec->pid, rec->start_time, status) == 0)
			return 0;
		r = pidfd < 0 ? -ESRCH : proc_exit_status(pidfd, status);
	}
	return r;
}

static int until_it_ends(int pidfd, struct err *e)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	while (poll(&p, 1, -1) < 0)
		if (errno != EINTR)
			return err_errno(e, -errno, "waiting for the container");
	return 0;
}

static int exit_status(const struct oci_container *c, int *status, struct err *e)
{
	CLEANUP_FD int pidfd = c->status == RT_STOPPED ? -1 : proc_open_checked(c->rec.pid, c->rec.start_time);
	int r = pidfd < 0 ? 0 : until_it_ends(pidfd, e);

	if (r < 0)
		return r;
	r = status_of_ended(&c->rec, pidfd, status);
	if (r == -EOPNOTSUPP)
		return err_set(e, ERR_UNSUPPORTED, "container %s has ended, and this kernel (before 6.15) tells nobody but its parent how",
			       c->rec.id);
	if (r < 0)
		return err_set(e, ERR_NOTFOUND, "container %s had ended already, and its parent has taken the exit status: wait for it before",
			       c->rec.id);
	return 0;
}

int cmd_wait(const struct cli_call *call, struct err *e)
{
	CLEANUP_CONTAINER struct oci_container c = OCI_CONTAINER_INIT;
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	int status, r = oci_open(call, false, &c, e);

	if (r < 0)
		return r;
	if (c.status == RT_CREATING)
		return err_set(e, ERR_BUSY, "container %s is still being created", c.rec.id);
	r = exit_status(&c, &status, e);
	if (r < 0)
		return r;
	sb_printf(&out, "%d\n", proc_exit_code(status));
	return oci_print(&out, e);
}
