/* create, run and start: a bundle becomes a container.
 *
 * What is made is undone in reverse when a later step fails, so that the id is free again. The record is written
 * before the container (without a pid) and after it: whatever kills us in between leaves something with a name. */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "cmd/oci/launch.h"
#include "sys/cgroup.h"
#include "sys/proc.h"
#include "sys/spawn.h"

#define REAP_MS 10000

void launch_close(struct launch *l)
{
	close_fd(l->bundle);
	close_fd(l->console_socket);
	close_fd(l->pidfd_socket);
	close_fd(l->fifo);
	close_fd(l->notify_folder);
	close_fd(l->notify);
	rt_process_close(&l->p);
	oci_container_close(&l->c);
	free(l->config);
}

/* ---- what is asked for ---- */

static const char *resolve(struct launch *l, const char *path, struct err *e)
{
	char real[PATH_MAX];
	const char *kept;

	if (!realpath(path, real)) {
		(void)err_errno(e, -errno, "%s", path);
		return NULL;
	}
	kept = arena_strdup(l->call->arena, real);
	if (!kept)
		(void)err_errno(e, -ENOMEM, "%s", path);
	return kept;
}

static int load(struct launch *l, struct err *e)
{
	const char *bundle = l->opts->bundle && *l->opts->bundle ? l->opts->bundle : ".";
	const char *config = l->opts->config ? l->opts->config : "config.json";
	struct rt_record *rec = &l->c.rec;
	int r;

	rec->id = l->call->args[0];
	rec->bundle = resolve(l, bundle, e);
	if (!rec->bundle)
		return err_ctx(e, "bundle");
	l->bundle = openat(AT_FDCWD, rec->bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (l->bundle < 0)
		return err_errno(e, -errno, "bundle %s", rec->bundle);
	r = oci_spec_load_text(l->call->arena, l->bundle, config, &l->spec, &l->config, &l->config_len, e);
	if (r == 0)
		r = oci_seal(l->spec, e);
	if (r < 0)
		return r;
	rec->oci_version = l->spec->oci_version;
	rec->annotations = l->spec->annotations;
	rec->n_annotations = l->spec->n_annotations;
	rec->poststop = l->spec->hooks[OCI_HOOK_POSTSTOP].n > 0;
	rec->own_pid_ns = l->spec->linux_.ns[OCI_NS_PID].wanted && !l->spec->linux_.ns[OCI_NS_PID].path;
	if (l->spec->root_path[0] == '/')
		rec->rootfs = resolve(l, l->spec->root_path, e);
	else
		rec->rootfs = resolve(l, arena_printf(l->call->arena, "%s/%s", rec->bundle, l->spec->root_path), e);
	return rec->rootfs ? 0 : err_ctx(e, "root.path");
}

/* A terminal that we carry has our size. */
static int size_terminal(struct launch *l, struct err *e)
{
	struct oci_spec *spec = arena_new(l->call->arena, struct oci_spec);

	if (!spec)
		return err_errno(e, -ENOMEM, "console size");
	*spec = *l->spec;
	spec->process = oci_with_size(l->call->arena, spec->process);
	l->spec = spec;
	return 0;
}

/* crun's way to name it is an annotation. */
static int find_pidfd_socket(struct launch *l, struct err *e)
{
	const char *annotated = oci_annotation(l->spec, "run.oci.pidfd_receiver");
	const char *where = l->opts->pidfd_socket ? l->opts->pidfd_socket : annotated;

	if (!where)
		return 0;
	l->pidfd_socket = oci_connect(where, SOCK_STREAM, e);
	return l->pidfd_socket >= 0 ? 0 : err_ctx(e, where == annotated ? "annotations.run.oci.pidfd_receiver" : "--pidfd-socket");
}

static int check(struct launch *l, struct err *e)
{
	const struct oci_process *p = l->spec->process;
	int r;

	if (!p)
		return err_set(e, ERR_INVALID, "process: is required");
	if (!p->args)
		return err_set(e, ERR_INVALID, "process.args: must not be empty");
	r = oci_check_terminal(p->terminal, l->detach, l->opts->console_socket, e);
	if (r == 0)
		r = oci_check_preserved(3 + rt_listen_fds(), l->opts->preserve_fds, e);
	if (r == 0)
		r = oci_plan_cgroup(l->call, &l->spec, &l->c.rec, &l->unit, e);
	if (r == 0 && p->terminal && !l->detach)
		r = size_terminal(l, e);
	if (r == 0 && l->opts->console_socket) {
		l->console_socket = oci_connect(l->opts->console_socket, SOCK_STREAM, e);
		r = l->console_socket < 0 ? err_ctx(e, "--console-socket") : 0;
	}
	return r < 0 ? r : find_pidfd_socket(l, e);
}

/* ---- making it ---- */

/* What a creator of this id that was killed may have made: its processes are in the cgroup it wrote down. */
static int clear_leftover(struct launch *l, struct err *e)
{
	struct rt_record old;
	struct err ignored;
	int r = 0;

	if (rt_record_load(l->call->arena, &l->c.dir, &old, &ignored) == 0) {
		r = oci_clear_cgroup(&old, e);
		if (r == 0)
			r = rt_host_root_clear(old.rootfs, old.below, e);
	}
	if (r == 0 && unlinkat(l->c.dir.dir, RT_EXEC_FIFO, 0) < 0 && errno != ENOENT)
		r = err_errno(e, -errno, RT_EXEC_FIFO);
	return r;
}

static int refuse_used(struct cgroup *cg, const char *path, struct err *e)
{
	bool frozen;
	int r;

	if (cg_populated(cg))
		return err_set(e, ERR_CONFLICT, "container's cgroup is not empty: processes run in %s", path);
	r = cg_is_frozen(cg, &frozen);
	if (r < 0)
		return err_errno(e, r, "freezer of cgroup %s", path);
	return frozen ? err_set(e, ERR_CONFLICT, "container's cgroup unexpectedly frozen: thaw or remove %s", path) : 0;
}

/* A cgroup with somebody else's processes: limits, kill and delete would reach these too. In a frozen one the container
 * would never come to "created". The record forgets it, or undoing would clear it. */
static int check_cgroup(struct launch *l, struct err *e)
{
	CLEANUP_CGROUP struct cgroup *cg = NULL;
	int r;

	if (!l->c.rec.cgroup)
		return 0;
	r = cg_open(l->c.rec.cgroup, &cg, e);
	if (r < 0 && e->cls == ERR_NOTFOUND) {
		*e = (struct err){ 0 };
		return 0;
	}
	if (r == 0)
		r = refuse_used(cg, l->c.rec.cgroup, e);
	if (r < 0)
		l->c.rec.cgroup = NULL;
	return r;
}

static int plan_rdt(struct launch *l, struct err *e)
{
	CLEANUP_FREE char *own = NULL;
	int r = rt_rdt_own(l->spec, l->c.rec.id, &own, e);

	if (r < 0 || !own)
		return r;
	l->c.rec.rdt = arena_strdup(l->call->arena, own);
	return l->c.rec.rdt ? 0 : err_errno(e, -ENOMEM, "linux.intelRdt");
}

static int claim(struct launch *l, struct err *e)
{
	char now[TEXT_TIME_LEN];
	bool leftover;
	int r = oci_make_root(l->call, e);

	if (r == 0)
		r = rt_record_create(oci_root(l->call), l->c.rec.id, &l->c.dir, &leftover, e);
	if (r < 0)
		return r;
	text_now(now);
	l->c.rec.created = arena_strdup(l->call->arena, now);
	if (!l->c.rec.created)
		return err_errno(e, -ENOMEM, "container %s", l->c.rec.id);
	if (leftover)
		r = clear_leftover(l, e);
	if (r == 0)
		r = check_cgroup(l, e);
	if (r == 0)
		r = plan_rdt(l, e);
	if (r == 0)
		r = rt_record_keep_config(&l->c.dir, l->config, l->config_len, e);
	if (r == 0)
		r = rt_host_root_below(l->spec, l->c.rec.rootfs, &l->c.rec.below, e);
	return r < 0 ? r : rt_record_write(&l->c.dir, &l->c.rec, l->spec, e);
}

/* The process opens it for writing as the container's root, whoever that is outside: the folder is root's alone. */
static int make_fifo(struct launch *l, struct err *e)
{
	if (l->run)
		return 0;
	if (mkfifoat(l->c.dir.dir, RT_EXEC_FIFO, 0600) < 0)
		return err_errno(e, -errno, RT_EXEC_FIFO);
	l->fifo = openat(l->c.dir.dir, RT_EXEC_FIFO, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return l->fifo < 0 ? err_errno(e, -errno, RT_EXEC_FIFO) : 0;
}

/* The unit's cgroup is known when it is there, and is written down before anything of ours is in it. */
static int make_unit(struct launch *l, struct rt_scope *scope, struct err *e)
{
	int r = oci_start_unit(l->call, l->spec, &l->c.rec, &l->unit, scope, e);

	return r < 0 || !l->c.rec.unit ? r : rt_record_write(&l->c.dir, &l->c.rec, l->spec, e);
}

static int create(struct launch *l, struct err *e)
{
	const struct rt_record *rec = &l->c.rec;
	const struct rt_create_args args = {
		.id = rec->id,
		.bundle = rec->bundle,
		.spec = l->spec,
		.rootfs = { .kind = RT_ROOTFS_DIR, .path = rec->rootfs, .nodes = true },
		.cgroup = rec->cgroup,
		.unit = rec->unit,
		.unit_user = rec->unit_user,
		.rootless = oci_rootless(l->call->global),
		.stdio = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO },
		.preserve_fds = l->opts->preserve_fds,
		.no_pivot = l->opts->no_pivot,
		.plain_newlines = !l->detach,
		.ends_by_itself = true,
		.no_new_keyring = l->opts->no_new_keyring,
		.barrier = l->run ? RT_BARRIER_SOCKET : RT_BARRIER_FIFO,
		.fifo_fd = l->fifo,
	};

	return rt_create(&args, &l->p, e);
}

static int make_container(struct launch *l, struct err *e)
{
	CLEANUP_SCOPE struct rt_scope scope = RT_SCOPE_INIT;
	int r = make_unit(l, &scope, e);

	if (r == 0)
		r = l->make(l, e);
	if (r < 0)
		return r;
	l->c.rec.pid = l->p.pid;
	l->c.rec.start_time = l->p.start_time;
	l->c.rec.code = l->p.code;
	rt_record_note_stdio(l->call->arena, &l->c.rec);
	return rt_record_write(&l->c.dir, &l->c.rec, l->spec, e);
}

/* Tells everybody who asked. */
static int announce(struct launch *l, struct err *e)
{
	int r = 0;

	if (l->console_socket >= 0)
		r = oci_send_console(l->console_socket, l->p.console, e);
	if (r == 0 && l->pidfd_socket >= 0)
		r = oci_send_pidfd(l->pidfd_socket, l->p.pidfd, "standard", e);
	if (r == 0 && l->opts->pid_file)
		r = oci_write_pid_file(l->opts->pid_file, l->p.pid, e);
	return r;
}

void launch_undo(struct launch *l)
{
	struct err ignored = { 0 };
	int status;

	if (l->c.dir.lock < 0)
		return;
	if (l->p.pid > 0) {
		(void)!proc_signal(l->p.pidfd, SIGKILL);
		(void)!spawn_wait(l->p.pidfd, REAP_MS, &status);
	}
	if (oci_destroy(l->call, &l->c, &ignored) < 0)
		log_warning("cleaning up: %s", ignored.msg);
}

int launch_prepare(struct launch *l, struct err *e)
{
	int r = load(l, e);

	if (r == 0)
		r = check(l, e);
	if (r == 0)
		r = claim(l, e);
	if (r == 0)
		r = oci_notify_plan(l->call->arena, &l->c.dir, &l->spec, &l->notify_folder, e);
	if (r == 0)
		r = make_fifo(l, e);
	if (r == 0)
		r = make_container(l, e);
	if (r == 0)
		r = announce(l, e);
	if (r < 0)
		launch_undo(l);
	return r;
}

int cmd_create(const struct cli_call *call, struct err *e)
{
	CLEANUP_LAUNCH struct launch l = LAUNCH_INIT(call, call->opts, create);

	l.detach = true;
	return launch_prepare(&l, e);
}

/* A poststart hook that fails ends the container (runtime.md "Lifecycle"). */
static int poststart(const struct oci_spec *spec, const struct rt_record *rec, struct err *e)
{
	struct err ignored;

	if (rt_run_hooks(spec, OCI_HOOK_POSTSTART, rec->id, rec->pid, rec->bundle, "running", e) == 0)
		return 0;
	(void)!oci_kill_and_wait(rec, &ignored);
	return e->code;
}

static int set_go(struct launch *l, struct err *e)
{
	const struct rt_record *rec = &l->c.rec;
	int r = oci_notify_listen(&l->c.dir, &l->notify, e);

	if (r == 0) {
		r = rt_start(&l->p, e);
		if (r < 0)
			(void)rt_blame(l->spec, rec->cgroup, e);
		else
			r = rt_started(l->spec, rec->cgroup, rec->pid, rec->start_time, e);
		if (r < 0)
			oci_last_words(&l->p);
	}
	if (r == 0)
		r = poststart(l->spec, &l->c.rec, e);
	if (r < 0)
		launch_undo(l);
	return r;
}

void launch_unlock(struct launch *l)
{
	l->c.dir.lock = close_fd(l->c.dir.lock);
}

int launch_stay(struct launch *l, struct err *e)
{
	struct err ignored;
	int code = 0, r;

	launch_unlock(l);
	r = oci_foreground(&l->p, l->notify, &code, e);
	if (r < 0)
		return r;
	if (l->opts->keep)
		return code;
	/* somebody else may have deleted it meanwhile */
	if (rt_record_lock(&l->c.dir, &ignored) < 0)
		return code;
	r = oci_destroy(l->call, &l->c, e);
	return r < 0 ? r : code;
}

int cmd_run(const struct cli_call *call, struct err *e)
{
	CLEANUP_LAUNCH struct launch l = LAUNCH_INIT(call, call->opts, create);
	int r;

	l.run = true;
	l.detach = l.opts->detach;
	if (l.opts->keep && l.detach)
		log_debug("--keep: a detached container stays anyway");
	if (!l.detach)
		oci_block_signals(!l.opts->no_subreaper);
	r = launch_prepare(&l, e);
	if (r == 0)
		r = set_go(&l, e);
	if (r < 0)
		return r;
	if (!l.detach)
		return launch_stay(&l, e);
	launch_unlock(&l);
	return oci_notify_wait(l.notify, l.c.rec.pid, e);
}

/* One that never was started may have been killed for a limit. */
static int refuse_ended(const struct cli_call *call, const struct oci_container *c, struct err *e)
{
	const struct oci_spec *spec;
	struct err ignored = { 0 };

	(void)err_set(e, ERR_BUSY, "cannot start a container that has stopped");
	if (faccessat(c->dir.dir, RT_EXEC_FIFO, F_OK, 0) == 0 && oci_load_spec(call, &c->rec, &spec, &ignored) == 0)
		(void)rt_blame(spec, c->rec.cgroup, e);
	return e->code;
}

int cmd_start(const struct cli_call *call, struct err *e)
{
	CLEANUP_CONTAINER struct oci_container c = OCI_CONTAINER_INIT;
	CLEANUP_FD int notify = -1;
	const struct oci_spec *spec;
	struct err ignored;
	int r = oci_open(call, true, &c, e);

	if (r < 0)
		return r;
	if (c.status == RT_STOPPED || c.status == RT_CREATING)
		return refuse_ended(call, &c, e);
	if (c.status == RT_RUNNING)
		return err_set(e, ERR_BUSY, "cannot start an already running container");
	if (c.status == RT_PAUSED)
		return err_set(e, ERR_BUSY, "cannot start a container in the paused state");
	r = oci_load_spec(call, &c.rec, &spec, e);
	if (r == 0)
		r = oci_notify_listen(&c.dir, &notify, e);
	if (r < 0)
		return r;
	r = rt_start_fifo(c.dir.dir, RT_EXEC_FIFO, c.rec.pid, rt_watch(spec, c.rec.cgroup), e);
	if (r < 0)
		(void)rt_blame(spec, c.rec.cgroup, e);
	else
		r = rt_started(spec, c.rec.cgroup, c.rec.pid, c.rec.start_time, e);
	if (r < 0 && e->cls == ERR_LIMIT)
		(void)!oci_kill_and_wait(&c.rec, &ignored);
	if (unlinkat(c.dir.dir, RT_EXEC_FIFO, 0) < 0 && r == 0)
		r = err_errno(e, -errno, RT_EXEC_FIFO);
	if (r == 0)
		r = poststart(spec, &c.rec, e);
	/* other commands may work on it meanwhile */
	c.dir.lock = close_fd(c.dir.lock);
	return r < 0 ? r : oci_notify_wait(notify, c.rec.pid, e);
}
