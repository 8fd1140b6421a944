/* Scopes: started, changed and stopped over the bus.
 *
 * systemd makes no scope without a process in it, and our container's process must be born inside the cgroup (on v2 by
 * clone3, which takes 0.06 ms where a later move waits 10 ms for the kernel). So a helper of ours is put there first: a
 * child that does nothing but wait for a socket to close. The container is then made as it is without systemd, in a
 * cgroup that exists already; when its process is in, the helper ends. On v1 and hybrid the process is moved there by
 * us, in all hierarchies, also those that systemd does not know. If we are killed in between, the socket closes, the
 * helper ends, and systemd removes the empty scope.
 *
 * Where the scope's cgroup is, is read from where the helper is: right also inside a container, where systemd's view of
 * the tree is another.
 *
 * An answer to StartTransientUnit names a job; the unit is there when JobRemoved tells its end. Anybody on the bus may
 * send us a signal that looks like it, so only one of the sender that answered counts. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/io.h"
#include "base/text.h"
#include "runtime/bus.h"
#include "runtime/internal.h"
#include "runtime/unit.h"
#include "sys/cgroup.h"
#include "sys/ns.h"
#include "sys/proc.h"
#include "sys/sock.h"

#define SYSTEMD "org.freedesktop.systemd1"
#define MANAGER_PATH "/org/freedesktop/systemd1"
#define MANAGER SYSTEMD ".Manager"

static struct dbus_call manager(const char *member, const char *signature)
{
	return (struct dbus_call){.destination = SYSTEMD,
				  .path = MANAGER_PATH,
				  .interface = MANAGER,
				  .member = member,
				  .signature = signature};
}

/* ---- jobs ---- */

/* The end of a job of this unit, as a signal told it. It may come before the answer that names the job. */
struct job {
	const char *unit;
	char path[128], sender[64]; /* as the answer has them; "" = not yet */
	char ended[128], teller[64], result[32];
	bool done;
};

/* False when it does not fit: then it is not what systemd sends. */
static bool keep(char *out, size_t len, const char *s)
{
	return s && (size_t)snprintf(out, len, "%s", s) < len;
}

static void check_done(struct job *j)
{
	if (*j->path && strcmp(j->path, j->ended) == 0 && strcmp(j->sender, j->teller) == 0)
		j->done = true;
}

static void on_signal(const struct dbus_message *m, void *data)
{
	const char *path, *unit, *result;
	struct job *j = data;
	struct dbus_reader r;
	uint32_t id;

	if (strcmp(m->member, "JobRemoved") != 0 || strcmp(m->interface, MANAGER) != 0 || j->done)
		return;
	dbus_read_begin(&r, m);
	if (dbus_read_u32(&r, &id) < 0 || dbus_read_string(&r, 'o', &path) < 0 ||
	    dbus_read_string(&r, 's', &unit) < 0 || dbus_read_string(&r, 's', &result) < 0 ||
	    strcmp(unit, j->unit) != 0)
		return;
	/* known already: a forged one must not take the place of ours */
	if (*j->sender && m->sender && strcmp(j->sender, m->sender) != 0)
		return;
	if (!keep(j->ended, sizeof(j->ended), path) || !keep(j->teller, sizeof(j->teller), m->sender) ||
	    !keep(j->result, sizeof(j->result), result))
		j->ended[0] = '\0';
	check_done(j);
}

/* Has the signals of jobs sent to us from now on; goes out with the next call. */
static int watch_jobs(struct rt_bus *b, struct job *j, struct err *e)
{
	static const struct dbus_call add = {.destination = "org.freedesktop.DBus",
					     .path = "/org/freedesktop/DBus",
					     .interface = "org.freedesktop.DBus",
					     .member = "AddMatch",
					     .signature = "s"};
	struct dbus_writer w;

	b->on_signal = on_signal;
	b->data = j;
	(void)rt_bus_begin(b, &w, &add);
	dbus_put_string(&w, "type='signal',sender='" SYSTEMD "',path='" MANAGER_PATH "',interface='" MANAGER
			    "',member='JobRemoved'");
	return rt_bus_queue(&w, "AddMatch", e);
}

