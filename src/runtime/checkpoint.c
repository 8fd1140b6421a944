/* Dumping a container. Everything but descriptors.json is CRIU's: that file is removed before and written last, so that
 * a folder without it is known to be no whole image. Last is, with lazy pages, when they are being served. */
#include "runtime/checkpoint.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/json.h"
#include "runtime/criu.h"
#include "runtime/internal.h"

#define LOG_FILE "dump.log"

struct dump {
	const struct rt_checkpoint_args *args;
	struct arena arena;
	struct criu_options options;
	struct criu_list mounts;
	const char *external[3];
	size_t n_external;
	int status_fd;
};

/* ---- what CRIU is told ---- */

/* A namespace that was joined by path is not dumped: at restore there has to be one again. */
static int external_namespace(struct dump *d, enum oci_ns ns, const char *kind, const char *name, struct err *e)
{
	const char *path = d->args->spec->linux_.ns[ns].path;
	struct stat st;

	if (!path)
		return 0;
	if (stat(path, &st) < 0)
		return err_errno(e, -errno, "linux.namespaces: %s: %s", kind, path);
	d->external[d->n_external] = arena_printf(&d->arena, "%s[%llu]:%s", kind, (unsigned long long)st.st_ino, name);
	return d->external[d->n_external++] ? 0 : err_errno(e, -ENOMEM, "linux.namespaces");
}

/* The folder with which CRIU can stop all of them at once; without a freezer it stops them one by one. */
static int find_freezer(const char *controller, const char *folder, void *arg)
{
	struct dump *d = arg;
	bool freezer = !strcmp(controller, "freezer");

	/* v2 beside v1 has one, too, but the processes need not be in it */
	if (!freezer && (*controller || cg_detect() != CG_V2))
		return 0;
	d->options.freeze_cgroup = arena_strdup(&d->arena, folder);
	return d->options.freeze_cgroup ? 0 : -ENOMEM;
}

static int plan_mounts(struct dump *d, struct err *e)
{
	char path[32];
	CLEANUP_FD int root = -1;

	snprintf(path, sizeof(path), "/proc/%d/root", (int)d->args->pid);
	root = openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_errno(e, -errno, "the container's root");
	d->mounts.arena = &d->arena;
	if (criu_mounts(&d->mounts, d->args->spec, d->args->pid, root, e) < 0)
		return e->code;
	d->options.ext_mnt = (struct criu_pairs){ d->mounts.v, d->mounts.n };
	return 0;
}

static int plan(struct dump *d, struct err *e)
{
	const struct rt_checkpoint_args *a = d->args;
	struct criu_options *o = &d->options;
	int r;

	*o = *a->criu.options;
	o->images_dir = a->criu.images;
	o->work_dir = a->criu.work;
	o->pid = a->pid;
	o->log_level = 4;
	o->log_file = LOG_FILE;
	o->root = a->rootfs;
	o->notify_scripts = o->orphan_pts_master = true;
	o->track_mem = a->pre_dump || o->parent_img;
	o->empty_ns = CLONE_NEWNET;
	o->external = d->external;
	if (criu_config_file(a->criu.annotations, a->criu.n_annotations, &o->config_file, e) < 0 ||
	    criu_check_spec(a->spec, e) < 0 || external_namespace(d, OCI_NS_NETWORK, "net", "extRootNetNS", e) < 0 ||
	    external_namespace(d, OCI_NS_PID, "pid", "extRootPidNS", e) < 0)
		return e->code;
	r = a->cgroup ? cg_each_folder(a->cgroup, find_freezer, d) : 0;
	if (r < 0)
		return err_errno(e, r, "freezer of cgroup %s", a->cgroup);
	if (criu_yard_make(&d->arena, a->state, &o->cgroup_yard, e) < 0)
		return e->code;
	return a->pre_dump ? 0 : plan_mounts(d, e);
}

/* ---- descriptors.json ---- */

static int write_descriptors(struct dump *d, struct err *e)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&out);
	int r;

	jw_array(&w, NULL);
	for (int i = 0; i < RT_STDIO_COUNT; i++)
		jw_str(&w, NULL, d->args->stdio[i] ? d->args->stdio[i] : "");
	jw_end_array(&w);
	r = sb_error(&out);
	if (r == 0)
		r = io_replace_file(d->args->criu.images, RT_DESCRIPTORS, out.s, out.len, 0600, true);
	return r < 0 ? err_errno(e, r, "%s of the image", RT_DESCRIPTORS) : 0;
}

/* ---- work ---- */

static int notified(const struct criu_response *n, int fd, void *arg, struct err *e)
{
	struct dump *d = arg;
	int r = 0;

	close_fd(fd);
	if (strcmp(n->script, "status-ready") != 0)
		return 0;
	/* lazy pages: from here on it can be restored, and is, before the dump comes to its end */
	if (!d->args->pre_dump && write_descriptors(d, e) < 0)
		return e->code;
	if (d->status_fd >= 0) {
		r = io_write_full(d->status_fd, "", 1);
		d->status_fd = close_fd(d->status_fd);
	}
	return r < 0 ? err_errno(e, r, "--status-fd") : 0;
}

static int run(struct dump *d, struct err *e)
{
	const struct rt_checkpoint_args *a = d->args;
	CLEANUP_CRIU struct criu c = CRIU_INIT;
	struct spawn_args how = { 0 };
	const struct criu_request request = { .type = a->pre_dump ? CRIU_PRE_DUMP : CRIU_DUMP, .opts = &d->options };
	const struct criu_job job = { .request = &request, .notify = notified, .arg = d, .log_dir = a->criu.work,
				      .log_file = LOG_FILE, .log_folder = a->criu.log_folder };
	struct criu_response answer;
	int r = criu_start(&c, a->criu.program, &how, e);

	if (r == 0)
		r = criu_require(&c, d->options.track_mem, d->options.lazy_pages, e);
	if (r == 0 && d->options.network_lock == CRIU_LOCK_SKIP)
		r = criu_require_version(&c, 31900, "--network-lock=skip", e);
	return r < 0 ? r : criu_work(&c, &job, &answer, e);
}

static int make_image(struct dump *d, struct err *e)
{
	int images = d->args->criu.images, r;

	if (unlinkat(images, RT_DESCRIPTORS, 0) < 0 && errno != ENOENT)
		return err_errno(e, -errno, "%s of an earlier image", RT_DESCRIPTORS);
	r = run(d, e);
	if (r == 0 && !d->args->pre_dump)
		r = write_descriptors(d, e);
	if (r < 0)
		(void)unlinkat(images, RT_DESCRIPTORS, 0);
	return r;
}

int rt_checkpoint(const struct rt_checkpoint_args *args, struct err *e)
{
	struct dump d = { .args = args, .arena = ARENA_INIT, .status_fd = args->status_fd };
	int r = plan(&d, e);

	if (r == 0)
		r = make_image(&d, e);
	criu_yard_remove(d.options.cgroup_yard);
	close_fd(d.status_fd);
	arena_free(&d.arena);
	return r;
}
