/* Restoring a container. CRIU makes its namespaces, mounts and processes anew; what it finds on the host is prepared here:
 *
 *   the root    CRIU wants a mount point that nothing is mounted over. It is made in a mount namespace of CRIU's own, the
 *               stage, where rootfs is bound onto a folder of the container's state: the host's mount table never shows
 *               it, and whatever kills us leaves no mount.
 *   mount points  are made as at create, in a second such namespace that ends with the helper that made it: binds are
 *               attached there too, because a later mount may lie inside one.
 *   the cgroup  CRIU is put into it, so what it makes is born there, and told that this is where the image's cgroups are.
 *
 * CRIU is our child, and the restored init its sibling: our child as after create. */
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
#include "oci/mount_options.h"
#include "runtime/checkpoint.h"
#include "runtime/criu.h"
#include "runtime/internal.h"
#include "runtime/process_attr.h"
#include "sys/kernel.h"
#include "sys/mnt.h"
#include "sys/ns.h"
#include "sys/proc.h"

#define LOG_FILE "restore.log"
#define ROOT_FOLDER "criu-root"
#define DESCRIPTORS_MAX (1U << 16)
#define CGROUP_FILE_MAX 65536U
#define MAX_NAMESPACES 2 /* given by descriptor: net, pid */

struct restore {
	const struct rt_restore_args *args;
	struct rt_ctx ctx; /* what create's steps for a process from outside want to know */
	struct criu_options options;
	struct criu_list mounts, join, roots;
	struct criu_inherit inherit[RT_STDIO_COUNT + MAX_NAMESPACES];
	size_t n_inherit;
	struct spawn_fd fds[RT_STDIO_COUNT + MAX_NAMESPACES];
	size_t n_fds;
	int opened[MAX_NAMESPACES];
	size_t n_opened;
	struct cgroup *cgroup;
	const char *root; /* the stage's mount point */
	int stage;        /* mount namespace */
	int work;         /* the work folder as it is there: CRIU mounts things in it */
	pid_t helper;
	int console;
};

/* ---- the stage, all of it in a helper's mount namespace (sys/ns.h) ---- */

static int attach_root(const struct restore *k, bool read_only, struct err *e)
{
	CLEANUP_FD int root = mnt_clone_tree(AT_FDCWD, k->args->rootfs, true);
	int r;

	if (root < 0)
		return err_errno(e, root, "rootfs %s", k->args->rootfs);
	r = mnt_setattr(root, true, 0, 0, MS_PRIVATE);
	if (r == 0 && read_only)
		r = mnt_setattr(root, false, MOUNT_ATTR_RDONLY, 0, 0);
	if (r == 0)
		r = mnt_attach_at(root, AT_FDCWD, k->root);
	return r < 0 ? err_errno(e, r, "rootfs %s", k->args->rootfs) : 0;
}

static bool is_bind(const struct oci_mount *m, bool *recursive, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct oci_mount_options o = { 0 };

	if (oci_mount_options_parse(&a, m->options, &o, e) < 0)
		return false;
	*recursive = o.recursive_bind;
	return o.bind || (m->type && !strcmp(m->type, "bind"));
}

/* On a file system that is made anew: its folders are in the image, or the kernel's. */
static bool on_another(const struct oci_spec *spec, size_t i)
{
	struct err ignored;
	bool recursive;

	for (size_t j = 0; j < i; j++) {
		const char *folder = spec->mounts[j].destination, *path = spec->mounts[i].destination;
		size_t len = strlen(folder);

		if (!strncmp(folder, path, len) && path[len] == '/' && !is_bind(&spec->mounts[j], &recursive, &ignored))
			return true;
	}
	return false;
}

static int make_mount_point(int root, const struct oci_mount *m, struct err *e)
{
	CLEANUP_FD int tree = -1, target = -1;
	bool recursive, bind = is_bind(m, &recursive, e);
	int r;

	if (bind) {
		tree = mnt_clone_tree(AT_FDCWD, m->source, recursive);
		if (tree < 0)
			return err_errno(e, tree, "source %s", m->source);
	}
	target = rt_mount_target(root, m->destination, tree, e);
	if (target < 0)
		return target;
	r = bind ? mnt_attach(tree, target) : 0;
	return r < 0 ? err_errno(e, r, "attaching") : 0;
}

