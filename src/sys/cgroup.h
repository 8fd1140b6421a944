/* Control groups: v1, hybrid (v1 controllers, v2 for the rest) and v2 behind one interface.
 *
 * A cgroup is named by one absolute path ("/tare/ID/container") that is made below the mount point of every
 * hierarchy. Which hierarchies exist is read from /proc/self/mountinfo and /proc/self/cgroup once per process.
 * kernel: Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/; cgroups(7). */
#ifndef TARE_SYS_CGROUP_H
#define TARE_SYS_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

enum cg_mode { CG_NONE, CG_V1, CG_HYBRID, CG_V2 };

struct cg_device_rule {
	bool allow;
	char type;           /* 'a' 'b' 'c' */
	int64_t major, minor; /* -1 = any */
	bool read, write, mknod;
};

struct cg_throttle {
	int64_t major, minor;
	uint64_t rate;
};

struct cg_weight_device {
	int64_t major, minor;
	uint16_t weight, leaf_weight;
};

struct cg_hugepage_limit {
	const char *page_size; /* "2MB" */
	uint64_t limit;
};

struct cg_rdma_limit {
	const char *device;
	const uint32_t *hca_handles, *hca_objects;
};

struct cg_ifprio {
	const char *name;
	uint32_t priority;
};

struct cg_kv {
	const char *key, *value;
};

/* Limits as runtime-spec names them; a NULL pointer = not set. Everything is in v1 terms where the spec is
 * (cpu shares, blkio weight); the v2 driver converts. */
struct cg_resources {
	const struct cg_device_rule *devices;
	size_t n_devices;

	const int64_t *memory_limit, *memory_reservation, *memory_swap; /* bytes, -1 = no limit; swap = memory+swap */
	const int64_t *kernel_memory, *kernel_memory_tcp;
	const uint64_t *swappiness;
	bool disable_oom_killer, use_hierarchy, check_before_update;

	const uint64_t *cpu_shares, *cpu_period, *cpu_rt_period, *cpu_burst;
	const int64_t *cpu_quota, *cpu_rt_runtime, *cpu_idle;
	const char *cpuset_cpus, *cpuset_mems;

	const int64_t *pids_limit; /* -1 = no limit */

	const uint16_t *blkio_weight, *blkio_leaf_weight;
	const struct cg_weight_device *weight_devices;
	size_t n_weight_devices;
	const struct cg_throttle *read_bps, *write_bps, *read_iops, *write_iops;
	size_t n_read_bps, n_write_bps, n_read_iops, n_write_iops;

	const struct cg_hugepage_limit *hugepages;
	size_t n_hugepages;
	const struct cg_rdma_limit *rdma;
	size_t n_rdma;
	const uint32_t *net_class_id;
	const struct cg_ifprio *net_priorities;
	size_t n_net_priorities;
	const struct cg_kv *unified;
	size_t n_unified;
};

/* What this machine has; found once, then cached. */
enum cg_mode cg_detect(void);
/* Whether /sys/fs/cgroup is v2 and nothing else: one statfs(2), for programs that need to know no more. */
bool cg_is_unified(void);
/* The folder of path in v2's hierarchy for a program to be born in (O_PATH), made with its parents, where v2 is mounted in
 * one of the usual places, alone or beside v1; or -errno. For programs that need to know no more: no mount is looked for. */
int cg_birthplace(const char *path) MUST_CHECK;

/* Whether we may make this cgroup and put our processes into it, by the rights of the folders that are there: in every
 * hierarchy the nearest one to it, and on v2 cgroup.procs of the nearest one that is above our own cgroup, too
 * (cgroups(7), "Cgroups v2 delegation"). For those who have a way out: cg_create() tells why not. */
bool cg_may_make(const char *path);

/* v2: cuts path (absolute) down to the nearest cgroup that systemd has delegated: it, or one above it. -ENOENT: none is; -EOPNOTSUPP: no v2,
 * or not alone. */
int cg_delegated(char *path) MUST_CHECK;

struct cgroup; /* the open folders of one cgroup in all its hierarchies */

/* Makes the cgroup (and its parents) in every hierarchy. On v2 enables the controllers that its parents offer.
 * An existing one is opened; *existed tells (may be NULL): true when any hierarchy had it already. When it fails the
 * leaf is in no hierarchy where it was not before. */
