/* A row can be wrong when it says "running" or "restarting" (see resting()), and when there is no whole folder for it (see unfinished()). The first kind
 * is right while the container and a monitor live. Its cases:
 *
 *	no monitor, no state.json, or a container still at its barrier: a start was interrupted. Whoever comes takes the
 *	    monitor's lock first, so that one that is late gives up.
 *	no monitor, state.json of this boot: both halves were killed. A new monitor adopts the container, alive or dead: it
 *	    alone knows how to finish the log and to learn the exit code where that is possible.
 *	no monitor and adopting fails, or state.json is of another boot: the end is recorded here, as unknown.
 *	no live folder, but processes in its cgroup: somebody removed the state folder. It runs, and is ended by whoever
 *	    wants that (lost.h). Without processes it has ended: a start makes the folder before the row, or before
 *	    config.json.
 *	no folder, nothing alive: removing it was interrupted for want of room in the catalog. The row is removed.
 *	a monitor, but the container is dead: the monitor is at work; wait for it, or look away.
 *
 * Everything that changes something happens with the operation lock held, and looks again after it got it. */
#include "engine/settle.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/client.h"
#include "engine/cni.h"
#include "engine/config.h"
#include "engine/endpoint.h"
#include "engine/events.h"
#include "engine/exec_left.h"
#include "engine/folder.h"
#include "engine/launch.h"
#include "engine/lost.h"
#include "engine/namelist.h"
#include "engine/others.h"
#include "engine/publish.h"
#include "engine/resolver.h"
#include "engine/revive.h"
#include "engine/volume.h"
#include "net/stale.h"
#include "sys/cgroup.h"

#define MOST_ROUNDS 500

/* ---- with the operation lock held ---- */

/* Networks of CNI: what plugins made is undone by plugins, before the rows go. What fails is asked for again (tare network cni gc, tare
 * system prune, the next start: not by tare ps, for a plugin that hangs would hang it), and keeps nobody from removing the container. */
static void leave_cni(const struct engine *en, const char *id)
{
	struct err why = { 0 };

	if (cni_leave(en, id, NULL, CNI_LOST_KEEP, &why) < 0)
		log_warning("container %.12s: %s", id, why.msg);
}

/* One that is about to be restarted keeps its addresses; what plugins gave they may give anew. */
static bool keeps_places(const struct engine *en, const struct record *rec)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	struct err ignored;

	return rec->status == RECORD_RESTARTING && cat_prepare(en->catalog, &s, &ignored, "SELECT 1 FROM cni WHERE container = ?1", "s", rec->id) == 0 &&
	       cat_step(s, &ignored) == 0;
}

/* The row of one that does not run any more: it has no addresses and ports. They stay its own, though, when the firewall still knows
 * them. */
static int write_row(const struct engine *en, const struct record *rec, struct err *e)
{
	CLEANUP_CATALOG_TXN struct catalog *c = en->catalog;
	struct err why = { 0 };
	bool named, silent = endpoint_silence(en, rec->id, &named, &why) == 0, keeps = keeps_places(en, rec);
	int r;

	leave_cni(en, rec->id);
	r = catalog_begin(c, CATALOG_LAZY, e);
	if (!silent)
		log_warning("container %s keeps its addresses: %s", rec->name, why.msg);
	if (named)
		resolver_changing(en);
	if (r == 0)
		r = record_update(c, rec, e);
	if (r == 0 && silent && !keeps)
		r = endpoint_forget(en, rec->id, NULL, e);
	if (r == 0)
		r = catalog_commit(c, e);
	if (r == 0 && named)
		resolver_sync(en);
	if (r == 0)
		others_leave(en);
	return r;
}

static int delete_row(const struct engine *en, const char *id, bool volumes, struct err *e)
{
	CLEANUP_CATALOG_TXN struct catalog *c = en->catalog;
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct strv gone = { NULL, 0 };
	bool named;
	int r = endpoint_silence(en, id, &named, e);

	leave_cni(en, id);
	if (named)
		resolver_changing(en);
	if (r == 0)
		r = catalog_begin(c, CATALOG_LAZY, e);
	if (r == 0)
		r = volume_unuse(c, &a, id, volumes, &gone, e);
	if (r == 0)
		r = record_delete(c, id, e);
	if (r == 0)
		r = catalog_commit(c, e);
	if (r == 0)
		volume_remove_folders(en, gone);
	if (r == 0 && named)
		resolver_sync(en);
	if (r == 0)
		others_leave(en);
	return r;
}