static int make_mount_points(const struct restore *k, struct err *e)
{
	const struct oci_spec *spec = k->args->spec;
	CLEANUP_FD int root = open(k->root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return err_errno(e, -errno, "%s", k->root);
	for (size_t i = 0; i < spec->n_mounts; i++)
		if (!on_another(spec, i) && make_mount_point(root, &spec->mounts[i], e) < 0)
			return err_ctx(e, "mount on %s", spec->mounts[i].destination);
	return 0;
}

static int attach_cgroups(const struct restore *k, struct err *e)
{
	CLEANUP_FD int yard = -1, v2 = -1;
	int r;

	if (!k->options.cgroup_yard)
		return 0;
	yard = open(k->options.cgroup_yard, O_PATH | O_DIRECTORY | O_CLOEXEC);
	v2 = yard < 0 ? -errno : mnt_clone_tree(AT_FDCWD, "/sys/fs/cgroup", false);
	r = v2 < 0 ? v2 : mnt_attach_at(v2, yard, CRIU_YARD_V2);
	return r < 0 ? err_errno(e, r, "cgroups for CRIU") : 0;
}

struct staging {
	struct restore *k;
	struct err *e;
};

static int set_stage(void *arg)
{
	struct restore *k = ((struct staging *)arg)->k;
	struct err *e = ((struct staging *)arg)->e;
	const char *work;
	int r = mnt_propagation("/", true, MS_PRIVATE);

	if (r < 0)
		return err_errno(e, r, "mount namespace for CRIU");
	k->stage = open("/proc/thread-self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (k->stage < 0)
		return err_errno(e, -errno, "mount namespace for CRIU");
	r = ns_unshare(CLONE_NEWNS);
	if (r < 0)
		return err_errno(e, r, "mount namespace for mount points");
	if (attach_root(k, false, e) < 0 || make_mount_points(k, e) < 0)
		return e->code;
	r = ns_enter(k->stage, CLONE_NEWNS);
	if (r < 0)
		return err_errno(e, r, "mount namespace for CRIU");
	work = criu_path_of(&k->ctx.arena, k->args->criu.work);
	k->work = work ? open(work, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (k->work < 0)
		return err_errno(e, -errno, "--work-path %s", k->args->criu.log_folder);
	r = attach_root(k, k->args->spec->root_readonly, e);
	return r < 0 ? r : attach_cgroups(k, e);
}

static int make_stage(struct restore *k, struct err *e)
{
	struct staging s = { k, e };
	int r;

	k->root = arena_printf(&k->ctx.arena, "%s/" ROOT_FOLDER, k->args->state);
	if (!k->root)
		return err_errno(e, -ENOMEM, "restore");
	if (mkdir(k->root, 0755) < 0 && errno != EEXIST)
		return err_errno(e, -errno, "%s", k->root);
	if (criu_yard_make(&k->ctx.arena, k->args->state, false, &k->options.cgroup_yard, e) < 0)
		return e->code;
	r = ns_run_scratch(set_stage, &s, &k->helper);
	return r < 0 && !e->code ? err_errno(e, r, "mount namespace for CRIU") : r;
}

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
	fd = open(path, O_RDONLY | O_CLOEXEC);
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
	} joined[] = { { OCI_NS_USER, "user" }, { OCI_NS_IPC, "ipc" }, { OCI_NS_UTS, "uts" } };

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
	o->work_dir = k->work;
	o->log_level = 4;
	o->log_file = LOG_FILE;
	o->root = k->root;
	o->notify_scripts = o->orphan_pts_master = o->evasive_devices = o->rst_sibling = true;
	o->empty_ns = CLONE_NEWNET;
	if (criu_config_file(a->criu.annotations, a->criu.n_annotations, &o->config_file, e) < 0 ||
	    read_descriptors(k, e) < 0 ||
	    give_namespace(k, OCI_NS_NETWORK, "extRootNetNS", e) < 0 ||
	    give_namespace(k, OCI_NS_PID, "extRootPidNS", e) < 0 || join_namespaces(k, e) < 0 ||
	    criu_mounts(&k->mounts, a->spec, a->cgroup, false, -1, e) < 0)
		return e->code;
	o->ext_mnt = (struct criu_pairs){ k->mounts.v, k->mounts.n };
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
	r = cg_create(k->args->cgroup, &k->cgroup, NULL, e);
	if (r == 0)
		r = rt_resources(&k->ctx.arena, k->args->spec, &resources, e);
	if (r == 0)
		r = cg_apply(k->cgroup, &resources, e);
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

	if (!k->cgroup)
		return 0;
	if (cg_join(k->cgroup, criu, e) < 0)
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

struct loopback {
	pid_t pid;
	int proc;
	struct err *e;
};

static int loopback_up(void *arg)
{
	const struct loopback *l = arg;
	CLEANUP_FD int netns = -1;
	char path[32];
	int r;

	snprintf(path, sizeof(path), "%d/ns/net", (int)l->pid);
	netns = openat(l->proc, path, O_RDONLY | O_CLOEXEC);
	r = netns < 0 ? -errno : ns_enter(netns, CLONE_NEWNET);
	return r < 0 ? err_errno(l->e, r, "the container's network namespace") : rt_attr_loopback(l->e);
}

/* Its network namespace is new and empty: as at create. */
static int network(struct restore *k, pid_t pid, struct err *e)
{
	const struct oci_namespace *ns = &k->args->spec->linux_.ns[OCI_NS_NETWORK];
	struct loopback l = { pid, k->ctx.proc, e };
	pid_t helper = -1;
	int r = 0;

	if (ns->wanted && !ns->path) {
		r = ns_run_scratch(loopback_up, &l, &helper);
		ns_reap(helper);
	}
	return r < 0 ? r : rt_net_devices(&k->ctx, pid, e);
}

static int namespaces_are_there(struct restore *k, pid_t pid, struct err *e)
{
	const struct rt_restore_args *a = k->args;
	int r = network(k, pid, e);

	if (r == 0)
		r = rt_rdt(&k->ctx, pid, false, e);
	if (r == 0)
		r = rt_hooks(a->spec, OCI_HOOK_PRESTART, a->id, pid, a->bundle, "creating", NULL, e);
	if (r == 0)
		r = rt_hooks(a->spec, OCI_HOOK_CREATE_RUNTIME, a->id, pid, a->bundle, "creating", NULL, e);
	return r;
}

static int notified(const struct criu_response *n, int fd, void *arg, struct err *e)
{
	CLEANUP_FD int master = fd;
	struct restore *k = arg;

	if (!strcmp(n->script, "setup-namespaces"))
		return namespaces_are_there(k, n->pid, e);
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
	struct spawn_args how = { .fds = k->fds, .n_fds = k->n_fds, .mount_ns = k->stage,
				  .cgroup = k->cgroup ? cg_clone_fd(k->cgroup) : -1 };
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
	ns_reap(k->helper);
	for (size_t i = 0; i < k->n_opened; i++)
		close_fd(k->opened[i]);
	close_fd(k->stage);
	close_fd(k->work);
	criu_yard_remove(k->options.cgroup_yard);
	close_fd(k->console);
	close_fd(k->ctx.proc);
	cg_close(k->cgroup);
	if (k->root)
		(void)rmdir(k->root);
	arena_free(&k->ctx.arena);
}

int rt_restore(const struct rt_restore_args *args, struct rt_process *out, struct err *e)
{
	struct restore k = { .args = args, .options = *args->criu.options, .ctx = { .arena = ARENA_INIT, .id = args->id, .spec = args->spec }, .stage = -1,
			     .work = -1, .helper = -1, .console = -1 };
	int r;

	k.mounts.arena = k.join.arena = k.roots.arena = &k.ctx.arena;
	for (int i = 0; i < RT_STDIO_COUNT; i++)
		k.fds[k.n_fds++] = (struct spawn_fd){ args->stdio[i], i };
	k.ctx.proc = rt_open_proc(e);
	r = k.ctx.proc < 0 ? k.ctx.proc : criu_check_spec(args->spec, e);
	if (r == 0)
		r = make_stage(&k, e);
	if (r == 0)
		r = make_cgroup(&k, e);
	if (r == 0)
		r = plan(&k, e);
	if (r == 0)
		r = run(&k, out, e);
	release(&k);
	return r;
}
