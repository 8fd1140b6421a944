/* state, kill, pause, resume, delete. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "cmd/oci/oci.h"
#include "oci/signals.h"
#include "sys/cgroup.h"
#include "sys/proc.h"

int cmd_state(const struct cli_call *call, struct err *e)
{
	CLEANUP_CONTAINER struct oci_container c = OCI_CONTAINER_INIT;
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&out);
	int r = oci_open(call, false, &c, e);

	if (r < 0)
		return r;
	w.pretty = true;
	jw_object(&w, NULL);
	jw_str(&w, "ociVersion", c.rec.oci_version);
	jw_str(&w, "id", c.rec.id);
	jw_i64(&w, "pid", c.status == RT_STOPPED ? 0 : c.rec.pid);
	jw_str(&w, "status", rt_status_name(c.status));
	jw_str(&w, "bundle", c.rec.bundle);
	jw_str(&w, "rootfs", c.rec.rootfs);
	jw_str(&w, "created", c.rec.created);
	if (c.rec.n_annotations) {
		jw_object(&w, "annotations");
		for (size_t i = 0; i < c.rec.n_annotations; i++)
			jw_str(&w, c.rec.annotations[i].key, c.rec.annotations[i].value);
		jw_end_object(&w);
	}
	rt_record_write_devices(&w, &c.rec);
	jw_str(&w, "owner", "");
	jw_end_object(&w);
	sb_putc(&out, '\n');
	return oci_print(&out, e);
}

static int signal_all(const struct rt_record *rec, int sig, struct err *e)
{
	CLEANUP_CGROUP struct cgroup *cg = NULL;
	int r = cg_open(rec->cgroup, &cg, e);

	if (r < 0)
		return e->cls == ERR_NOTFOUND ? 0 : r;
	return cg_signal_all(cg, sig, e);
}

/* v1 leaves SIGKILL pending in a frozen cgroup. */
static int thaw(const struct rt_record *rec, struct err *e)
{
	CLEANUP_CGROUP struct cgroup *cg = NULL;
	int r = cg_open(rec->cgroup, &cg, e);

	return r < 0 ? r : cg_freeze(cg, false, e);
}

static int signal_init(const struct oci_container *c, int sig, struct err *e)
{
	CLEANUP_FD int pidfd = proc_open_checked(c->rec.pid, c->rec.start_time);
	int r = pidfd < 0 ? pidfd : proc_signal(pidfd, sig);

	if (r == -ESRCH)
		return err_set(e, ERR_BUSY, "container not running");
	if (r < 0)
		return err_errno(e, r, "signal to process %d", (int)c->rec.pid);
	return c->status == RT_PAUSED && sig == SIGKILL ? thaw(&c->rec, e) : 0;
}

/* -EINVAL: there is no such signal. */
static int signal_number(const char *name)
{
	return !strcmp(name, "0") ? 0 : oci_signal_number(name);
}

static int kill_one(const struct cli_call *call, struct err *e)
{
	CLEANUP_CONTAINER struct oci_container c = OCI_CONTAINER_INIT;
	const struct oci_force_opts *o = call->opts;
	const char *name = call->n_args > 1 ? call->args[1] : "SIGTERM";
	int sig = signal_number(name), r = oci_open(call, false, &c, e);

	if (r < 0)
		return r;
	if (sig < 0)
		return err_set(e, ERR_INVALID, "unknown signal \"%s\"", name);
	if (c.rec.cgroup && (o->force || (sig == SIGKILL && !c.rec.own_pid_ns)) && c.status != RT_CREATING)
		return signal_all(&c.rec, sig, e);
	if (o->force && !c.rec.cgroup && c.status != RT_STOPPED && c.status != RT_CREATING && !(sig == SIGKILL && c.rec.own_pid_ns))
		return err_set(e, ERR_UNSUPPORTED, "container %s has no cgroup to find all its processes in", c.rec.id);
	if (c.status == RT_STOPPED || c.status == RT_CREATING)
		return o->force ? 0 : err_set(e, ERR_BUSY, "container not running");
	return signal_init(&c, sig, e);
}