/* A monitor that ends does that itself. When it cannot be done the addresses stay marked. */
static void forget_connections(const struct engine *en, const char *id)
{
	int r = stale_forget_of(en->state_fd, id);

	if (r < 0)
		log_warning("connections of container %.12s are not forgotten yet: %s", id, strerror(-r));
}

static int row_and_folders(const struct engine *en, const char *id, bool volumes, struct err *e)
{
	int r = delete_row(en, id, volumes, e);

	/* the row first: a folder without one is garbage with a name */
	if (r == 0 || e->cls != ERR_NOSPACE)
		return r < 0 ? r : folder_remove(en, id, e);
	/* Even to forget takes room in the catalog's log, and the folder may be what takes it. If that was not enough
	 * the row is left, which is no container to unfinished(). */
	r = folder_remove(en, id, e);
	return r < 0 ? r : delete_row(en, id, volumes, e);
}

static int remove_it(const struct engine *en, const char *id, bool volumes, struct err *e)
{
	int r = row_and_folders(en, id, volumes, e);

	if (r == 0)
		events_destroyed(en, id);
	return r;
}

int settle_removed(const struct engine *en, const char *id, bool locked, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct record rec;
	int r = record_get(en->catalog, &a, id, &rec, e);

	if (r == 0 || e->cls != ERR_NOTFOUND)
		return r;
	r = locked ? folder_remove(en, id, e) : 0;
	if (r == 0)
		events_destroyed(en, id);
	return r;
}

static void remove_cgroup(const struct record *rec)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct ct_config config;
	struct err e = { 0 };

	if (config_parse(&a, rec->config, &config, &e) < 0 || (config.cgroup && cg_clear(config.cgroup, &e) < 0))
		log_warning("container %.12s: %s", rec->id, e.msg);
}

/* Of a start that was killed, whose processes took their time to die when it was settled, the cgroup may be left; mostly there is none. */
static void remove_cgroup_of(const struct engine *en, const char *id)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct record rec;
	struct err ignored;

	if (record_get(en->catalog, &a, id, &rec, &ignored) == 0)
		remove_cgroup(&rec);
}

int settle_remove(const struct engine *en, const char *id, bool volumes, struct err *e)
{
	int r;

	remove_cgroup_of(en, id);
	r = remove_it(en, id, volumes, e);
	forget_connections(en, id);
	return r;
}

static bool of_this_boot(const struct engine *en, const struct record *rec)
{
	return rec->boot_id && strcmp(rec->boot_id, en->boot_id) == 0;
}

/* What ran before the machine went down is started by `tare start --all-enabled` alone. */
static void plan_revival(const struct engine *en, struct record *rec)
{
	struct err why = { 0 };

	if (of_this_boot(en, rec) && revive_plan(rec, &why) < 0)
		log_warning("container %s is not restarted: %s", rec->name, why.msg);
}

/* Last of all: when nobody can be made to wait now, the next command tries. What that is about need not fail for it: it may be a stop. */
static void begin_revival(const struct engine *en, const struct record *rec)
{
	struct err why = { 0 };

	if (rec->status == RECORD_RESTARTING && revive_begin(en, rec, &why) < 0)
		log_warning("container %s is not restarted yet: %s", rec->name, why.msg);
}

int settle_finish(const struct engine *en, struct record *rec, const struct live *live, bool own_monitor, struct err *e)
{
	const int64_t started = rec->started; /* by which readers of events know this end */
	int r;

	if (!own_monitor)
		remove_cgroup(rec);
	rec->status = RECORD_EXITED;
	rec->started = live->started ? live->started : rec->started;
	rec->finished = live->finished ? live->finished : clock_now_ns();
	rec->exit_known = live->word == LIVE_EXITED && live->exit_known;
	rec->exit_code = rec->exit_known ? live->exit_code : 255;
	rec->oom = live->oom;
	rec->error = live->error[0] ? live->error : NULL;
	exec_tell_left(en, rec);
	events_ended(en, rec, started);
	events_networks(en, "disconnect", rec, started);
	events_volumes(en, "unmount", rec, started, NULL);
	if (rec->auto_remove) {
		events_leaving(en, rec);
		return own_monitor ? remove_it(en, rec->id, true, e) : settle_remove(en, rec->id, true, e);
	}
	plan_revival(en, rec);
	r = write_row(en, rec, e);
	if (r < 0)
		return r;
	if (!own_monitor) {
		forget_connections(en, rec->id);
		r = folder_state_remove(en, rec->id, e);
	}
	begin_revival(en, rec);
	return r;
}

