/* One scope for all of a user's containers and monitors, in the slice of his manager's for programs: systemd makes its cgroup with Delegate=yes, and
 * what is below is ours to divide, as cgroup v2 has it: SCOPE/monitor for monitors, SCOPE/ID for each container. It ends with the last process in
 * it.
 *
 * A login session's cgroup is root's: nobody but the machine's systemd may move a process from there, which the user's asks for it, and only a process
 * of the user's. So the command itself is moved, once, before it starts a monitor; what it starts is born there and needs nobody. It cannot be the
 * helper by which the scope begins: processes in SCOPE itself would keep its controllers from those below. */
#include "monitor/usercgroup.h"

#include <limits.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "oci/spec.h"
#include "runtime/unit.h"
#include "sys/cgroup.h"

#define BELOW "/monitor"
#define TRIES 100

/* Another command's helper is there for a moment, too. */
static void wait_for_helpers(const char *scope)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	struct err ignored;

	for (int i = 0; i < TRIES; i++) {
		CLEANUP_CGROUP struct cgroup *cg = NULL;
		CLEANUP_FREE char *pids = NULL;

		if (cg_open(scope, &cg, &ignored) < 0 || cg_hierarchy_v2() < 0 ||
		    io_read_file(cg_hierarchy_dir(cg, (size_t)cg_hierarchy_v2()), "cgroup.procs", 65536, &pids, NULL) < 0 || !*pids)
			return;
		(void)nanosleep(&pause, NULL);
	}
}

static int attach(const char *scope, const char *unit, pid_t pid, struct err *e)
{
	CLEANUP_CGROUP struct cgroup *cg = NULL;
	char path[PATH_MAX];
	int r = TEXT_JOIN(path, sizeof(path), scope, BELOW);

	if (r < 0)
		return err_errno(e, r, "%s", scope);
	r = cg_create(path, &cg, NULL, e);
	return r < 0 ? r : rt_scope_attach(unit, true, BELOW, pid, e);
}

static int begin(const char *scope, const char *unit, pid_t pid, struct err *e)
{
	const struct rt_unit u = { .name = unit, .slice = "app.slice", .user = true, .description = "Containers of tare" };
	CLEANUP_SCOPE struct rt_scope helper = RT_SCOPE_INIT;
	static const struct oci_spec nothing;
	char cgroup[PATH_MAX];
	int r = rt_scope_start(&u, unit, &nothing, &helper, cgroup, e);

	if (r == 0 && strcmp(cgroup, scope) != 0)
		r = err_set(e, ERR_UNSUPPORTED, "systemd has made %s in cgroup %s, not %s", unit, cgroup, scope);
	return r < 0 ? r : attach(scope, unit, pid, e);
}

int usercgroup_main(const char *scope)
{
	const char *slash = strrchr(scope, '/');
	const struct timespec pause = { .tv_nsec = 10000000 };
	struct err e = { 0 }, why = { 0 };
	pid_t parent = getppid();
	int r;

	if (!slash)
		return 125;
	r = attach(scope, slash + 1, parent, &e);
	if (r < 0)
		r = begin(scope, slash + 1, parent, &e);
	for (int i = 0; r < 0 && i < TRIES; i++) { /* another was faster, or the scope has just gone; systemd takes its time to make it */
		r = attach(scope, slash + 1, parent, &why);
		if (r < 0)
			(void)nanosleep(&pause, NULL);
	}
	if (r < 0) {
		log_error("%s", e.msg);
		return 1;
	}
	wait_for_helpers(scope);
	return 0;
}
