/* Restoring a container. CRIU makes its namespaces, mounts and processes anew, from a mount namespace that is prepared for
 * it (stage.h). It is put into the container's cgroup, so what it makes is born there, and is told that this is where the
 * image's cgroups are. It is our child, and the restored init its sibling: our child, as after create. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "runtime/checkpoint.h"
#include "runtime/process_attr.h"
#include "runtime/stage.h"
#include "sys/kernel.h"
#include "sys/mnt.h"
#include "sys/ns.h"
#include "sys/proc.h"

#define LOG_FILE "restore.log"
#define DESCRIPTORS_MAX (1U << 16)
#define CGROUP_FILE_MAX 65536U
#define MAX_NAMESPACES 2 /* given by descriptor: net, pid */

struct restore {
	const struct rt_restore_args *args;
	struct rt_ctx ctx; /* for the steps of create that are the same here */
	struct rt_create_args create;
	struct stage stage;
	struct criu_options options;
	struct criu_list join, roots;
	struct criu_inherit inherit[RT_STDIO_COUNT + MAX_NAMESPACES];
	size_t n_inherit;
	struct spawn_fd fds[RT_STDIO_COUNT + MAX_NAMESPACES];
	size_t n_fds;
	int opened[MAX_NAMESPACES];
	size_t n_opened;
	int console;
};

/* ---- what CRIU is told ---- */

/* Which of our 0-2 are put in place of the pipes that the container's were. */
static int read_descriptors(struct restore *k, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	const struct json *doc;
	size_t len, i = 0;
	int r = io_read_file(k->args->criu.images, RT_DESCRIPTORS, DESCRIPTORS_MAX, &text, &len);

	if (r == -ENOENT)
		return err_set(e, ERR_INVALID, "no whole image: it has no " RT_DESCRIPTORS);
	if (r < 0)
		return err_errno(e, r, "%s of the image", RT_DESCRIPTORS);
	if (json_parse(&k->ctx.arena, text, len, NULL, &doc, e) < 0)
		return err_ctx(e, "%s of the image", RT_DESCRIPTORS);
	if (doc->type != JSON_ARRAY)
		return err_set(e, ERR_INVALID, "%s of the image: must be an array", RT_DESCRIPTORS);
	json_each(link, doc) {
		if (i >= RT_STDIO_COUNT || link->type != JSON_STRING)
			return err_set(e, ERR_INVALID, "%s of the image: must be three strings", RT_DESCRIPTORS);
		if (text_starts(link->str, "pipe:"))
			k->inherit[k->n_inherit++] = (struct criu_inherit){ link->str, (int)i };
		i++;
	}
	return 0;
}

/* A namespace that was not dumped, by the name that checkpoint gave it. */
static int give_namespace(struct restore *k, enum oci_ns ns, const char *name, struct err *e)
{
	const char *path = k->args->spec->linux_.ns[ns].path;
	int fd;

	if (!path)
		return 0;
	fd = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(e, -errno, "linux.namespaces: %s: %s", oci_ns_name(ns), path);
	k->fds[k->n_fds++] = (struct spawn_fd){ fd, CRIU_FIRST_FD + (int)k->n_opened };
	k->inherit[k->n_inherit++] = (struct criu_inherit){ name, CRIU_FIRST_FD + (int)k->n_opened };
	k->opened[k->n_opened++] = fd;
	return 0;
}

static int join_namespaces(struct restore *k, struct err *e)
{
	static const struct {
		enum oci_ns ns;
		const char *name;
	} joined[] = { { OCI_NS_IPC, "ipc" }, { OCI_NS_UTS, "uts" } };

	for (size_t i = 0; i < ARRAY_LEN(joined); i++) {
		const char *path = k->args->spec->linux_.ns[joined[i].ns].path;

		if (path && criu_add(&k->join, joined[i].name, path, e) < 0)
			return e->code;
	}
	return 0;
}

static int plan(struct restore *k, struct err *e)
{
	const struct rt_restore_args *a = k->args;
	struct criu_options *o = &k->options;

	o->images_dir = a->criu.images;
	o->work_dir = k->stage.work;
	o->log_level = 4;
	o->log_file = LOG_FILE;
	o->root = k->stage.root;
	o->cgroup_yard = k->stage.yard;
	o->notify_scripts = o->orphan_pts_master = o->evasive_devices = o->rst_sibling = true;
	o->empty_ns = CLONE_NEWNET;
	if (criu_config_file(a->criu.annotations, a->criu.n_annotations, &o->config_file, e) < 0 ||
	    read_descriptors(k, e) < 0 ||
	    give_namespace(k, OCI_NS_NETWORK, "extRootNetNS", e) < 0 ||
	    give_namespace(k, OCI_NS_PID, "extRootPidNS", e) < 0 || join_namespaces(k, e) < 0)
		return e->code;
	o->ext_mnt = (struct criu_pairs){ k->stage.mounts.v, k->stage.mounts.n };
	o->join_ns = (struct criu_pairs){ k->join.v, k->join.n };
	o->inherit = k->inherit;
	o->n_inherit = k->n_inherit;
	return 0;
}