/* Of a monitor that was killed something may be left: it cleans up after itself otherwise. */
static void end_what_lives(const struct engine *en, const struct record *rec)
{
	CLEANUP_LIVE struct live live = LIVE_INIT;
	struct pollfd p = { .events = POLLIN };
	struct err ignored;

	if (live_read(en, rec->id, &live, &ignored) == 0 && live.container && proc_signal(live.pidfd, SIGKILL) == 0) {
		p.fd = live.pidfd;
		(void)poll(&p, 1, 5000);
	}
	remove_cgroup(rec);
}

int settle_failed_start(const struct engine *en, struct record *rec, const char *why, bool remove, struct err *e)
{
	bool again = policy_started(rec), ran = again || rec->finished;
	int r;

	end_what_lives(en, rec);
	if (remove) {
		events_leaving(en, rec);
		return settle_remove(en, rec->id, true, e);
	}
	rec->status = ran ? RECORD_EXITED : RECORD_CREATED;
	rec->error = why;
	rec->exit_known = ran && rec->exit_code;
	rec->started = ran ? rec->started : 0;
	rec->finished = ran ? clock_now_ns() : 0;
	if (again) /* and not where somebody is told that it failed */
		plan_revival(en, rec);
	r = write_row(en, rec, e);
	forget_connections(en, rec->id);
	if (r < 0)
		return r;
	r = folder_state_remove(en, rec->id, e);
	begin_revival(en, rec);
	return r;
}

static bool has_config(const struct engine *en, const char *id)
{
	char name[NAME_MAX + 1];

	(void)snprintf(name, sizeof(name), "containers/%s/config.json", id);
	return faccessat(en->root_fd, name, F_OK, 0) == 0;
}

static int interrupted_start(const struct engine *en, struct record *rec, struct err *e)
{
	CLEANUP_FD int bar = -1;
	bool none;

	bar = folder_bar_monitor(en, rec->id, &none);
	if (bar < 0 && !none)
		return 0; /* a monitor came to life after all */
	return settle_failed_start(en, rec, "the start was interrupted", rec->auto_remove || !has_config(en, rec->id), e);
}

/* What config.json does not know: it is of this start. */
static int add_links(const struct engine *en, const char *id, struct strbuf *description, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct endpoints own;
	int r = endpoint_read(en, &a, id, &own, e);

	endpoint_describe(en, &own, description);
	return r;
}

static int adopt(const struct engine *en, struct record *rec, const struct live *live, struct err *e)
{
	CLEANUP_STRBUF struct strbuf description = STRBUF_INIT;
	CLEANUP_CLIENT struct client c = CLIENT_INIT;
	struct err why = { 0 };
	int r = launch_read_description(en, rec->id, 0, &description, &why);

	if (r == 0)
		r = add_links(en, rec->id, &description, &why);
	if (r == 0)
		r = launch_monitor("adopt", description.s, description.len, &(struct launch){ 0 }, &c, &why);
	if (r == 0)
		r = client_started(&c, &why);
	/* busy: the worker of a keeper that was killed has taken its place meanwhile, and knows more than we do */
	if (r == 0 || why.cls == ERR_BUSY)
		return 0;
	if (live->container)
		return err_set(e, why.cls, "container %s runs without a monitor and no new one can be started: %s", rec->name, why.msg);
	return settle_finish(en, rec, live, false, e);
}

/* The row says running, and no monitor lives. again: there was one meanwhile. When that could not have the end it knows of recorded (a full
 * disk) the next one could not either, and would not tell us why. */
static int repair(const struct engine *en, struct record *rec, const struct live *live, bool again, struct err *e)
{
	bool this_boot = of_this_boot(en, rec);

	if (this_boot && live->word == LIVE_ABSENT && has_config(en, rec->id) && lost_state(en, rec->id))
		return settle_finish(en, rec, live, false, e); /* its monitor would say no more, and may be late */
	if (this_boot && (live->word == LIVE_ABSENT || live->word == LIVE_CREATED))
		return interrupted_start(en, rec, e);
	if (this_boot && has_config(en, rec->id) && !(again && live->word == LIVE_EXITED))
		return adopt(en, rec, live, e);
	return settle_finish(en, rec, live, false, e);
}

/* A row without config.json. One that says "created": its maker is at work, or was killed. Any: a full disk kept us from
 * deleting the row after the folder was gone. */
