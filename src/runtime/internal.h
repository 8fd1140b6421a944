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
	const struct rt_pass *pass; /* where these are in the caller; NULL: there already */
	bool no_new_keyring, plain_newlines;
	bool keep_groups; /* the caller's supplementary ones */

	/* Where the caller has no rights over its mount namespace, the child, which has them over its own, makes what the host
	 * side would make; what belongs to the container's root then has the ids of inside. */
	bool by_child;
	/* A container of host rights (no user namespace) in new mounts: the child makes each of them when its turn comes. A kernel
	 * that lists mounts by their making (6.8) then lists them in the specification's order, and little has to be sent. */
	bool in_place;
	bool bind_nodes; /* device nodes cannot be made (not in the machine's first user namespace): the host's are bound */

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

	int hook_out[2]; /* stdout and stderr of the child's hooks; 0 = ours */

	struct rt_seccomp seccomp;
	bool has_seccomp;
	int agent; /* connected to seccomp.listenerPath; -1 = the filter notifies nobody */

	int sock; /* this side's end of the sync socket */
};

/* Host and container ids: the outside id of a container's id under the container's map (itself without one, and by_child);
 * ERR_INVALID naming `what` when it is not mapped. */
int rt_outside_uid(const struct rt_ctx *c, uint32_t id, const char *what, uid_t *out, struct err *e) MUST_CHECK;
int rt_outside_gid(const struct rt_ctx *c, uint32_t id, const char *what, gid_t *out, struct err *e) MUST_CHECK;

/* A procfs handle as rt_ctx.proc wants it. *may_mount (may be NULL): whether we may mount in our mount namespace. */
int rt_open_proc(bool *may_mount, struct err *e) MUST_CHECK;

/* ---- idmaps.c, host side: the maps of the child's new user namespace ---- */
int rt_write_maps(const struct rt_ctx *c, pid_t pid, struct err *e) MUST_CHECK;

/* ---- create.c, host side: maps, mounts and who owns what, from spec and create ---- */
int rt_plan(struct rt_ctx *c, struct err *e) MUST_CHECK;

/* ---- create.c, host side: linux.netDevices into the network namespace of pid ---- */
int rt_net_devices(const struct rt_ctx *c, pid_t pid, struct err *e) MUST_CHECK;

/* ---- rootfs.c, host side: the detached root mount. *helper: a pid for ns_reap(). ---- */
int rt_rootfs_make(const struct rt_ctx *c, int userns, int *fd, pid_t *helper, struct err *e) MUST_CHECK;

/* ---- resources.c, host side: linux.intelRdt. join: the group is there already ---- */
int rt_rdt(const struct rt_ctx *c, pid_t pid, bool join, struct err *e) MUST_CHECK;

/* ---- dev.c ---- */
/* Every device of a container once: the specification's, and those defaults it does not name. NULL at the end. */
const struct oci_device *rt_device_at(const struct oci_linux *l, size_t i);
/* Host side: a detached tmpfs with device nodes. for_dev: the one the specification mounts on /dev, with its links;
 * else one that is only there to bind nodes from: those not below such a /dev. */
int rt_dev_make(const struct rt_ctx *c, bool for_dev, int *fd, struct err *e) MUST_CHECK;
/* Are there such? */
bool rt_dev_elsewhere(const struct rt_ctx *c);
/* Where such a node lies in the tmpfs. */
const char *rt_dev_place(const char *path);
/* Child: binds them from dev, which is attached somewhere, to their places below root. */
int rt_dev_bind(const struct rt_ctx *c, int root, int dev, struct err *e) MUST_CHECK;

/* ---- masks.c, child ---- */
/* mounts: the anchors are open in it (mount_plan.h). */
int rt_mask(const struct rt_ctx *c, int root, const int *mounts, struct err *e) MUST_CHECK;

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
/* Whether this annotation is there, and not "0". */
bool rt_annotated(const struct oci_spec *spec, const char *key);
/* Host side: whether the caller's supplementary groups stay, by crun's annotation run.oci.keep_original_groups: a user's
 * container then opens what only a group of his opens. */
