/* What the files of runtime/ share. Two processes work on one container:
 *
 *   host side   the caller of rt_create()/rt_exec(), with the host's rights and namespaces. It makes what needs
 *               them: id maps, the rootfs, bind sources, /dev, cgroup membership, hooks.
 *   child       the cloned process, already in the container's namespaces. It makes what must belong to them (proc,
 *               sysfs, devpts, tmpfs…), assembles the tree, gives up everything and executes the user's program.
 *
 * struct rt_ctx is filled by the host side before the clone and inherited as a copy; afterwards the two only talk
 * through sync.h. */
#ifndef TARE_RUNTIME_INTERNAL_H
#define TARE_RUNTIME_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "oci/spec.h"
#include "runtime/mount_plan.h"
#include "runtime/runtime.h"
#include "runtime/seccomp.h"
#include "sys/cgroup.h"
#include "sys/idmap.h"

#define MOUNTINFO_MAX (16U << 20)

struct rt_ctx {
	struct arena arena;
	const char *id, *bundle;
	const struct oci_spec *spec;
	const struct oci_process *process;   /* NULL: nothing to run yet */
	const struct rt_create_args *create; /* NULL in an exec */
	const int *stdio;
	unsigned int keep_fds;   /* fds 3.. that the process gets */
	unsigned int listen_fds; /* of these, from LISTEN_FDS */
	bool no_new_keyring, plain_newlines;

	int proc; /* a procfs of ours that nothing is mounted over and no container shares; host's pid namespace */

	/* the container's own map; n_uid 0 = no new user namespace */
	const struct idmap_range *uid_map, *gid_map;
	size_t n_uid, n_gid;
	bool own[OCI_NS_COUNT]; /* owned by the container's user namespace (or there is none) */

	struct cgroup *cgroup; /* the container's, host side; NULL: it stays in ours */

	struct rt_mount_plan *mounts;
	size_t n_mounts;
	size_t n_mount_fds; /* one for each of mounts, then those of what takes more (rt_mount_plan.more) */
	bool dev_is_tmpfs; /* the specification mounts a tmpfs on /dev: nodes go there */
	bool dev_read_only; /* that tmpfs, once everything is on it */
	bool dev_is_bind;  /* /dev is somebody else's: it gets no nodes from us */

	struct rt_seccomp seccomp;
	bool has_seccomp;
	int agent; /* connected to seccomp.listenerPath; -1 = the filter notifies nobody */

	int sock; /* this side's end of the sync socket */
};

/* Host and container ids: the outside id of a container's id under the container's map (itself without one);
 * ERR_INVALID naming `what` when it is not mapped. */
int rt_outside_uid(const struct rt_ctx *c, uint32_t id, const char *what, uid_t *out, struct err *e) MUST_CHECK;
int rt_outside_gid(const struct rt_ctx *c, uint32_t id, const char *what, gid_t *out, struct err *e) MUST_CHECK;

/* A procfs handle as rt_ctx.proc wants it. */
int rt_open_proc(struct err *e) MUST_CHECK;

/* ---- rootfs.c, host side: the detached root mount. *helper: a pid for ns_reap(). ---- */
int rt_rootfs_make(const struct rt_ctx *c, int userns, int *fd, pid_t *helper, struct err *e) MUST_CHECK;
/* For tests: from now on as on a kernel before 6.15. */
void rt_rootfs_by_name(void);

/* ---- resources.c, host side: what goes to the container's cgroup; lives in a ---- */
int rt_resources(struct arena *a, const struct oci_spec *spec, struct cg_resources *out, struct err *e) MUST_CHECK;

/* ---- resources.c, host side: linux.intelRdt. join: the group is there already ---- */
int rt_rdt(const struct rt_ctx *c, pid_t pid, bool join, struct err *e) MUST_CHECK;

/* ---- dev.c ---- */
/* Host side: a detached tmpfs with device nodes. for_dev: the one the specification mounts on /dev, with its links;
 * else one that is only there to bind nodes from: those not below such a /dev. */
int rt_dev_make(const struct rt_ctx *c, bool for_dev, int *fd, struct err *e) MUST_CHECK;
/* Are there such? */
bool rt_dev_elsewhere(const struct rt_ctx *c);
/* Child: binds them from dev, which is attached somewhere, to their places below root. */
int rt_dev_bind(const struct rt_ctx *c, int root, int dev, struct err *e) MUST_CHECK;

/* ---- masks.c, child ---- */
int rt_mask(int root, const char *const *masked, const char *const *readonly, struct err *e) MUST_CHECK;