static int unfinished(const struct engine *en, const struct record *rec, enum settle_patience patience, struct err *e)
{
	CLEANUP_FD int lock = folder_lock(en, rec->id, patience >= SETTLE_WAIT, e);
	int r;

	if (lock < 0 && e->cls == ERR_BUSY)
		return 0;
	if (lock < 0 && e->cls != ERR_NOTFOUND)
		return lock;
	if (lock >= 0 && (rec->status != RECORD_CREATED || has_config(en, rec->id)))
		return 0;
	r = settle_remove(en, rec->id, rec->status == RECORD_CREATED, e);
	if (r < 0)
		return r;
	return err_set(e, ERR_NOTFOUND, "the making of container %s was interrupted; it has been removed", rec->name);
}

/* A row that says "restarting" is right while somebody waits for that. One of another boot, and one that was stopped meanwhile, have ended. */
static int resting(const struct engine *en, struct arena *a, struct record *rec, enum settle_patience patience, struct err *e)
{
	bool over = !of_this_boot(en, rec) || rec->stopped != STOPPED_NOT;
	CLEANUP_FD int lock = -1;
	int r;

	if (!over && revive_awaited(en, rec->id))
		return 0;
	lock = folder_lock(en, rec->id, patience >= SETTLE_WAIT, e);
	if (lock < 0)
		return e->cls == ERR_BUSY ? 0 : lock;
	r = record_get(en->catalog, a, rec->id, rec, e);
	if (r < 0 || rec->status != RECORD_RESTARTING)
		return r;
	over = !of_this_boot(en, rec) || rec->stopped != STOPPED_NOT;
	if (!over && revive_awaited(en, rec->id))
		return 0;
	if (!over) {
		begin_revival(en, rec);
		return 0;
	}
	rec->status = RECORD_EXITED;
	revive_end(en, rec->id);
	return write_row(en, rec, e);
}

/* ---- without it ---- */

/* Blocks until no monitor holds its lock any more. */
static void wait_for_monitor(const struct engine *en, const char *id)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char name[NAME_MAX + 1];
	CLEANUP_FD int fd = -1;

	(void)snprintf(name, sizeof(name), "%s/lock", id);
	fd = openat(en->state_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	while (fd >= 0 && fcntl(fd, F_SETLKW, &lock) < 0 && errno == EINTR)
		;
}

/* A monitor is at work on a start or an end. An end is over when it lets go of its lock; a start whose command was
 * killed is told by nobody, so that (rare) one is looked at again and again. */
static void wait_a_little(const struct engine *en, const char *id, const struct live *live)
{
	const struct timespec pause = { .tv_nsec = 20000000 };

	if (live->word == LIVE_EXITED || (live->word == LIVE_RUNNING && !live->container))
		wait_for_monitor(en, id);
	else
		(void)nanosleep(&pause, NULL);
}

static bool is_right(const struct record *rec, const struct live *live)
{
	return rec->status != RECORD_RUNNING || (live->container && live->monitor && live->word == LIVE_RUNNING);
}

/* Whether nothing is to be done. In a list a monitor that says "running" is believed: if its container has just ended it is at work on that, and
 * left alone. */
static bool looks_right(const struct record *rec, const struct live *live, enum settle_patience patience)
{
	return is_right(rec, live) || (patience == SETTLE_LIST && live->monitor && live->word == LIVE_RUNNING);
}

/* One step towards the truth; the caller looks again. */
static int step(const struct engine *en, struct arena *a, struct record *rec, struct live *live,
		enum settle_patience patience, bool again, struct err *e)
{
	CLEANUP_FD int lock = folder_lock(en, rec->id, patience >= SETTLE_WAIT, e);
	int r;

	if (lock < 0 && e->cls == ERR_NOTFOUND && !live->monitor && !live->container)
		return lost_lives(en, rec) ? lost_error(en, rec, e) :
					     settle_remove(en, rec->id, rec->auto_remove, e); /* the caller finds the row gone */
	if (lock < 0)
		return lock;
	r = record_get(en->catalog, a, rec->id, rec, e);
	if (r < 0)
		return r;
	live_close(live);
	r = live_read(en, rec->id, live, e);
	if (r < 0 || live->monitor || is_right(rec, live))
		return r;
	if (live->word == LIVE_ABSENT && lost_lives(en, rec)) /* with the lock: no start is at work */
		return lost_error(en, rec, e);
	return repair(en, rec, live, again, e);
}