/* Waits for the end of the job that the answer to a call names. */
static int wait_job(struct rt_bus *b, struct job *j, const struct dbus_message *reply, struct err *e)
{
	struct dbus_reader r;
	const char *path;
	int rc;

	dbus_read_begin(&r, reply);
	if (dbus_read_string(&r, 'o', &path) < 0 || !keep(j->path, sizeof(j->path), path) ||
	    !keep(j->sender, sizeof(j->sender), reply->sender ? reply->sender : ""))
		return err_set(e, ERR_INTERNAL, "systemd's answer names no job");
	check_done(j);
	rc = rt_bus_wait(b, &j->done, "waiting for systemd's job", e);
	if (rc == 0 && strcmp(j->result, "done") != 0)
		return err_set(e, ERR_INTERNAL, "systemd's job ended as \"%s\"",
			       text_escape(j->result, j->ended, sizeof(j->ended)));
	return rc;
}

/* ---- the connection ---- */

static int no_systemd(struct err *e)
{
	(void)err_ctx(e, "systemd cgroups");
	if (access("/run/systemd/system", F_OK) < 0)
		return err_ctx(e, "this machine does not run systemd (use cgroupfs cgroups)");
	return e->code;
}

static int open_bus(struct rt_bus *b, bool user, struct err *e)
{
	int r = rt_bus_open(b, user, e);

	return r < 0 ? no_systemd(e) : 0;
}

static bool answered(const struct rt_bus *b, const char *name)
{
	return strcmp(b->error_name, name) == 0;
}

static int reset_failed(struct rt_bus *b, const char *name, struct err *e)
{
	struct dbus_call call = manager("ResetFailedUnit", "s");
	struct dbus_message reply;
	struct dbus_writer w;
	uint32_t serial = rt_bus_begin(b, &w, &call);
	int r;

	dbus_put_string(&w, name);
	r = rt_bus_call(b, &w, serial, &reply, e);
	return r < 0 && answered(b, SYSTEMD ".NoSuchUnit") ? 0 : r;
}

/* ---- start ---- */

static void put_bool(struct dbus_writer *w, const char *name, bool v)
{
	dbus_open(w, '(');
	dbus_put_string(w, name);
	dbus_open_variant(w, "b");
	dbus_put_bool(w, v);
	dbus_close(w);
	dbus_close(w);
}

static void put_text(struct dbus_writer *w, const char *name, const char *v)
{
	dbus_open(w, '(');
	dbus_put_string(w, name);
	dbus_open_variant(w, "s");
	dbus_put_string(w, v);
	dbus_close(w);
	dbus_close(w);
}

static void put_pid(struct dbus_writer *w, pid_t pid)
{
	dbus_open(w, '(');
	dbus_put_string(w, "PIDs");
	dbus_open_variant(w, "au");
	dbus_open(w, 'a');
	dbus_put_u32(w, (uint32_t)pid);
	dbus_close(w);
	dbus_close(w);
	dbus_close(w);
}

struct start {
	const struct rt_unit *unit;
	const char *id;
	struct cg_resources resources;
	struct rt_property *properties;
	size_t n_properties;
	pid_t helper;
	bool queued; /* there is a job, and with it a unit to clear away */
};

/* Accounting is on for all controllers, limits or not, as without systemd; DefaultDependencies=no: the scope is not
 * stopped before others at shutdown, whoever started it decides. Annotations come last: they win. */
static int put_properties(struct dbus_writer *w, const struct start *s, struct err *e)
{
	bool v2 = cg_detect() == CG_V2;
	char description[300];
	int r;

	snprintf(description, sizeof(description), "tare-oci container %s", s->id);
	put_text(w, "Description", s->unit->description ? s->unit->description : description);
	put_text(w, "Slice", s->unit->slice);
	put_bool(w, "Delegate", true);
	put_pid(w, s->helper);
	put_bool(w, "MemoryAccounting", true);
	put_bool(w, "CPUAccounting", true);
	put_bool(w, v2 ? "IOAccounting" : "BlockIOAccounting", true);
	put_bool(w, "TasksAccounting", true);
	put_bool(w, "DefaultDependencies", false);
	r = rt_unit_limits(w, &s->resources, v2, e);
	for (size_t i = 0; i < s->n_properties; i++) {
		dbus_open(w, '(');
		dbus_put_string(w, s->properties[i].name);
		dbus_open_variant(w, rt_value_signature(s->properties[i].value));
		rt_value_write(w, s->properties[i].value);
		dbus_close(w);
		dbus_close(w);
	}
	return r;
}

