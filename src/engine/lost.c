/* Its monitor still lives, but answers nobody: its socket was in the folder. It would know the exit code, and has no
 * place to write it to, so the end is recorded by whoever made it. That is not done by commands that only look: they
 * leave a container alone that runs. */
#include "engine/lost.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "engine/container.h"
#include "engine/events.h"
#include "engine/folder.h"
#include "engine/settle.h"
#include "sys/cgroup.h"
#include "sys/proc.h"

#define LOOK_EVERY_MS 20
#define KILLED_WITHIN_MS 10000

bool lost_state(const struct engine *en, const char *id)
{
	return faccessat(en->state_fd, id, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

bool lost_lives(const struct engine *en, const struct record *rec)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_CGROUP struct cgroup *cg = NULL;
	struct err ignored;

	if (rec->status != RECORD_RUNNING || !rec->boot_id || strcmp(rec->boot_id, en->boot_id) != 0)
		return false;
	return lost_state(en, rec->id) && container_cgroup(&a, rec, &cg, &ignored) == 0 && cg_populated(cg);
}

int lost_error(const struct engine *en, const struct record *rec, struct err *e)
{
	return err_set(
		e, ERR_CONFLICT,
		"container %s runs, but %s/%.12s…, where its monitor could be reached, is gone (somebody removed it): "
		"tare stop %s ends it, tare rm -f %s removes it, too",
		rec->name, en->state, rec->id, rec->name, rec->name);
}

/* ---- signals ---- */

/* The first process: no other one in the cgroup is its parent, and of those (a command that was executed in the
 * container, too) it has lived longest. 0: there is none. */
static pid_t first_of(const pid_t *pids, size_t n, uint64_t *started)
{
	uint64_t oldest = UINT64_MAX;
	pid_t first = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t start;
		bool inside = false;
		pid_t parent;
		char state;

		if (proc_parent(pids[i], &parent, &state) < 0 || proc_start_time(pids[i], &start) < 0)
			continue;
		for (size_t k = 0; k < n; k++)
			inside = inside || pids[k] == parent;
		if (!inside && start < oldest) {
			oldest = start;
			first = pids[i];
		}
	}
	*started = oldest;
	return first;
}

/* A frozen process takes no signal. */
static int signal_first(struct cgroup *cg, const struct record *rec, int signal, struct err *e)
{
	CLEANUP_FREE pid_t *pids = NULL;
	CLEANUP_FD int pidfd = -1;
	bool frozen = false;
	uint64_t started;
	pid_t first;
	size_t n = 0;
	int r = cg_pids(cg, &pids, &n, e);

	if (r < 0)
		return r;
	first = first_of(pids, n, &started);
	pidfd = first ? proc_open_checked(first, started) : -ESRCH;
	r = pidfd < 0 ? pidfd : proc_signal(pidfd, signal);
	if (r < 0)
		return r == -ESRCH || r == -EINVAL ? err_set(e, ERR_BUSY, "container %s is not running", rec->name)
						   : err_errno(e, r, "signal container %s", rec->name);
	return cg_is_frozen(cg, &frozen) == 0 && frozen ? cg_freeze(cg, false, e) : 0;
}

int lost_signal(const struct record *rec, int signal, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_CGROUP struct cgroup *cg = NULL;
	int r = container_cgroup(&a, rec, &cg, e);

	return r < 0 ? r : signal_first(cg, rec, signal, e);
}

/* ---- the end ---- */

static bool empties_within(struct cgroup *cg, int64_t ms)
{
	const struct timespec pause = {.tv_nsec = LOOK_EVERY_MS * 1000000L};
	int64_t until = ms < 0 ? INT64_MAX : clock_ms() + ms;

	while (cg_populated(cg)) {
		if (clock_ms() >= until)
			return false;
		(void)nanosleep(&pause, NULL);
	}
	return true;
}

static int kill_all(struct cgroup *cg, struct err *e)
{
	int r = cg_populated(cg) ? cg_signal_all(cg, SIGKILL, e) : 0;

	if (r == 0 && !empties_within(cg, KILLED_WITHIN_MS))
		r = err_set(e, ERR_BUSY, "its processes live on after SIGKILL");
	return r;
}

/* Its monitor may have been faster. */
static int record_end(const struct engine *en, const char *id, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_FD int lock = folder_lock(en, id, true, e);
	struct record rec;
	int r = lock < 0 ? lock : record_get(en->catalog, &a, id, &rec, e);

	if (r < 0)
		return e->cls == ERR_NOTFOUND ? 0 : r;
	return rec.status == RECORD_RUNNING && lost_state(en, id)
		       ? settle_finish(en, &rec, &(struct live)LIVE_INIT, false, e)
		       : 0;
}

int lost_end(const struct engine *en, const struct record *rec, int signal, int64_t timeout_s, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_CGROUP struct cgroup *cg = NULL;
	int64_t ms = timeout_s < 0 || timeout_s > INT32_MAX ? -1 : timeout_s * 1000;
	struct err ended = {0};
	int r = container_cgroup(&a, rec, &cg, e);

	if (r < 0)
		return e->cls == ERR_NOTFOUND ? record_end(en, rec->id, e) : r;
	if (signal != SIGKILL) {
		events_killed(en, rec, signal);
		r = signal_first(cg, rec, signal, &ended);
		if (r == 0)
			(void)empties_within(cg, ms);
	}
	if (cg_populated(cg))
		events_killed(en, rec, SIGKILL);
	r = kill_all(cg, e);
	return r < 0 ? err_ctx(e, "container %s", rec->name) : record_end(en, rec->id, e);
}