int settle(const struct engine *en, struct arena *a, struct record *rec, struct live *live, enum settle_patience patience,
	   struct err *e)
{
	*live = (struct live)LIVE_INIT;
	if (rec->status != RECORD_RUNNING && !has_config(en, rec->id))
		return unfinished(en, rec, patience, e);
	if (rec->status == RECORD_RESTARTING && resting(en, a, rec, patience, e) < 0)
		return e->code;
	for (int round = 0; rec->status == RECORD_RUNNING && round < MOST_ROUNDS; round++) {
		int r;

		live_close(live);
		r = patience == SETTLE_LIST ? live_glance(en, rec->id, live, e) : live_read(en, rec->id, live, e);
		if (r == 0 && looks_right(rec, live, patience))
			r = publish_mend(en, rec, patience >= SETTLE_WAIT, e);
		if (r < 0 || looks_right(rec, live, patience))
			return r;
		if (patience < SETTLE_WAIT && live->monitor)
			return 0;
		if (live->monitor)
			wait_a_little(en, rec->id, live);
		r = step(en, a, rec, live, patience, round > 0, e);
		if (r == -EBUSY && patience < SETTLE_WAIT)
			return 0;
		if (r < 0 && patience != SETTLE_WAIT && e->cls == ERR_CONFLICT && lost_lives(en, rec))
			return 0;
		if (r == 0)
			r = record_get(en->catalog, a, rec->id, rec, e);
		if (r < 0)
			return r;
	}
	return 0;
}

int settle_find(const struct engine *en, struct arena *a, const char *what, enum settle_patience patience,
		struct record *rec, struct live *live, struct err *e)
{
	int r = record_find(en->catalog, a, what, rec, e);

	return r < 0 ? r : settle(en, a, rec, live, patience, e);
}

/* ---- garbage ---- */

/* A folder of ours without a row, which nobody is at work on. */
static int remove_orphan(const struct engine *en, const char *id, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_FD int makers = folder_bar_makers(en);
	CLEANUP_FD int lock = makers < 0 ? makers : folder_lock(en, id, false, e), bar = -1;
	struct record rec;
	bool none = false;

	if (makers < 0 || (lock < 0 && e->cls != ERR_NOTFOUND))
		return 0;
	if (record_get(en->catalog, &a, id, &rec, e) == 0 || e->cls != ERR_NOTFOUND)
		return 0;
	bar = folder_bar_monitor(en, id, &none);
	if (bar < 0 && !none)
		return 0;
	return folder_remove(en, id, e); /* one that is late gets the lock when there is nothing left to be started */
}

static bool is_folder_of_container(const char *name)
{
	return text_is_hex(name, ID_LEN);
}

/* One that cannot be removed is told and left: the others, and what the command is about, do not wait for it. */
static void sweep(const struct engine *en, int parent, const char *name)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct namelist left = { .a = &a };
	struct err e = { 0 };

	if (namelist_orphans(&left, parent, name, is_folder_of_container, en->catalog, "SELECT id FROM containers ORDER BY id", &e) < 0) {
		log_warning("cannot look for what is left of containers: %s", e.msg);
		return;
	}
	for (size_t i = 0; i < left.n; i++)
		if (remove_orphan(en, left.v[i], &e) < 0)
			log_warning("what is left of container %.12s cannot be removed: %s", left.v[i], e.msg);
}

/* Removals that nobody told (events_leaving): of rows that are gone, with nobody at work on what is left of them. */
static void tell_removals(const struct engine *en)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct namelist left = { .a = &a };
	struct err ignored;

	if (namelist_orphans(&left, en->state_fd, EVENTS_LEAVING, is_folder_of_container, en->catalog, "SELECT id FROM containers ORDER BY id",
			     &ignored) < 0)
		return;
	for (size_t i = 0; i < left.n; i++) {
		CLEANUP_FD int lock = folder_lock(en, left.v[i], false, &ignored);

		if (lock < 0 && ignored.cls == ERR_NOTFOUND)
			events_destroyed(en, left.v[i]);
	}
}

/* Where that cannot be said it is taken for true. */
static bool has_row(const void *data, const char *id)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const struct engine *en = data;
	struct record rec;
	struct err e = { 0 };

	return record_get(en->catalog, &a, id, &rec, &e) == 0 || e.cls != ERR_NOTFOUND;
}

/* A monitor that was killed while it forgot them; nobody else would before the address is somebody's again. */
static void sweep_connections(const struct engine *en)
{
	int r = stale_forget_orphans(en->state_fd, has_row, en);

	if (r < 0)
		log_warning("connections of containers that were removed are not forgotten yet: %s", strerror(-r));
}

void settle_garbage(const struct engine *en)
{
	sweep(en, en->root_fd, "containers");
	sweep(en, en->state_fd, ".");
	tell_removals(en);
	sweep_connections(en);
	volume_sweep(en);
}