/* ---- the cgroup ---- */

static int make_cgroup(struct restore *k, struct err *e)
{
	struct cg_resources resources;
	int r;

	if (!k->args->cgroup)
		return 0;
	r = cg_create(k->args->cgroup, &k->ctx.cgroup, NULL, e);
	if (r == 0)
		r = rt_resources(&k->ctx.arena, k->args->spec, &resources, e);
	if (r == 0)
		r = cg_apply(k->ctx.cgroup, &resources, e);
	return r < 0 ? err_ctx(e, "cgroup") : 0;
}

/* A line of /proc/PID/cgroup, "4:cpu,cpuacct:/a": each controller's root is where CRIU is now. */
static int add_roots(struct restore *k, char *line, struct err *e)
{
	char *list = strchr(line, ':'), *path = list ? strchr(list + 1, ':') : NULL, *next;

	if (!path)
		return 0;
	*path++ = '\0';
	for (list++; list; list = next) {
		next = strchr(list, ',');
		if (next)
			*next++ = '\0';
		if (criu_add(&k->roots, list, path, e) < 0)
			return e->code;
	}
	return 0;
}

static int join_cgroup(struct restore *k, pid_t criu, struct err *e)
{
	char path[32], *text, *line, *rest = NULL;
	CLEANUP_FREE char *read = NULL;
	int r;

	if (!k->ctx.cgroup)
		return 0;
	if (cg_join(k->ctx.cgroup, criu, e) < 0)
		return err_ctx(e, "cgroup");
	snprintf(path, sizeof(path), "%d/cgroup", (int)criu);
	r = io_read_file(k->ctx.proc, path, CGROUP_FILE_MAX, &read, NULL);
	if (r < 0)
		return err_errno(e, r, "/proc/%s", path);
	text = arena_strdup(&k->ctx.arena, read);
	if (!text)
		return err_errno(e, -ENOMEM, "cgroup");
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (add_roots(k, line, e) < 0)
			return e->code;
	k->options.cg_root = (struct criu_pairs){ k->roots.v, k->roots.n };
	return 0;
}

/* ---- while it works ---- */

/* Something to be done in a namespace of the container, by a helper (sys/ns.h). */
struct visit {
	pid_t pid;
	int proc;
	const char *ns; /* "net" */
	int flag;
	int (*act)(struct err *e);
	struct err *e;
};

static int visitor(void *arg)
{
	const struct visit *v = arg;
	CLEANUP_FD int ns = -1;
	char path[32];
	int r;

	snprintf(path, sizeof(path), "%d/ns/%s", (int)v->pid, v->ns);
	ns = openat(v->proc, path, O_RDONLY | O_CLOEXEC);
	r = ns < 0 ? -errno : ns_enter(ns, v->flag);
	return r < 0 ? err_errno(v->e, r, "the container's namespace \"%s\"", v->ns) : v->act(v->e);
}

static int visit(const struct restore *k, pid_t pid, const char *ns, int flag, int (*act)(struct err *), struct err *e)
{
	struct visit v = { pid, k->ctx.proc, ns, flag, act, e };
	pid_t helper = -1;
	int r = ns_run_scratch(visitor, &v, &helper);

	ns_reap(helper);
	return r < 0 && !e->code ? err_errno(e, r, "the container's namespace \"%s\"", ns) : r;
}

static int root_read_only(struct err *e)
{
	CLEANUP_FD int root = openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = root < 0 ? -errno : mnt_setattr(root, false, MOUNT_ATTR_RDONLY, 0, 0);

	return r < 0 ? err_errno(e, r, "rootfs: read-only") : 0;
}

/* Its network namespace is new and empty: as at create. */
static int network(struct restore *k, pid_t pid, struct err *e)
{
	const struct oci_namespace *ns = &k->args->spec->linux_.ns[OCI_NS_NETWORK];
	int r = 0;

	if (ns->wanted && !ns->path)
		r = visit(k, pid, "net", CLONE_NEWNET, rt_attr_loopback, e);
	return r < 0 ? r : rt_net_devices(&k->ctx, pid, e);
}

static int namespaces_are_there(struct restore *k, pid_t pid, struct err *e)
{
	const struct rt_restore_args *a = k->args;
	int r = network(k, pid, e);

	if (r == 0)
		r = rt_rdt(&k->ctx, pid, false, e);
	if (r == 0)
		r = rt_run_hooks(a->spec, OCI_HOOK_PRESTART, a->id, pid, a->bundle, "creating", e);
	if (r == 0)
		r = rt_run_hooks(a->spec, OCI_HOOK_CREATE_RUNTIME, a->id, pid, a->bundle, "creating", e);
	return r;
}

