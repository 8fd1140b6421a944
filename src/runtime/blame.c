/* A container whose limits are too small to start with fails in ways that say nothing: its process is killed, or a system
 * call has no memory, perhaps the one that was to tell. So what the cgroup's counters know is looked at after each failure
 * that may have come of a limit, and after a start that may only look like one.
 *
 * Nobody learns of an exec but by the end of a descriptor, and a process that is killed ends it, too. The counters alone
 * do not tell either, a program may have run into its limit at once and live. Both together do. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/io.h"
#include "runtime/internal.h"
#include "runtime/sync.h"
#include "sys/cgroup_usage.h"
#include "sys/proc.h"

#define END_MS 60
#define STUCK_MS 250
/* A limit below that may be what a program cannot even be loaded in. */
#define SMALL_RLIMIT (UINT64_C(1) << 20)
/* A limit of memory below that leaves room for the set-up alone. */
#define SMALL_MEMORY (INT64_C(1) << 20)

static void read_hits(const char *path, struct cg_hits *out)
{
	CLEANUP_CGROUP struct cgroup *cg = NULL;
	struct err ignored = { 0 };

	*out = (struct cg_hits){ 0 };
	if (path && cg_open(path, &cg, &ignored) == 0)
		cg_read_hits(cg, out);
}

/* A number that may be kept to. */
static bool limited(const int64_t *limit)
{
	return limit && *limit > 0;
}

static int memory_too_small(const struct oci_spec *spec, const struct cg_hits *h, struct err *e)
{
	const struct cg_resources *r = &spec->linux_.resources;

	return err_set(e, ERR_LIMIT, "the memory limit of %lld bytes (linux.resources.memory.limit) is too small: it was reached "
				     "before the program could run%s", (long long)*r->memory_limit,
		       h->oom_kills ? ", and the kernel killed the process" :
		       h->stuck	    ? ", and without an OOM killer its processes wait for memory without end" : "");
}

static uint64_t rlimit_of(const struct oci_spec *spec, const char *type)
{
	const struct oci_process *p = spec->process;

	for (size_t i = 0; p && i < p->n_rlimits; i++)
		if (!strcmp(p->rlimits[i].type, type))
			return p->rlimits[i].soft;
	return UINT64_MAX;
}

/* Without memory a system call fails with ENOMEM, or with whatever its author thought of. */
static bool may_be_memory(const struct err *e, int64_t limit)
{
	return rt_is_gone(e) || e->cls == ERR_BUSY || e->code == -ENOMEM || e->code == -E2BIG || limit < SMALL_MEMORY;
}

int rt_blame(const struct oci_spec *spec, const char *cgroup, struct err *e)
{
	const struct cg_resources *r = &spec->linux_.resources;
	struct cg_hits h;

	if (!e->code || e->cls == ERR_INVALID || e->cls == ERR_CMD_MISSING)
		return e->code;
	read_hits(cgroup, &h);
	if (limited(r->memory_limit) && h.memory && may_be_memory(e, *r->memory_limit))
		return memory_too_small(spec, &h, e);
	if (r->pids_limit && *r->pids_limit >= 0 && h.pids)
		return err_ctx(e, "the limit of %lld processes (linux.resources.pids.limit) is too small", (long long)*r->pids_limit);
	if (strstr(e->msg, strerror(EAGAIN)) && rlimit_of(spec, "RLIMIT_NPROC") != UINT64_MAX)
		return err_ctx(e, "the limit of %llu processes of its user (process.rlimits: RLIMIT_NPROC) is too small",
			       (unsigned long long)rlimit_of(spec, "RLIMIT_NPROC"));
	return e->code;
}

/* Those with which the kernel gives up halfway into a program. */
static const char *small_rlimit(const struct oci_spec *spec)
{
	static const char *const types[] = { "RLIMIT_AS", "RLIMIT_DATA", "RLIMIT_STACK" };

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (rlimit_of(spec, types[i]) < SMALL_RLIMIT)
			return types[i];
	return NULL;
}

/* Has it ended, within a moment? *status is -1 when that is known but not how. */
static bool has_ended(pid_t pid, uint64_t start_time, int *status)
{
	CLEANUP_FD int pidfd = proc_open_checked(pid, start_time);
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	*status = -1;
	if (pidfd >= 0 && poll(&p, 1, END_MS) != 1)
		return false;
	if (proc_zombie_status(pid, start_time, status) < 0 && (pidfd < 0 || proc_exit_status(pidfd, status) < 0))
		*status = -1;
	return true;
}

/* By a signal; as a child of ours that failed, and had not the memory to say how; or nobody knows. */
static bool failed(pid_t pid, int status)
{
	CLEANUP_FREE char *name = NULL;
	char path[32];

	if (status == -1 || WIFSIGNALED(status))
		return true;
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	return io_read_file(AT_FDCWD, path, 64, &name, NULL) == 0 && !strcmp(name, RT_FAILED_NAME "\n");
}

int rt_started(const struct oci_spec *spec, const char *cgroup, pid_t pid, uint64_t start_time, struct err *e)
{
	bool memory = limited(spec->linux_.resources.memory_limit);
	const char *rlimit = small_rlimit(spec);
	struct cg_hits h = { 0 };
	int status;

	if (memory)
		read_hits(cgroup, &h);
	if (!h.memory && !rlimit)
		return 0;
	if (!has_ended(pid, start_time, &status)) {
		read_hits(h.stuck ? cgroup : NULL, &h);
		return h.stuck ? memory_too_small(spec, &h, e) : 0;
	}
	if (!failed(pid, status))
		return 0;
	read_hits(cgroup, &h);
	if (memory && h.memory)
		return memory_too_small(spec, &h, e);
	if (rlimit && status != -1 && WIFSIGNALED(status))
		return err_set(e, ERR_LIMIT, "process.rlimits: %s: %llu bytes are too small: the kernel killed the program as it was loaded",
			       rlimit, (unsigned long long)rlimit_of(spec, rlimit));
	return 0;
}

const char *rt_watch(const struct oci_spec *spec, const char *cgroup)
{
	const struct cg_resources *r = &spec->linux_.resources;

	return r->disable_oom_killer && limited(r->memory_limit) ? cgroup : NULL;
}

int rt_wait_unless_stuck(int fd, int also, const char *watch, struct err *e)
{
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN }, { .fd = also, .events = POLLIN } };
	int stuck = 0;

	while (watch && stuck < 2) {
		struct cg_hits h;
		int r = poll(p, 2, STUCK_MS);

		if (r > 0)
			return 0;
		if (r < 0 && errno != EINTR)
			return err_errno(e, -errno, "waiting");
		read_hits(watch, &h);
		stuck = h.stuck ? stuck + 1 : 0;
	}
	return watch ? err_errno(e, -ENOMEM, "waiting for memory") : 0;
}
