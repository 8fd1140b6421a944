/* One container's life: create, start, exec, kill, delete. Used by tare-oci (whose caller goes away after create)
 * and by tare-monitor (which stays as the container's parent). No engine knowledge, no daemon, no catalog. */
#ifndef TARE_RUNTIME_RUNTIME_H
#define TARE_RUNTIME_RUNTIME_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "oci/spec.h"
#include "sys/resctrl.h"

enum rt_rootfs_kind {
	RT_ROOTFS_DIR,    /* a folder; id-mapped by itself when `idmap` and the container has a user namespace */
	RT_ROOTFS_OVERLAY /* lowers (id-mapped when there is a user namespace) + upper + work */
};

struct rt_rootfs {
	enum rt_rootfs_kind kind;
	const char *path;         /* DIR: absolute */
	bool idmap;               /* DIR */
	bool nodes;               /* its device nodes open where the cgroup and its file system let them */
	const char *const *lower; /* OVERLAY: absolute, topmost first */
	size_t n_lower;
	bool of_user;             /* OVERLAY: of a user namespace that may map no mount's ids: the layers have them already, and the
				   * overlay's attributes are user.* ones */
	const char *upper, *work; /* OVERLAY: owned by the mapped root already; NULL both = read-only overlay */
	bool is_volatile;         /* OVERLAY: upper and work go with the container, and are not synced before */
	const char *base; /* OVERLAY: absolute; upper and work are names in it, it is mapped as the lowers are, and what is
			   * written is to become a layer; NULL: they are absolute */
};

/* How the created process waits for start. */
enum rt_barrier_kind {
	RT_BARRIER_SOCKET, /* fd: our end of a socketpair made by rt_create (out: rt_process.barrier) */
	RT_BARRIER_FIFO    /* fifo_fd: O_PATH fd of exec.fifo; another process opens it to start (runc's way) */
};

/* Whether a descriptor was handed to this program: those that it opens itself close at exec, and are nobody else's. */
bool rt_fd_inherited(long fd);
/* How many descriptors from 3 on a service manager passes (LISTEN_FDS, sd_listen_fds(3)): 0 unless all are there. */
unsigned int rt_listen_fds(void);

/* Descriptors that the process gets behind 0, 1 and 2 from a caller who has them elsewhere: n, from `from` on, at least as far up as the
 * process will have them; all else the caller has open, beside what it keeps for itself, is above them. The first `listen` are sockets of
 * a service manager, which is told to the process as sd_listen_fds(3) says; names: LISTEN_FDNAMES, NULL: none. */
struct rt_pass {
	int from;
	unsigned int n, listen;
	const char *names;
};

struct rt_create_args {
	const char *id;
	const char *bundle; /* absolute; hooks see it in their state */
	const struct oci_spec *spec;
	struct rt_rootfs rootfs;
	const char *cgroup;       /* absolute cgroup path; NULL = make none, join none */
	const char *unit;         /* the systemd unit whose cgroup that is, of the user's manager (unit_user): who may not move
				   * processes there has it do that. NULL = none */
	bool unit_user;
	bool rootless;            /* its maker may lack rights over cgroups: device rules that are refused are left out */
	int stdio[3];             /* what the process gets as 0, 1, 2; -1 = /dev/null. Ignored with a terminal */
	unsigned int preserve_fds; /* fds 3.. to keep, beside LISTEN_FDS' */
	const struct rt_pass *pass; /* instead of both; NULL = not */
	bool no_pivot, no_new_keyring;
	bool plain_newlines; /* its terminal adds no carriage return (ONLCR off): the caller carries it to one that does */
	bool ends_by_itself; /* what only execve(2) finds (a script's interpreter is missing) goes to the process's stderr, and its
			      * exit code is 255; else rt_start() fails */
	enum rt_barrier_kind barrier;
	int fifo_fd;
	/* Called when the process has its namespaces, while it builds its mounts: what is done for it from outside need not wait for that.
	 * An error of its ends the creation. NULL = nothing */
	int (*meanwhile)(pid_t pid, void *data, struct err *e);
	void *data;
};

struct rt_process {
	const char *watch;   /* borrowed: the cgroup in which processes may wait for memory without end; NULL = none does */
	pid_t pid;           /* in the caller's pid namespace */
	int pidfd;           /* owned */
	uint64_t start_time; /* field 22 of /proc/PID/stat */
	uint64_t code;       /* proc_look()'s, while it waits at its barrier; 0 = not known */
	int console;         /* pty master, owned; -1 without a terminal */
	int barrier;         /* owned; -1 with a fifo */
};
#define RT_PROCESS_INIT { .pid = -1, .pidfd = -1, .console = -1, .barrier = -1 }
/* Closes the fds; the process goes on. */
void rt_process_close(struct rt_process *p);

