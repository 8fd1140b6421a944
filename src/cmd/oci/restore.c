/* restore: as run, but for where the processes come from. */
#include <fcntl.h>
#include <sys/stat.h>

#include "cmd/oci/launch.h"

#define CREATE(m) offsetof(struct oci_restore_opts, create.m)
#define CRIU(m) offsetof(struct oci_restore_opts, c.criu.m)
const struct cli_option oci_restore_options[] = {
	{ "bundle", 'b', "DIR", CLI_STR, "the bundle (default: the current folder)", CREATE(bundle) },
	{ "detach", 'd', NULL, CLI_FLAG, "do not stay with the container", CREATE(detach) },
	{ "console-socket", 0, "SOCKET", CLI_STR, "send the master of the terminal there", CREATE(console_socket) },
	{ "pid-file", 0, "FILE", CLI_STR, "write the pid of the process there", CREATE(pid_file) },
	{ "no-subreaper", 0, NULL, CLI_FLAG, "do not adopt the container's orphans", CREATE(no_subreaper) },
	{ "no-pivot", 0, NULL, CLI_UNSUPPORTED, NULL, 0 },
	{ .kind = CLI_GROUP, .group = oci_criu_options, .offset = offsetof(struct oci_restore_opts, c) },
	{ "tcp-close", 0, NULL, CLI_FLAG, "close TCP connections of the image instead of restoring them", CRIU(tcp_close) },
	{ "lsm-profile", 0, "TYPE:NAME", CLI_STR, "another LSM profile (apparmor:…, selinux:…) than the image's",
	  CRIU(lsm_profile) },
	{ "lsm-mount-context", 0, "CONTEXT", CLI_STR, "another SELinux context for mounts that have one in the image",
	  CRIU(lsm_mount_context) },
	{ 0 },
};

/* What checkpoint leaves: CRIU says of a folder without it that a file is missing, and of which kind only in its log. */
static int check_images(const struct oci_images *im, struct err *e)
{
	const char *folder = im->folder;
	struct stat st;

	if (fstatat(im->images, "inventory.img", &st, 0) < 0)
		return err_set(e, ERR_INVALID, "--image-path %s: no checkpoint is there (it has no inventory.img)", folder);
	if (fstatat(im->images, "pstree.img", &st, 0) < 0)
		return err_set(e, ERR_INVALID, "--image-path %s: the checkpoint there is not complete (it has no pstree.img); "
					       "what --pre-dump wrote can only be a parent", folder);
	return 0;
}

struct restoring {
	struct launch l; /* first */
	struct oci_images im;
};

static void restoring_close(struct restoring *k)
{
	oci_images_close(&k->im);
	launch_close(&k->l);
}

static int restore(struct launch *l, struct err *e)
{
	const struct oci_images *im = &((const struct restoring *)l)->im;
	const struct rt_record *rec = &l->c.rec;
	const struct rt_restore_args args = {
		.criu = { .program = ((const struct oci_globals *)l->call->global)->criu, .options = &im->options,
			  .images = im->images, .work = im->work, .log_folder = im->log_folder,
			  .annotations = rec->annotations, .n_annotations = rec->n_annotations },
		.id = rec->id,
		.bundle = rec->bundle,
		.spec = l->spec,
		.rootfs = rec->rootfs,
		.cgroup = rec->cgroup,
		.state = oci_state_folder(l->call, &l->c),
		.stdio = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO },
	};

	return rt_restore(&args, &l->p, e);
}

int cmd_restore(const struct cli_call *call, struct err *e)
{
	const struct oci_restore_opts *o = call->opts;
	CLEANUP(restoring_close)
	struct restoring k = { LAUNCH_INIT(call, &o->create, restore), OCI_IMAGES_INIT };
	int r = oci_images_open(&o->c, false, &k.im, e);

	k.l.run = true;
	k.l.detach = o->create.detach;
	if (r == 0)
		r = check_images(&k.im, e);
	if (r == 0 && !k.l.detach)
		oci_block_signals(!o->create.no_subreaper);
	if (r == 0)
		r = launch_prepare(&k.l, e);
	if (r < 0)
		return err_ctx(e, "restore of container %s", call->args[0]);
	if (!k.l.detach)
		return launch_stay(&k.l, e);
	launch_unlock(&k.l);
	return 0;
}
