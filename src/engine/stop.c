/* Nothing here holds the operation lock: the monitor needs it to record the end we wait for. We listen for the end
 * before we send the signal, and whatever else happens in between (a monitor killed, a second stop), the catalog's word
 * after settle() is the last. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "engine/config.h"
#include "engine/container.h"
#include "engine/events.h"
#include "engine/folder.h"
#include "engine/lost.h"
#include "engine/revive.h"
#include "engine/settle.h"
#include "oci/signals.h"
#include "sys/cgroup.h"

/* A frozen process takes no signal, not even SIGKILL on cgroup v1. */
static int thaw(const struct record *rec, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_CGROUP struct cgroup *cg = NULL;
	struct err ignored;
	bool frozen;

	if (container_cgroup(&a, rec, &cg, &ignored) < 0 || cg_is_frozen(cg, &frozen) < 0 || !frozen)
		return 0;
	return cg_freeze(cg, false, e);
}

/* Waits for the end of a running container; *end is filled when the monitor tells it. */
static void await(const struct engine *en, const char *id, struct client *listening, struct client_exit *end, bool *told)
{
	CLEANUP_CLIENT struct client c = CLIENT_INIT;
	struct err ignored;

	*told = false;
	if (listening->fd >= 0)
		*told = client_wait_exit(listening, end, &ignored) > 0;
	else if (client_connect(en, id, 0, &c, &ignored) == 0)
		*told = client_wait_exit(&c, end, &ignored) > 0;
}

/* Until the catalog says that it does not run. A removed one is a success here. */
static int await_settled(const struct engine *en, const char *id, struct client *listening, struct err *e)
{
	for (;;) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		CLEANUP_LIVE struct live live = LIVE_INIT;
		struct client_exit end;
		struct record rec;
		bool told;
		int r;

		await(en, id, listening, &end, &told);
		client_close(listening);
		r = settle_find(en, &a, id, SETTLE_WAIT, &rec, &live, e);
		if (r < 0)
			return e->cls == ERR_NOTFOUND ? 0 : r;
		if (rec.status != RECORD_RUNNING)
			return 0;
	}
}

/* Below zero is for ever, and so is what is longer than anybody's life. */
static bool ends_within(const struct live *live, int64_t timeout_s)
{
	struct pollfd p = { .fd = live->pidfd, .events = POLLIN };
	bool forever = timeout_s < 0 || timeout_s > INT32_MAX;
	int64_t until = forever ? 0 : clock_ms() + timeout_s * 1000, left;

	for (;;) {
		left = forever ? INT32_MAX : until - clock_ms();
		if (left < 0)
			left = 0;
		switch (poll(&p, 1, left > INT32_MAX ? INT32_MAX : (int)left)) {
		case 0:
			if (!forever && left < INT32_MAX)
				return false;
			break;
		case 1:
			return true;
		default:
			break;
		}
	}
}

/* Told before, for the end that it may be is told by others. */
static int send_signal(const struct engine *en, const struct record *rec, const struct live *live, int signal, struct err *e)
{
	int r;

	events_killed(en, rec, signal);
	r = proc_signal(live->pidfd, signal);
	if (r < 0 && r != -ESRCH)
		return err_errno(e, r, "signal container %s", rec->name);
	r = thaw(rec, e);
	/* one that SIGKILL waited for ends once it is thawed, and its cgroup goes while we still look at it */
	return r < 0 && ends_within(live, 0) ? 0 : r;
}

static int end_it(const struct engine *en, const struct record *rec, const struct live *live, int signal, int64_t timeout_s,
		  struct err *e)
{
	CLEANUP_CLIENT struct client c = CLIENT_INIT;
	struct err ignored;
	int r;

	if (live->pidfd < 0)
		return lost_end(en, rec, signal, timeout_s, e);
	if (client_connect(en, rec->id, 0, &c, &ignored) < 0)
		c.fd = -1; /* ending already: the catalog will say */
	r = send_signal(en, rec, live, signal, e);
	if (r == 0 && signal != SIGKILL && !ends_within(live, timeout_s))
		r = send_signal(en, rec, live, SIGKILL, e);
	return r < 0 ? r : await_settled(en, rec->id, &c, e);
}

/* From now on its restart policy does not want it. One that is to stay so over a reboot is on the disk. Without a policy it is for one that it may
 * get: a disk that is full is no reason not to stop what may be filling it. */
static int mark_stopped(const struct engine *en, struct record *rec, enum record_stopped how, const struct ct_config *config, struct err *e)
{
	bool lasts = how == STOPPED_BY_HAND && config->restart.kind != POLICY_NO && config->restart.kind != POLICY_ALWAYS;
	CLEANUP_CATALOG_TXN struct catalog *c = en->catalog;
	int r = catalog_begin(c, lasts ? CATALOG_DURABLE : CATALOG_LAZY, e);

	if (r == 0)
		r = record_set_stopped(c, rec->id, how, e);
	if (r == 0)
		r = catalog_commit(c, e);
	if (r < 0 && e->cls == ERR_NOSPACE && config->restart.kind == POLICY_NO)
		r = 0;
	rec->stopped = r == 0 ? how : STOPPED_NOT;
	return r;
}