int cg_create(const char *path, struct cgroup **out, bool *existed, struct err *e) MUST_CHECK;
/* Opens an existing one; ERR_NOTFOUND when it is in no hierarchy. */
int cg_open(const char *path, struct cgroup **out, struct err *e) MUST_CHECK;
void cg_close(struct cgroup *cg);
static inline void cleanup_cgroup(struct cgroup **cg)
{
	cg_close(*cg);
}
#define CLEANUP_CGROUP CLEANUP(cleanup_cgroup)

/* Writes limits and device rules. A limit the kernel has no controller for is ERR_UNSUPPORTED naming it; a value it
 * refuses names file and value. Safe on a running container (update).
 * A 0 in memory, swap, reservation, shares, quota, period, weights means "not set", as the peers' clients send it; a
 * pids limit of 0 is 1. The devices given are the whole list: it starts from "nothing is allowed" and replaces an
 * earlier one; per access bit the last matching rule decides. v1 can't deny a part of an earlier, wider rule: that is
 * ERR_UNSUPPORTED. */
int cg_apply(struct cgroup *cg, const struct cg_resources *r, struct err *e) MUST_CHECK;

/* Device rules `before`, which are in force, become `after`, which differ in what may be done with this one device (type,
 * major, minor of `device`). The access to no other device is touched on the way, which cg_apply() on v1 cannot promise. */
int cg_change_device(struct cgroup *cg, const struct cg_resources *before, const struct cg_resources *after,
		     const struct cg_device_rule *device, struct err *e) MUST_CHECK;

/* How v2 says what cg_resources says in v1's terms, for others that talk to v2: cpu.weight of shares (0 of 0), and
 * memory.swap.max of a memory+swap limit: bytes, or -1 = "max". */
uint64_t cg2_cpu_weight(uint64_t shares);
int cg2_swap(int64_t memory, int64_t memory_swap, int64_t *out, struct err *e) MUST_CHECK;

/* The present CPU quota in microseconds per period (-1 = none). -ENOENT without that controller. */
int cg_read_quota(struct cgroup *cg, int64_t *quota, uint64_t *period) MUST_CHECK;

/* An fd for clone3(CLONE_INTO_CGROUP) (borrowed): the child is born in v2's hierarchy; -1 without that one. What v1 has
 * beside it the child joins by cg_join_self(). */
int cg_clone_fd(const struct cgroup *cg);
/* Whether v2 is all there is: who was born in the cgroup is in all of it. */
bool cg_only_v2(const struct cgroup *cg);

/* The calling process, which has but one thread, moves itself, without waiting for anybody: v1 does not lock out forks
 * and exits for that. In v2's hierarchy it is already (born), or else moves as cg_join() does. */
int cg_join_self(const struct cgroup *cg, bool born, struct err *e) MUST_CHECK;
/* Whether we are in it, in v2's hierarchy; false without one. */
bool cg_in_v2(const struct cgroup *cg);

/* Moves pid into the cgroup in the hierarchies that clone3 did not cover. On a quiet machine the first such write
 * waits 8-12 ms for an RCU grace period; all writes are made back to back. */
int cg_join(struct cgroup *cg, pid_t pid, struct err *e) MUST_CHECK;
/* The same for several cgroups in one burst: pids[i] into cgs[i]. */
int cg_join_burst(struct cgroup *const *cgs, const pid_t *pids, size_t n, struct err *e) MUST_CHECK;

/* Joining cg means a cgroup below it from here on, on v1 perhaps another one per hierarchy: where is "SUB/PATH" (in every
 * hierarchy; v2 beside v1 may lack it and stays as it is) or "CONTROLLER[,CONTROLLER…]:SUB/PATH". It must exist:
 * ERR_NOTFOUND; a controller that no v1 hierarchy has, a path with ".." are ERR_INVALID. */
int cg_narrow(struct cgroup *cg, const char *where, struct err *e) MUST_CHECK;

/* v2: makes uid the owner of the cgroup's folder and of the files in it that are for whom it is delegated to. Elsewhere
 * nothing is done: v1 cannot be delegated safely. */
