/* The lock is an flock of an open file that the waiter inherits, so there is no instant without one between us and it, and it is gone with the
 * waiter, whatever that dies of. Who looks whether it is there has it for a moment himself. A waiter sees that its file has been removed and ends; one that is too late to see it finds the row changed.
 * The row is the truth: a RESTARTING one without a waiter gets another by settle(). */
#include "engine/revive.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/config.h"
#include "engine/container.h"
#include "engine/events.h"
#include "engine/folder.h"
#include "engine/launch.h"
#include "engine/settle.h"

#define MS 1000000LL

static int policy_of(const struct record *rec, struct policy *out, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct ct_config config;
	int r = config_parse(&a, rec->config, &config, e);

	if (r == 0)
		*out = config.restart;
	return r;
}

int revive_plan(struct record *rec, struct err *e)
{
	struct policy policy;
	int r = policy_of(rec, &policy, e);

	if (r < 0 || !policy_wants(&policy, rec))
		return r;
	rec->status = RECORD_RESTARTING;
	rec->restart_wait = policy_pause(rec);
	rec->restart_due = clock_now_ns() + rec->restart_wait;
	rec->restarts++;
	return 0;
}

static void file_of(const char *id, char out[NAME_MAX + 1])
{
	(void)snprintf(out, NAME_MAX + 1, "%s/rest", id);
}

void revive_end(const struct engine *en, const char *id)
{
	char name[NAME_MAX + 1];

	file_of(id, name);
	if (unlinkat(en->state_fd, name, 0) < 0 && errno != ENOENT)
		log_warning("container %.12s: the one that waits for its restart is not told that it is over: %s", id, strerror(errno));
}

/* A clock that was set meanwhile makes no pause longer than it was meant to be. */
static int64_t left_ms(const struct record *rec)
{
	int64_t left = rec->restart_due - clock_now_ns();

	return left <= 0 ? 0 : (left < rec->restart_wait ? left : rec->restart_wait) / MS;
}

