/* checkpoint, and the options it shares with restore. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "cmd/oci/oci.h"

#define DEFAULT_IMAGES "checkpoint"

/* ---- options ---- */

#define CRIU(m) offsetof(struct oci_criu_opts, criu.m)
#define COMMON(m) offsetof(struct oci_criu_opts, m)
const struct cli_option oci_criu_options[] = {
	{ "image-path", 0, "DIR", CLI_STR, "the folder of the image (default: checkpoint, in the current folder)",
	  COMMON(image_path) },
	{ "work-path", 0, "DIR", CLI_STR, "where CRIU's log and other work files go (default: the folder of the image)",
	  COMMON(work_path) },
	{ "tcp-established", 0, NULL, CLI_FLAG, "open TCP connections, too", CRIU(tcp_established) },
	{ "ext-unix-sk", 0, NULL, CLI_FLAG, "unix sockets whose other end is outside, too", CRIU(ext_unix_sk) },
	{ "shell-job", 0, NULL, CLI_FLAG, "a session and a terminal that come from outside", CRIU(shell_job) },
	{ "file-locks", 0, NULL, CLI_FLAG, "file locks, too", CRIU(file_locks) },
	{ "manage-cgroups-mode", 0, "MODE", CLI_STR, "what CRIU does about properties of cgroups: soft, full, strict or ignore",
	  COMMON(cgroups_mode), .choices = "soft|full|strict|ignore" },
	{ "empty-ns", 0, "NAMESPACE", CLI_STRV, "network: its content is not saved, which it never is", COMMON(empty_ns) },
	{ "auto-dedup", 0, NULL, CLI_FLAG, "free pages of a parent image that are in this one", CRIU(auto_dedup) },
	{ "lazy-pages", 0, NULL, CLI_FLAG, "memory goes over later, by userfaultfd", CRIU(lazy_pages) },
	{ "network-lock", 0, "METHOD", CLI_STR, "how connections are kept still meanwhile: iptables, nftables or skip",
	  COMMON(network_lock), .choices = "iptables|nftables|skip" },
	{ 0 },
};

static int parse_page_server(struct arena *a, const char *value, void *target, struct err *e)
{
	const char *colon = strrchr(value, ':');
	struct criu_options *o = target;
	size_t len = colon ? (size_t)(colon - value) : 0;
	uint32_t port;

	if (!len || text_u32(colon + 1, &port) < 0 || port == 0 || port > 65535)
		return err_set(e, ERR_INVALID, "--page-server %s: must be ADDRESS:PORT", value);
	if (value[0] == '[' && value[len - 1] == ']') {
		value++;
		len -= 2;
	}
	o->page_server_address = arena_strndup(a, value, len);
	o->page_server_port = (int)port;
	return o->page_server_address ? 0 : err_errno(e, -ENOMEM, "--page-server");
}

#define OWN(m) offsetof(struct oci_checkpoint_opts, m)
const struct cli_option oci_checkpoint_options[] = {
	{ .kind = CLI_GROUP, .group = oci_criu_options },
	{ "leave-running", 0, NULL, CLI_FLAG, "the container goes on", OWN(c.criu.leave_running) },
	{ "pre-dump", 0, NULL, CLI_FLAG, "only its memory, as a parent for a later image; the container goes on", OWN(pre_dump) },
	{ "parent-path", 0, "DIR", CLI_STR, "an earlier image, relative to this one: what did not change stays there",
	  OWN(parent_path) },
	{ "tcp-skip-in-flight", 0, NULL, CLI_FLAG, "leave connections out that are not established yet",
	  OWN(c.criu.tcp_skip_in_flight) },
	{ "link-remap", 0, NULL, CLI_FLAG, "link open files that were removed to a name again", OWN(c.criu.link_remap) },
	{ "page-server", 0, "ADDRESS:PORT", CLI_CALL, "where pages are sent, or with --lazy-pages served", OWN(c.criu),
	  .parse = parse_page_server },
	{ "status-fd", 0, "FD", CLI_I64, "gets a zero byte when lazy pages are being served", OWN(status_fd) },
	{ 0 },
};
const struct oci_checkpoint_opts oci_checkpoint_defaults = { .status_fd = -1 };

static enum criu_cgroups cgroups_mode(const char *name)
{
	static const struct {
		const char *name;
		enum criu_cgroups mode;
	} modes[] = { { "soft", CRIU_CGROUPS_SOFT },
		      { "full", CRIU_CGROUPS_FULL },
		      { "strict", CRIU_CGROUPS_STRICT },
		      { "ignore", CRIU_CGROUPS_IGNORE } };

	for (size_t i = 0; name && i < ARRAY_LEN(modes); i++)
		if (!strcmp(name, modes[i].name))
			return modes[i].mode;
	return CRIU_CGROUPS_DEFAULT;
}

static enum criu_network_lock network_lock(const char *name)
{
	if (!name)
		return CRIU_LOCK_DEFAULT;
	if (!strcmp(name, "skip"))
		return CRIU_LOCK_SKIP;
	return !strcmp(name, "nftables") ? CRIU_LOCK_NFTABLES : CRIU_LOCK_IPTABLES;
}

/* ---- folders ---- */

