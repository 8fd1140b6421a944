/* Another process in a running container, in all of init's namespaces by setns(pidfd), in the container's cgroup from
 * its first instruction on (clone.c). The pid is only used together with its start time, so that a reused one is never entered.
 *
 * The container is hostile here: it runs, and could look at the newcomer. That is not dumpable from its first
 * instruction on, holds no descriptor of the host but its socket and the procfs handle, and reads nothing from the
 * container before it has become the container's own: /proc is our handle, the terminal is checked by descriptor. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <limits.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/defence.h"
#include "base/io.h"
#include "base/log.h"
#include "runtime/internal.h"
#include "runtime/process_attr.h"
#include "runtime/sync.h"
#include "runtime/unit.h"
#include "sys/kernel.h"
#include "sys/proc.h"
#include "sys/signals.h"
#include "sys/sock.h"

struct entry {
	struct rt_ctx ctx;
	const struct rt_exec_args *args;
	struct cgroup *cgroup;
	bool attach; /* to be moved into its cgroup by systemd */
	int init; /* pidfd */
	int sock;
	pid_t pid;
	int pidfd;
	int console;
};

/* ---- child ---- */

int rt_become_root(const struct rt_ctx *c, struct err *e)
{
	int r;

	if (defence(dumpable) && prctl(PR_SET_DUMPABLE, 0UL) < 0)
		return err_errno(e, -errno, "dumpable");
	(void)setsid();
	r = signals_reset();
	if (r < 0)
		return err_errno(e, r, "signals");
	if (!c->spec->linux_.ns[OCI_NS_USER].wanted)
		return 0;
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return err_errno(e, -errno, "becoming root of the user namespace");
	return prctl(PR_SET_DUMPABLE, 0UL) < 0 ? err_errno(e, -errno, "dumpable") : 0;
}

static int terminal(const struct rt_ctx *c, struct err *e)
{
	CLEANUP_FD int root = -1, master = -1;
	int r;

	if (!c->process->terminal)
		return 0;
	root = openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_errno(e, -errno, "/");
	r = rt_console(c, root, false, &master, e);
	return r < 0 ? r : rt_send(c->sock, RT_MSG_CONSOLE, 0, master, e);
}

static _Noreturn void exec_main(struct rt_ctx *c, pid_t init)
{
	struct err e = { 0 };
	int r = rt_close_others(c, &e);

	if (r == 0)
		r = rt_become_root(c, &e);
	if (r == 0)
		r = rt_host_root_enter(c, init, &e);
	if (r == 0)
		r = rt_expect(c->sock, RT_MSG_JOINED, NULL, &e);
	if (r == 0)
		r = terminal(c, &e);
	if (r == 0)
		r = rt_process_prepare(c, &e);
	if (r == 0)
		r = rt_process_exec(c, &e);
	rt_send_error(c->sock, &e);
	rt_exit(e.cls == ERR_CMD_MISSING ? 127 : e.cls == ERR_CMD_NOEXEC ? 126 : 125);
}

/* ---- host side ---- */

static int exec_plan(struct entry *n, struct err *e)
{
	const struct rt_exec_args *a = n->args;
	struct rt_ctx *c = &n->ctx;
	bool may_mount;
	int r;

	c->id = a->id ? a->id : "exec";
	c->spec = a->spec;
	c->process = a->process;
	c->stdio = a->stdio;
	c->pass = a->pass;
	c->listen_fds = a->pass ? a->pass->listen : 0;
	c->keep_fds = a->pass ? a->pass->n : a->preserve_fds;
	c->plain_newlines = a->plain_newlines;
	c->keep_groups = rt_keeps_groups(c->spec);
	c->no_new_keyring = a->no_new_keyring;
	r = rt_process_check(a->process, e);
	if (r == 0)
		r = rt_landlock_check(c->spec, e);
	if (r == 0)
		r = rt_filter_plan(c, e);
	if (r < 0)
		return r;
	c->proc = rt_open_proc(&may_mount, e);
	c->by_child = !may_mount;
	return c->proc < 0 ? c->proc : 0;
}

/* The cgroup to run in: the named one, else init's; none where that is not ours to enter. */
static int find_cgroup(struct entry *n, struct err *e)
{
	char path[PATH_MAX];
	const char *cgroup = n->args->cgroup;
	int r;

	if (!cgroup) {
		if (cg_detect() == CG_NONE)
			return 0;
		r = cg_path_of(n->args->pid, path, sizeof(path));
		if (r < 0)
			return err_errno(e, r, "the container's cgroup");
		/* a container that was given none is where its maker was: only who has rights there can go there */
		if (!cg_may_make(path))
			return 0;
		cgroup = path;
	}
	r = cg_open(cgroup, &n->cgroup, e);
	for (const char *const *w = n->args->narrow; r == 0 && w && *w; w++)
		r = cg_narrow(n->cgroup, *w, e);
	return r < 0 ? err_ctx(e, "cgroup") : 0;
}