static int notified(const struct criu_response *n, int fd, void *arg, struct err *e)
{
	CLEANUP_FD int master = fd;
	struct restore *k = arg;

	if (!strcmp(n->script, "setup-namespaces"))
		return namespaces_are_there(k, n->pid, e);
	/* nothing of the container runs yet, and CRIU has no more to make in its root */
	if (!strcmp(n->script, "post-restore") && k->args->spec->root_readonly)
		return visit(k, n->pid, "mnt", CLONE_NEWNS, root_read_only, e);
	if (!strcmp(n->script, "orphan-pts-master") && master >= 0) {
		if (k->console >= 0)
			log_warning("the image has more than one terminal of the outside; all but the first are closed");
		else
			k->console = take_fd(&master);
	}
	return 0;
}

static int hand_over(struct restore *k, pid_t pid, struct rt_process *out, struct err *e)
{
	const struct oci_process *p = k->args->spec->process;
	CLEANUP(rt_process_close) struct rt_process made = RT_PROCESS_INIT;
	int r, status;

	made.pid = pid;
	made.pidfd = proc_pidfd(pid);
	r = made.pidfd < 0 ? made.pidfd : proc_start_time(pid, &made.start_time);
	if (r < 0)
		return err_errno(e, r, "the restored process %d", (int)pid);
	made.console = take_fd(&k->console);
	if (p && p->terminal && made.console < 0) {
		(void)!proc_signal(made.pidfd, SIGKILL);
		(void)!spawn_wait(made.pidfd, -1, &status);
		return err_set(e, ERR_INVALID, "process.terminal is set, but the image has no terminal: is it another container's?");
	}
	*out = made;
	made = (struct rt_process)RT_PROCESS_INIT;
	return 0;
}

static int run(struct restore *k, struct rt_process *out, struct err *e)
{
	const struct rt_restore_args *a = k->args;
	CLEANUP_CRIU struct criu c = CRIU_INIT;
	const struct criu_request request = { .type = CRIU_RESTORE, .opts = &k->options };
	const struct criu_job job = { .request = &request, .notify = notified, .arg = k, .log_dir = a->criu.work,
				      .log_file = LOG_FILE, .log_folder = a->criu.log_folder };
	struct spawn_args how = { .fds = k->fds, .n_fds = k->n_fds, .mount_ns = k->stage.ns,
				  .cgroup = k->ctx.cgroup ? cg_clone_fd(k->ctx.cgroup) : -1,
				  /* CRIU before 3.19 forgets it, but all that it makes inherits it */
				  .no_new_privs = a->spec->process && a->spec->process->no_new_privileges };
	struct criu_response answer;
	int r = criu_start(&c, a->criu.program, &how, e);

	if (r == 0)
		r = criu_require(&c, false, k->options.lazy_pages, e);
	if (r == 0 && k->options.network_lock == CRIU_LOCK_SKIP)
		r = criu_require_version(&c, 31900, "--network-lock=skip", e);
	if (r == 0)
		r = join_cgroup(k, c.pid, e);
	if (r == 0)
		r = criu_work(&c, &job, &answer, e);
	return r < 0 ? r : hand_over(k, answer.pid, out, e);
}

static void release(struct restore *k)
{
	stage_close(&k->stage);
	for (size_t i = 0; i < k->n_opened; i++)
		close_fd(k->opened[i]);
	close_fd(k->console);
	close_fd(k->ctx.proc);
	cg_close(k->ctx.cgroup);
	arena_free(&k->ctx.arena);
}

static int prepare(struct restore *k, struct err *e)
{
	const struct rt_restore_args *a = k->args;
	int r;

	k->create = (struct rt_create_args){ .id = a->id, .bundle = a->bundle, .spec = a->spec, .cgroup = a->cgroup,
					     .rootfs = { .kind = RT_ROOTFS_DIR, .path = a->rootfs, .nodes = true } };
	k->ctx.id = a->id;
	k->ctx.bundle = a->bundle;
	k->ctx.spec = a->spec;
	k->ctx.create = &k->create;
	k->join.arena = k->roots.arena = &k->ctx.arena;
	for (int i = 0; i < RT_STDIO_COUNT; i++)
		k->fds[k->n_fds++] = (struct spawn_fd){ a->stdio[i], i };
	r = criu_check_spec(a->spec, e);
	if (r == 0)
		r = rt_plan(&k->ctx, e);
	if (r == 0 && k->ctx.by_child)
		r = err_set(e, ERR_DENIED, "only root may restore a container");
	if (r == 0)
		r = make_cgroup(k, e);
	if (r == 0)
		r = stage_make(&k->stage, &k->ctx, a->state, a->criu.work, e);
	return r < 0 ? r : plan(k, e);
}

int rt_restore(const struct rt_restore_args *args, struct rt_process *out, struct err *e)
{
	struct restore k = { .args = args, .options = *args->criu.options, .ctx = { .arena = ARENA_INIT, .proc = -1 },
			     .stage = STAGE_INIT, .console = -1 };
	int r = prepare(&k, e);

	if (r == 0)
		r = run(&k, out, e);
	release(&k);
	return r;
}