static int start_once(struct rt_bus *b, struct start *s, struct job *j, struct err *e)
{
	struct dbus_call call = manager("StartTransientUnit", "ssa(sv)a(sa(sv))");
	struct dbus_message reply;
	struct dbus_writer w;
	uint32_t serial = rt_bus_begin(b, &w, &call);
	int r;

	dbus_put_string(&w, s->unit->name);
	dbus_put_string(&w, "fail");
	dbus_open(&w, 'a');
	r = put_properties(&w, s, e);
	dbus_close(&w);
	dbus_open(&w, 'a'); /* auxiliary units */
	dbus_close(&w);
	if (r == 0)
		r = rt_bus_call(b, &w, serial, &reply, e);
	if (r < 0)
		return r;
	s->queued = true;
	return wait_job(b, j, &reply, e);
}

static int start_unit(struct start *s, struct err *e)
{
	CLEANUP_BUS struct rt_bus b = RT_BUS_INIT;
	struct job j = {.unit = s->unit->name};
	struct err ignored;
	int r = open_bus(&b, s->unit->user, e);

	if (r < 0)
		return r;
	r = watch_jobs(&b, &j, e);
	if (r == 0)
		r = start_once(&b, s, &j, e);
	/* a failed one of the same name that nobody has looked after */
	if (r < 0 && answered(&b, SYSTEMD ".UnitExists") && reset_failed(&b, s->unit->name, &ignored) == 0)
		r = start_once(&b, s, &j, e);
	if (r < 0 && access("/run/systemd/system", F_OK) < 0)
		(void)no_systemd(e);
	return r < 0 ? err_ctx(e, "systemd unit %s", s->unit->name) : 0;
}

/* ---- helper ---- */

static _Noreturn void helper_main(int gate)
{
	char c;

	while (read(gate, &c, 1) < 0 && errno == EINTR)
		;
	_exit(0);
}

static int start_helper(struct rt_scope *s, struct err *e)
{
	const struct ns_clone plain = {.cgroup = -1};
	int pair[2], r = sock_pair(SOCK_STREAM, pair);

	if (r < 0)
		return err_errno(e, r, "socket pair");
	s->helper = ns_clone(&plain, &s->pidfd);
	if (s->helper == 0) {
		close_fd(pair[0]);
		helper_main(pair[1]);
	}
	close_fd(pair[1]);
	s->gate = pair[0];
	return s->helper < 0 ? err_errno(e, (int)s->helper, "clone") : 0;
}

void rt_scope_release(struct rt_scope *s)
{
	s->gate = close_fd(s->gate);
	if (s->helper > 0) {
		(void)!proc_signal(s->pidfd, SIGKILL);
		while (waitpid(s->helper, NULL, __WALL) < 0 && errno == EINTR)
			;
	}
	s->pidfd = close_fd(s->pidfd);
	s->helper = -1;
}

/* Where systemd has put it. Below the unit it must be, or it was not moved at all. */
static int find_cgroup(const struct rt_unit *u, pid_t helper, char out[PATH_MAX], struct err *e)
{
	int r = cg_path_of(helper, out, PATH_MAX);
	const char *last = strrchr(out, '/');

	if (r < 0)
		return err_errno(e, r, "the cgroup of systemd unit %s", u->name);
	if (!last || strcmp(last + 1, u->name) != 0)
		return err_set(e, ERR_INTERNAL,
			       "systemd unit %s: its process is in cgroup %s (another pid namespace than "
			       "systemd's?)",
			       u->name, out);
	return 0;
}