int cmd_kill(const struct cli_call *call, struct err *e)
{
	if (!((const struct oci_force_opts *)call->opts)->regex)
		return kill_one(call, e);
	/* also when nothing matches */
	if (call->n_args > 1 && signal_number(call->args[1]) < 0)
		return err_set(e, ERR_INVALID, "unknown signal \"%s\"", call->args[1]);
	return oci_for_matching(call, kill_one, e);
}

static int freeze(const struct cli_call *call, bool frozen, struct err *e)
{
	CLEANUP_CONTAINER struct oci_container c = OCI_CONTAINER_INIT;
	CLEANUP_CGROUP struct cgroup *cg = NULL;
	int r = oci_open(call, true, &c, e);

	if (r < 0)
		return r;
	if (frozen ? c.status != RT_RUNNING && c.status != RT_CREATED : c.status != RT_PAUSED)
		return err_set(e, ERR_BUSY, "container not %s: it is %s", frozen ? "running" : "paused",
			       rt_status_name(c.status));
	if (!c.rec.cgroup)
		return err_set(e, ERR_UNSUPPORTED, "container %s has no cgroup to freeze", c.rec.id);
	r = cg_open(c.rec.cgroup, &cg, e);
	return r < 0 ? r : cg_freeze(cg, frozen, e);
}

int cmd_pause(const struct cli_call *call, struct err *e)
{
	return freeze(call, true, e);
}

int cmd_resume(const struct cli_call *call, struct err *e)
{
	return freeze(call, false, e);
}

/* Without the lock: a start or a hook that hangs holds it. */
static int kill_first(const struct rt_record *rec, struct err *e)
{
	int r = rec->cgroup ? signal_all(rec, SIGKILL, e) : 0;

	return r < 0 ? r : oci_kill_and_wait(rec, e);
}

/* What there is to delete, locked unless by force: a hook that hangs holds the lock. But where nothing is written down
 * yet, a creator may be at it, and only the lock tells. */
static int open_to_delete(const struct cli_call *call, bool force, struct oci_container *c, struct err *e)
{
	int r = oci_open(call, !force, c, e);

	if (r == 0 || !force || e->cls != ERR_NOTFOUND)
		return r;
	oci_container_close(c);
	return oci_open(call, true, c, e);
}

/* What a creator that was killed left behind before it wrote anything down. */
static int delete_wreck(struct oci_container *c, bool force, struct err *e)
{
	if (c->dir.lock >= 0 && rt_record_remove(&c->dir, e) < 0)
		return e->code;
	return force ? 0 : err_set(e, ERR_NOTFOUND, "container does not exist");
}

static int delete_one(const struct cli_call *call, struct err *e)
{
	CLEANUP_CONTAINER struct oci_container c = OCI_CONTAINER_INIT;
	bool force = ((const struct oci_force_opts *)call->opts)->force;
	int r = open_to_delete(call, force, &c, e);

	if (r < 0)
		return e->cls == ERR_NOTFOUND ? delete_wreck(&c, force, e) : r;
	if (c.status == RT_RUNNING || c.status == RT_PAUSED) {
		if (!force)
			return err_set(e, ERR_BUSY, "cannot delete container %s that is not stopped: %s", c.rec.id,
				       rt_status_name(c.status));
	}
	if (force || c.status == RT_CREATED)
		r = kill_first(&c.rec, e);
	if (r == 0)
		r = rt_record_lock(&c.dir, e);
	if (r == 0)
		r = rt_record_load(call->arena, &c.dir, &c.rec, e);
	if (r < 0)
		return force && e->cls == ERR_NOTFOUND ? 0 : r;
	r = oci_kill_and_wait(&c.rec, e);
	return r < 0 ? r : oci_destroy(call, &c, e);
}

int cmd_delete(const struct cli_call *call, struct err *e)
{
	return ((const struct oci_force_opts *)call->opts)->regex ? oci_for_matching(call, delete_one, e) : delete_one(call, e);
}