/* For a root that is only chrooted into, which leaves the host's mounts in the namespace: takes every whole proc and sysfs
 * that is not below rootfs away. A user namespace in the container may mount a new one, without the masks, as long as
 * there is a whole one (user_namespaces(7), "Interaction…": the kernel's mount_too_revealing()). */
int rt_hide_whole(const struct rt_ctx *c, const char *rootfs, struct err *e) MUST_CHECK;

/* ---- mounts.c: the mount point in a line of mountinfo, its octal escapes undone in place, which ends the line there;
 * NULL for a malformed one ---- */
char *rt_mount_point(char *line);

/* ---- tmpcopy.c, child: copies what folder `from` holds into the empty file system at `to` ---- */
int rt_copy_up(int from, int to, struct err *e) MUST_CHECK;

/* ---- child.c: the sequence inside; never returns ---- */
_Noreturn void rt_child_main(struct rt_ctx *c);

/* ---- process.c, child: attributes of the process; see there for the order ---- */
int rt_process_check(const struct oci_process *p, struct err *e) MUST_CHECK;      /* host side: what cannot work */
int rt_process_host(const struct rt_ctx *c, pid_t pid, struct err *e) MUST_CHECK; /* host side: what needs its rights */
/* Below root, the new root file system with its mounts, as the container's root. */
int rt_process_make_cwd(const struct rt_ctx *c, int root, struct err *e) MUST_CHECK;
int rt_process_prepare(const struct rt_ctx *c, struct err *e) MUST_CHECK;
int rt_process_exec(const struct rt_ctx *c, struct err *e) MUST_CHECK;

/* ---- command.c, child: finding and executing args[0] in the container ---- */
int rt_command_find(const struct oci_process *p, struct err *e) MUST_CHECK;
int rt_command_exec(const struct oci_process *p, const char *const *env, struct err *e) MUST_CHECK;
/* Why a command cannot run, a negative errno, in the words that engines look for. */
const char *rt_command_reason(int r);

/* ---- stdio.c, child ---- */
/* A terminal of the devpts below root, its slave as 0-2 and as the controlling terminal, bound to /dev/console when
 * console_bind. *master to be sent to the host side. */
int rt_console(const struct rt_ctx *c, int root, bool console_bind, int *master, struct err *e) MUST_CHECK;
/* First of all: closes what it inherited and does not need, the runtime's handles of cgroups and state, and what the
 * caller happens to have open: a pipe's other end must not wait for a container that is only created. */
int rt_close_others(const struct rt_ctx *c, struct err *e) MUST_CHECK;
int rt_place_stdio(const struct rt_ctx *c, struct err *e) MUST_CHECK;

/* ---- clone.c, host side: the child in the namespaces the specification names ---- */
struct rt_clone {
	uint64_t flags;        /* CLONE_NEW* to make */
	int cgroup;            /* v2 folder to be born in, or -1 */
	const int *join;       /* namespace fds to enter before */
	const int *join_flags; /* their CLONE_NEW* */
	size_t n_join;
	int pidfd; /* enter all of join_pidfd_flags of this process; -1 = none */
	int pidfd_flags;
};
/* A child with a socket between it and us: gives 0 in the child, where *child_sock is its end, and the pid in the caller,
 * where *sock is ours (also on failure: -1 or to be closed). */
pid_t rt_clone_linked(const struct rt_clone *how, int *child_sock, int *sock, int *pidfd, struct err *e) MUST_CHECK;

/* ---- hooks.c ---- */
/* env: for those that name none; NULL = ours. createContainer and startContainer hooks run in the current folder (the
 * new root, the process's), the others in the bundle's. */
int rt_hooks(const struct oci_spec *spec, enum oci_hook_point point, const char *id, pid_t pid, const char *bundle,
	     const char *status, const char *const *env, struct err *e) MUST_CHECK;
/* {"ociVersion":…,"id":…,"status":…,"pid":…,"bundle":…,"annotations":…} */
struct json_writer;
void rt_state_json(struct json_writer *w, const char *key, const struct oci_spec *spec, const char *id, pid_t pid,
		   const char *bundle, const char *status);

/* ---- filter.c ---- */
/* Host side: compiles the specification's filter into c, connects to its agent. */
int rt_filter_plan(struct rt_ctx *c, struct err *e) MUST_CHECK;
/* Child: loads it; hands the listener of a notifying one to the agent. */
int rt_filter_load(const struct rt_ctx *c, struct err *e) MUST_CHECK;

/* ---- start.c, child: waits for start. The fd of a fifo barrier (kept open until exec) or -1 goes to *gate ---- */
int rt_barrier_wait(const struct rt_ctx *c, int *gate, struct err *e) MUST_CHECK;

#endif