/* One that waits for its restart, or was restarted just now, is ended once more; one that somebody else started again is his. */
static int end_for_good(const struct engine *en, struct arena *a, struct record *rec, struct live *live, int signal, int64_t timeout_s,
			struct err *e)
{
	int r = 0;

	while (r == 0 && rec->stopped != STOPPED_NOT && record_is_active(rec)) {
		if (rec->status == RECORD_RUNNING)
			r = end_it(en, rec, live, signal, timeout_s, e);
		live_close(live);
		if (r == 0)
			r = settle_find(en, a, rec->id, SETTLE_END, rec, live, e);
	}
	return r < 0 && e->cls == ERR_NOTFOUND ? 0 : r;
}

static int stop_as(const struct engine *en, const char *what, enum record_stopped how, int signal, const int64_t *timeout_s, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_LIVE struct live live = LIVE_INIT;
	struct ct_config config;
	struct record rec;
	int r = settle_find(en, &a, what, SETTLE_END, &rec, &live, e);

	if (r < 0 || !record_is_active(&rec))
		return r;
	r = config_parse(&a, rec.config, &config, e);
	if (r == 0)
		r = mark_stopped(en, &rec, rec.stopped == STOPPED_BY_HAND ? STOPPED_BY_HAND : how, &config, e);
	if (r < 0)
		return r;
	if (signal == 0)
		signal = oci_signal_number(config.stop_signal);
	r = end_for_good(en, &a, &rec, &live, signal < 0 ? SIGTERM : signal, timeout_s ? *timeout_s : config.stop_timeout, e);
	if (r == 0)
		events_container(en, &rec, "stop", NULL);
	return r;
}

int container_stop(const struct engine *en, const char *what, int signal, const int64_t *timeout_s, struct err *e)
{
	return stop_as(en, what, STOPPED_BY_HAND, signal, timeout_s, e);
}

int container_halt(const struct engine *en, const char *what, struct err *e)
{
	return stop_as(en, what, STOPPED_FOR_SHUTDOWN, 0, NULL, e);
}

int container_kill(const struct engine *en, const char *what, int signal, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_LIVE struct live live = LIVE_INIT;
	struct ct_config config;
	struct record rec;
	bool ends;
	int r = settle_find(en, &a, what, SETTLE_END, &rec, &live, e);

	if (r == 0)
		r = config_parse(&a, rec.config, &config, e);
	if (r < 0)
		return r;
	/* other signals are for the container to make something of */
	ends = signal == SIGKILL || signal == oci_signal_number(config.stop_signal);
	if (!record_is_active(&rec) || (rec.status == RECORD_RESTARTING && !ends))
		return container_is_running(&rec, e);
	if (ends)
		r = mark_stopped(en, &rec, STOPPED_BY_HAND, &config, e);
	if (r == 0 && (signal == SIGKILL || rec.status == RECORD_RESTARTING))
		return end_for_good(en, &a, &rec, &live, signal, 0, e);
	if (r < 0)
		return r;
	events_killed(en, &rec, signal);
	if (live.pidfd < 0)
		return lost_signal(&rec, signal, e);
	r = proc_signal(live.pidfd, signal);
	return r < 0 ? err_errno(e, r, "signal container %s", rec.name) : 0;
}

/* The operation lock, as long as it is about this end. Who starts the container anew has it and waits for the monitor of the life before, which
 * may be waiting for us: what that life left is gone then, and its row was written before. -ENOENT: so it is. */
static int lock_ended(const struct engine *en, const char *id, struct err *e)
{
	const struct timespec pause = { .tv_nsec = 10000000 };

	for (;;) {
		CLEANUP_LIVE struct live live = LIVE_INIT;
		int lock = folder_lock(en, id, false, e), r;

		if (lock >= 0 || e->cls != ERR_BUSY)
			return lock;
		r = live_read(en, id, &live, e);
		if (r < 0)
			return r;
		if (live.word != LIVE_EXITED)
			return err_set(e, ERR_NOTFOUND, "container %.12s: its end is over", id);
		(void)nanosleep(&pause, NULL);
	}
}

int container_exited(const struct engine *en, const char *id, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_LIVE struct live live = LIVE_INIT;
	CLEANUP_FD int lock = lock_ended(en, id, e);
	struct record rec;
	int r = lock < 0 ? lock : record_get(en->catalog, &a, id, &rec, e);

	if (r < 0)
		return e->cls == ERR_NOTFOUND ? settle_removed(en, id, lock >= 0, e) : r;
	if (rec.status != RECORD_RUNNING)
		return 0;
	r = live_read(en, id, &live, e);
	if (r < 0)
		return r;
	/* who wiped the folder took the state: the monitor alone knows that it is over. (A start that was killed has left a folder.) */
	if (live.container || (live.word != LIVE_EXITED && (live.word != LIVE_ABSENT || !lost_state(en, id) || lost_lives(en, &rec))))
		return err_set(e, ERR_BUSY, "container %.12s has not ended", id);
	return settle_finish(en, &rec, &live, true, e);
}