int revive_begin(const struct engine *en, const struct record *rec, struct err *e)
{
	CLEANUP_FD int fd = -1;
	char name[NAME_MAX + 1];

	file_of(rec->id, name);
	if (mkdirat(en->state_fd, rec->id, 0700) < 0 && errno != EEXIST)
		return err_errno(e, -errno, "make %s/%s", en->state, rec->id);
	revive_end(en, rec->id);
	fd = openat(en->state_fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(e, -errno, "make %s/%s", en->state, name);
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_errno(e, -errno, "lock %s/%s", en->state, name);
	return launch_rest(en, rec->id, left_ms(rec), fd, e);
}

bool revive_awaited(const struct engine *en, const char *id)
{
	char name[NAME_MAX + 1];
	CLEANUP_FD int fd = -1;

	file_of(id, name);
	fd = openat(en->state_fd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	while (fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0)
		if (errno != EINTR)
			return true;
	return false;
}

/* A start of the policy's that failed, with the operation lock held; before: the row that it began with. Where that is as it was, nothing was
 * written down yet, and nobody has another try planned. */
static void try_again(const struct engine *en, const struct record *before, const struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct err why = { 0 };
	struct record rec;

	if (record_get(en->catalog, &a, before->id, &rec, &why) < 0 || rec.status != before->status || rec.started != before->started ||
	    rec.restart_due != before->restart_due)
		return;
	rec.boot_id = en->boot_id; /* it is this boot's from now on */
	rec.exit_code = err_info(e->cls)->exit_code;
	rec.restarts = before->restarts;
	rec.restart_wait = before->restart_wait;
	if (settle_failed_start(en, &rec, e->msg, false, &why) == 0)
		return;
	log_warning("container %s: %s", rec.name, why.msg);
	/* not even that can be written down: the row asks for the same once more */
	if (why.cls == ERR_NOSPACE && before->status == RECORD_RESTARTING && rec.status == RECORD_RESTARTING && revive_begin(en, &rec, &why) < 0)
		log_warning("container %s is not restarted yet: %s", rec.name, why.msg);
}

int container_revive(const struct engine *en, const char *id, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_FD int lock = folder_lock(en, id, true, e);
	struct record rec, before;
	int r = lock < 0 ? lock : record_get(en->catalog, &a, id, &rec, e);

	if (r < 0) /* somebody removed it */
		return e->cls == ERR_NOTFOUND ? 0 : r;
	if (rec.status != RECORD_RESTARTING || rec.stopped != STOPPED_NOT)
		return 0;
	before = rec;
	r = container_start_locked(en, &rec, e);
	if (r < 0)
		try_again(en, &before, e);
	return r;
}

/* As it was made: while a restart is at work the row says otherwise (restart.c). */
static bool made_with_rm(const struct ct_config *config)
{
	const struct json *rm = json_get(json_get(config->doc, "HostConfig"), "AutoRemove");

	return rm && rm->type == JSON_BOOL && rm->boolean;
}

int container_set_policy(const struct engine *en, const char *what, const struct policy *policy, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_LIVE struct live live = LIVE_INIT;
	CLEANUP_STRBUF struct strbuf text = STRBUF_INIT;
	CLEANUP_CATALOG_TXN struct catalog *c = en->catalog;
	CLEANUP_FD int lock = -1;
	struct ct_config config;
	struct record rec;
	int r = settle_find(en, &a, what, SETTLE_WAIT, &rec, &live, e);

	if (r < 0)
		return r;
	lock = folder_lock(en, rec.id, true, e);
	if (lock < 0)
		return lock;
	if ((r = catalog_begin(c, CATALOG_DURABLE, e)) < 0 || (r = record_get(c, &a, rec.id, &rec, e)) < 0 ||
	    (r = config_parse(&a, rec.config, &config, e)) < 0)
		return r;
	if ((rec.auto_remove || made_with_rm(&config)) && policy->kind != POLICY_NO)
		return err_set(e, ERR_CONFLICT, "container %s was made with --rm: what is removed at its end is not restarted", rec.name);
	if (config.cgroups && strcmp(config.cgroups, "split") == 0 && policy->kind != POLICY_NO)
		return err_set(e, ERR_CONFLICT, "container %s has --cgroups=split, and ends with its unit: use Restart= there", rec.name);
	config_change_restart(config.doc, policy, &text);
	r = sb_error(&text) < 0 ? err_errno(e, -ENOMEM, "write the container's configuration") : record_set_config(c, rec.id, text.s, e);
	if (r == 0)
		r = catalog_commit(c, e);
	if (r == 0)
		events_container(en, &rec, "update", NULL);
	return r;
}

/* A restart of the policy's: where it fails now it is tried again, as any other. The row's texts are a's. */
static int start_enabled(const struct engine *en, struct arena *a, struct record *rec, struct err *e)
{
	CLEANUP_LIVE struct live live = LIVE_INIT;
	CLEANUP_FD int lock = -1;
	struct policy policy;
	struct record before;
	int r = settle(en, a, rec, &live, SETTLE_WAIT, e);

	if (r == 0)
		r = lock = folder_lock(en, rec->id, true, e);
	if (r >= 0)
		r = record_get(en->catalog, a, rec->id, rec, e);
	if (r < 0) /* somebody removes it */
		return e->cls == ERR_NOTFOUND ? 0 : r;
	r = policy_of(rec, &policy, e);
	if (r < 0 || record_is_active(rec) || !policy_enabled(&policy, rec))
		return r;
	policy_begin(rec);
	before = *rec;
	r = container_start_locked(en, rec, e);
	if (r < 0)
		try_again(en, &before, e);
	return r;
}

int container_start_enabled(const struct engine *en, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct record *recs;
	size_t n;
	int r = record_list(en->catalog, &a, NULL, &recs, &n, e), result = r;

	for (size_t i = r < 0 ? 0 : n; i > 0; i--) {
		struct err why = { 0 };

		if (start_enabled(en, &a, &recs[i - 1], &why) == 0)
			continue;
		if (result < 0)
			log_warning("%s", e->msg);
		*e = why;
		result = err_ctx(e, "container %s", recs[i - 1].name);
	}
	return result;
}