static bool same_namespace(const struct rt_ctx *c, pid_t pid, const char *name)
{
	struct stat a, b;
	char path[48];

	snprintf(path, sizeof(path), "%d/ns/%s", (int)pid, name);
	return fstatat(c->proc, path, &a, 0) == 0 &&
	       (snprintf(path, sizeof(path), "self/ns/%s", name), fstatat(c->proc, path, &b, 0)) == 0 &&
	       a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

/* Init before start is still a process of ours with descriptors of the host's, which nobody may look at, so it is nobody's but
 * root's to enter. */
static int check_enterable(const struct entry *n, struct err *e)
{
	char path[48];
	struct stat st;

	snprintf(path, sizeof(path), "%d/ns/mnt", (int)n->args->pid);
	if (fstatat(n->ctx.proc, path, &st, 0) == 0 || (errno != EACCES && errno != EPERM))
		return 0;
	return err_set(e, ERR_DENIED,
		       "no rights to enter process %d; a container that waits for start is open to root alone: start it first",
		       (int)n->args->pid);
}

int rt_other_namespaces(const struct rt_ctx *c, pid_t pid)
{
	static const char *const files[OCI_NS_COUNT] = {
		[OCI_NS_USER] = "user", [OCI_NS_PID] = "pid", [OCI_NS_MOUNT] = "mnt",     [OCI_NS_NETWORK] = "net",
		[OCI_NS_IPC] = "ipc",   [OCI_NS_UTS] = "uts", [OCI_NS_CGROUP] = "cgroup", [OCI_NS_TIME] = "time",
	};
	int flags = 0;

	for (int i = 0; i < OCI_NS_COUNT; i++) {
		const struct oci_namespace *ns = &c->spec->linux_.ns[i];
		/* one that was made for the container is hardly ours; to enter it once more would only be an error for "user" */
		bool its_own = i != OCI_NS_USER && ns->wanted && !ns->path;

		if (its_own || !same_namespace(c, pid, files[i]))
			flags |= oci_ns_flag((enum oci_ns)i);
	}
	return flags;
}

/* By the process that enters: systemd moves it only as long as it is the caller's by its ids, and who has no rights can set
 * its limits only as long as it is not in there, where it must not be dumpable. */
static int before_entering(void *arg, struct err *e)
{
	struct entry *n = arg;
	int r = n->attach ? rt_scope_attach(n->args->unit, n->args->unit_user, "", getpid(), e) : 0;

	return r < 0 || !n->ctx.by_child ? r : rt_process_host(&n->ctx, getpid(), e);
}

/* v2: a container that divides its cgroup (systemd does, and who has a delegated one) has moved its processes below it, and none
 * can be born there any more. Then where init is. */
static bool find_inits_cgroup(struct entry *n)
{
	const char *own = n->args->cgroup;
	size_t len = own ? strlen(own) : 0;
	struct cgroup *cg;
	char path[PATH_MAX];
	struct err ignored;

	if (!own || (n->args->narrow && *n->args->narrow) || cg_path_of(n->args->pid, path, sizeof(path)) < 0 ||
	    strncmp(path, own, len) != 0 || path[len] != '/' || cg_open(path, &cg, &ignored) < 0)
		return false;
	cg_close(n->cgroup);
	n->cgroup = cg;
	return true;
}

/* v1: one that has processors of its own is moved by us: the cgroup may not allow those that it has before, and must not come after those that it
 * has then. */
static bool joins_later(const struct entry *n)
{
	const struct oci_process *p = n->args->process;

	return (p->cpu_affinity_initial || p->cpu_affinity_final) && !cg_only_v2(n->cgroup);
}

/* Once more, too. */
static void try_clone(struct entry *n, struct rt_clone *how, struct err *e)
{
	n->sock = close_fd(n->sock);
	*e = (struct err){ 0 };
	n->pid = rt_clone_linked(how, &n->ctx.sock, &n->sock, &n->pidfd, e);
}

static int clone_entry(struct entry *n, struct err *e)
{
	struct rt_clone how = { .pidfd = n->init, .pidfd_flags = rt_other_namespaces(&n->ctx, n->args->pid),
				.before = n->ctx.by_child ? before_entering : NULL, .arg = n };

	if (n->cgroup && !joins_later(n))
		how.cgroup = n->cgroup;
	try_clone(n, &how, e);
	if (n->pid == -EBUSY && how.cgroup && find_inits_cgroup(n)) {
		how.cgroup = n->cgroup;
		try_clone(n, &how, e);
	}
	n->attach = n->pid == -EACCES && how.cgroup && n->args->unit;
	if (n->attach) {
		how.cgroup = NULL;
		how.before = before_entering;
		try_clone(n, &how, e);
	}
	if (n->pid == 0)
		exec_main(&n->ctx, n->args->pid);
	if (n->pid == -EBUSY && how.cgroup)
		return err_set(e, ERR_BUSY, "error adding pid to cgroups: device or resource busy: the container has handed the "
					    "controllers of that cgroup down, name one below it");
	if (n->pid == -EACCES && how.cgroup)
		return err_set(e, ERR_DENIED,
			       "no rights to move a process from our cgroup to the container's: call from below the cgroup "
			       "that was delegated");
	return n->pid < 0 ? n->pid : 0;
}

/* The child went into init's root by its pid: which was init's as long as that lives. */
static int check_init(const struct entry *n, struct err *e)
{
	int r = rt_expect(n->sock, RT_MSG_READY, NULL, e);

	if (r == 0 && proc_signal(n->init, 0) < 0)
		return err_set(e, ERR_BUSY, "exec: the container is not running any more");
	return r;
}

static int host_part(struct entry *n, struct err *e)
{
	struct rt_ctx *c = &n->ctx;
	struct idmap_range *map;
	int r;

	if (c->spec->linux_.ns[OCI_NS_USER].wanted) {
		map = arena_array(&c->arena, IDMAP_MAX, sizeof(*map));
		r = map ? idmap_read(c->proc, n->args->pid, "uid_map", map, IDMAP_MAX, &c->n_uid) : -ENOMEM;
		if (r < 0)
			return err_errno(e, r, "uid_map of the container");
		c->uid_map = map;
	}
	return rt_process_host(c, n->pid, e);
}

static int attend(struct entry *n, struct err *e)
{
	const struct oci_process *p = n->args->process;
	int r = n->ctx.by_child ? 0 : host_part(n, e);

	if (r == 0 && p->cpu_affinity_initial)
		r = rt_attr_affinity(n->pid, p->cpu_affinity_initial, "process.execCPUAffinity.initial", e);
	if (r == 0 && n->cgroup && joins_later(n))
		r = cg_join(n->cgroup, n->pid, e);
	if (r == 0)
		r = rt_rdt(&n->ctx, n->pid, true, e);
	if (r == 0 && p->cpu_affinity_final)
		r = rt_attr_affinity(n->pid, p->cpu_affinity_final, "process.execCPUAffinity.final", e);
	else if (r == 0 && !p->cpu_affinity_initial)
		r = rt_attr_all_cpus(n->pid, e);
	if (r == 0 && !n->args->spec->linux_.ns[OCI_NS_MOUNT].wanted)
		r = check_init(n, e);
	if (r == 0)
		r = rt_send(n->sock, RT_MSG_JOINED, 0, -1, e);
	while (r == 0) {
		struct rt_received m;

		r = rt_recv(n->sock, &m, e);
		if (r < 0 || m.eof)
			break;
		if (m.type != RT_MSG_CONSOLE || n->console >= 0 || m.fd < 0)
			return err_set(e, ERR_INTERNAL, "exec out of step: message %d", (int)m.type);
		n->console = m.fd;
	}
	return r;
}

static int exec_hand_over(struct entry *n, struct rt_process *out)
{
	struct rt_process p = RT_PROCESS_INIT;

	/* it may have ended already; then its start time is of no use to anybody */
	if (proc_start_time(n->pid, &p.start_time) < 0)
		p.start_time = 0;
	p.pid = n->pid;
	p.pidfd = take_fd(&n->pidfd);
	p.console = take_fd(&n->console);
	*out = p;
	return 0;
}

static void exec_release(struct entry *n)
{
	close_fd(n->init);
	close_fd(n->sock);
	close_fd(n->pidfd);
	close_fd(n->console);
	close_fd(n->ctx.proc);
	close_fd(n->ctx.agent);
	cg_close(n->cgroup);
	arena_free(&n->ctx.arena);
}

int rt_exec(const struct rt_exec_args *args, struct rt_process *out, struct err *e)
{
	struct entry n = { .ctx = { .arena = ARENA_INIT, .proc = -1, .sock = -1, .agent = -1 },
			   .args = args,
			   .init = -1,
			   .sock = -1,
			   .pid = -1,
			   .pidfd = -1,
			   .console = -1 };
	int r;

	n.init = proc_open_checked(args->pid, args->start_time);
	if (n.init == -ESRCH)
		return err_set(e, ERR_BUSY, "exec: the container is not running any more");
	if (n.init < 0)
		return err_errno(e, n.init, "exec");
	r = exec_plan(&n, e);
	if (r == 0)
		r = check_enterable(&n, e);
	if (r == 0)
		r = find_cgroup(&n, e);
	if (r == 0)
		r = clone_entry(&n, e);
	if (r == 0) {
		log_debug("exec: process %d in the namespaces of process %d", (int)n.pid, (int)args->pid);
		r = attend(&n, e);
	}
	if (r == 0)
		r = exec_hand_over(&n, out);
	if (r < 0 && n.pid > 0) {
		rt_last_word(n.sock, e);
		(void)!proc_signal(n.pidfd, SIGKILL);
		while (waitpid(n.pid, NULL, __WALL) < 0 && errno == EINTR)
			;
	}
	if (r < 0 && n.cgroup)
		(void)rt_blame(args->spec, args->cgroup, e);
	exec_release(&n);
	return r;
}