int rt_scope_start(const struct rt_unit *u, const char *id, const struct oci_spec *spec, struct rt_scope *out,
		   char cgroup[PATH_MAX], struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_SCOPE struct rt_scope scope = RT_SCOPE_INIT;
	struct start s = {.unit = u, .id = id};
	struct err ignored;
	int r = rt_unit_annotations(&a, spec, &s.properties, &s.n_properties, e);

	if (r == 0)
		r = rt_resources(&a, spec, &s.resources, e);
	if (r == 0)
		r = start_helper(&scope, e);
	if (r < 0)
		return r;
	s.helper = scope.helper;
	r = start_unit(&s, e);
	if (r == 0)
		r = find_cgroup(u, scope.helper, cgroup, e);
	if (r < 0) {
		rt_scope_release(&scope);
		if (s.queued)
			(void)!rt_scope_stop(u->name, u->user, &ignored);
		return r;
	}
	*out = scope;
	scope = (struct rt_scope)RT_SCOPE_INIT;
	return 0;
}

/* ---- attach, update, stop ---- */

/* A call about a unit, up to its name: its serial number. */
static int begin_call(struct rt_bus *b, struct dbus_writer *w, const struct dbus_call *call, const char *name, bool user,
		      uint32_t *serial, struct err *e)
{
	int rc = open_bus(b, user, e);

	if (rc < 0)
		return rc;
	*serial = rt_bus_begin(b, w, call);
	dbus_put_string(w, name);
	return 0;
}

int rt_scope_attach(const char *name, bool user, const char *below, pid_t pid, struct err *e)
{
	CLEANUP_BUS struct rt_bus b = RT_BUS_INIT;
	const struct dbus_call call = manager("AttachProcessesToUnit", "ssau");
	struct dbus_message reply;
	struct dbus_writer w;
	uint32_t serial;
	int rc = begin_call(&b, &w, &call, name, user, &serial, e);

	if (rc < 0)
		return rc;
	dbus_put_string(&w, below);
	dbus_open(&w, 'a');
	dbus_put_u32(&w, (uint32_t)pid);
	dbus_close(&w);
	rc = rt_bus_call(&b, &w, serial, &reply, e);
	return rc < 0 ? err_ctx(e, "systemd unit %s: moving process %d there", name, (int)pid) : 0;
}

int rt_scope_update(const char *name, bool user, const struct cg_resources *r, struct err *e)
{
	CLEANUP_BUS struct rt_bus b = RT_BUS_INIT;
	const struct dbus_call call = manager("SetUnitProperties", "sba(sv)");
	struct dbus_message reply;
	struct dbus_writer w;
	uint32_t serial;
	int rc = begin_call(&b, &w, &call, name, user, &serial, e);

	if (rc < 0)
		return rc;
	dbus_put_bool(&w, true); /* gone with the unit */
	dbus_open(&w, 'a');
	rc = rt_unit_limits(&w, r, cg_detect() == CG_V2, e);
	dbus_close(&w);
	if (rc == 0)
		rc = rt_bus_call(&b, &w, serial, &reply, e);
	return rc < 0 ? err_ctx(e, "systemd unit %s", name) : 0;
}

static int stop_unit(struct rt_bus *b, struct job *j, struct err *e)
{
	struct dbus_call call = manager("StopUnit", "ss");
	struct dbus_message reply;
	struct dbus_writer w;
	uint32_t serial = rt_bus_begin(b, &w, &call);
	int r;

	dbus_put_string(&w, j->unit);
	dbus_put_string(&w, "replace");
	r = rt_bus_call(b, &w, serial, &reply, e);
	if (r < 0)
		return answered(b, SYSTEMD ".NoSuchUnit") ? 0 : r;
	return wait_job(b, j, &reply, e);
}

int rt_scope_stop(const char *name, bool user, struct err *e)
{
	CLEANUP_BUS struct rt_bus b = RT_BUS_INIT;
	struct job j = {.unit = name};
	int r = open_bus(&b, user, e);

	if (r < 0)
		return r;
	r = watch_jobs(&b, &j, e);
	if (r == 0)
		r = stop_unit(&b, &j, e);
	if (r == 0)
		r = reset_failed(&b, name, e);
	return r < 0 ? err_ctx(e, "systemd unit %s", name) : 0;
}