bool rt_keeps_groups(const struct oci_spec *spec);
int rt_process_check(const struct oci_process *p, struct err *e) MUST_CHECK;      /* host side: what cannot work */
int rt_process_host(const struct rt_ctx *c, pid_t pid, struct err *e) MUST_CHECK; /* host side: what needs its rights */
/* Below root, the new root file system with its mounts, as the container's root. */
int rt_process_make_cwd(const struct rt_ctx *c, int root, struct err *e) MUST_CHECK;
int rt_process_prepare(const struct rt_ctx *c, struct err *e) MUST_CHECK;
/* As _exit(2), but where the container's own filter refuses even that the process ends by a trap; libc would try for ever. */
_Noreturn void rt_exit(int code);
int rt_process_exec(const struct rt_ctx *c, struct err *e) MUST_CHECK;

/* ---- command.c, child: finding and executing args[0] in the container ---- */
int rt_command_find(const struct oci_process *p, struct err *e) MUST_CHECK;
int rt_command_exec(const struct rt_ctx *c, const char *const *env, struct err *e) MUST_CHECK;
/* Why a command cannot run, a negative errno, in the words that engines look for. */
const char *rt_command_reason(int r);

/* ---- stdio.c, host side, or child when by_child ---- */
/* What the process gets as 0-2 becomes uid's, an id of ours, so that /dev/stdout can be opened in the container. Groups and
 * modes stay; what cannot be given stays as it is. */
void rt_give_stdio(const struct rt_ctx *c, uid_t uid);

/* ---- stdio.c, child ---- */
/* A terminal of the devpts below root, its slave as 0-2 and as the controlling terminal, bound to /dev/console when
 * console_bind. *master to be sent to the host side. */
int rt_console(const struct rt_ctx *c, int root, bool console_bind, int *master, struct err *e) MUST_CHECK;
/* First of all: moves what is passed to its numbers, closes what it inherited and does not need, the runtime's handles of cgroups and state, and what the
 * caller happens to have open: a pipe's other end must not wait for a container that is only created. */
int rt_close_others(const struct rt_ctx *c, struct err *e) MUST_CHECK;
int rt_place_stdio(const struct rt_ctx *c, struct err *e) MUST_CHECK;

/* ---- clone.c, host side: the child in the namespaces the specification names ---- */
struct rt_clone {
	uint64_t flags;        /* CLONE_NEW* to make */
	const struct cgroup *cgroup; /* what the child joins before it does anything else; NULL = none */
	bool unborn;           /* not by being born there */
	const int *join;       /* namespace fds to enter before */
	const int *join_flags; /* their CLONE_NEW* */
	size_t n_join;
	int pidfd; /* enter all of join_pidfd_flags of this process; -1 = none */
	int pidfd_flags;
	/* With something to enter: what is done before, by the process that enters, still one of ours; its child inherits it.
	 * NULL = nothing */
	int (*before)(void *arg, struct err *e);
	void *arg;
};
/* A child with a socket between it and us: gives 0 in the child, where *child_sock is its end, and the pid in the caller,
 * where *sock is ours (also on failure: -1 or to be closed). */
pid_t rt_clone_linked(const struct rt_clone *how, int *child_sock, int *sock, int *pidfd, struct err *e) MUST_CHECK;

/* ---- exec.c: what everybody needs who goes into a running container ---- */
/* CLONE_NEW* of the namespaces process pid has for itself; entering one's own user namespace again is an error, and each costs. */
int rt_other_namespaces(const struct rt_ctx *c, pid_t pid);
/* Inside, first of all: not dumpable, own session, signals at default, root of the user namespace. */
int rt_become_root(const struct rt_ctx *c, struct err *e) MUST_CHECK;