int cg_give(struct cgroup *cg, uid_t uid, struct err *e) MUST_CHECK;

/* Freezes or thaws everything in it and waits until that is so (bounded). */
int cg_freeze(struct cgroup *cg, bool frozen, struct err *e) MUST_CHECK;
int cg_is_frozen(struct cgroup *cg, bool *frozen) MUST_CHECK;
/* The same for whoever wants to know nothing else of many: only the hierarchy that freezes is looked at. A cgroup that is
 * not there is not frozen. Gives -errno. */
int cg_path_is_frozen(const char *path, bool *frozen) MUST_CHECK;

/* Sends sig to every process in it and its descendants (SIGKILL: cgroup.kill where the kernel has it, else freeze,
 * kill, thaw until nothing is left to signal). */
int cg_signal_all(struct cgroup *cg, int sig, struct err *e) MUST_CHECK;

/* The pids in it and its descendants, malloc'd; as this pid namespace sees them. */
int cg_pids(struct cgroup *cg, pid_t **out, size_t *n, struct err *e) MUST_CHECK;
bool cg_populated(struct cgroup *cg);

struct cg_stats {
	uint64_t cpu_ns, cpu_user_ns, cpu_system_ns;
	uint64_t memory, memory_limit, memory_max, swap; /* UINT64_MAX = no limit */
	uint64_t cache; /* inactive file pages: what Docker's clients take off `memory` */
	uint64_t oom_kills;
	uint64_t pids, pids_limit;
};
/* What the controllers at hand tell; the rest stays 0. */
int cg_read_stats(struct cgroup *cg, struct cg_stats *out, struct err *e) MUST_CHECK;

/* Removes the cgroup in all hierarchies if it is empty: one rmdir each. False: it is not (or not in all), see cg_remove(). */
bool cg_remove_empty(const char *path) MUST_CHECK;
/* Removes the cgroup and its descendants in all hierarchies; waits (bounded, event-driven where it can) for dying
 * processes. Absent is success; ERR_BUSY when processes remain. */
int cg_remove(const char *path, struct err *e) MUST_CHECK;

/* Calls fn for every controller with the folder this cgroup has, or would have, there: v1 controllers by their names,
 * other v1 hierarchies as "name=…", v2 as "". Stops at the first negative result and gives it. */
typedef int (*cg_folder_fn)(const char *controller, const char *folder, void *data);
int cg_each_folder(const char *path, cg_folder_fn fn, void *data) MUST_CHECK;

/* cg_remove(), with what is left in it killed before. One that is not there is no error. */
int cg_clear(const char *path, struct err *e) MUST_CHECK;

/* What cgroups below path ("/": all) can be limited in, by what the kernel has and what was delegated there. */
struct cg_limits {
	bool memory, swap, oom_kill_disable, cpu_shares, cpu_quota, cpuset, pids;
};
void cg_find_limits(const char *path, struct cg_limits *out);

/* The hierarchies by number, 0 <= i < cg_hierarchies(), and how a container is to see them. */
size_t cg_hierarchies(void);
/* Its folder: as it is mounted here ("memory", "cpu,cpuacct", "systemd"); v2: "unified". */
const char *cg_hierarchy_name(size_t i);
/* v1: its controllers, "cpu,cpuacct"; "name=systemd"; v2: "". */
const char *cg_hierarchy_controllers(size_t i);
/* The one of v2, -1 = none. */
int cg_hierarchy_v2(void);
/* The folder it is mounted at, O_PATH; or -errno. */
int cg_hierarchy_open(size_t i) MUST_CHECK;
/* The cgroup's folder in it, O_PATH and borrowed; -1 where it is not. */
int cg_hierarchy_dir(const struct cgroup *cg, size_t i);
/* The cgroups this process is in, for cg_hierarchy_dir() alone: they may have another path in each hierarchy. A
 * hierarchy of which we do not see that part has none. */
int cg_open_own(struct cgroup **out, struct err *e) MUST_CHECK;

/* The absolute path (below the mount) of pid's cgroup in the v2 hierarchy, or v1's memory/pids one: what a process
 * means by "my cgroup". pid 0 = self. */
int cg_path_of(pid_t pid, char *out, size_t len) MUST_CHECK;

#endif
