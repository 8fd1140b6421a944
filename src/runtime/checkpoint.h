/* A container's processes as files, and processes again: CRIU (criu.org) does it, this tells it what of the container
 * it has to know. An image folder is one that runc's would be: CRIU's own files and descriptors.json, the targets of
 * the first process's descriptors 0-2 when it was created. */
#ifndef TARE_RUNTIME_CHECKPOINT_H
#define TARE_RUNTIME_CHECKPOINT_H

#include <stdbool.h>

#include "runtime/runtime.h"
#include "wire/criu.h"

#define RT_STDIO_COUNT 3

/* What both take. */
struct rt_criu {
	const char *program;        /* a path, or a name in PATH */
	const struct criu_options *options; /* the flags the caller chose, cgroups, network_lock, lsm_*, page_server_*, parent_img;
					       the rest is filled in here */
	int images, work;           /* folders, open; the log goes to work */
	const char *log_folder;     /* what to call `work` in messages */
	const struct oci_kv *annotations; /* org.criu.config */
	size_t n_annotations;
};

struct rt_checkpoint_args {
	struct rt_criu criu;
	pid_t pid; /* the container's init, checked by the caller to be it */
	const struct oci_spec *spec;
	const char *rootfs;
	const char *cgroup; /* NULL = none */
	const char *state;  /* absolute: a folder of ours to work in */
	const char *const *stdio; /* RT_STDIO_COUNT links, "pipe:[123]"; NULL entries: not known, as init has them now */
	bool pre_dump;
	int status_fd; /* gets a zero byte when the lazy pages are ready, and is closed; -1 = none */
};

/* Dumps it. Without options.leave_running and pre_dump its processes are gone then; the rest is the caller's to clean up.
 * When it fails the container goes on as before, and the folder lacks descriptors.json, which makes it no image. */
int rt_checkpoint(const struct rt_checkpoint_args *args, struct err *e) MUST_CHECK;

struct rt_restore_args {
	struct rt_criu criu;
	const char *id, *bundle;
	const struct oci_spec *spec;
	const char *rootfs;
	const char *cgroup; /* made when it is missing; NULL = none */
	const char *state;  /* absolute: a folder of ours to work in */
	int stdio[RT_STDIO_COUNT]; /* for those of its pipes that were 0-2 */
};

/* Restores it: *out is its init, our child, with the master of its terminal if it has one; barrier stays -1. The hooks
 * prestart and createRuntime run when the namespaces are there and its processes are not yet. When it fails nothing is
 * left but, perhaps, the cgroup's processes, which cg_clear() ends. */
int rt_restore(const struct rt_restore_args *args, struct rt_process *out, struct err *e) MUST_CHECK;

#endif