/* Makes everything up to the last step before exec: namespaces, maps, cgroup, mounts, devices, hooks (prestart,
 * createRuntime, createContainer), console; the process then waits at its barrier. When it fails, nothing is left:
 * no process, mount, cgroup. e->cls is ERR_CMD_MISSING/ERR_CMD_NOEXEC when args[0] is at fault, but that may show only
 * at start. */
int rt_create(const struct rt_create_args *args, struct rt_process *out, struct err *e) MUST_CHECK;

/* Lets a process that waits at a socket barrier go on to startContainer hooks, seccomp and exec, and waits until the
 * exec happened or failed. */
int rt_start(struct rt_process *p, struct err *e) MUST_CHECK;
/* The same for a fifo barrier, from any process: fifo at dirfd/name; pid to notice a dead container; watch: rt_watch()'s. */
int rt_start_fifo(int dirfd, const char *name, pid_t pid, const char *watch, struct err *e) MUST_CHECK;

/* ---- blame.c: limits that are too small to start with ---- */

/* After a failure of create, start or exec: when it is one that a limit may be the reason of, and the container's cgroup (may
 * be NULL) ran into one, e says which. Gives e->code. */
int rt_blame(const struct oci_spec *spec, const char *cgroup, struct err *e);
/* After a start that succeeded, as far as it could be seen: a process that was killed on the way into its program, or that
 * had not the memory to say what failed, looks just so. An error when a limit ended it; only containers with such limits
 * are looked at, and it is waited for a moment only when one was hit. */
int rt_started(const struct oci_spec *spec, const char *cgroup, pid_t pid, uint64_t start_time, struct err *e) MUST_CHECK;
/* The cgroup when its processes may wait for memory without end (disableOOMKiller), else NULL. */
const char *rt_watch(const struct oci_spec *spec, const char *cgroup);

/* linux.intelRdt of a container of this id. rt_rdt_own(): the resctrl group that will be its own, malloc'd, or NULL; to be
 * asked before rt_create() and given to rt_rdt_remove() when the container has ended. Both: 0 where there is no such
 * field; ERR_UNSUPPORTED, naming it, where there is no resctrl. */
int rt_rdt_own(const struct oci_spec *spec, const char *id, char **own, struct err *e) MUST_CHECK;
int rt_rdt_remove(const char *own, struct err *e) MUST_CHECK;
/* Sets what this specification has for a running container, whose init pid is (and now is in its group). */
int rt_rdt_change(const struct oci_spec *spec, const char *id, pid_t pid, struct err *e) MUST_CHECK;
/* What resctrl tells about a running container; *given false where it has no linux.intelRdt. In the arena. */
int rt_rdt_usage(const struct oci_spec *spec, const char *id, struct arena *a, struct rdt_usage *out, bool *given,
		 struct err *e) MUST_CHECK;

struct rt_exec_args {
	const char *id;      /* the container's; only needed with linux.intelRdt */
	pid_t pid;           /* the container's init */
	uint64_t start_time; /* must match: a reused pid is an error */
	const struct oci_spec *spec;          /* the container's; for its namespaces, seccomp, user map */
	const struct oci_process *process;
	const char *cgroup;  /* absolute cgroup path to run in; NULL = the container's as found in /proc, if we may enter it */
	const char *unit;    /* as in rt_create_args */
	bool unit_user;
	const char *const *narrow; /* cgroups below it to run in instead, as cg_narrow() takes them; NULL = none */
	int stdio[3];
	unsigned int preserve_fds;
	const struct rt_pass *pass; /* instead; NULL = not */
	bool no_new_keyring, plain_newlines;
};

/* Runs another process in the container: joins all of init's namespaces in one setns(pidfd), v2: cloned into the
 * cgroup. Waits until the exec happened or failed. */
int rt_exec(const struct rt_exec_args *args, struct rt_process *out, struct err *e) MUST_CHECK;

/* host_root.c: a container without a "mount" namespace leaves its root, and what is mounted on it, in the host's mount table
 * until rt_host_root_clear(). rt_host_root_below(): what that wants to know, to be asked before rt_create(); 0 for all
 * other containers, and then there is nothing to clear. path: rt_rootfs's. */
int rt_host_root_below(const struct oci_spec *spec, const char *path, uint64_t *below, struct err *e) MUST_CHECK;
int rt_host_root_clear(const char *path, uint64_t below, struct err *e) MUST_CHECK;

/* The resources that a container of this specification is given, with the device rules every container has. In the arena. */
int rt_resources(struct arena *a, const struct oci_spec *spec, struct cg_resources *out, struct err *e) MUST_CHECK;

/* Runs the hooks of one point; state_status is "creating", "created", "running", "stopped". */
int rt_run_hooks(const struct oci_spec *spec, enum oci_hook_point point, const char *id, pid_t pid, const char *bundle,
		 const char *state_status, struct err *e) MUST_CHECK;

#endif