void oci_images_close(struct oci_images *im)
{
	im->images = close_fd(im->images);
	im->work = close_fd(im->work);
}

static int open_folder(const char *path, const char *option, bool make, int *out, struct err *e)
{
	int r = make ? io_mkdirs(AT_FDCWD, path, 0700) : 0;

	*out = r < 0 ? -1 : openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *out < 0 ? err_errno(e, r < 0 ? r : -errno, "%s %s", option, path) : 0;
}

int oci_images_open(const struct oci_criu_opts *o, bool make, struct oci_images *out, struct err *e)
{
	const char *images = o->image_path && *o->image_path ? o->image_path : DEFAULT_IMAGES;
	const char *work = o->work_path && *o->work_path ? o->work_path : images;

	if (geteuid() != 0)
		return err_set(e, ERR_DENIED, "CRIU needs root");
	for (size_t i = 0; i < o->empty_ns.n; i++)
		if (strcmp(o->empty_ns.v[i], "network") != 0)
			return err_set(e, ERR_UNSUPPORTED, "--empty-ns %s: only network can be left empty", o->empty_ns.v[i]);
	if (open_folder(images, "--image-path", make, &out->images, e) < 0 ||
	    open_folder(work, o->work_path && *o->work_path ? "--work-path" : "--image-path", work != images, &out->work, e) < 0)
		return e->code;
	out->options = o->criu;
	out->options.cgroups = cgroups_mode(o->cgroups_mode);
	out->options.network_lock = network_lock(o->network_lock);
	out->folder = images;
	out->log_folder = work;
	return 0;
}

/* ---- checkpoint ---- */

/* CRIU itself says nothing that one could understand about a parent that is not there. */
static int check_parent(const char *path, int images, struct err *e)
{
	struct stat st;

	if (!path || !*path)
		return 0;
	if (path[0] == '/')
		return err_set(e, ERR_INVALID, "--parent-path %s: must be relative to --image-path", path);
	if (fstatat(images, path, &st, 0) < 0)
		return err_errno(e, -errno, "--parent-path %s, below --image-path", path);
	return S_ISDIR(st.st_mode) ? 0 : err_errno(e, -ENOTDIR, "--parent-path %s, below --image-path", path);
}

static int check_status_fd(const struct oci_checkpoint_opts *o, struct err *e)
{
	int flags;

	if (o->status_fd == -1)
		return 0;
	if (!o->c.criu.lazy_pages)
		return err_set(e, ERR_INVALID, "--status-fd tells when lazy pages are served: it needs --lazy-pages");
	flags = o->status_fd < 3 || o->status_fd > INT_MAX ? -1 : fcntl((int)o->status_fd, F_GETFL);
	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
		return err_set(e, ERR_INVALID, "--status-fd %lld: no descriptor that can be written to", (long long)o->status_fd);
	return 0;
}

static int check_status(const struct oci_container *c, struct err *e)
{
	if (c->status == RT_RUNNING || c->status == RT_PAUSED)
		return 0;
	return err_set(e, ERR_BUSY, "container %s cannot be checkpointed: it is %s, not running", c->rec.id,
		       rt_status_name(c->status));
}

static int dump(const struct cli_call *call, const struct oci_container *c, const struct oci_images *im, struct err *e)
{
	const struct oci_globals *g = call->global;
	const struct oci_checkpoint_opts *o = call->opts;
	struct rt_checkpoint_args args = {
		.criu = { .program = g->criu, .options = &im->options, .images = im->images, .work = im->work,
			  .log_folder = im->log_folder, .annotations = c->rec.annotations,
			  .n_annotations = c->rec.n_annotations },
		.pid = c->rec.pid,
		.rootfs = c->rec.rootfs,
		.cgroup = c->rec.cgroup,
		.state = oci_state_folder(call, c),
		.stdio = c->rec.stdio,
		.pre_dump = o->pre_dump,
		.status_fd = (int)o->status_fd,
	};
	int r = oci_load_spec(call, &c->rec, &args.spec, e);

	if (r == 0)
		r = oci_notify_mounted(call->arena, &c->dir, &args.spec, e);
	return r < 0 ? r : rt_checkpoint(&args, e);
}

int cmd_checkpoint(const struct cli_call *call, struct err *e)
{
	CLEANUP_CONTAINER struct oci_container c = OCI_CONTAINER_INIT;
	CLEANUP_IMAGES struct oci_images im = OCI_IMAGES_INIT;
	const struct oci_checkpoint_opts *o = call->opts;
	int r = check_status_fd(o, e);

	if (r == 0)
		r = oci_open(call, true, &c, e);
	if (r == 0)
		r = check_status(&c, e);
	if (r == 0)
		r = oci_images_open(&o->c, true, &im, e);
	if (r == 0)
		r = check_parent(o->parent_path, im.images, e);
	if (r < 0)
		return r;
	if (o->parent_path && *o->parent_path)
		im.options.parent_img = o->parent_path;
	r = dump(call, &c, &im, e);
	if (r < 0 || im.options.leave_running || o->pre_dump)
		return r < 0 ? err_ctx(e, "checkpoint of container %s", c.rec.id) : 0;
	r = oci_kill_and_wait(&c.rec, e);
	return r < 0 ? r : oci_destroy(call, &c, e);
}
