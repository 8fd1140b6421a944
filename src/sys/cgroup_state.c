/* Freezing and signalling a whole cgroup.
 *
 * v2 freezes on its own and reports through cgroup.events, for which poll waits. v1's freezer has to be asked: the
 * state stays FREEZING while a task forks or sits in the kernel, and a thaw in between is known to help it on.
 *
 * Killing: cgroup.kill does it in the kernel, descendants and forking processes included, and also works in the v2
 * half of a hybrid machine. Whatever is left in the v1 lists (a process moved in one hierarchy only) is killed one by
 * one, frozen from the second round on so that a fork bomb can't outrun us. A v1-frozen process dies only when it is
 * thawed, so a kill always ends with that. */
#include "sys/cgroup_impl.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "sys/proc.h"

#define FREEZE_TIMEOUT_MS 2000
#define THAW_EVERY 50 /* polls of v1's freezer before it is thawed and asked anew */
#define KILL_ROUNDS 20

/* The hierarchy that freezes: v1's freezer where it is, else v2; -1 = none. */
static int freezer_at(const struct cg_system *sys)
{
	return sys->where[CG_FREEZER] >= 0 ? sys->where[CG_FREEZER] : sys->v2;
}

/* Its folder of this cgroup. */
static int freezer(const struct cgroup *cg, bool *v2)
{
	int at = freezer_at(cg->sys);

	*v2 = at >= 0 && cg->sys->h[at].v2;
	return at < 0 ? -1 : cg->dir[at];
}

static int freeze_v2(int dir, bool frozen)
{
	int r = io_write_value(dir, "cgroup.freeze", frozen ? "1" : "0");

	if (r == 0)
		r = cg_wait_event(dir, "frozen", frozen, FREEZE_TIMEOUT_MS);
	if (r < 0 && frozen)
		(void)!io_write_value(dir, "cgroup.freeze", "0");
	return r;
}

static int freeze_v1(int dir, bool frozen)
{
	const char *wish = frozen ? "FROZEN" : "THAWED";
	int64_t end = clock_ms() + FREEZE_TIMEOUT_MS;

	for (int polls = 0;; polls++) {
		char state[32];
		int r = io_write_value(dir, "freezer.state", wish);

		if (r == 0)
			r = cg_read(dir, "freezer.state", state, sizeof(state));
		if (r < 0 || strcmp(state, wish) == 0)
			return r;
		if (clock_ms() >= end)
			break;
		if (polls % THAW_EVERY == THAW_EVERY - 1)
			(void)!io_write_value(dir, "freezer.state", "THAWED");
		cg_sleep_ms(polls < 5 ? 1 : 10);
	}
	(void)!io_write_value(dir, "freezer.state", "THAWED");
	return -ETIMEDOUT;
}

int cg_freeze(struct cgroup *cg, bool frozen, struct err *e)
{
	bool v2;
	int dir = freezer(cg, &v2), r;

	if (dir < 0)
		return err_set(e, ERR_UNSUPPORTED, "cgroup %s: this machine has no freezer", cg->path);
	r = v2 ? freeze_v2(dir, frozen) : freeze_v1(dir, frozen);
	if (r == -ETIMEDOUT)
		return err_set(e, ERR_BUSY, "cgroup %s was not %s within %d s", cg->path, frozen ? "frozen" : "thawed",
			       FREEZE_TIMEOUT_MS / 1000);
	return r < 0 ? err_errno(e, r, "%s cgroup %s", frozen ? "freeze" : "thaw", cg->path) : 0;
}

static const char *freezer_file(bool v2)
{
	return v2 ? "cgroup.events" : "freezer.state";
}

static bool says_frozen(const char *text, bool v2)
{
	uint64_t now = 0;

	return v2 ? cg_keyed(text, "frozen", &now) && now : strcmp(text, "THAWED") != 0;
}

int cg_is_frozen(struct cgroup *cg, bool *frozen)
{
	char text[256];
	bool v2;
	int dir = freezer(cg, &v2), r;

	*frozen = false;
	if (dir < 0)
		return 0;
	r = cg_read(dir, freezer_file(v2), text, sizeof(text));
	if (r == 0)
		*frozen = says_frozen(text, v2);
	return r;
}

int cg_path_is_frozen(const char *path, bool *frozen)
{
	const struct cg_system *sys = cg_system();
	const struct cg_hierarchy *h;
	char text[256];
	int at = freezer_at(sys), r;

	*frozen = false;
	if (at < 0)
		return 0;
	h = &sys->h[at];
	r = cg_read_in(h, path, freezer_file(h->v2), text, sizeof(text));
	if (r == 0)
		*frozen = says_frozen(text, h->v2);
	return r == -ENOENT ? 0 : r;
}

/* ---- signals ---- */

static bool contains(const pid_t *v, size_t n, pid_t pid)
{
	for (size_t i = 0; i < n; i++) {
		if (v[i] == pid)
			return true;
	}
	return false;
}

/* Signals everything listed now; *fresh: how many were not in the list before. The new list replaces the old. */
static int signal_round(struct cgroup *cg, int sig, pid_t **seen, size_t *n_seen, size_t *fresh, struct err *e)
{
	CLEANUP_FREE pid_t *pids = NULL;
	size_t n = 0;
	int r = cg_pids(cg, &pids, &n, e);

	*fresh = 0;
	for (size_t i = 0; r == 0 && i < n; i++) {
		*fresh += !contains(*seen, *n_seen, pids[i]);
		if (kill(pids[i], sig) < 0 && errno != ESRCH)
			return err_errno(e, -errno, "signal process %d of cgroup %s", (int)pids[i], cg->path);
	}
	free(*seen);
	*seen = take_ptr(pids);
	*n_seen = n;
	return r;
}

static int kill_listed(struct cgroup *cg, struct err *e)
{
	CLEANUP_FREE pid_t *seen = NULL;
	size_t n_seen = 0, fresh = 1;
	struct err ignored;
	int r = 0;

	for (int round = 0; r == 0 && fresh && round < KILL_ROUNDS; round++) {
		/* one that does not freeze in time is killed all the same */
		if (round > 0)
			(void)!cg_freeze(cg, true, &ignored);
		r = signal_round(cg, SIGKILL, &seen, &n_seen, &fresh, e);
		if (round > 0)
			(void)!cg_freeze(cg, false, &ignored);
	}
	return r;
}

int cg_signal_all(struct cgroup *cg, int sig, struct err *e)
{
	CLEANUP_FREE pid_t *seen = NULL;
	size_t n_seen = 0, fresh;
	bool killed, frozen = false;
	struct err ignored;
	int r;

	if (sig != SIGKILL)
		return signal_round(cg, sig, &seen, &n_seen, &fresh, e);
	killed = cg->sys->v2 >= 0 && cg->dir[cg->sys->v2] >= 0 &&
		 io_write_value(cg->dir[cg->sys->v2], "cgroup.kill", "1") == 0;
	r = killed && cg->sys->mode == CG_V2 ? 0 : kill_listed(cg, e);
	if (cg_is_frozen(cg, &frozen) == 0 && frozen && cg->sys->where[CG_FREEZER] >= 0)
		(void)!cg_freeze(cg, false, &ignored);
	return r;
}