/* ---- create.c: fills c->own. A user namespace owns what was made with or under it; without one everything is ours to
 * mount. What is joined together with a joined user namespace is taken to be that one's. ---- */
void rt_find_owned(struct rt_ctx *c);

/* ---- host_root.c ---- */
/* Child: root, and before it dev (-1 = none), onto the root's own path in the host's mount namespace. */
int rt_host_root_attach(const char *path, int root, int dev, struct err *e) MUST_CHECK;
/* Child of an exec: into the root of init (its pid in c->proc), which must still live when RT_MSG_READY tells that this is
 * done. Nothing at all with a mount namespace of the container's own. */
int rt_host_root_enter(const struct rt_ctx *c, pid_t init, struct err *e) MUST_CHECK;

/* ---- blame.c: waits until fd, or also (-1 = none), can be read; watch not NULL: fails when all is stuck in that cgroup for want of memory ---- */
/* The name of a child that failed, in case that is all it can still leave. */
#define RT_FAILED_NAME "failed-start"
int rt_wait_unless_stuck(int fd, int also, const char *watch, struct err *e) MUST_CHECK;

/* ---- hooks.c ---- */
/* Child: createContainer and startContainer hooks, in the current folder (the new root, the process's). env: for those that
 * name none; NULL = ours. The others are rt_run_hooks()'s. */
int rt_hooks(const struct rt_ctx *c, enum oci_hook_point point, const char *status, const char *const *env, struct err *e) MUST_CHECK;
/* Host side: opens what crun's annotations run.oci.hooks.stdout and .stderr name, appended to, made when missing: out[0] and
 * out[1], which stay 0 without one. */
int rt_hook_output(const struct oci_spec *spec, int out[2], struct err *e) MUST_CHECK;
void rt_hook_output_close(int out[2]);
/* {"ociVersion":…,"id":…,"status":…,"pid":…,"bundle":…,"annotations":…} */
struct json_writer;
void rt_state_json(struct json_writer *w, const char *key, const struct oci_spec *spec, const char *id, pid_t pid,
		   const char *bundle, const char *status);

/* ---- subgroup.c, host side: crun's annotation run.oci.delegate-cgroup ---- */
int rt_delegate_check(const struct rt_ctx *c, struct err *e) MUST_CHECK; /* before anything is made */
/* pid, alone in the container's cgroup, which its cgroup namespace has as its root by now, moves to one below it that it
 * owns, with all controllers and no limits of its own. */
int rt_delegate(const struct rt_ctx *c, pid_t pid, struct err *e) MUST_CHECK;

/* ---- filter.c ---- */
/* Host side: compiles the specification's filter into c, connects to its agent. */
int rt_filter_plan(struct rt_ctx *c, struct err *e) MUST_CHECK;
/* Child: loads it; hands the listener of a notifying one to the agent. */
int rt_filter_load(const struct rt_ctx *c, struct err *e) MUST_CHECK;

/* ---- confine.c: Landlock, by annotations ---- */
/* Host side: are they right, and can this kernel do it? */
int rt_landlock_check(const struct oci_spec *spec, struct err *e) MUST_CHECK;
/* Child, while it has the rights to: the rules, with the paths as they are in its root now. *out has fd -1 without any. */
struct landlock_rules;
int rt_landlock_prepare(const struct oci_spec *spec, struct landlock_rules *out, struct err *e) MUST_CHECK;
/* From here on they hold. Needs no_new_privs or CAP_SYS_ADMIN. */
int rt_landlock_enforce(struct landlock_rules *r, struct err *e) MUST_CHECK;

/* ---- start.c, child: waits for start. The fd of a fifo barrier (kept open until exec) or -1 goes to *gate ---- */
int rt_barrier_wait(const struct rt_ctx *c, int *gate, struct err *e) MUST_CHECK;

#endif
